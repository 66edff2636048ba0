//! Holding nodes back: by the start gate of the built-in chart, or by ordinals that the StatefulSet leaves out. Pure.

use serde_json::{Value, json};

use super::super::{Action, Danger, Step};
use super::{Given, Recovery};
use crate::chart::{self, Names};
use crate::cluster::{Pod, Standing};
use crate::error::Failure;
use crate::kubectl::{self, recovery};
use crate::outcome::Outcome;
use crate::process::{Call, Part};
use crate::profile::ChartRef;
use crate::recover::strategy::{self, Strategy, Way};

/// The pods of a StatefulSet from one ordinal on.
pub(super) struct Block {
    start: usize,
    count: usize,
}

/// Only an install makes it anew, and starts all nodes together: where that would lose something they are held back first.
pub(super) fn no_stateful_set(given: &Given<'_>, names: &Names) -> Failure {
    let (set, name, pods) = (&names.stateful_set, &given.profile.name, names.pods.join(" "));
    let failure = |more: &str| {
        let text = format!("there is no StatefulSet `{set}`, and none is kept{more}; nothing was changed");
        Failure::new(Outcome::Contradiction, text)
    };
    let Err(why) = strategy::rung(Strategy::Together, given.evidence, None).way else {
        return failure("").hint(format!("mqctl install {name}   # makes it, and starts all nodes together"));
    };
    let failure = failure(&format!(", and an install {why}"));
    let then = format!("mqctl install {name} --timeout 1m; mqctl recover {name}");
    if given.profile.chart != ChartRef::Builtin {
        return failure
            .hint(format!(
                "{}   # in the profile: then only {} starts",
                chart::in_order_line(given.profile),
                names.pods[0]
            ))
            .hint(then);
    }
    let hold = format!("kubectl --namespace {} create configmap {}", given.target.namespace, names.hold);
    failure
        .hint(format!("printf '%s\\n' {pods} | {hold} --from-file=pods=/dev/stdin   # no node starts"))
        .hint(format!("{then}   # it finds them held back, and starts the newest first"))
}

