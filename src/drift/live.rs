//! What the release's revision and its objects have other than the profile wants. What an object does not say is no
//! difference: only the API server fills in everything.

use serde_json::Value;

use super::{Compared, Difference, End, Kind, upgrade};
use crate::chart::{self, builtin};
use crate::cluster::{Claim, StatefulSet};
use crate::plan::expose;
use crate::profile::{ChartRef, Image, Profile};
use crate::units::{Quantity, show_nodes};

pub(super) fn differences(compared: &Compared<'_>) -> Vec<Difference> {
    let Some(set) = &compared.observed.set else { return Vec::new() };
    let single = [
        values(compared, set),
        username(compared),
        replicas(compared, set),
        image(compared, set),
        policy(compared, set),
        storage(compared, set),
        storage_class(compared, set),
        names(compared),
        secret(compared),
        exposure(compared),
    ];
    single.into_iter().flatten().chain(services(compared)).collect()
}

fn of_set(compared: &Compared<'_>) -> String {
    format!("StatefulSet/{}", compared.target.stateful_set)
}

/// By the digest that the built-in chart carries, as far as nothing below tells it: with the live image, number and size
/// put into the profile it is the same then.
fn values(compared: &Compared<'_>, set: &StatefulSet) -> Option<Difference> {
    let profile = compared.profile;
    let noted = set.values_digest.as_deref().filter(|_| profile.chart == ChartRef::Builtin)?;
    let digest = |profile: &Profile| builtin::wished_digest(&chart::values(profile)).unwrap_or_default().to_owned();
    if noted == digest(profile) || noted == digest(&as_it_is(profile, set)) {
        return None;
    }
    let message = "the last revision was made with other values, or by another mqctl";
    let release = format!("release/{}", compared.target.release);
    Some(Difference::new(Kind::Values, release, message, upgrade(profile)).between(digest(profile), noted))
}

/// The profile with what its StatefulSet has.
fn as_it_is(profile: &Profile, set: &StatefulSet) -> Profile {
    let mut same = profile.clone();
    same.replicas = set.replicas;
    if let Some((repository, tag)) = image_of(set, &chart::names(profile).container).and_then(split) {
        same.image = Image { repository: repository.to_owned(), tag: tag.to_owned() };
    }
    if let Some(size) = size_of(set) {
        same.storage.size = size;
        same.storage.class = class_of(set).map(str::to_owned);
    }
    same
}

/// The first user is made on blank volumes only.
fn username(compared: &Compared<'_>) -> Option<Difference> {
    let wished = &compared.profile.credentials.username;
    let there = compared.observed.noted.username.as_ref().filter(|there| *there != wished)?;
    let message = format!("it was installed with the user `{there}`, the profile wants `{wished}`");
    let end = End::Profile(format!("credentials: {{username: {there}}}"));
    Some(Difference::new(Kind::Username, format!("user/{there}"), message, end).between(wished, there))
}

/// A recovery that is under way holds some of them back.
fn replicas(compared: &Compared<'_>, set: &StatefulSet) -> Option<Difference> {
    let (wished, there) = (compared.profile.replicas, set.replicas);
    if wished == there || set.recovery.is_some() {
        return None;
    }
    let message = format!("the StatefulSet has {}, the profile wants {wished}", show_nodes(there));
    // Fewer is no upgrade: members and their queues would have to be moved first.
    let end = if there > wished { End::Profile(format!("replicas: {there}")) } else { upgrade(compared.profile) };
    let difference = Difference::new(Kind::Replicas, of_set(compared), message, end);
    Some(difference.between(wished.to_string(), there.to_string()))
}

fn image_of<'a>(set: &'a StatefulSet, broker: &str) -> Option<&'a str> {
    let containers = set.pod_spec.get("containers").and_then(Value::as_array)?;
    containers.iter().find(|container| container["name"] == broker)?["image"].as_str()
}

/// Repository and tag; a digest belongs to the tag, and the colon before a port does not.
fn split(image: &str) -> Option<(&str, &str)> {
    let end = image.find('@').unwrap_or(image.len());
    let (repository, _) = image[..end].rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))?;
    Some((repository, &image[repository.len() + 1..]))
}

/// Other charts put a registry of their own before it: of those the last word and the tag count.
fn image(compared: &Compared<'_>, set: &StatefulSet) -> Option<Difference> {
    let wished = &compared.profile.image;
    let there = image_of(set, &compared.target.container)?;
    let (repository, tag) = split(there)?;
    let last = |path: &str| path.rsplit('/').next().map(str::to_owned);
    let same = match compared.profile.chart {
        ChartRef::Builtin => repository == wished.repository,
        ChartRef::Local(_) => last(repository) == last(&wished.repository),
    };
    if same && tag == wished.tag {
        return None;
    }
    let wished = format!("{}:{}", wished.repository, wished.tag);
    let message = format!("the StatefulSet runs {there}, the profile wants {wished}");
    Some(Difference::new(Kind::Image, of_set(compared), message, upgrade(compared.profile)).between(wished, there))
}

/// As a recovery has left it, until the profile says so; or as it was before the profile said so.
fn policy(compared: &Compared<'_>, set: &StatefulSet) -> Option<Difference> {
    let wished = if chart::is_parallel(compared.profile) { chart::PARALLEL } else { "OrderedReady" };
    let there = set.manifest.pointer("/spec/podManagementPolicy").and_then(Value::as_str)?;
    if there == wished {
        return None;
    }
    let message = match chart::why_parallel(compared.profile) {
        Some(why) => format!("the StatefulSet is {there}, and {why}"),
        None => format!("the StatefulSet is {there}, the profile wants {wished}"),
    };
    let line = || End::Profile(chart::parallel_line(compared.profile));
    let end = if set.parallel { line() } else { made_anew(compared.profile) };
    Some(Difference::new(Kind::Policy, of_set(compared), message, end).between(wished, there))
}

