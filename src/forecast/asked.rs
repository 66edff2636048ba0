//! The objects of a release as they were asked for, and where in them what stands.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::probe::Probe;
use crate::chart::Held;
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
    /// The keys that the chart reads in it beside those of the known families.
    pub secret_keys: &'a [(String, Held)],
}

static NOTHING: Value = Value::Null;

/// An empty list where there is none.
pub(super) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl<'a> Asked<'a> {
    pub(super) fn object(&self, kind: &str, name: &str) -> &'a Value {
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