impl Recovery<'_> {
    /// The pods that are held back, in the order of their ordinals.
    pub(super) fn held(&self) -> Vec<String> {
        self.names.pods.iter().filter(|pod| !self.given.way.first.contains(pod)).cloned().collect()
    }

    /// The chart has a start gate.
    pub(super) fn has_gate(&self) -> bool {
        let containers = self.wished.pointer("/spec/template/spec/initContainers").and_then(Value::as_array);
        containers.into_iter().flatten().any(|container| container["name"] == "start-gate")
    }

    /// One block of ordinals: others cannot be left out.
    fn block(&self) -> Result<Block, Failure> {
        let place = |pod: &String| self.names.pods.iter().position(|known| known == pod);
        let places: Vec<usize> = self.given.way.first.iter().filter_map(place).collect();
        let start = places.iter().min().copied().unwrap_or(0);
        let count = places.iter().max().copied().unwrap_or(0) + 1 - start;
        if count == places.len() {
            return Ok(Block { start, count });
        }
        let text = format!(
            "{} cannot be held back: this chart has no start gate, and its ordinals are not at one end; nothing was changed",
            self.held().join(", ")
        );
        Err(Failure::new(Outcome::Contradiction, text))
    }

    /// Without a start gate blank members of Khepri can be left out at one end of the ordinals only. Elsewhere they may start
    /// with the others where the first pod has data: that is the one which begins a new cluster where it finds none.
    pub(super) fn cannot_hold_blank_back(&self) -> bool {
        let Way { first, .. } = self.given.way;
        let begins = first.contains(&self.names.pods[0]);
        self.given.strategy == Strategy::Together && begins && !self.has_gate() && self.block().is_err()
    }

    /// All but the first are held back; these start.
    pub(super) fn hold_back(&self) -> Result<Vec<Step>, Failure> {
        if !self.has_gate() {
            return Ok(vec![self.by_ordinals(&self.block()?, self.without_held()?)]);
        }
        let held = self.held();
        let title = format!("hold back {}", held.join(", "));
        let mut step =
            Step::new(Danger::Changes, title, format!("at the start gate, by ConfigMap {}", self.names.hold))
                .done(format!("{} held back", held.join(", ")))
                .action(Action::Run(self.close_gate(&held)));
        let parallel = self.given.observed.set.as_ref().is_some_and(|set| set.parallel);
        step = self.wiped(step);
        step = if parallel { self.pods_anew(step) } else { self.anew(step, &self.wished, |_| false) };
        Ok(std::iter::once(step).chain(self.let_first_through()).collect())
    }

    pub(super) fn close_gate(&self, pods: &[String]) -> Call {
        let object = recovery::hold(&self.names.hold, self.given.target, pods);
        kubectl::apply(self.given.target, vec![Part::Text(object.to_string())])
    }

    /// Pods that were started already are made anew, and meet the closed gate; those of the first that are in back-off too.
    fn pods_anew(&self, step: Step) -> Step {
        let first = |pod: &Pod| self.given.way.first.contains(&pod.name);
        let again = self.pods_where(|pod| pod.standing.stuck() || (pod.standing != Standing::Held && !first(pod)));
        let mut step = self.stopped_now(step, &again);
        if self.given.observed.set.as_ref().is_some_and(|set| set.replicas < self.replicas()) {
            step = step.action(Action::Run(kubectl::scale(self.given.target, self.replicas())));
        }
        step
    }

    /// Whoever finishes leaves alone what a run that was cut short has let in again.
    pub(super) fn still_lost(&self) -> Vec<String> {
        let lost = &self.given.way.lost;
        if self.given.noted.is_none() { lost.clone() } else { strategy::still_lost(self.given.evidence, lost) }
    }

    /// Lost members are not to start before they are forgotten; the others serve clients.
    pub(super) fn hold_lost_back(&self) -> Result<Step, Failure> {
        let lost = self.still_lost();
        if !self.has_gate() {
            let text = format!(
                "{} cannot be held back beside running nodes: this chart has no start gate; nothing was changed",
                lost.join(", ")
            );
            return Err(Failure::new(Outcome::Contradiction, text));
        }
        let there = self.pods_where(|pod| lost.contains(&pod.name) && pod.standing != Standing::Held);
        let step = Step::new(Danger::Changes, format!("hold back {}", lost.join(", ")), "until it is forgotten")
            .done(format!("{} held back", lost.join(", ")))
            .action(Action::Run(self.close_gate(&lost)));
        Ok(self.stopped_now(self.wiped(step), &there))
    }

    /// What nodes wrote that started as brokers of their own is no part of the cluster. The claim is asked for first, and
    /// goes with its pod.
    fn wiped(&self, step: Step) -> Step {
        let claim = |pod: &String| self.names.pods.iter().position(|known| known == pod).map(|n| &self.names.claims[n]);
        // One that was wiped by a run that was cut short has a new claim: that one stays.
        let stranger = |pod: &&String| self.given.evidence.nodes.iter().any(|node| node.pod == **pod && node.stranger);
        let claims = self.given.way.strangers.iter().filter(stranger).filter_map(claim);
        claims.fold(step, |mut step, claim| {
            step.danger = Danger::Destroys;
            step.action(Action::Run(recovery::release_claim(self.given.target, claim)))
        })
    }

    /// Those that were held before.
    fn let_first_through(&self) -> Option<Step> {
        let pods = self.pods_where(|pod| pod.standing == Standing::Held && self.given.way.first.contains(&pod.name));
        if pods.is_empty() {
            return None;
        }
        let step = Step::new(Danger::Changes, format!("start {}", pods.join(", ")), "through the start gate");
        Some(self.let_in(step, &pods).done(format!("{} started", pods.join(", "))))
    }

    /// The StatefulSet as it is while others are held back: without a start gate it has only the first's ordinals.
    pub(super) fn without_held(&self) -> Result<Value, Failure> {
        let mut part = self.wished.clone();
        if !self.has_gate() {
            let block = self.block()?;
            part["spec"]["ordinals"] = json!({"start": block.start});
            part["spec"]["replicas"] = json!(block.count);
        }
        Ok(part)
    }

    /// The StatefulSet begins at another ordinal. It is made without pods first: an API server that does not know the field
    /// would start the very pods that are to be held back.
    fn by_ordinals(&self, block: &Block, mut part: Value) -> Step {
        part["spec"]["replicas"] = json!(0);
        let (target, set) = (self.given.target, &self.names.stateful_set);
        let title = format!("hold back {}", self.held().join(", "));
        let step =
            Step::new(Danger::Changes, title, format!("StatefulSet {set} made anew from ordinal {} on", block.start));
        let count = u32::try_from(block.count).unwrap_or(u32::MAX);
        self.anew(step, &part, |_| false)
            .action(Action::Run(recovery::require_ordinals(target, set, block.start)))
            .action(Action::Run(kubectl::scale(target, count)))
            .done(format!("{} held back", self.held().join(", ")))
    }

    pub(super) fn open_gate(&self) -> Step {
        let hold = format!("configmap/{}", self.names.hold);
        let step =
            Step::new(Danger::Changes, "open the start gate", format!("ConfigMap {} is deleted", self.names.hold))
                .action(Action::Run(kubectl::delete(self.given.target, &[hold])));
        self.let_in(step, &self.held()).done("the start gate is open")
    }

    /// Each is told: what the ConfigMap says, and that it is gone, the kubelet shows it only after a minute.
    pub(super) fn let_in(&self, step: Step, pods: &[String]) -> Step {
        let open = |step: Step, pod: &String| step.action(Action::Try(recovery::open_gate(self.given.target, pod)));
        pods.iter().fold(step, open)
    }

    /// All ordinals again.
    pub(super) fn whole_again(&self) -> Step {
        let (target, set) = (self.given.target, &self.names.stateful_set);
        let mut whole = self.wished.clone();
        if self.is_forced() {
            // Its pod must not be replaced before the others have joined it.
            whole["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
        }
        Step::new(Danger::Changes, format!("StatefulSet {set}"), "made anew with all its ordinals; pods that run stay")
            .action(Action::Run(recovery::orphan(target, set)))
            .action(Action::Run(self.put(&whole)))
            .action(Action::Try(self.mark()))
            .done(format!("StatefulSet {set} has all its ordinals"))
    }
}