/// For what Kubernetes changes in no StatefulSet that exists.
fn made_anew(profile: &Profile) -> End {
    End::Command(format!("mqctl upgrade {} --recreate-statefulset   # its pods stay", profile.name))
}

/// Of the volumes that it makes.
fn size_of(set: &StatefulSet) -> Option<Quantity> {
    let size = set.manifest.pointer("/spec/volumeClaimTemplates/0/spec/resources/requests/storage");
    size.and_then(Value::as_str)?.parse().ok()
}

fn class_of(set: &StatefulSet) -> Option<&str> {
    set.manifest.pointer("/spec/volumeClaimTemplates/0/spec/storageClassName").and_then(Value::as_str)
}

/// The volumes themselves, or those that would be made.
fn storage(compared: &Compared<'_>, set: &StatefulSet) -> Option<Difference> {
    let wished = &compared.profile.storage.size;
    let other = |claim: &&Claim| claim.size.parse::<Quantity>().is_ok_and(|size| size.bytes() != wished.bytes());
    let claims: Vec<&Claim> = compared.observed.claims.iter().filter(other).collect();
    let made = size_of(set).filter(|size| compared.observed.claims.is_empty() && size.bytes() != wished.bytes());
    let there = claims.first().map(|claim| claim.size.clone()).or_else(|| Some(made?.as_str().to_owned()))?;
    let names: Vec<&str> = claims.iter().map(|claim| claim.name.as_str()).collect();
    let (subject, whose) = match names.as_slice() {
        [] => (of_set(compared), "volumes of the StatefulSet have".to_owned()),
        [one] => (format!("PersistentVolumeClaim/{one}"), format!("volume {one} has")),
        many => (format!("PersistentVolumeClaim/{}", many[0]), format!("volumes {} have", many.join(", "))),
    };
    let message = format!("{whose} {there}, the profile wants {}", wished.as_str());
    let grows = there.parse::<Quantity>().is_ok_and(|size| size.bytes() < wished.bytes());
    let as_it_is = || End::Profile(format!("storage: {{size: {there}}}"));
    let end = if grows { made_anew(compared.profile) } else { as_it_is() };
    Some(Difference::new(Kind::Storage, subject, message, end).between(wished.as_str(), there))
}

/// Where the profile names none, the built-in chart leaves it to the cluster.
fn storage_class(compared: &Compared<'_>, set: &StatefulSet) -> Option<Difference> {
    let (subject, there) = match &compared.profile.storage.class {
        Some(wished) => {
            let other = |claim: &&Claim| !claim.class.is_empty() && claim.class != *wished;
            let claim = compared.observed.claims.iter().find(other)?;
            (format!("PersistentVolumeClaim/{}", claim.name), claim.class.as_str())
        }
        None => (of_set(compared), class_of(set).filter(|_| compared.profile.chart == ChartRef::Builtin)?),
    };
    let wished = compared.profile.storage.class.as_deref().unwrap_or("the cluster's default");
    let message = format!("the volumes are of class {there}, the profile wants {wished}");
    let end = End::Profile(format!("storage: {{class: {there}}}"));
    Some(Difference::new(Kind::StorageClass, subject, message, end).between(wished, there))
}

/// What other charts do here their values decide, and the forecast tells.
fn names(compared: &Compared<'_>) -> Option<Difference> {
    let ours = compared.profile.chart == ChartRef::Builtin;
    let names = compared.names();
    (ours && compared.observed.hides_waiting).then(|| {
        let message =
            format!("Service {} names ready pods only, so that nodes that wait do not meet", names.headless());
        let subject = format!("Service/{}", names.headless());
        Difference::new(Kind::Names, subject, message, upgrade(compared.profile)).between("all pods", "ready pods")
    })
}

fn services(compared: &Compared<'_>) -> Vec<Difference> {
    let missing = |name: &String| !compared.observed.services.contains(name);
    let one = |name: String| {
        let message = format!("Service {name} is missing");
        Difference::new(Kind::Service, format!("Service/{name}"), message, upgrade(compared.profile))
    };
    compared.names().services.into_iter().filter(missing).map(one).collect()
}

fn secret(compared: &Compared<'_>) -> Option<Difference> {
    let name = compared.names().secret;
    (!compared.observed.noted.there).then(|| {
        let message =
            format!("mqctl's Secret {name} is missing, and with it the cluster's copy of password and cookie");
        Difference::new(Kind::Secret, format!("Secret/{name}"), message, upgrade(compared.profile))
    })
}

/// The Service outside: not there yet, or another one than the profile wants.
fn exposure(compared: &Compared<'_>) -> Option<Difference> {
    let Compared { profile, target, observed, .. } = *compared;
    let name = compared.names().external;
    let words = expose::unlike_the_wish(profile, target, observed)?;
    let message = if words.is_empty() {
        format!("Service {name} is not there yet, the profile wants one")
    } else {
        format!("the profile wants Service {name} with {}", words.join("; "))
    };
    let end = End::Command(format!("mqctl expose {}", profile.name));
    Some(Difference::new(Kind::Exposure, format!("Service/{name}"), message, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_s_tag_begins_behind_its_last_colon() {
        assert_eq!(split("rabbitmq:4.3.6-management"), Some(("rabbitmq", "4.3.6-management")));
        assert_eq!(
            split("registry:5000/mq/rabbitmq:4.0@sha256:ab"),
            Some(("registry:5000/mq/rabbitmq", "4.0@sha256:ab"))
        );
        assert_eq!(split("registry:5000/mq/rabbitmq"), None);
    }
}
