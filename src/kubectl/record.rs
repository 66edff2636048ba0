//! What is said to kubectl about helm's records, and about the APIs of a server.

use serde_json::Value;

use super::call;
use crate::cluster::Target;
use crate::error::Failure;
use crate::helm::record::Sealed;
use crate::process::{Call, Part, Reply};

/// All records of a release, with everything in them.
pub fn list(target: &Target) -> Call {
    let selector = format!("owner=helm,name={}", target.release);
    call(target, &["get", "secrets", "--selector", &selector, "--output", "json"])
}

/// Keeps a copy; one that is there already stays as it is.
pub fn keep(target: &Target, copy: Sealed) -> Call {
    call(target, &["create", "--filename", "-", "--output", "name"]).fed(vec![Part::Sealed(copy)])
}

/// Fails where somebody has changed it since it was read.
pub fn replace(target: &Target, record: Sealed) -> Call {
    call(target, &["replace", "--filename", "-", "--output", "name"]).fed(vec![Part::Sealed(record)])
}

/// Which kinds a server has of one group version.
pub fn resources(target: &Target, api: &str) -> Call {
    let path = if api.contains('/') { format!("/apis/{api}") } else { format!("/api/{api}") };
    call(target, &["get", "--raw", &path])
}

/// The kinds in the answer; none where the server does not know the group version.
///
/// # Errors
/// An answer that says neither.
pub fn read_resources(reply: &Reply) -> Result<Vec<String>, Failure> {
    if reply.ok() {
        let list: Value = serde_json::from_str(&reply.stdout).unwrap_or_default();
        let kind = |resource: &Value| resource["kind"].as_str().map(str::to_owned);
        return Ok(list["resources"].as_array().into_iter().flatten().filter_map(kind).collect());
    }
    if reply.stderr.contains("(NotFound)") {
        return Ok(Vec::new());
    }
    Err(super::failure("kubectl get --raw", reply))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::tests::reply;

    #[test]
    fn a_version_that_is_not_served_has_no_kind() {
        let listed = r#"{"kind":"APIResourceList","resources":[{"name":"cronjobs","kind":"CronJob"}]}"#;
        assert_eq!(read_resources(&reply(0, listed, "")).unwrap(), ["CronJob"]);
        let gone = "Error from server (NotFound): the server could not find the requested resource";
        assert!(read_resources(&reply(1, "", gone)).unwrap().is_empty());
        assert!(read_resources(&reply(1, "", "Unable to connect to the server: EOF")).is_err());
    }
}
