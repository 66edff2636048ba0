//! What helm would send, compared with what it sent last, and what the API server would say to it. Reads only.

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

use super::{StatefulSet, Target, ownership};
use crate::changes::Changes;
use crate::error::Failure;
use crate::helm;
use crate::kubectl;
use crate::outcome::Outcome;
use crate::process::{Call, Part, Reply, Tools};
use crate::secret::Vault;
use crate::yaml;

/// The next revision of a release, before it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    pub changes: Changes,
    /// Fields that somebody changed beside helm.
    pub foreign: Vec<Foreign>,
    /// All objects, as helm renders them.
    pub rendered: Vec<Value>,
    /// What an upgrade takes back where others have changed it, as a JSON List.
    pub objects: String,
}

/// A field that helm sets and that another field manager changed since. Helm 4 refuses to upgrade over it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Foreign {
    pub field: String,
    /// The field manager, as `kubectl-patch`.
    pub manager: String,
}

/// Asks helm for both manifests and the brokers for themselves, all side by side, then the API server for its opinion.
///
/// # Errors
/// A chart that does not render with these values, objects that the API server would refuse.
pub(crate) fn preview(
    tools: &Tools,
    target: &Target,
    live: Option<&StatefulSet>,
    render: Call,
    brokers: Vec<Call>,
    vault: &Vault,
) -> Result<(Preview, Vec<Reply>)> {
    let calls: Vec<Call> = [helm::manifest(target), render.clone()].into_iter().chain(brokers).collect();
    let mut replies = tools.run_all(&calls, vault).into_iter().collect::<Result<Vec<_>>>()?;
    let answers = replies.split_off(2);
    if helm::misses_a_look(&replies[1]) {
        replies[1] = tools.run(&helm::looking(render), vault)?;
    }
    let wished = helm::read_rendered(&replies[1])?;
    // A release without a manifest has nothing that could change.
    let deployed = if replies[0].ok() { replies[0].stdout.as_str() } else { "" };
    let mut changes = Changes::between(deployed, &wished);
    match live {
        Some(set) => judge_policy(&mut changes, target, set, &yaml::stream(&wished)),
        // None would have to change: it was taken away from its pods for that.
        None => changes.immutable.clear(),
    }
    // What is rendered with secrets goes no further than this, but to be looked at without them.
    if calls[1].stdin.0.iter().any(|part| matches!(part, Part::Quoted(_))) {
        changes.veil(&|text| vault.mask(text) != text);
        let rendered = yaml::stream(&vault.mask(&wished));
        return Ok((Preview { changes, rendered, ..Preview::default() }, answers));
    }
    let rendered = yaml::stream(&wished);
    let (objects, tried) = as_they_may_be(target, rendered.clone(), live, &changes.immutable);
    let foreign = opinion(tools, target, &objects, &tried)?;
    Ok((Preview { changes, foreign, rendered, objects }, answers))
}

fn judge_policy(changes: &mut Changes, target: &Target, live: &StatefulSet, rendered: &[Value]) {
    let wished = |object: &&Value| object["kind"] == "StatefulSet" && object["metadata"]["name"] == target.stateful_set;
    if let Some(set) = rendered.iter().find(wished) {
        changes.judge_policy(&live.manifest, set);
    }
}

/// What is helm's to change, and what the API server is asked about: where a StatefulSet has to be made anew it is left
/// alone until then, and judged with the fields that it has now.
fn as_they_may_be(
    target: &Target,
    mut objects: Vec<Value>,
    live: Option<&StatefulSet>,
    immutable: &[String],
) -> (String, String) {
    let Some(live) = live.filter(|_| !immutable.is_empty()) else {
        let all = owned(target, objects);
        return (all.clone(), all);
    };
    let sets = objects.iter_mut().filter(|object| object["kind"] == "StatefulSet");
    for spec in sets.filter_map(|set| set["spec"].as_object_mut()) {
        for field in immutable.iter().filter_map(|field| field.strip_prefix("spec.")) {
            spec.remove(field);
            spec.extend(live.manifest["spec"].get(field).map(|value| (field.to_owned(), value.clone())));
        }
    }
    let others = objects.iter().filter(|object| object["kind"] != "StatefulSet").cloned().collect();
    (owned(target, others), owned(target, objects))
}

