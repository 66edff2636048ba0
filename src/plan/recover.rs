//! Recover: one rung of the ladder as a plan; what an earlier run has left of one is finished by the same plan. Pure.
//!
//! First half: the nodes that may be newest come up while all others are held back. Second half: the others join. Where
//! one of the first serves clients already, only the second is left to do.

use std::time::Duration;

use serde_json::{Value, json};

use self::first::Via;
use super::{Action, Claim, Condition, Danger, Outlook, Plan, Step, Wished};
use crate::chart::{self, Names};
use crate::cluster::{Observed, Pod, Standing, StatefulSet, Target};
use crate::error::Failure;
use crate::kubectl::{self, recovery};
use crate::process::Part;
use crate::profile::Profile;
use crate::recover::evidence::Evidence;
use crate::recover::strategy::{Strategy, Way};
use crate::recover::under_way::{self, UnderWay, without_note};
use crate::units::{show_duration, show_nodes};

mod copies;
pub mod first;
mod held;
mod others;
mod repair;

/// Everything that the planner decides from.
pub struct Given<'a> {
    pub verb: &'static str,
    pub profile: &'a Profile,
    pub target: &'a Target,
    pub observed: &'a Observed,
    pub evidence: &'a Evidence,
    pub strategy: Strategy,
    pub way: &'a Way,
    /// How a node is made to load its own copy.
    pub via: Via,
    /// Pods of mqctl's own may be made, to copy what is on the volumes.
    pub helper_pods: bool,
    /// What an earlier run has noted.
    pub noted: Option<&'a UnderWay>,
    /// The limit of each wait.
    pub limit: Duration,
}

/// What the steps are made from.
struct Recovery<'a> {
    given: &'a Given<'a>,
    names: Names,
    /// The StatefulSet as it has to be in the end.
    wished: Value,
}

/// Plans one rung, or the rest of one.
///
/// # Errors
/// There is no StatefulSet and nobody has kept one; nobody knows which version a refused step has to go back to; the nodes
/// to be held back are not at one end of the ordinals.
pub fn recover(given: &Given<'_>) -> Result<Plan, Failure> {
    let names = chart::names(given.profile);
    let recovery = Recovery { given, wished: wished(given, &names)?, names };
    let steps = recovery.steps()?;
    Ok(recovery.plan(steps))
}

fn wished(given: &Given<'_>, names: &Names) -> Result<Value, Failure> {
    let live = given.observed.set.as_ref().map(|set| set.manifest.clone());
    let noted = given.noted.map(|noted| noted.stateful_set.clone());
    // An upgrade that was cut short when it made the StatefulSet anew; where no pod is, nobody waits for that.
    let kept = given.observed.evidence.as_ref().and_then(under_way::kept_set);
    let kept = kept.filter(|_| !given.observed.pods.is_empty());
    let Some(set) = noted.or(live).or(kept) else {
        return Err(held::no_stateful_set(given, names));
    };
    let mut set = before_the_step(given, set)?;
    set["spec"]["podManagementPolicy"] = json!("Parallel");
    set["spec"]["replicas"] = json!(names.pods.len());
    if let Some(annotations) = set.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(crate::cluster::RECOVERY);
    }
    Ok(set)
}

/// Nodes that run without their metadata show which image a refused step has to go back to.
fn before_the_step(given: &Given<'_>, set: Value) -> Result<Value, Failure> {
    let mut damaged = given.evidence.damaged();
    let pod = damaged.next().and_then(|node| given.observed.pods.iter().find(|pod| pod.name == node.pod));
    match pod.and_then(|pod| pod.image.as_deref()) {
        Some(image) => Ok(repair::with_image(set, &given.target.container, image)),
        None if given.way.repair.is_some() => {
            repair::with_booted(set, given.observed.noted.booted.as_deref(), given.target)
        }
        None => Ok(set),
    }
}

/// Nodes that wait for each other must find each other; it stays so, as the next full stop needs it too.
pub(super) fn publish(target: &Target, observed: &Observed, names: &Names) -> Option<Step> {
    let headless = names.headless();
    let title = format!("Service {headless}");
    observed.hides_waiting.then(|| {
        Step::new(Danger::Changes, title.clone(), "names pods that are not ready too: nodes that wait find each other")
            .action(Action::Run(recovery::publish(target, headless)))
            .done(format!("{title} names pods that are not ready too"))
    })
}

