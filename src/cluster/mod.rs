//! The cluster as seen at one moment. Pure: `observe` reads, this file understands.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::chart::{Held, Names, VALUES_DIGEST};
use crate::helm::{Release, record};
use crate::recover::under_way::UnderWay;
use crate::secret::{Name, Secret, Vault};

mod claim;
pub(crate) mod described;
pub mod external;
pub mod lease;
mod migration;
pub(crate) mod observe;
pub mod offer;
pub(crate) mod ownership;
pub(crate) mod pod;
pub mod pod_secrets;
pub mod preview;
pub(crate) mod probes;
pub(crate) mod records;
mod target;

pub use claim::{Access, Claim};
pub use external::External;
pub use lease::Lease;
pub use migration::{MIGRATION, Migration};
pub use pod::{Pod, Standing};
pub use records::OutdatedRecord;
pub use target::Target;

/// Whether an object is there; `Unknown` where the person may not look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existence {
    There,
    Missing,
    #[default]
    Unknown,
}

/// The StatefulSet of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatefulSet {
    pub replicas: u32,
    pub ready: u32,
    /// When it was created, as RFC 3339 in UTC.
    pub created: String,
    /// The controller has seen the newest template and every pod runs it.
    pub settled: bool,
    /// What mqctl noted at its last install: a digest of chart and values.
    pub values_digest: Option<String>,
    /// What its pods are made from.
    pub pod_spec: Value,
    /// Pods are not created one after the other, each when the one before is ready.
    pub parallel: bool,
    /// The strategy of a recovery that is under way.
    pub recovery: Option<String>,
    /// Where its messages are moved to, as far as that has come.
    pub migration: Option<Migration>,
    /// As it can be made anew: without what the API server adds.
    pub manifest: Value,
}

impl StatefulSet {
    pub fn read(object: &Value) -> Self {
        let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let replicas = number("/spec/replicas");
        let seen = number("/status/observedGeneration") >= number("/metadata/generation");
        Self {
            replicas: u32::try_from(replicas).unwrap_or(u32::MAX),
            ready: u32::try_from(number("/status/readyReplicas")).unwrap_or(0),
            created: created(object),
            settled: seen && number("/status/updatedReplicas") >= replicas,
            values_digest: object["metadata"]["annotations"][VALUES_DIGEST].as_str().map(str::to_owned),
            pod_spec: object.pointer("/spec/template/spec").cloned().unwrap_or_default(),
            parallel: object["spec"]["podManagementPolicy"] == "Parallel",
            recovery: object["metadata"]["annotations"][RECOVERY].as_str().map(str::to_owned),
            migration: object["metadata"]["annotations"][MIGRATION].as_str().map(Migration::read),
            manifest: manifest(object),
        }
    }

    /// Every replica runs the newest template and is ready.
    pub fn all_ready(&self) -> bool {
        self.settled && self.ready == self.replicas
    }
}

fn manifest(object: &Value) -> Value {
    let mut manifest = object.clone();
    manifest.as_object_mut().and_then(|all| all.remove("status"));
    if let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) {
        let own = ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"];
        metadata.retain(|key, _| !own.contains(&key.as_str()));
    }
    // What kubectl applied once is no part of it.
    if let Some(annotations) = manifest.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    manifest
}

