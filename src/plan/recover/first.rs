//! How the first nodes come up: released in place, or made to load their own copy by a switch that is taken back. Pure.

use std::path::Path;

use serde_json::{Value, json};

use super::super::{Action, Condition, Danger, Step};
use super::Recovery;
use crate::chart;
use crate::error::Failure;
use crate::helm;
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
    /// By a value of the chart, in a revision of the release.
    Chart,
}

/// Where the built-in chart has a volume for /tmp, a container that starts again in the same pod is not forced again; with
/// other charts it is, until the switch is taken back.
pub(crate) const FORCED_ONCE: &str = "/tmp/mqctl-forced";

const ENTRY_POINT: &str = include_str!("entry_point.sh");

impl Recovery<'_> {
    pub(super) fn first_up(&self) -> Result<Vec<Step>, Failure> {
        let switch = match (self.given.strategy, self.given.via) {
            // A majority of Khepri boots by itself.
            (Strategy::Together, _) => return Ok(vec![self.first_ready()]),
            (Strategy::KhepriStandalone, _) => self.alone(),
            (Strategy::ForceBoot, Via::File) => self.by_file(),
            (Strategy::ForceBoot, Via::StatefulSet) => self.by_stateful_set()?,
            (Strategy::ForceBoot, Via::Chart) => self.by_value(),
            (Strategy::ForceBoot, Via::Live) => self.in_place(Danger::Destroys),
            _ => self.in_place(Danger::Changes),
        };
        Ok(vec![switch, self.first_ready()])
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
        let lay = recovery::lay_force_load(target, pod, &self.names.base, &self.given.evidence.name_of(pod));
        Step::new(Danger::Destroys, format!("file force_load in {pod}"), "its container starts again and uses it up")
            .action(Action::Wait(Condition::Waiting(vec![pod.to_owned()])))
            .action(Action::Wait(Condition::Succeeds(lay)))
            .action(Action::Try(recovery::restart_container(target, pod)))
            .done(format!("force_load laid in {pod}, its container started again"))
    }

    fn by_stateful_set(&self) -> Result<Step, Failure> {
        let (pod, target) = (self.one(), self.given.target);
        let title = format!("StatefulSet {}", self.names.stateful_set);
        let detail = format!("file force_load laid before the server of {pod} starts, once");
        let step = Step::new(Danger::Destroys, title, detail)
            .action(Action::Run(self.put(&self.forced()?)))
            .action(Action::Run(recovery::stop_now(target, &[pod.to_owned()])))
            .done(format!("{pod} starts with a force boot"));
        Ok(step)
    }

    /// No other pod changes.
    fn forced(&self) -> Result<Value, Failure> {
        let force = format!(
            "if [ \"$(hostname)\" = {} ] && ! [ -e {FORCED_ONCE} ]; then {}touch {FORCED_ONCE}; fi\n",
            self.one(),
            recovery::force_load(&self.names.base, &self.given.evidence.name_of(self.one()))
        );
        let mut set = self.without_held()?;
        set["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
        let containers = set.pointer_mut("/spec/template/spec/containers").and_then(Value::as_array_mut);
        let mut brokers =
            containers.into_iter().flatten().filter(|container| container["name"] == self.names.container.as_str());
        if let Some(broker) = brokers.next() {
            broker["command"] = Value::Array(with_before(&force, broker));
            broker.as_object_mut().and_then(|container| container.remove("args"));
        }
        Ok(set)
    }

    /// A revision that was cut short lets no other be made. A rollback would start pods that are held back: only helm's
    /// record of it is taken away.
    pub(super) fn forget_revision(&self) -> Option<Step> {
        let release = self.given.observed.release.as_ref().filter(|release| release.cut_short_in_upgrade())?;
        let record = helm::record(self.given.target, &release.revision);
        let detail = format!("of revision {}, which was cut short; no other object is touched", release.revision);
        Some(
            Step::new(Danger::Changes, "helm's record", detail)
                .action(Action::Run(kubectl::delete(self.given.target, &[record])))
                .done(format!("helm's record of revision {} removed", release.revision)),
        )
    }

    /// A revision for the pods that are not held back: helm would start the others too.
    fn by_value(&self) -> Step {
        let (pod, target, set) = (self.one(), self.given.target, &self.names.stateful_set);
        let start = self.names.pods.iter().position(|known| known == pod).unwrap_or(0);
        let step = Step::new(Danger::Destroys, "helm upgrade", format!("the chart's force boot is on, for {pod}"))
            .action(Action::Run(recovery::keep_ordinals(target, set, start)));
        self.revision(step, self.given.way.first.len(), true)
            .action(Action::Run(recovery::stop_now(target, &[pod.to_owned()])))
            .done(format!("{pod} starts with the chart's force boot"))
    }

    /// Nobody comes here with a chart that has no such value.
    pub(super) fn revision(&self, step: Step, replicas: usize, forced: bool) -> Step {
        let profile = self.given.profile;
        let values = chart::forced_values(profile, replicas, forced);
        let located = chart::located(profile, Path::new(""));
        values.into_iter().fold(step, |step, values| {
            let fed = chart::fed(profile, &values);
            let call = helm::upgrade_install(self.given.target, &located, fed, profile.timeouts.install);
            step.action(Action::Run(call))
        })
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

/// A command that does this first. Behind the script come its name and the chart's own words.
fn with_before(script: &str, broker: &Value) -> Vec<Value> {
    let words = |key: &str| broker[key].as_array().cloned().unwrap_or_default();
    let (command, args) = (words("command"), words("args"));
    let start = if command.is_empty() { ENTRY_POINT } else { "exec \"$@\"" };
    [vec![json!("sh"), json!("-c"), json!(format!("{script}{start}")), json!("sh")], command, args].concat()
}
