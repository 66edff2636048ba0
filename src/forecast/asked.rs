//! The objects of a release as they were asked for, and where in them what stands.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::probe::Probe;
use crate::cluster::pod_secrets::{name_of, secrets_of};
use crate::secret::{self, Name};
use crate::versions::Series;

/// What is looked at, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub objects: &'a [Value],
    /// The StatefulSet's name.
    pub name: &'a str,
    /// The broker's container's.
    pub container: &'a str,
    /// The folder that holds the nodes' folders, in the broker's container.
    pub base: &'a str,
    /// The family of the chart: it decides by which values a thing is prevented.
    pub family: &'a str,
    pub namespace: &'a str,
    /// mqctl's own Secret; none where the chart is told cookie and password themselves.
    pub secret: Option<&'a str>,
}

static NOTHING: Value = Value::Null;

/// An empty list where there is none.
pub(super) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn taken<'a>(pod: &'a Value, container: &'a Value, variable: &'a Value) -> Vec<&'a str> {
    if let Some(reference) = variable.pointer("/valueFrom/secretKeyRef") {
        let named = reference["name"].as_str().filter(|_| reference["key"].as_str().is_some_and(is_credential));
        return named.into_iter().collect();
    }
    let path =
        variable["value"].as_str().and_then(|value| value.rsplit_once('/')).filter(|(_, key)| is_credential(key));
    let Some((folder, _)) = path else { return Vec::new() };
    let at = |mount: &&Value| mount["mountPath"].as_str().is_some_and(|at| at.trim_end_matches('/') == folder);
    let mounts: Vec<&Value> = list(container, "/volumeMounts").iter().filter(at).map(|mount| &mount["name"]).collect();
    let volumes = list(pod, "/volumes").iter().filter(|volume| mounts.contains(&&volume["name"]));
    volumes.flat_map(secrets_of).filter_map(|secret| name_of(secret).as_str()).collect()
}

