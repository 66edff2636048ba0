//! Objects of a small cluster, as Kubernetes and a broker would show them.

use serde_json::{Value, json};

/// The first cookie and password of every test: whatever shows them by accident is found by their names.
pub const COOKIE: &str = "CANARYCOOKIE0123456789";
pub const PASSWORD: &str = "canary-password-0123456789";

pub const PODS: [&str; 3] = ["prodmq-0", "prodmq-1", "prodmq-2"];

pub fn release(status: &str, revision: &str) -> Value {
    json!({
        "name": "prodmq", "namespace": "rabbitmq", "revision": revision, "status": status,
        "updated": "2026-11-22 08:57:17.15775346 +0000 UTC", "chart": "mqctl-rabbitmq-1.0.0", "app_version": "4.3",
    })
}

/// A StatefulSet of which so many pods are ready.
pub fn stateful_set(ready: usize, digest: &str) -> Value {
    json!({
        "kind": "StatefulSet",
        "metadata": {"name": "prodmq", "generation": 1, "annotations": {"mqctl/values": digest}},
        "spec": {"replicas": 3},
        "status": {"observedGeneration": 1, "updatedReplicas": 3, "readyReplicas": ready},
    })
}

pub fn pod(name: &str, status: &Value) -> Value {
    let broker = json!({"name": "rabbitmq", "image": format!("rabbitmq:{}", mqctl::profile::Image::TAG)});
    json!({"kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [broker]}, "status": status})
}

/// The status of a pod whose broker's container runs, and is ready or still boots.
pub fn running(ready: bool) -> Value {
    json!({"containerStatuses": [{
        "name": "rabbitmq", "ready": ready, "restartCount": 0, "state": {"running": {"startedAt": "2026-11-22T08:57:20Z"}},
    }]})
}

/// The status of a pod for which the scheduler finds no place.
pub fn unscheduled() -> Value {
    let message = "0/3 nodes are available: 3 Insufficient memory.";
    json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": message}]})
}

/// The status of a pod whose image cannot be had.
pub fn without_image() -> Value {
    let message = "Back-off pulling image \"rabbitmq:9.9.9\"";
    json!({"containerStatuses": [{"name": "rabbitmq", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": message}}}]})
}

pub fn claim(name: &str) -> Value {
    json!({
        "kind": "PersistentVolumeClaim", "metadata": {"name": name},
        "spec": {"storageClassName": "standard", "resources": {"requests": {"storage": "8Gi"}}},
        "status": {"phase": "Bound"},
    })
}

pub fn named(kind: &str, name: &str) -> Value {
    json!({"kind": kind, "metadata": {"name": name}})
}

/// The Lease of a mqctl on another machine, which lasts so many seconds.
pub fn lease_elsewhere(seconds: u64) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {
            "annotations": {"mqctl/machine": "3f9c0d5e22a1", "mqctl/pid": "77", "mqctl/started": "4711"},
            "name": "prodmq-mqctl", "resourceVersion": "7", "uid": "u0",
        },
        "spec": {
            "acquireTime": "2026-11-22T12:03:00.000000Z", "holderIdentity": "ci@runner-1 pid 77 upgrade",
            "leaseDurationSeconds": seconds, "renewTime": "2026-11-22T12:03:00.000000Z",
        },
    })
}

/// mqctl's own Secret, with the keys that mqctl reads.
pub fn secret(cookie: &str, password: &str) -> Value {
    let data = json!({"erlang-cookie": base64(cookie), "password": base64(password), "username": base64("user")});
    let metadata = json!({
        "name": "prodmq-mqctl-credentials",
        "annotations": {"mqctl/image-tag": mqctl::profile::Image::TAG, "mqctl/booted-tag": mqctl::profile::Image::TAG},
    });
    json!({"kind": "Secret", "metadata": metadata, "data": data})
}

/// What the brokers have, where that is not what the Secret says; without a cookie they take the Secret's.
pub fn runs_with(cookie: Option<&str>, password: &str, started_with: &str) -> Value {
    let mut runs = json!({"password": base64(password), "started-with": base64(started_with)});
    if let Some(cookie) = cookie {
        runs["erlang-cookie"] = base64(cookie).into();
    }
    runs
}

/// A healthy broker's answer; the stand-in fills in the cookie's hash and whether the login was right.
pub fn answer(pod: &str) -> Value {
    let node = |pod: &str| format!("rabbit@{pod}.prodmq-headless.rabbitmq.svc.cluster.local");
    json!({
        "node": node(pod), "running": true, "version": "4.3.6", "khepri": true,
        "members": PODS.map(node), "up": PODS.map(node), "alarms": [],
        "memory": 310 << 20, "memoryLimit": 1_u64 << 30, "diskFree": 6_600_000_000_u64, "uptime": 187_440,
        "queues": 35, "leaders": 12, "ready": 400, "unacked": 4, "cookie": "COOKIE", "login": "LOGIN",
    })
}

pub fn base64(text: &str) -> String {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.encode(text)
}