/// With the marks of ownership that helm puts on what it applies: without them it would lose them.
pub(crate) fn owned(target: &Target, mut objects: Vec<Value>) -> String {
    for object in &mut objects {
        ownership::mark(object, target);
    }
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}

/// Who else has changed one of these objects, and whether those are valid.
fn opinion(tools: &Tools, target: &Target, objects: &str, tried: &str) -> Result<Vec<Foreign>> {
    let calls = [(objects, false), (tried, true)];
    let calls = calls.map(|(objects, forced)| kubectl::try_apply(target, vec![Part::Text(objects.to_owned())], forced));
    let replies = tools.run_all(&calls, &Vault::default()).into_iter().collect::<Result<Vec<_>>>()?;
    if let Some(words) = replies.iter().find_map(refused) {
        let text = format!("the API server refuses it: {words}; nothing was changed");
        return Err(Failure::new(Outcome::BadProfile, text).into());
    }
    Ok(foreign(&replies[0].stderr))
}

/// `The StatefulSet "prodmq" is invalid: spec.template…: must be less than or equal to memory limit`; where there is more
/// than one reason, kubectl lists them below, and the first will do.
pub(crate) fn refused(reply: &Reply) -> Option<String> {
    let mut lines = reply.stderr.lines();
    let line = lines
        .find(|line| {
            line.contains(" is invalid: ")
                || line.contains("denied the request")
                || line.contains("no matches for kind")
        })?
        .trim_end();
    let first = lines.next().and_then(|next| next.strip_prefix("* ")).filter(|_| line.ends_with(':'));
    Some(first.map_or_else(|| line.to_owned(), |reason| format!("{line} {reason}")))
}

/// Reads `conflict with "kubectl-patch" using v1: .data.x`, or a list of fields below such a head.
fn foreign(stderr: &str) -> Vec<Foreign> {
    let mut found = Vec::new();
    let mut manager = None;
    for line in stderr.lines() {
        if let Some((_, rest)) = line.split_once("conflict with \"").or_else(|| line.split_once("conflicts with \"")) {
            let (name, rest) = rest.split_once('"').unwrap_or((rest, ""));
            manager = (name != "helm").then(|| name.to_owned());
            if let (Some(manager), Some((_, field))) = (&manager, rest.split_once(": ")) {
                found.push(Foreign { field: field.trim().to_owned(), manager: manager.clone() });
            }
        } else if let (Some(manager), Some(field)) = (&manager, line.strip_prefix("- ")) {
            found.push(Foreign { field: field.trim().to_owned(), manager: manager.clone() });
        } else {
            manager = None;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::tests::reply;

    /// As kubectl 1.34 printed it.
    const SAID: &str = r#"error: Apply failed with 1 conflict: conflict with "kubectl-patch" using v1: .data.enabled_plugins
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
Apply failed with 9 conflicts: conflicts with "helm" using apps/v1:
- .metadata.labels.app.kubernetes.io/version
conflicts with "kubectl" with subresource "scale" using apps/v1:
- .spec.replicas
conflicts with "kubectl-patch" using apps/v1:
- .spec.template.spec.containers[name="rabbitmq"].resources.limits.memory
Please review the fields above--they currently have other managers. Here
"#;

    #[test]
    fn the_first_reason_of_a_refusal_is_told() {
        let several =
            "The StatefulSet \"mq\" is invalid: \n* spec.a: Invalid value: \"900Mi\"\n* spec.b: Invalid value\n";
        let words = |said| refused(&reply(1, "", said));
        assert_eq!(words(several).unwrap(), "The StatefulSet \"mq\" is invalid: spec.a: Invalid value: \"900Mi\"");
        assert_eq!(
            words("The Service \"mq\" is invalid: spec.c: Required\n").unwrap(),
            "The Service \"mq\" is invalid: spec.c: Required"
        );
        assert_eq!(words(SAID), None);
    }

    #[test]
    fn fields_of_others_are_named_with_their_managers() {
        let found: Vec<String> = foreign(SAID).into_iter().map(|f| format!("{} {}", f.manager, f.field)).collect();
        assert_eq!(
            found,
            [
                "kubectl-patch .data.enabled_plugins",
                "kubectl .spec.replicas",
                "kubectl-patch .spec.template.spec.containers[name=\"rabbitmq\"].resources.limits.memory",
            ]
        );
        assert_eq!(foreign(""), []);
    }
}