impl<'a> Asked<'a> {
    fn object(&self, kind: &str, name: &str) -> &'a Value {
        let named = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
        self.objects.iter().find(named).unwrap_or(&NOTHING)
    }

    /// The StatefulSet; null where there is none.
    pub(super) fn set(&self) -> &'a Value {
        self.object("StatefulSet", self.name)
    }

    /// Kubernetes' default is one.
    pub(super) fn replicas(&self) -> u64 {
        self.set().pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1)
    }

    pub(super) fn pod(&self) -> &'a Value {
        self.set().pointer("/spec/template/spec").unwrap_or(&NOTHING)
    }

    /// The broker's container: by its name, or else the first.
    pub(super) fn broker(&self) -> &'a Value {
        let containers = list(self.set(), "/spec/template/spec/containers");
        containers.iter().find(|c| c["name"] == self.container).or(containers.first()).unwrap_or(&NOTHING)
    }

    pub(super) fn probe(&self, kind: &'static str) -> Option<Probe<'a>> {
        Probe::of(self.broker(), kind)
    }

    /// The Service that gives the pods their names; null where it is none of these objects.
    pub(super) fn headless(&self) -> &'a Value {
        let name = self.set().pointer("/spec/serviceName").and_then(Value::as_str);
        name.map_or(&NOTHING, |name| self.object("Service", name))
    }

    /// The budgets that count these pods.
    pub(super) fn budgets(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        let labels = self.set().pointer("/spec/template/metadata/labels").unwrap_or(&NOTHING);
        let counts = move |budget: &&Value| {
            let wanted = budget.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
            wanted.is_none_or(|wanted| wanted.iter().all(|(key, value)| labels[key.as_str()] == *value))
        };
        self.objects.iter().filter(|object| object["kind"] == "PodDisruptionBudget").filter(counts)
    }

    /// What selects the pods, as kubectl takes it.
    pub(super) fn selector(&self) -> String {
        let labels = self.set().pointer("/spec/selector/matchLabels").and_then(Value::as_object);
        let pair = |(key, value): (&String, &Value)| format!("{key}={}", value.as_str().unwrap_or_default());
        labels.into_iter().flatten().map(pair).collect::<Vec<_>>().join(",")
    }

    /// The Secrets that the pods take cookie or password from, by the keys that charts have for them: by a variable, or by a
    /// file that a variable names; and those with a cookie in them that the release has, where the pods take or mount them
    /// whole.
    pub(super) fn credentials(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let this = *self;
        let containers = ["/initContainers", "/containers"].map(|kind| list(this.pod(), kind)).into_iter().flatten();
        let in_variables = containers.flat_map(move |container| {
            let single =
                list(container, "/env").iter().flat_map(move |variable| taken(this.pod(), container, variable));
            let whole =
                list(container, "/envFrom").iter().filter_map(move |from| this.holding(&from["secretRef"]["name"]));
            single.chain(whole)
        });
        let mounts = list(this.pod(), "/volumes").iter().flat_map(secrets_of);
        in_variables.chain(mounts.filter_map(move |mount| this.mounted(mount)))
    }

    /// All of its keys, or those that are picked.
    fn mounted(self, mount: &'a Value) -> Option<&'a str> {
        let name = name_of(mount);
        match list(mount, "/items") {
            [] => self.holding(name),
            items => items.iter().any(|item| item["key"].as_str().is_some_and(is_cookie)).then(|| name.as_str())?,
        }
    }

    /// A Secret of the release's that holds a cookie; a password alone may be anybody's.
    fn holding(self, name: &'a Value) -> Option<&'a str> {
        let secret = self.object("Secret", name.as_str()?);
        let keys = ["data", "stringData"].into_iter().filter_map(|data| secret[data].as_object()).flatten();
        keys.into_iter().any(|(key, _)| is_cookie(key)).then(|| name.as_str())?
    }

    /// The Services with this port that clients outside reach.
    pub(super) fn opened(&self, ports: &'static [u64]) -> impl Iterator<Item = &'a Value> + use<'a> {
        let outside = |object: &&Value| {
            let kind = object.pointer("/spec/type").and_then(Value::as_str);
            object["kind"] == "Service" && matches!(kind, Some("LoadBalancer" | "NodePort"))
        };
        let open = move |service: &&Value| {
            list(service, "/spec/ports").iter().any(|port| port["port"].as_u64().is_some_and(|n| ports.contains(&n)))
        };
        self.objects.iter().filter(outside).filter(open)
    }

    /// The broker's configuration: each file of it that is among the objects.
    pub(super) fn configuration(&self) -> Vec<String> {
        self.objects
            .iter()
            .flat_map(files)
            .filter(|(name, _)| name.rsplit('.').next() == Some("conf"))
            .map(|(_, text)| text)
            .collect()
    }

    /// By its image; none where the tag does not say it.
    pub(super) fn series(&self) -> Option<Series> {
        let image = self.broker()["image"].as_str()?.split('@').next()?;
        Series::of(image.rsplit_once(':')?.1)
    }
}

/// What charts call cookie and password in a Secret.
fn is_credential(key: &str) -> bool {
    secret::KEYS.iter().any(|(known, _)| *known == key)
}

fn is_cookie(key: &str) -> bool {
    secret::KEYS.iter().any(|(known, name)| *known == key && *name == Name::ErlangCookie)
}

/// What a ConfigMap or a Secret lays into a container; a Secret's is encoded.
fn files(object: &Value) -> Vec<(String, String)> {
    let decoded = |text: &str| STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let of = |key: &str, read: &dyn Fn(&str) -> Option<String>| {
        let entries = object[key].as_object().into_iter().flatten();
        entries.filter_map(|(name, text)| Some((name.clone(), read(text.as_str()?)?))).collect::<Vec<_>>()
    };
    let plain = |text: &str| Some(text.to_owned());
    match object["kind"].as_str() {
        Some("ConfigMap") => of("data", &plain),
        Some("Secret") => [of("data", &decoded), of("stringData", &plain)].concat(),
        _ => Vec::new(),
    }
}