fn created(object: &Value) -> String {
    object.pointer("/metadata/creationTimestamp").and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Observed {
    /// The strategy of a recovery that has not come to its end: as the StatefulSet is marked, or as it is noted where there
    /// is none.
    pub fn recovery(&self) -> Option<String> {
        let marked = self.set.as_ref().and_then(|set| set.recovery.clone());
        marked.or_else(|| Some(UnderWay::read(self.evidence.as_ref()?)?.strategy.word().to_owned()))
    }
}

/// The annotation of the StatefulSet that says which recovery is under way.
pub const RECOVERY: &str = "mqctl/recovery";
/// The annotation of mqctl's Secret that says which image the volumes were made for; it outlives the release.
pub const IMAGE_TAG: &str = "mqctl/image-tag";
/// The same of the image that has booted on them: the one above may be a slip of the pen that never ran.
pub const BOOTED_TAG: &str = "mqctl/booted-tag";
/// The annotation of mqctl's Secret that names those of the chart which no pod needs any more once all are replaced.
pub const OUTGOING: &str = "mqctl/outgoing-secrets";

/// The annotation of mqctl's Secret that says that its password is handed out before a broker has it, and to which pods
/// it was not, by their uids: their probes log in with the one that they were started with.
pub const ROTATING: &str = "mqctl/rotating";

/// What mqctl's own Secret says beside the secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// There is such a Secret.
    pub there: bool,
    pub username: Option<String>,
    pub tag: Option<String>,
    pub booted: Option<String>,
    /// The keys of its data.
    pub keys: Vec<String>,
    /// Secrets of the chart's that were kept until every pod is replaced.
    pub outgoing: Vec<String>,
    /// Uids of pods that were there before a rotation that has not come to its end.
    pub rotating: Option<Vec<String>>,
}

impl Noted {
    /// Beside those that are there anyway, the chart's own.
    pub(crate) fn has_keys(&self, keys: &[(String, Held)]) -> bool {
        keys.iter().all(|(key, _)| self.keys.contains(key))
    }

    fn read(object: &Value) -> Self {
        let username = object["data"]["username"].as_str().and_then(|data| STANDARD.decode(data).ok());
        let annotation = |key: &str| object["metadata"]["annotations"][key].as_str().map(str::to_owned);
        Self {
            there: true,
            username: username.and_then(|bytes| String::from_utf8(bytes).ok()),
            tag: annotation(IMAGE_TAG),
            booted: annotation(BOOTED_TAG),
            keys: object["data"].as_object().map(|data| data.keys().cloned().collect()).unwrap_or_default(),
            outgoing: annotation(OUTGOING).iter().flat_map(|names| names.split(',')).map(str::to_owned).collect(),
            rotating: annotation(ROTATING).map(|uids| uids.split(',').map(str::to_owned).collect()),
        }
    }
}

/// Everything that `observe` saw of one release.
#[derive(Debug, Default)]
pub struct Observed {
    pub release: Option<Release>,
    pub set: Option<StatefulSet>,
    pub pods: Vec<Pod>,
    pub claims: Vec<Claim>,
    pub services: Vec<String>,
    /// What carries the name of the Service outside, whoever made it.
    pub external: Option<External>,
    /// Addresses of the nodes that the brokers run on.
    pub nodes: Vec<String>,
    /// What mqctl noted beside the secrets.
    pub noted: Noted,
    /// What mqctl's own Secret holds; `None` where there is no such Secret.
    pub secret: Option<Vault>,
    /// Copies of helm's records, as they were before they were repaired.
    pub copies: Vec<String>,
    /// One that helm cannot use; looked for by the doctor.
    pub outdated: Option<OutdatedRecord>,
    /// By which some mqctl works on the release.
    pub lease: Option<Lease>,
    pub namespace: Existence,
    /// The namespace is being deleted: what it waits for, in its own words.
    pub namespace_ends: Option<String>,
    pub storage_class: Existence,
    /// The StorageClasses that exist; read only where the wished one does not.
    pub storage_classes: Vec<String>,
    /// mqctl's own ConfigMap with the first readings of a stop.
    pub evidence: Option<Value>,
    /// Pods are held back at the start gate.
    pub holds: bool,
    /// The headless Service names ready pods only.
    pub hides_waiting: bool,
    /// Pods that an earlier run has left, which was killed while they read volumes.
    pub readers: Vec<String>,
    /// Rights that the plan needs and the person has not, as `create statefulsets`.
    pub denied: Vec<String>,
}

impl Observed {
    /// What these objects say.
    pub fn of(objects: &[Value], names: &Names) -> Self {
        let mut observed = Self::default();
        for object in objects {
            observed.take(object, names);
        }
        observed.keep_own_volumes(names);
        observed
    }

