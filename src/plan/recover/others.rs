//! The second half: lost members are forgotten, switches are taken back, and all others join those that serve clients. Pure.

use super::super::{Action, Condition, Danger, Step};
use super::Recovery;
use super::first::Via;
use crate::cluster::Standing;
use crate::kubectl::recovery;
use crate::recover::strategy::{self, Strategy};

impl Recovery<'_> {
    pub(super) fn others_join(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        match self.given.strategy {
            Strategy::Forget => {
                steps.extend(self.still_lost().iter().map(|pod| self.forget(pod)));
                steps.extend(self.majority_lost().then(|| self.shrink()).flatten());
            }
            Strategy::KhepriStandalone => steps.extend(self.shrink()),
            Strategy::ForceBoot => steps.push(self.without_file(&self.given.way.first[0])),
            Strategy::Together | Strategy::NewestFirst | Strategy::Repair => {}
        }
        steps.extend(self.those_with_data());
        steps.push(if self.has_gate() { self.open_gate() } else { self.whole_again() });
        if self.is_forced() {
            steps.extend([self.each_ready(), self.not_forced()]);
            steps.extend(self.by_chart().then(|| self.value_off()));
        }
        steps.push(self.all_ready());
        steps.extend(self.given.way.lost.iter().map(|pod| self.grow(pod)));
        steps
    }

    /// Blank members start last: a member that meets one in its boot is told that the cluster disagrees, and ends (3.10).
    fn those_with_data(&self) -> Vec<Step> {
        let way = &self.given.way;
        let blank = |pod: &&String| !strategy::has_joined(self.given.evidence, pod);
        let blank: Vec<String> = way.lost.iter().filter(blank).cloned().collect();
        let ready = self.pods_where(|pod| pod.standing == Standing::Ready);
        let with_data: Vec<String> =
            self.held().into_iter().filter(|pod| !way.lost.contains(pod) && !ready.contains(pod)).collect();
        if !self.has_gate() || blank.is_empty() || with_data.is_empty() {
            return Vec::new();
        }
        let title = with_data.join(", ");
        let step =
            Step::new(Danger::Changes, format!("start {title}"), "through the start gate, before those without data")
                .action(Action::Run(self.close_gate(&blank)));
        let ready = Step::new(Danger::Reads, format!("clients are served by {title} too"), "")
            .action(Action::Wait(Condition::Ready(with_data.clone())));
        vec![self.let_in(step, &with_data).done(format!("{title} started")), ready]
    }

    /// A node that serves clients.
    fn through(&self) -> &str {
        let runs = |pod: &&String| self.given.evidence.nodes.iter().any(|node| node.pod == ***pod && node.runs);
        self.given.way.first.iter().find(runs).unwrap_or(&self.given.way.first[0])
    }

    fn forget(&self, pod: &str) -> Step {
        let (target, through, node) = (self.given.target, self.through(), self.given.evidence.name_of(pod));
        Step::new(
            Danger::Destroys,
            format!("forget {pod}"),
            "with the classic queues that were on it; then it may join anew",
        )
        .action(Action::Try(recovery::forget(target, through, &node)))
        .action(Action::Wait(Condition::Succeeds(recovery::is_forgotten(target, through, &node))))
        .done(format!("{pod} forgotten"))
    }

    /// Then quorum queues have no leader who could shrink them.
    fn majority_lost(&self) -> bool {
        self.given.way.lost.len() * 2 >= self.names.pods.len()
    }

    /// By its effect it is judged afterwards: 3.10 has no such call, and needs none. Not where a run that was cut short has
    /// let others in again: they may have confirmed what this one has not.
    fn shrink(&self) -> Option<Step> {
        let (given, pod) = (self.given, &self.given.way.first[0]);
        if given.noted.is_some() && given.way.lost.iter().any(|lost| strategy::has_joined(given.evidence, lost)) {
            return None;
        }
        let detail = format!("to their member on {pod}, which has what is left");
        let step = Step::new(Danger::Destroys, "shrink quorum queues", detail)
            .action(Action::Try(recovery::shrink_queues(given.target, pod)))
            .done("quorum queues shrunk");
        Some(step)
    }

    /// An earlier run may have laid it, and its next start is not the one that it was laid for.
    pub(super) fn without_left_file(&self) -> Option<Step> {
        let noted = self.given.noted.filter(|noted| noted.strategy == Strategy::ForceBoot)?;
        let pod = noted.way.first.first()?;
        let runs = self.given.observed.pods.iter().any(|known| known.name == *pod && known.runs());
        runs.then(|| self.without_file(pod))
    }

    /// A boot uses the file up; one that another way was quicker than would do harm at some later start.
    fn without_file(&self, pod: &str) -> Step {
        let node = self.given.evidence.name_of(pod);
        let remove = recovery::remove_force_load(self.given.target, pod, &self.names.base, &node);
        Step::new(Danger::Changes, format!("no file force_load in {pod}"), "should no start have used it up")
            .action(Action::Wait(Condition::Succeeds(remove)))
            .done(format!("no force_load left in {pod}"))
    }

    /// By us, or by an earlier run.
    pub(super) fn is_forced(&self) -> bool {
        let template = "/spec/template";
        let live = self.given.observed.set.as_ref().map(|set| set.manifest.pointer(template));
        let changed = self.given.noted.is_some() && live.is_some_and(|live| live != self.wished.pointer(template));
        changed || self.by_chart() || (self.given.strategy == Strategy::ForceBoot && self.given.via == Via::StatefulSet)
    }

    /// The chart's switch is on, or will be.
    pub(super) fn by_chart(&self) -> bool {
        self.given.via == Via::Chart || self.given.noted.is_some_and(|noted| noted.by_chart)
    }

    /// Whoever finishes takes the chart's switch back, also where another way is gone than the one that turned it on.
    pub(super) fn with_value_off(&self, mut steps: Vec<Step>) -> Vec<Step> {
        if self.by_chart() {
            steps.extend([self.value_off(), self.all_ready()]);
        }
        steps
    }

    /// The release says what its StatefulSet is again.
    fn value_off(&self) -> Step {
        let step = Step::new(Danger::Changes, "helm upgrade", "the chart's force boot is off again");
        self.revision(step, self.names.pods.len(), false).done("the chart's force boot is off")
    }

    fn each_ready(&self) -> Step {
        Step::new(Danger::Reads, "all pods ready", "before the forced one starts once more")
            .action(Action::Wait(Condition::Ready(self.names.pods.clone())))
    }

    fn not_forced(&self) -> Step {
        let title = format!("StatefulSet {}", self.names.stateful_set);
        Step::new(
            Danger::Changes,
            title.clone(),
            "the force boot is taken back; its pod restarts once, among the others",
        )
        .action(Action::Run(self.put(&self.wished)))
        .done(format!("{title} is as it was"))
    }

    fn grow(&self, pod: &str) -> Step {
        Step::new(Danger::Changes, format!("quorum queues on {pod}"), "it becomes a member of each again")
            .action(Action::Run(recovery::grow_queues(
                self.given.target,
                self.through(),
                &self.given.evidence.name_of(pod),
            )))
            .done(format!("quorum queues have {pod} again"))
    }
}
