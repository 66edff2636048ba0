//! The Lease by which one mqctl at a time works on a release. Pure: `lock` takes it and gives it back.

use std::time::Duration;

use serde_json::{Value, json};

use super::Target;
use crate::error::Failure;
use crate::explain::Code;
use crate::outcome::Outcome;

/// Whoever has not renewed it for so long is taken for dead.
pub const LASTS: Duration = Duration::from_secs(45);

const MACHINE: &str = "mqctl/machine";
const PID: &str = "mqctl/pid";
const STARTED: &str = "mqctl/started";

/// A process, so that it can be found again; empty texts where its machine does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// One boot of one machine, and the namespace in which the pid counts.
    pub machine: String,
    pub pid: String,
    /// When it was started, in the kernel's ticks: a pid is used again.
    pub started: String,
}

/// Who works on a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// For people: `ci@runner-1 pid 77 upgrade`.
    pub holder: String,
    pub process: Process,
    /// RFC 3339 with microseconds, as the API server prints it.
    pub acquired: String,
    pub renewed: String,
    pub lasts: Duration,
    pub uid: String,
    /// Empty in one that is to be created.
    pub resource_version: String,
    /// Its holder is dead, or has been silent for too long.
    pub abandoned: bool,
}

impl Lease {
    /// One that is to be created now.
    pub fn new(holder: String, process: Process, now: String) -> Self {
        let (uid, resource_version) = (String::new(), String::new());
        Self {
            holder,
            process,
            acquired: now.clone(),
            renewed: now,
            lasts: LASTS,
            uid,
            resource_version,
            abandoned: false,
        }
    }

    pub fn read(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (metadata, spec) = (&object["metadata"], &object["spec"]);
        let annotation = |key: &str| text(&metadata["annotations"][key]);
        Self {
            holder: text(&spec["holderIdentity"]),
            process: Process { machine: annotation(MACHINE), pid: annotation(PID), started: annotation(STARTED) },
            acquired: text(&spec["acquireTime"]),
            renewed: text(&spec["renewTime"]),
            lasts: spec["leaseDurationSeconds"].as_u64().map_or(LASTS, Duration::from_secs),
            uid: text(&metadata["uid"]),
            resource_version: text(&metadata["resourceVersion"]),
            abandoned: false,
        }
    }

    pub fn manifest(&self, target: &Target, name: &str) -> Value {
        let Process { machine, pid, started } = &self.process;
        let mut object = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {
                "name": name, "namespace": target.namespace,
                "labels": target.own_labels(),
                "annotations": {MACHINE: machine, PID: pid, STARTED: started},
            },
            "spec": {
                "holderIdentity": self.holder, "leaseDurationSeconds": self.lasts.as_secs(),
                "acquireTime": self.acquired, "renewTime": self.renewed,
            },
        });
        if !self.resource_version.is_empty() {
            object["metadata"]["resourceVersion"] = self.resource_version.as_str().into();
        }
        object
    }

    /// `ci@runner-1 (pid 77, upgrade), since 2026-11-22 12:03 UTC`
    pub fn in_words(&self) -> String {
        let who = match self.holder.split_once(" pid ").and_then(|(who, rest)| Some((who, rest.split_once(' ')?))) {
            Some((who, (pid, verb))) => format!("{who} (pid {pid}, {verb})"),
            None if self.holder.is_empty() => "somebody".to_owned(),
            None => self.holder.clone(),
        };
        match (self.acquired.get(..10), self.acquired.get(11..16)) {
            (Some(day), Some(time)) => format!("{who}, since {day} {time} UTC"),
            _ => who,
        }
    }

    /// Why nobody else may change this release now.
    pub fn refusal(&self, release: &str, profile: &str) -> Failure {
        let text = format!("another mqctl is at work on `{release}`: {}", self.in_words());
        Failure::new(Outcome::TimedOut, text)
            .hint("run the same command again when it has ended")
            .hint(format!("mqctl unlock {profile}   # if it runs no longer, or must be stopped"))
            .code(Code::Locked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let process = Process { machine: "3f9c0d5e22a1".into(), pid: "77".into(), started: "4711".into() };
        let time = "2026-11-22T12:03:00.000000Z".to_owned();
        let mut lease = Lease::new("ci@runner-1 pid 77 credentials rotate".to_owned(), process, time);
        lease.resource_version = "12".to_owned();
        let target = Target {
            kubeconfig: None,
            context: None,
            namespace: "mq".into(),
            release: "q".into(),
            stateful_set: "q".into(),
            label: crate::chart::INSTANCE.to_owned(),
            pods: String::new(),
            container: crate::chart::CONTAINER.to_owned(),
        };
        assert_eq!(Lease::read(&lease.manifest(&target, "q-mqctl")), lease);
        assert_eq!(lease.in_words(), "ci@runner-1 (pid 77, credentials rotate), since 2026-11-22 12:03 UTC");
    }

    #[test]
    fn a_lease_of_somebody_else_s_making_has_a_holder_too() {
        let of = |spec: Value| Lease::read(&json!({"spec": spec})).in_words();
        assert_eq!(of(json!({"holderIdentity": "controller-7"})), "controller-7");
        assert_eq!(of(json!({})), "somebody");
    }
}