impl Recovery<'_> {
    fn steps(&self) -> Result<Vec<Step>, Failure> {
        let mut steps: Vec<Step> = self.count().into_iter().chain(self.forget_revision()).collect();
        steps.extend(match &self.given.way.repair {
            Some(repair) => self.with_value_off(self.repaired(repair)),
            None if self.given.way.first.is_empty() || self.cannot_hold_blank_back() => {
                self.with_value_off(self.together())
            }
            None => self.one_after_the_other()?,
        });
        steps.extend(self.verify());
        if self.given.noted.is_some() || steps.iter().any(|step| step.title == self.note_title()) {
            steps.push(self.forget_note());
        }
        Ok(steps)
    }

    /// Where somebody serves clients: what a stopped node has can only be counted afterwards.
    fn count(&self) -> Option<Step> {
        let running = self.given.evidence.nodes.iter().find(|node| node.runs && !node.is_damaged())?;
        let step = Step::new(Danger::Reads, "count messages", format!("through {}", running.pod));
        Some(step.action(Action::Count(running.pod.clone())).done("messages counted"))
    }

    fn one_after_the_other(&self) -> Result<Vec<Step>, Failure> {
        let serve = |pod: &String| self.given.evidence.nodes.iter().any(|node| node.pod == *pod && node.runs);
        let mut steps: Vec<Step> = self.published().into_iter().collect();
        if !self.given.way.first.iter().any(serve) {
            steps.extend(self.copies());
            steps.push(self.note());
            steps.extend(self.hold_back()?);
            steps.extend(self.first_up()?);
        } else if !self.still_lost().is_empty() {
            steps.push(self.note());
            steps.push(self.hold_lost_back()?);
        }
        steps.extend(self.others_join());
        Ok(steps)
    }

    /// Nobody is held back: whoever cannot start is helped to.
    fn together(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = self.without_left_file().into_iter().chain(self.published()).collect();
        let gate = self.given.observed.holds.then(|| self.open_gate());
        match &self.given.observed.set {
            Some(set) if set.parallel && !self.is_left_changed() => {
                steps.extend(gate.into_iter().chain(self.stuck_anew()));
                steps.extend((set.replicas < self.replicas()).then(|| self.start_all()));
            }
            // A switch goes before anybody passes the gate.
            _ => steps.extend([self.note(), self.parallel_anew()].into_iter().chain(gate)),
        }
        steps.push(self.all_ready());
        steps
    }

    /// An earlier run has left its switches or its gap in the ordinals in the StatefulSet.
    fn is_left_changed(&self) -> bool {
        let other = |set: &StatefulSet, field: &str| set.manifest.pointer(field) != self.wished.pointer(field);
        let fields = ["/spec/template", "/spec/ordinals", "/spec/updateStrategy"];
        let live = self.given.observed.set.as_ref();
        self.given.noted.is_some() && live.is_some_and(|set| fields.iter().any(|field| other(set, field)))
    }

    fn published(&self) -> Option<Step> {
        publish(self.given.target, self.given.observed, &self.names)
    }

    /// Pods that do not start by themselves, together, so that none waits longer than the others.
    fn stuck_anew(&self) -> Option<Step> {
        // Those that could not find each other do not look again.
        let lost = |pod: &Pod| self.given.observed.hides_waiting && matches!(pod.standing, Standing::Booting(_));
        let pods = self.pods_where(|pod| pod.standing.stuck() || lost(pod));
        (!pods.is_empty()).then(|| {
            Step::new(Danger::Changes, format!("make {} anew", pods.join(", ")), "their volumes stay; no more back-off")
                .action(Action::Run(recovery::stop_now(self.given.target, &pods)))
                .done(format!("{} made anew", pods.join(", ")))
        })
    }

    fn start_all(&self) -> Step {
        Step::new(Danger::Changes, "start all nodes", "")
            .action(Action::Run(kubectl::scale(self.given.target, self.replicas())))
            .done("all nodes started")
    }

    fn replicas(&self) -> u32 {
        self.given.profile.replicas
    }

    fn all_ready(&self) -> Step {
        let detail = format!("up to {}", show_duration(self.given.limit));
        Step::new(Danger::Reads, format!("{} ready", show_nodes(self.replicas())), detail)
            .action(Action::Wait(Condition::AllReady))
    }

    /// By what the nodes and the queues say themselves.
    fn verify(&self) -> [Step; 2] {
        let wished =
            Wished { pods: self.names.pods.clone(), username: self.given.profile.credentials.username.clone() };
        let login = Step::new(
            Danger::Reads,
            format!("login as {}", wished.username),
            "members, alarms, cookie, by the brokers' own word",
        )
        .done(format!("all nodes agree, logged in as {}", wished.username))
        .action(Action::Verify(wished));
        let through = self.given.way.first.first().unwrap_or(&self.names.pods[0]).clone();
        let queues = Step::new(Danger::Reads, "a leader for every queue", "each is asked itself")
            .done("queues asked")
            .action(Action::AllLed(through));
        [login, queues]
    }

    fn note_title(&self) -> String {
        format!("ConfigMap {}", self.names.evidence)
    }

    fn note(&self) -> Step {
        let (given, names) = (self.given, &self.names);
        let noted = UnderWay {
            strategy: given.strategy,
            way: given.way.clone(),
            stateful_set: self.wished.clone(),
            by_chart: self.by_chart(),
            copies: self.given.noted.map_or_else(|| self.wants_copies(), |noted| noted.copies),
        };
        let object = noted.object(&names.evidence, &given.target.release);
        Step::new(Danger::Changes, self.note_title(), "what is under way, and the StatefulSet as it will be")
            .action(Action::Run(recovery::apply_note(given.target, &object)))
            .action(Action::Try(self.mark()))
            .done(format!("noted in ConfigMap {} what is under way", names.evidence))
    }

    fn mark(&self) -> crate::process::Call {
        recovery::mark(self.given.target, &self.names.stateful_set, Some(self.given.strategy.word()))
    }

    fn forget_note(&self) -> Step {
        let (target, names) = (self.given.target, &self.names);
        Step::new(Danger::Changes, "the note of what is under way", "taken away again")
            .action(Action::Run(recovery::mark(target, &names.stateful_set, None)))
            .action(Action::Run(recovery::apply_note(target, &without_note(&names.evidence, &target.release))))
            .done("nothing is under way any more")
    }

    /// The StatefulSet made anew around its pods: `podManagementPolicy` cannot be changed.
    fn parallel_anew(&self) -> Step {
        let title = format!("StatefulSet {}", self.names.stateful_set);
        let step =
            Step::new(Danger::Changes, title.clone(), "made anew as Parallel, so that all pods are created at once");
        let waits = |pod: &Pod| matches!(pod.standing, Standing::Booting(_));
        // One that waits goes on when the others come; but for a switch of its own, or where it cannot find them any more.
        let stays = |pod: &Pod| waits(pod) && !self.is_left_changed() && !self.given.observed.hides_waiting;
        self.anew(step, &self.wished, stays).done(format!("{title} is Parallel"))
    }

    /// Pods that serve nobody are made anew with it, but for those that may stay.
    fn anew(&self, step: Step, manifest: &Value, stays: impl Fn(&Pod) -> bool) -> Step {
        let go = self.pods_where(|pod| pod.standing != Standing::Ready && !stays(pod));
        let step = step.action(Action::Run(recovery::orphan(self.given.target, &self.names.stateful_set)));
        self.stopped_now(step, &go).action(Action::Run(self.put(manifest))).action(Action::Try(self.mark()))
    }

    fn pods_where(&self, picks: impl Fn(&Pod) -> bool) -> Vec<String> {
        self.given.observed.pods.iter().filter(|pod| picks(pod)).map(|pod| pod.name.clone()).collect()
    }

    fn stopped_now(&self, step: Step, pods: &[String]) -> Step {
        if pods.is_empty() { step } else { step.action(Action::Run(recovery::stop_now(self.given.target, pods))) }
    }

    /// As helm would: its next upgrade meets no foreign field.
    fn put(&self, manifest: &Value) -> crate::process::Call {
        kubectl::take_back(self.given.target, vec![Part::Text(manifest.to_string())])
    }

    /// The profile is the user's: what it has to say from now on is told.
    fn keep_it_so(&self) -> Option<String> {
        let (path, line) = (self.given.profile.path.display(), chart::parallel_line(self.given.profile));
        let told = || format!("the StatefulSet is Parallel now; keep it so: add to {path}\n    {line}");
        (!chart::is_parallel(self.given.profile)).then(told)
    }

    fn plan(self, steps: Vec<Step>) -> Plan {
        let (given, name) = (self.given, &self.given.profile.name);
        let cut_short =
            given.noted.map(|noted| format!("an earlier {} was cut short: this finishes it", noted.strategy.word()));
        let mut farewell = vec![format!("{name} is back.   mqctl status {name}")];
        farewell.extend(self.keep_it_so());
        farewell.extend(self.tell_copies());
        Plan {
            verb: given.verb,
            target: given.target.clone(),
            about: format!("{} ({})", given.verb, given.strategy.word()),
            steps,
            warnings: cut_short.into_iter().chain(self.other_tag()).chain(self.not_copied()).collect(),
            outlook: Outlook::default(),
            changes: Vec::new(),
            nothing: String::new(),
            farewell,
            limit: given.limit,
            protected: given.profile.protected,
            claim: Some(Claim::on(given.profile, given.observed)),
            names: self.names,
        }
    }
}
