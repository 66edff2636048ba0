//! What is said to kubectl about the Lease of a release: each call changes exactly the Lease that it means, or nothing.

use std::time::Duration;

use serde_json::{Value, json};

use super::{call, create};
use crate::cluster::Target;
use crate::cluster::lease::Lease;
use crate::process::{Call, Part};

/// None of these waits for anything; one that hangs must not outlast the Lease.
const LIMIT: Duration = Duration::from_secs(10);

/// Creates a Namespace, the Lease and a Secret, in this order, or those of them that are given.
///
/// kubectl goes on where one of them is there already; the API server makes the others.
pub fn create_with(target: &Target, namespace: Option<Value>, lease: Option<Value>, secret: &[Part]) -> Call {
    let heads: Vec<String> = [namespace, lease].into_iter().flatten().map(|object| object.to_string()).collect();
    let comma = if heads.is_empty() || secret.is_empty() { "" } else { "," };
    let head = format!(r#"{{"apiVersion":"v1","kind":"List","items":[{}{comma}"#, heads.join(","));
    let parts = std::iter::once(Part::Text(head)).chain(secret.iter().cloned());
    create(target, parts.chain([Part::Text("]}".to_owned())]).collect())
}

/// Puts this Lease in the place of another one: refused where that is not as it was seen.
pub fn replace(target: &Target, lease: &Value) -> Call {
    let args = ["replace", "--validate=false", "--filename", "-", "--output", "json"];
    call(target, &args).fed(vec![Part::Text(lease.to_string())]).within(LIMIT)
}

/// Says that its holder lives: refused where it is another one's by now.
pub fn renew(target: &Target, name: &str, mine: &Lease, now: &str) -> Call {
    let patch = json!([
        {"op": "test", "path": "/spec/holderIdentity", "value": mine.holder},
        {"op": "test", "path": "/spec/acquireTime", "value": mine.acquired},
        {"op": "replace", "path": "/spec/renewTime", "value": now},
    ]);
    let patch = patch.to_string();
    call(target, &["patch", "lease", name, "--type", "json", "--patch", &patch, "--output", "json"]).within(LIMIT)
}

/// Removes it: refused where it is not as it was last seen, which `kubectl delete lease` would not look at.
pub fn remove(target: &Target, name: &str, mine: &Lease) -> Call {
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/{name}", target.namespace);
    let options = json!({
        "apiVersion": "v1", "kind": "DeleteOptions",
        "preconditions": {"uid": mine.uid, "resourceVersion": mine.resource_version},
    });
    call(target, &["delete", "--raw", &path, "--filename", "-"])
        .fed(vec![Part::Text(options.to_string())])
        .within(LIMIT)
}
