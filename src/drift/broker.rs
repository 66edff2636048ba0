//! What the brokers have other than the profile wants: the first user, `guest`, feature flags, versions, and the policies
//! of the profile's definitions. Users, flags and policies are the cluster's: one answer is enough.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Compared, Difference, End, Kind};
use crate::rabbitmq::{Answer, User};

/// A command inside a broker's container, to paste.
fn inside(compared: &Compared<'_>, way: &str, pod: &str, words: &[&str]) -> String {
    let (namespace, container) = (&compared.target.namespace, &compared.target.container);
    let words = shell_words::join(words);
    format!("kubectl --namespace {namespace} {way} {pod} --container {container} -- rabbitmqctl {words}")
}

pub(super) fn differences(compared: &Compared<'_>) -> Vec<Difference> {
    let running: Vec<(&str, &Answer)> =
        compared.answers.iter().filter(|(_, answer)| answer.running == Some(true)).copied().collect();
    let mut found: Vec<Difference> = versions(compared, &running).into_iter().collect();
    // Flags of a newer version cannot be enabled before all nodes run it.
    if found.is_empty() {
        found.extend(feature_flags(compared, &running));
    }
    let users = running.iter().find_map(|(pod, answer)| Some((*pod, answer.users.as_deref()?)));
    if let Some((pod, users)) = users {
        found.extend(first_user(compared, pod, users));
        found.extend(guest(compared, pod, users));
    }
    let policies = running.iter().find_map(|(pod, answer)| Some((*pod, answer.policies.as_deref()?)));
    found.extend(policies.map(|(pod, there)| policies_unlike(compared, pod, there)).unwrap_or_default());
    found
}

/// An upgrade was cut short.
fn versions(compared: &Compared<'_>, running: &[(&str, &Answer)]) -> Option<Difference> {
    let version = |(pod, answer): &(&str, &Answer)| Some(format!("{pod} {}", answer.version.as_ref()?));
    let all: BTreeSet<&str> = running.iter().filter_map(|(_, answer)| answer.version.as_deref()).collect();
    let words: Vec<String> = running.iter().filter_map(version).collect();
    (all.len() > 1).then(|| {
        let message = format!("the nodes run different versions ({})", words.join(", "));
        let subject = format!("StatefulSet/{}", compared.target.stateful_set);
        let found = all.into_iter().collect::<Vec<_>>().join(", ");
        let wished = compared.profile.image.tag.as_str();
        let end = End::Command(format!("mqctl upgrade {}", compared.profile.name));
        Difference::new(Kind::Versions, subject, message, end).between(wished, found)
    })
}

fn feature_flags(compared: &Compared<'_>, running: &[(&str, &Answer)]) -> Option<Difference> {
    let off: BTreeSet<&str> =
        running.iter().filter_map(|(_, answer)| answer.flags_off.as_ref()).flatten().map(String::as_str).collect();
    (!off.is_empty()).then(|| {
        let off = off.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("stable feature flags are not enabled ({off}), and the next version needs them");
        let end = End::Command(format!("mqctl upgrade {} --enable-feature-flags", compared.profile.name));
        Difference::new(Kind::FeatureFlags, "featureFlags", message, end).between("all stable ones", off)
    })
}

fn first_user(compared: &Compared<'_>, pod: &str, users: &[User]) -> Option<Difference> {
    const TAG: &str = "administrator";
    let name = compared.profile.credentials.username.as_str();
    let difference =
        |message: String, end: String| Difference::new(Kind::User, format!("user/{name}"), message, End::Command(end));
    let Some(user) = users.iter().find(|user| user.name == name) else {
        let message = format!("the brokers have no user `{name}`");
        let end = inside(compared, "exec -it", pod, &["add_user", name]);
        return Some(difference(message, format!("{end}   # asks for its password")).between(TAG, "no such user"));
    };
    if user.tags.iter().any(|tag| tag == TAG) {
        return None;
    }
    let message = format!("user `{name}` is no administrator");
    let end = inside(compared, "exec", pod, &["set_user_tags", name, TAG]);
    Some(difference(message, end).between(TAG, user.tags.join(", ")))
}

/// Everybody knows its password, and the built-in chart lets it in from everywhere.
fn guest(compared: &Compared<'_>, pod: &str, users: &[User]) -> Option<Difference> {
    const GUEST: &str = "guest";
    let defined = compared.definitions.as_ref().is_some_and(|content| content.has_user(GUEST));
    if defined || !users.iter().any(|user| user.name == GUEST) {
        return None;
    }
    let message = "the brokers have a user `guest`, whose password everybody knows";
    let end = End::Command(inside(compared, "exec", pod, &["delete_user", GUEST]));
    Some(Difference::new(Kind::Guest, "user/guest", message, end).between("no such user", GUEST))
}

/// Those of the profile's definitions: an import happens once, and what was changed since nobody else would notice.
fn policies_unlike(compared: &Compared<'_>, pod: &str, there: &[Value]) -> Vec<Difference> {
    let wished = compared.definitions.as_ref().map_or(&[][..], |content| content.policies());
    let one = |policy: &Value| {
        let same = |other: &&Value| other["vhost"] == policy["vhost"] && other["name"] == policy["name"];
        unlike(compared, pod, policy, there.iter().find(same))
    };
    wished.iter().filter_map(one).collect()
}

fn unlike(compared: &Compared<'_>, pod: &str, wished: &Value, there: Option<&Value>) -> Option<Difference> {
    const FIELDS: [&str; 4] = ["pattern", "apply-to", "priority", "definition"];
    let text = |field: &str| wished[field].as_str().unwrap_or_default();
    let named = format!("policy `{}` of virtual host `{}`", text("name"), text("vhost"));
    let message = match there {
        None => format!("{named} is missing"),
        Some(there) => {
            let other = |field: &&str| !wished[*field].is_null() && wished[*field] != there[*field];
            let fields: Vec<&str> = FIELDS.into_iter().filter(other).collect();
            if fields.is_empty() {
                return None;
            }
            format!("{named} has another {}", fields.join(" and "))
        }
    };
    let subject = format!("policy/{} {}", text("vhost"), text("name"));
    let end = End::Command(set_policy(compared, pod, wished));
    Some(Difference::new(Kind::Definitions, subject, message, end))
}

/// There is nothing secret in a policy.
fn set_policy(compared: &Compared<'_>, pod: &str, policy: &Value) -> String {
    let text = |field: &str| policy[field].as_str().unwrap_or_default();
    let (definition, priority) =
        (policy["definition"].to_string(), policy["priority"].as_i64().unwrap_or(0).to_string());
    let apply_to = policy["apply-to"].as_str().unwrap_or("all");
    let options = ["--vhost", text("vhost"), "--priority", &priority, "--apply-to", apply_to];
    let words = [&["set_policy"], &options[..], &[text("name"), text("pattern"), &definition]].concat();
    inside(compared, "exec", pod, &words)
}
