//! A new password where the pods' probes log in with it. Pure.
//!
//! RabbitMQ knows one password a user, so that for a while some pods have another one than the broker, and their probes
//! fail: after a minute such a pod is not ready, after some more the kubelet kills its node. With the chart's defaults that
//! is 150 s for a node that runs, and 270 s from its start for a new one; mqctl sets 750 s for that. So the order is:
//!
//! 1. the pods that start from now on get the new password: no crash in between makes a pod that nobody counts on;
//! 2. all but one restart, the highest ordinal first, as pods that are created in order want it. They serve whoever is
//!    connected and are ready later: they have the long time;
//! 3. the broker takes the new password, and they are ready at once;
//! 4. the last one restarts: it alone has had the short time, and no more than a probe or two of it.
//!
//! At every moment all nodes but one run, and one at least is ready. The other way round, the broker first, all pods would
//! be on the short time together, and where the restarts take longer they would be killed together: a full stop. Uids of
//! the pods that have the old password are noted on the Secret with the first step, so that whoever is cut short goes on
//! with those that are left.
//!
//! Where the pods have it as a file nobody restarts: the kubelet writes files anew within a minute or two, and at once
//! where something else of the pod changes.

use super::{Given, finish, new_secret, object, promote, verify};
use crate::chart::Names;
use crate::cluster::Pod;
use crate::cluster::probes::Shown;
use crate::kubectl::{self, rotation};
use crate::plan::{Action, Condition, Danger, Step, recover};
use crate::process::{Call, Part};
use crate::secret::{Hole, Name};

pub(super) fn new_password(given: &Given<'_>, names: &Names, shown: &Shown) -> Vec<Step> {
    let (old, between) = match shown {
        Shown::Variable => {
            let old = old_pods(given);
            let steps = restarted(given, names, &old);
            (old.iter().map(|pod| pod.uid.clone()).collect(), steps)
        }
        Shown::File(file) => (Vec::new(), vec![tell(given, &[]), refresh(given, names, file)]),
    };
    let ends = [promote(given), finish(given, names), verify(given, names)];
    std::iter::once(hand_out(given, names, &old)).chain(between).chain(ends).collect()
}

/// What is said of the pods in the plan's headline.
pub(super) const fn about(shown: &Shown) -> &'static str {
    match shown {
        Shown::Variable => "; probes of this chart log in: pods are restarted one by one",
        Shown::File(_) => "; probes of this chart log in, and read it from a file: no pod restarts",
    }
}

/// Those that were started with the password of before, the highest ordinal first.
fn old_pods<'a>(given: &Given<'a>) -> Vec<&'a Pod> {
    let observed = given.observed;
    let noted = observed.noted.rotating.as_ref();
    let is_old = |pod: &&Pod| noted.is_none_or(|uids| uids.contains(&pod.uid));
    let mut pods: Vec<&Pod> = observed.pods.iter().filter(is_old).collect();
    pods.sort_by_key(|pod| std::cmp::Reverse(pod.ordinal()));
    pods
}

fn hand_out(given: &Given<'_>, names: &Names, old: &[String]) -> Step {
    let detail = format!("{}; pods that start from now on have it", new_secret(given));
    let step = super::generated(given, Step::new(Danger::Changes, format!("Secret {}", names.secret), detail));
    step.action(Action::Run(kubectl::apply(given.target, object(given, names, Some(given.what.next()), Some(old)))))
        .done(format!("new {} kept in the Secret", given.what))
}

fn restarted(given: &Given<'_>, names: &Names, old: &[&Pod]) -> Vec<Step> {
    let published = recover::publish(given.target, given.observed, names).filter(|_| names.pods.len() > 1);
    let mut steps: Vec<Step> = published.into_iter().collect();
    if given.observed.ready().next().is_some() {
        let last = old.last().map(|pod| pod.name.clone());
        let others: Vec<String> = names.pods.iter().filter(|pod| Some(*pod) != last.as_ref()).cloned().collect();
        let booted = |pod: &&Pod| restart(given, &pod.name, Condition::Booted(vec![pod.name.clone()]));
        steps.extend(old.iter().take(old.len().saturating_sub(1)).map(booted));
        steps.push(tell(given, &others));
        steps.extend(last.map(|pod| restart(given, &pod, Condition::AllReady)));
    } else {
        // All probes fail as it is: pods that are created in order are wanted ready from the lowest ordinal on.
        steps.push(tell(given, &[]));
        steps.extend(old.iter().rev().map(|pod| restart(given, &pod.name, Condition::Ready(vec![pod.name.clone()]))));
    }
    steps
}

/// With the same words as where no probe logs in; then these pods are ready.
fn tell(given: &Given<'_>, ready: &[String]) -> Step {
    let (call, step) = super::telling(given.target, given.observed, &given.profile.credentials.username);
    // A node that an earlier run has restarted may be about to boot.
    let step = step.action(Action::Wait(Condition::Takes(call)));
    if ready.is_empty() { step } else { step.action(Action::Wait(Condition::Ready(ready.to_vec()))) }
}

/// Not before all members are there, and no queue's majority needs this one.
fn restart(given: &Given<'_>, pod: &str, come: Condition) -> Step {
    let title = format!("restart {pod}");
    let call = rotation::dispensable(given.target, pod, given.profile.replicas);
    Step::new(Danger::Changes, title, "its probes have the password that it was started with")
        .action(Action::Wait(Condition::Succeeds(call)))
        .action(Action::Run(rotation::make_anew(given.target, pod)))
        .action(Action::Wait(come))
        .done(format!("{pod} restarted"))
}

fn refresh(given: &Given<'_>, names: &Names, file: &str) -> Step {
    let step = Step::new(Danger::Changes, "the pods' files", "the kubelets are made to write them at once")
        .action(Action::Try(rotation::touch_pods(given.target)))
        .action(Action::Try(rotation::untouch_pods(given.target)));
    let seen = |step: Step, pod: &String| step.action(Action::Wait(Condition::Succeeds(has_it(given, pod, file))));
    names.pods.iter().fold(step, seen).done("the pods' files have the new password")
}

/// Succeeds where the pod's file has the new password.
fn has_it(given: &Given<'_>, pod: &str, file: &str) -> Call {
    let script = vec![
        Part::Text(format!("[ \"$(base64 -w 0 <{file})\" = \"")),
        Part::Hole(Hole(Name::NextPassword)),
        Part::Text("\" ]\n".to_owned()),
    ];
    kubectl::exec_script(given.target, pod, &given.target.container, script)
}
