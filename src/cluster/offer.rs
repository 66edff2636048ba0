//! What there is for a new profile to choose from: one look at the cluster and at the programs, side by side.

use anyhow::Result;
use semver::Version;
use serde_json::Value;

use super::Target;
use crate::helm;
use crate::kubectl;
use crate::outcome::Outcome;
use crate::process::{Reply, Tools};
use crate::secret::Vault;

/// A StorageClass of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    pub name: String,
    pub default: bool,
}

/// Namespaces, StorageClasses, and what stands in the way of an install.
#[derive(Debug, Default)]
pub struct Offer {
    pub namespaces: Vec<String>,
    /// `None` where the person may not list them, or the cluster did not answer.
    pub classes: Option<Vec<Class>>,
    /// In sentences.
    pub missing: Vec<String>,
    /// Helm and the cluster both answered: a release can be looked at.
    pub complete: bool,
}

impl Offer {
    pub fn default_class(&self) -> Option<&str> {
        self.classes.iter().flatten().find(|class| class.default).map(|class| class.name.as_str())
    }
}

/// Looks; what does not answer is told in `missing`, and nothing fails for it.
pub(crate) fn look(tools: &Tools, target: &Target) -> Offer {
    let calls = [kubectl::list_all(target, "namespaces,storageclasses"), kubectl::versions(target), helm::version()];
    match tools.run_all(&calls, &Vault::default()).as_slice() {
        [seen, versions, helm] => understand(seen, versions, helm),
        _ => Offer::default(),
    }
}

fn understand(seen: &Result<Reply>, versions: &Result<Reply>, helm: &Result<Reply>) -> Offer {
    let (seen, helm) = (reached(seen), helm_fits(helm));
    let complete = seen.is_ok() && helm.is_ok();
    let mut offer = seen.as_ref().map_or_else(|_| Offer::default(), |reply| listed(reply));
    let old = versions.as_ref().map(too_old).unwrap_or_default();
    offer.missing = seen.err().into_iter().chain(old).chain(helm.err()).collect();
    Offer { complete, ..offer }
}

/// An answer that says that something may not be seen is an answer too.
fn reached(seen: &Result<Reply>) -> Result<&Reply, String> {
    let unseen = |why: String| format!("the cluster was not looked at: {why}");
    let reply = seen.as_ref().map_err(|error| unseen(error.to_string()))?;
    if reply.ok() || kubectl::outcome_of(&reply.stderr) == Outcome::NotPermitted {
        return Ok(reply);
    }
    Err(unseen(kubectl::failure("kubectl get", reply).to_string()))
}

fn listed(reply: &Reply) -> Offer {
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let (classes, others): (Vec<Value>, Vec<Value>) =
        kubectl::items(reply).into_iter().partition(|object| object["kind"] == "StorageClass");
    let class = |object: &Value| Class { name: name(object), default: is_default(object) };
    let hidden = reply.stderr.contains("storageclasses.storage.k8s.io is forbidden");
    Offer {
        namespaces: others.iter().map(name).collect(),
        classes: (!hidden).then(|| classes.iter().map(class).collect()),
        ..Offer::default()
    }
}

fn is_default(class: &Value) -> bool {
    class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
}

/// The first whose `apply --server-side` is no beta.
const OLDEST_KUBECTL: (u64, u64) = (1, 22);
/// The built-in chart's `kubeVersion`.
const OLDEST_KUBERNETES: (u64, u64) = (1, 25);

/// What kubectl says of itself and of the cluster.
fn too_old(reply: &Reply) -> Vec<String> {
    let versions: Value = serde_json::from_str(&reply.stdout).unwrap_or_default();
    let older = |who: &str, oldest: (u64, u64), what: &str| {
        let version = versions[who]["gitVersion"].as_str()?;
        let (major, minor) = oldest;
        (series(version)? < oldest).then(|| format!("{what} is {version}; mqctl needs {major}.{minor} or later"))
    };
    let client = older("clientVersion", OLDEST_KUBECTL, "`kubectl`");
    client.into_iter().chain(older("serverVersion", OLDEST_KUBERNETES, "the cluster's Kubernetes")).collect()
}

const OLDEST_HELM: (u64, u64) = (3, 8);

fn helm_fits(reply: &Result<Reply>) -> Result<(), String> {
    let reply = reply.as_ref().map_err(ToString::to_string)?;
    let said = reply.stdout.trim();
    let (major, minor) = OLDEST_HELM;
    match series(said) {
        Some(series) if series < OLDEST_HELM => Err(format!("`helm` is {said}; mqctl drives {major}.{minor} to 4.x")),
        Some(_) => Ok(()),
        None => Err(kubectl::failure("helm version", reply).to_string()),
    }
}

/// `(3, 19)` of `v3.19.0+g3d8990f`, and of Helm 2's `Client: v2.17.0`.
fn series(version: &str) -> Option<(u64, u64)> {
    let version = Version::parse(version.split_once('v')?.1).ok()?;
    Some((version.major, version.minor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::tests::reply;

    fn missing(seen: Reply, versions: &str, helm: Reply) -> Vec<String> {
        understand(&Ok(seen), &Ok(reply(0, versions, "")), &Ok(helm)).missing
    }

    #[test]
    fn versions_that_are_too_old_are_told() {
        let cluster = |version: &str| format!(r#"{{"serverVersion":{{"gitVersion":"{version}"}}}}"#);
        let told = |kubernetes: &str, helm: &str| missing(reply(0, "", ""), &cluster(kubernetes), reply(0, helm, ""));
        assert_eq!(told("v1.34.4+k3s1", "v3.19.0+g3d8990f\n"), [""; 0]);
        assert_eq!(told("v1.30.5-gke.1014001", "v4.1.0"), [""; 0]);
        assert_eq!(told("v1.24.9", "v3.8.0"), ["the cluster's Kubernetes is v1.24.9; mqctl needs 1.25 or later"]);
        assert_eq!(
            told("v1.34.4", "Client: v2.17.0+ga690bad"),
            ["`helm` is Client: v2.17.0+ga690bad; mqctl drives 3.8 to 4.x"]
        );
        assert_eq!(told("v1.34.4", "v3.7.2"), ["`helm` is v3.7.2; mqctl drives 3.8 to 4.x"]);
    }

    #[test]
    fn what_may_not_be_listed_is_unknown_and_no_failure() {
        let said = r#"Error from server (Forbidden): storageclasses.storage.k8s.io is forbidden: User "ci" cannot list resource"#;
        let seen = reply(1, r#"{"items":[{"kind":"Namespace","metadata":{"name":"mq"}}]}"#, said);
        let offer = understand(&Ok(seen), &Ok(reply(0, "{}", "")), &Ok(reply(0, "v3.19.0", "")));
        assert_eq!((offer.namespaces, offer.classes, offer.complete), (vec!["mq".to_owned()], None, true));
    }

    #[test]
    fn the_default_class_is_marked_by_its_annotation() {
        let seen = r#"{"items":[{"kind":"StorageClass","metadata":{"name":"a"}},{"kind":"StorageClass","metadata":{"name":"b",
            "annotations":{"storageclass.kubernetes.io/is-default-class":"true"}}}]}"#;
        let classes = listed(&reply(0, seen, "")).classes.unwrap();
        assert_eq!(classes.iter().map(|class| class.default).collect::<Vec<_>>(), [false, true]);
    }
}
