//! How the first nodes come up: released in place, or made to load their own copy by a switch that is taken back. Pure.

use serde_json::{Value, json};

use super::super::{Action, Condition, Danger, Step};
use super::Recovery;
use crate::kubectl::{self, recovery};
use crate::recover::strategy::Strategy;

/// How a node is made to load its own copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Via {
    /// In place, while it waits.
    #[default]
    Live,
    /// By a file on its volume, which its next start reads and removes.
    File,
    /// By a command before the server, in the StatefulSet.
    StatefulSet,
}

impl Recovery<'_> {
    pub(super) fn first_up(&self) -> Vec<Step> {
        match (self.given.strategy, self.given.via) {
            (Strategy::KhepriStandalone, _) => vec![self.alone(), self.first_ready()],
            (Strategy::ForceBoot, Via::File) => vec![self.by_file(), self.first_ready()],
            (Strategy::ForceBoot, Via::StatefulSet) => vec![self.by_stateful_set(), self.first_ready()],
            (Strategy::ForceBoot, Via::Live) => vec![self.in_place(Danger::Destroys), self.first_ready()],
            _ => vec![self.in_place(Danger::Changes), self.first_ready()],
        }
    }

    fn one(&self) -> &str {
        &self.given.way.first[0]
    }

    fn first_ready(&self) -> Step {
        let first = &self.given.way.first;
        Step::new(Danger::Reads, format!("clients are served by {}", first.join(", ")), "")
            .action(Action::Wait(Condition::Ready(first.clone())))
    }

    /// Only when the nodes wait: before that the release would be a race with those that are starting too.
    fn in_place(&self, danger: Danger) -> Step {
        let (pod, first) = (self.one(), &self.given.way.first);
        Step::new(danger, format!("release {pod}"), "in place, as soon as it waits: it loads its own copy")
            .action(Action::Wait(Condition::Waiting(first.clone())))
            .action(Action::Run(recovery::release(self.given.target, pod)))
            .done(format!("{pod} released"))
    }

    /// A container that waits lives long enough; one that comes and goes is tried again until the file is there.
    fn by_file(&self) -> Step {
        let (pod, target) = (self.one(), self.given.target);
        Step::new(Danger::Destroys, format!("file force_load in {pod}"), "its container starts again and uses it up")
            .action(Action::Wait(Condition::Waiting(vec![pod.to_owned()])))
            .action(Action::Wait(Condition::Succeeds(recovery::lay_force_load(target, pod))))
            .action(Action::Try(recovery::restart_container(target, pod)))
            .done(format!("force_load laid in {pod}, its container started again"))
    }

    fn by_stateful_set(&self) -> Step {
        let (pod, target) = (self.one(), self.given.target);
        let title = format!("StatefulSet {}", self.names.stateful_set);
        Step::new(Danger::Destroys, title, format!("rabbitmqctl force_boot before the server of {pod}, once"))
            .action(Action::Run(self.put(&self.forced())))
            .action(Action::Run(kubectl::delete(target, &[format!("pod/{pod}")])))
            .done(format!("{pod} starts with a force boot"))
    }

    /// No other pod changes, and a container that starts again in the same pod is not forced again.
    fn forced(&self) -> Value {
        let script = format!(
            "if [ \"$(hostname)\" = {} ] && ! [ -e /tmp/mqctl-forced ]; then \
             rabbitmqctl force_boot && touch /tmp/mqctl-forced; fi; exec $(command -v docker-entrypoint.sh) rabbitmq-server",
            self.one()
        );
        let mut set = self.wished.clone();
        set["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
        let containers = set.pointer_mut("/spec/template/spec/containers").and_then(Value::as_array_mut);
        let mut brokers = containers.into_iter().flatten().filter(|container| container["name"] == "rabbitmq");
        if let Some(broker) = brokers.next() {
            broker["command"] = json!(["sh", "-c", script]);
        }
        set
    }

    /// Too early it fails and does no harm.
    fn alone(&self) -> Step {
        let pod = self.one();
        Step::new(
            Danger::Destroys,
            format!("{pod} goes on alone"),
            "rabbitmqctl force_standalone_khepri_boot, until it is heard",
        )
        .action(Action::Wait(Condition::Succeeds(recovery::boot_standalone(self.given.target, pod))))
        .done(format!("{pod} goes on alone"))
    }
}