    /// Sorts one object of an answer to its place. What a chart has made beside the broker, with the release's label, has none.
    fn take(&mut self, object: &Value, names: &Names) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let is = |other: &str| name == other;
        match object["kind"].as_str().unwrap_or_default() {
            "StatefulSet" if is(&names.stateful_set) => self.set = Some(StatefulSet::read(object)),
            "Pod" if names.readers.iter().any(|reader| is(reader)) => self.readers.push(name.to_owned()),
            "ConfigMap" if is(&names.hold) => self.holds = true,
            "ConfigMap" if is(&names.evidence) => self.evidence = Some(object.clone()),
            "Pod" if names.is_a_node(name) => {
                self.pods.push(Pod::read(object, &names.container));
                self.nodes.extend(node_address(object).filter(|node| !self.nodes.contains(node)));
            }
            "PersistentVolumeClaim" => self.claims.push(Claim::read(object)),
            "Service" if is(&names.external) => self.external = Some(External::read(object)),
            "Service" => {
                self.hides_waiting |= is(names.headless()) && hides_waiting(&object["spec"]);
                self.services.push(name.to_owned());
            }
            "Secret" if is(&names.secret) => {
                self.noted = Noted::read(object);
                self.secret = Some(read_secret(object));
            }
            "Secret" => self.copies.extend(name.starts_with(&record::copies_of(names)).then(|| name.to_owned())),
            "Lease" if is(&names.lease) => self.lease = Some(Lease::read(object)),
            "Namespace" => {
                self.namespace = Existence::There;
                self.namespace_ends = ending(object);
            }
            "StorageClass" => self.storage_class = Existence::There,
            _ => {}
        }
    }

    /// The pods whose broker's container runs, so that it can be asked.
    pub fn running(&self) -> impl Iterator<Item = &str> {
        self.pods.iter().filter(|pod| pod.runs()).map(|pod| pod.name.as_str())
    }

    /// The pods that serve clients.
    pub(crate) fn ready(&self) -> impl Iterator<Item = &str> {
        self.pods.iter().filter(|pod| pod.standing == Standing::Ready).map(|pod| pod.name.as_str())
    }

    /// The image that the volumes belong to; `None` where no node can have written to them.
    pub fn image_of_volumes(&self) -> Option<&str> {
        let intended = self.noted.tag.as_deref().filter(|_| !self.never_ran());
        self.noted.booted.as_deref().or(intended)
    }

    /// The image that mqctl noted, or else the one that the pods have.
    pub fn tag(&self) -> Option<&str> {
        self.noted.tag.as_deref().or_else(|| self.pods.iter().find_map(Pod::tag))
    }

    /// The first revision of a release with new volumes, and its image could never be had.
    fn never_ran(&self) -> bool {
        let without_image = |pod: &Pod| matches!(pod.standing, Standing::ImageTrouble(_)) && pod.restarts == 0;
        let first = self.release.as_ref().is_some_and(|r| r.revision == "1");
        let new = |set: &StatefulSet| self.claims.iter().all(|claim| claim.created >= set.created);
        first && !self.pods.is_empty() && self.pods.iter().all(without_image) && self.set.as_ref().is_some_and(new)
    }

    /// Something of the release is there already: volumes count, they carry its past.
    pub fn has_past(&self) -> bool {
        self.set.is_some() || !self.claims.is_empty()
    }
}

/// What a namespace that is being deleted waits for; `None` for any other.
fn ending(namespace: &Value) -> Option<String> {
    namespace.pointer("/metadata/deletionTimestamp")?;
    let conditions = namespace.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let holding = conditions.filter(|condition| condition["status"] == "True");
    let words: Vec<&str> = holding.filter_map(|condition| condition["message"].as_str()).collect();
    Some(words.join("; "))
}

fn hides_waiting(headless: &Value) -> bool {
    headless["clusterIP"] == "None" && headless["publishNotReadyAddresses"] != true
}

