//! Which rights somebody needs: those of a call, and the question to the API server whether a person has them. Pure.

use serde_json::{Value, json};

use super::{create, items};
use crate::cluster::Target;
use crate::process::{Call, Part, Program, Reply};

/// A right that a plan needs: verb, API group, resource.
pub type Right = (&'static str, &'static str, &'static str);

/// Asks the API server, in one call, which of these rights the person has.
pub fn review(target: &Target, rights: &[Right]) -> Call {
    let reviews: Vec<Value> = rights.iter().map(|right| access_review(target, right)).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": reviews});
    create(target, vec![Part::Text(list.to_string())])
}

fn access_review(target: &Target, (verb, group, resource): &Right) -> Value {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "namespace": target.namespace, "verb": verb, "group": group, "resource": resource, "subresource": subresource,
        }},
    })
}

/// The rights that were denied, as `create statefulsets`.
pub fn denied(reply: &Reply) -> Vec<String> {
    let answers = items(reply);
    let denied = answers.iter().filter(|review| review["status"]["allowed"] == json!(false));
    denied.map(|review| attributes_in_words(&review["spec"]["resourceAttributes"])).collect()
}

fn attributes_in_words(attributes: &Value) -> String {
    let text = |key: &str| attributes[key].as_str().unwrap_or_default().to_owned();
    let subresource = text("subresource");
    let slash = if subresource.is_empty() { "" } else { "/" };
    format!("{} {}{slash}{subresource}", text("verb"), text("resource"))
}

/// `create pods/exec`
pub fn in_words((verb, _, resource): &Right) -> String {
    format!("{verb} {resource}")
}

/// API group and resource of what kubectl and manifests call by this word.
fn resource(word: &str) -> Option<(&'static str, &'static str)> {
    match word.to_lowercase().trim_end_matches('s') {
        "pod" => Some(("", "pods")),
        "service" => Some(("", "services")),
        "configmap" => Some(("", "configmaps")),
        "secret" => Some(("", "secrets")),
        "persistentvolumeclaim" => Some(("", "persistentvolumeclaims")),
        "statefulset" => Some(("apps", "statefulsets")),
        _ => None,
    }
}

/// What a call to kubectl needs. To get an object by its name is left out where the look at the release has got it before;
/// helm's rights are those of its chart.
pub fn needed(call: &Call) -> Vec<Right> {
    let words: Vec<&str> = call.args.iter().map(String::as_str).collect();
    if call.program != Program::Kubectl {
        return Vec::new();
    }
    match behind_the_target(&words) {
        ["exec", ..] => vec![("get", "", "pods"), ("create", "", "pods/exec")],
        ["logs", ..] => vec![("list", "", "pods"), ("get", "", "pods/log")],
        ["scale", ..] => vec![("patch", "apps", "statefulsets/scale")],
        ["get", kinds, "--selector", ..] => on(&["list"], kinds.split(',')),
        ["wait", rest @ ..] => on(&["list", "watch"], named(rest)),
        ["delete", rest @ ..] => on(&["delete"], named(rest)),
        ["patch" | "annotate", rest @ ..] => on(&["patch"], named(rest)),
        ["apply", ..] => on(&["create", "patch"], fed(call).iter().map(String::as_str)),
        _ => Vec::new(),
    }
}

fn behind_the_target<'a>(words: &'a [&'a str]) -> &'a [&'a str] {
    match words {
        ["--kubeconfig" | "--context" | "--namespace", _, rest @ ..] => behind_the_target(rest),
        own => own,
    }
}

fn on<'a>(verbs: &[&'static str], kinds: impl Iterator<Item = &'a str>) -> Vec<Right> {
    let each = |(group, resource)| verbs.iter().map(move |&verb| (verb, group, resource));
    kinds.filter_map(resource).flat_map(each).collect()
}

/// The kinds of `statefulset q`, or of `pod/q-0 pod/q-1`.
fn named<'a>(words: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let first = words.first().filter(|word| !word.contains('/')).copied();
    first.into_iter().chain(words.iter().filter_map(|word| Some(word.split_once('/')?.0)))
}

/// The kinds of the manifest on its standard input.
fn fed(call: &Call) -> Vec<String> {
    let manifest: Value = serde_json::from_str(&call.stdin.to_string()).unwrap_or_default();
    let objects = manifest["items"].as_array().cloned().unwrap_or_else(|| vec![manifest]);
    objects.iter().filter_map(|object| object["kind"].as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::tests::reply;

    #[test]
    fn a_denied_right_is_named_with_verb_and_resource() {
        // As `kubectl create --output json` prints them: no List.
        let answer = r#"
            {"spec":{"resourceAttributes":{"verb":"create","resource":"statefulsets"}},"status":{"allowed":false}}
            {"spec":{"resourceAttributes":{"verb":"create","resource":"pods","subresource":"exec"}},"status":{"allowed":false}}
            {"spec":{"resourceAttributes":{"verb":"get","resource":"pods"}},"status":{"allowed":true}}"#;
        assert_eq!(denied(&reply(0, answer, "")), ["create statefulsets", "create pods/exec"]);
    }

    #[test]
    fn a_call_tells_which_rights_it_needs() {
        let cases = [
            ("--context c --namespace n delete statefulset q --cascade=orphan", "delete statefulsets"),
            ("--namespace n delete --wait=true --timeout 2m pod/q-0 secret/s", "delete pods, delete secrets"),
            ("patch service q-headless --patch a/b", "patch services"),
            ("annotate statefulset q --overwrite mqctl/recovery=forget", "patch statefulsets"),
            ("wait statefulset/q --for=x --timeout 5s", "list statefulsets, watch statefulsets"),
            ("scale statefulset q --replicas 2", "patch statefulsets/scale"),
            ("get statefulsets,pods --selector a=b", "list statefulsets, list pods"),
            ("get --ignore-not-found pod/q-0", ""),
            ("delete --raw /apis/coordination.k8s.io/v1/namespaces/n/leases/q", ""),
        ];
        for (line, rights) in cases {
            let call = Call::new(Program::Kubectl, line.split(' '));
            let said: Vec<String> = needed(&call).iter().map(in_words).collect();
            assert_eq!(said.join(", "), rights, "{line}");
        }
        let list = json!({"kind": "List", "items": [{"kind": "Pod"}]}).to_string();
        let call = Call::new(Program::Kubectl, ["apply", "--filename", "-"]).fed(vec![Part::Text(list)]);
        assert_eq!(needed(&call), [("create", "", "pods"), ("patch", "", "pods")]);
    }
}
