//! A pod that looks at, or writes to, one volume whose own pod does not run. Pure.

use serde_json::{Value, json};

use super::READER;

/// The script under its limit. The shell stays process 1: as that one the `timeout` of coreutils 9.8 ends at once with
/// 125, since its child takes a parent of that number for none.
const LIMITED: &str = "timeout -k 2 \"$2\" sh -c \"$1\"; exit";

/// Image and user are the broker's, so that its files belong to it. It has none of the labels that a Service looks for.
pub struct HelperPod<'a> {
    pub name: &'a str,
    pub release: &'a str,
    pub claim: &'a str,
    /// The machine that the volume is attached to, if it is known.
    pub machine: Option<&'a str>,
    /// Where the volume is mounted, as in the broker's container.
    pub volume: &'a str,
    /// The broker's container, in a pod of the release.
    pub broker: &'a str,
    /// What the release's pods are made from; null where nobody knows.
    pub pod_spec: &'a Value,
    /// For where that says none.
    pub image: &'a str,
    /// The same.
    pub user: u32,
    pub script: String,
    /// Else the volume is mounted read-only.
    pub writes: bool,
    /// The limit of the script, in seconds.
    pub seconds: u32,
}

impl HelperPod<'_> {
    pub fn manifest(&self) -> Value {
        let spec = self.pod_spec;
        let reads = !self.writes;
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": self.name,
                "labels": {"app.kubernetes.io/managed-by": "mqctl", READER: self.release},
            },
            "spec": {
                "restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "activeDeadlineSeconds": self.seconds + 70,
                "automountServiceAccountToken": false, "enableServiceLinks": false,
                "imagePullSecrets": or(&spec["imagePullSecrets"], json!([])),
                "tolerations": or(&spec["tolerations"], json!([])),
                "securityContext": self.pod_security(),
                "containers": [self.container()],
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": self.claim, "readOnly": reads}}],
            },
        });
        // Past the scheduler, which may choose another machine, and none that is cordoned. It has nothing left to decide:
        // a claim that waits for its first consumer is bound before the volume's own pod is given its machine.
        if let Some(machine) = self.machine {
            pod["spec"]["nodeName"] = json!(machine);
        }
        pod
    }

    /// The chart's own. Where that leaves the user to an image that begins as root, and ends as the broker's user, the helper
    /// is the latter from its beginning: a root without capabilities may not read its files.
    fn pod_security(&self) -> Value {
        let (own, of_broker) = (&self.pod_spec["securityContext"], self.of_broker("securityContext"));
        let mut all = json!({});
        if !says_user(own) && !says_user(&of_broker) {
            all = json!({
                "runAsNonRoot": true, "runAsUser": self.user, "runAsGroup": self.user,
                "seccompProfile": {"type": "RuntimeDefault"},
            });
        }
        // A chart that leaves the volume's group as it is wants a cookie on it to be its owner's alone.
        if self.pod_spec.is_null() {
            all["fsGroup"] = json!(self.user);
            all["fsGroupChangePolicy"] = json!("OnRootMismatch");
        }
        for (key, value) in own.as_object().into_iter().flatten() {
            all[key] = value.clone();
        }
        all
    }

    /// What the broker's container has under this key.
    fn of_broker(&self, key: &str) -> Value {
        let containers = self.pod_spec["containers"].as_array();
        let broker = containers.and_then(|all| all.iter().find(|container| container["name"] == self.broker));
        broker.map(|container| container[key].clone()).unwrap_or_default()
    }

    fn container(&self) -> Value {
        json!({
            "name": "reader",
            "image": self.of_broker("image").as_str().unwrap_or(self.image),
            "command": ["sh", "-c", LIMITED, "reader", self.script, self.seconds.to_string()],
            "securityContext": or(&self.of_broker("securityContext"), json!({
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
            })),
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
            "volumeMounts": [{"name": "data", "mountPath": self.volume, "readOnly": !self.writes}],
        })
    }
}

/// By its number, or by that of an image whose user is none that is root.
fn says_user(context: &Value) -> bool {
    context["runAsUser"].is_u64() || context["runAsNonRoot"] == true
}

/// The API server fills in an empty object where a chart says nothing.
fn or(value: &Value, otherwise: Value) -> Value {
    let says_nothing = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
    if says_nothing { otherwise } else { value.clone() }
}