/// The address of the node that a pod runs on.
pub fn node_address(pod: &Value) -> Option<String> {
    pod["status"]["hostIP"].as_str().map(str::to_owned)
}

fn read_secret(object: &Value) -> Vault {
    let mut vault = Vault::default();
    for name in Name::BOTH.into_iter().flat_map(|name| [name, name.next()]) {
        if let Some(secret) = object["data"][name.secret_key()].as_str().and_then(Secret::from_base64) {
            vault.put(name, secret);
        }
    }
    vault
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_set_is_settled_only_when_every_pod_runs_the_newest_template() {
        let object = |observed: u64, updated: u64| {
            StatefulSet::read(&json!({
                "metadata": {"generation": 3}, "spec": {"replicas": 3},
                "status": {"observedGeneration": observed, "readyReplicas": 3, "updatedReplicas": updated},
            }))
        };
        assert!(object(3, 3).all_ready());
        assert!(!object(2, 3).all_ready(), "the controller has not looked yet");
        assert!(!object(3, 1).all_ready(), "two pods run the old template");
    }

    /// A first install whose image nobody made: tag noted, volumes as new as the set, no pod that ever ran.
    fn without_image() -> Observed {
        let set = json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:01Z"}});
        let claim = json!({"metadata": {"creationTimestamp": "2026-01-01T00:00:01Z"}});
        let mut pod = Pod::absent("q-0");
        pod.standing = Standing::ImageTrouble("not found".to_owned());
        let release = json!({"revision": "1", "status": "deployed", "chart": "c", "updated": ""});
        Observed {
            release: serde_json::from_value(release).unwrap(),
            set: Some(StatefulSet::read(&set)),
            claims: vec![Claim::read(&claim)],
            pods: vec![pod],
            noted: Noted { tag: Some("4.0.55".into()), ..Noted::default() },
            ..Observed::default()
        }
    }

    #[test]
    fn volumes_belong_to_the_image_that_can_have_written_to_them() {
        let image = |change: fn(&mut Observed)| {
            let mut observed = without_image();
            change(&mut observed);
            observed.image_of_volumes().map(str::to_owned)
        };
        assert_eq!(image(|_| ()), None, "a slip of the pen binds nobody");
        let bound = Some("4.0.55".to_owned());
        assert_eq!(image(|o| o.release.as_mut().unwrap().revision = "2".into()), bound);
        assert_eq!(image(|o| o.claims[0].created = "2025-12-31T23:59:59Z".into()), bound, "older volumes have a past");
        assert_eq!(image(|o| o.pods[0].restarts = 1), bound);
        assert_eq!(image(|o| o.pods[0].standing = Standing::Ready), bound);
        assert_eq!(image(|o| o.pods.clear()), bound, "after a delete nobody can tell");
        assert_eq!(
            image(|o| o.noted.booted = Some("4.3.6".into())),
            Some("4.3.6".to_owned()),
            "what has booted counts"
        );
    }

    #[test]
    fn a_namespace_says_what_its_deletion_waits_for() {
        let conditions = json!([
            {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "All resources discovered"},
            {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "Some content has finalizers"},
        ]);
        let status = json!({"phase": "Terminating", "conditions": conditions});
        let ends = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:01Z"}, "status": status});
        assert_eq!(ending(&ends).unwrap(), "Some content has finalizers");
        assert_eq!(ending(&json!({"metadata": {}, "status": {"phase": "Active"}})), None);
    }

    #[test]
    fn a_secret_object_is_read_by_its_keys() {
        let vault = read_secret(
            &json!({"data": {"erlang-cookie": "Y29va2ll", "password": "cGFzcw==", "username": "dXNlcg=="}}),
        );
        assert_eq!(vault.get(Name::ErlangCookie).unwrap().reveal(), "cookie");
        assert_eq!(vault.get(Name::Password).unwrap().reveal(), "pass");
    }
}
