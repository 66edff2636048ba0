//! The claims of a release's volumes, and who may have one beside the pod that it belongs to.

use serde_json::Value;

use super::{Observed, created};
use crate::chart::Names;

/// A volume claim of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub name: String,
    /// When it was created, as RFC 3339 in UTC.
    pub created: String,
    pub size: String,
    pub class: String,
    pub phase: String,
    pub access: Access,
}

impl Claim {
    pub(super) fn read(object: &Value) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self {
            name: text("/metadata/name"),
            created: created(object),
            size: text("/spec/resources/requests/storage"),
            class: text("/spec/storageClassName"),
            phase: text("/status/phase"),
            access: Access::read(object),
        }
    }
}

/// Who may have a volume at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    OnePod,
    /// All pods of one machine: it is attached there, and to no other.
    OneMachine,
    Everybody,
}

impl Access {
    fn read(claim: &Value) -> Self {
        let modes = claim.pointer("/spec/accessModes").and_then(Value::as_array);
        let has = |mode: &str| modes.is_some_and(|modes| modes.iter().any(|known| known == mode));
        match (has("ReadWriteOncePod"), has("ReadWriteOnce"), has("ReadWriteMany") || has("ReadOnlyMany")) {
            (true, ..) => Self::OnePod,
            (false, false, true) => Self::Everybody,
            _ => Self::OneMachine,
        }
    }
}

impl Observed {
    /// Of the node's template, and of others that the StatefulSet has.
    pub(super) fn keep_own_volumes(&mut self, names: &Names) {
        let set = self.set.as_ref().map_or(&Value::Null, |set| &set.manifest);
        let others = set.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array).into_iter().flatten();
        let templates: Vec<&str> = others.filter_map(|one| one["metadata"]["name"].as_str()).collect();
        let all = templates.iter().copied().chain([names.claim_template()]);
        self.claims.retain(|claim| all.clone().any(|template| names.is_a_volume(&claim.name, template)));
    }

    /// The machine on which another pod can have a pod's volume; nothing where any will do.
    ///
    /// # Errors
    /// Nobody can as long as its own pod is there.
    pub fn machine_beside(&self, pod: &str, claim: &str) -> Result<Option<&str>, String> {
        let placed = self.pods.iter().find(|known| known.name == pod).and_then(|pod| pod.machine.as_deref());
        let access = self.claims.iter().find(|known| known.name == claim).map_or(Access::OneMachine, |c| c.access);
        match (placed, access) {
            (Some(_), Access::OnePod) => Err(format!("{claim} is ReadWriteOncePod: only {pod} can have it")),
            (machine, Access::OneMachine) => Ok(machine),
            (None, Access::OnePod) | (_, Access::Everybody) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::Pod;

    #[test]
    fn a_volume_is_where_its_pod_is_unless_everybody_may_have_it() {
        let beside = |modes: &[&str], machine: Option<&str>| {
            let object = json!({"metadata": {"name": "q-0"}, "spec": {"nodeName": machine}});
            let claim = json!({"metadata": {"name": "data-q-0"}, "spec": {"accessModes": modes}});
            let (pods, claims) = (vec![Pod::read(&object, "rabbitmq")], vec![Claim::read(&claim)]);
            let observed = Observed { pods, claims, ..Observed::default() };
            observed.machine_beside("q-0", "data-q-0").map(|machine| machine.map(str::to_owned))
        };
        let there = Ok(Some("m-2".to_owned()));
        assert_eq!(beside(&["ReadWriteOnce"], Some("m-2")), there);
        assert_eq!(beside(&["ReadWriteOnce", "ReadWriteMany"], Some("m-2")), there, "it may be attached so");
        assert_eq!(beside(&[], Some("m-2")), there, "the narrower is the safer guess");
        assert_eq!(beside(&["ReadWriteOnce"], None), Ok(None));
        assert_eq!(beside(&["ReadWriteMany"], Some("m-2")), Ok(None));
        assert_eq!(beside(&["ReadWriteOncePod"], None), Ok(None), "nobody has it yet");
        let only = "data-q-0 is ReadWriteOncePod: only q-0 can have it".to_owned();
        assert_eq!(beside(&["ReadWriteOncePod"], Some("m-2")), Err(only));
    }
}
