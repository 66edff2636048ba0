//! After a refused step to 4.3: all nodes boot on Khepri, where the metadata is, with the version that runs. Pure.

use serde_json::{Value, json};

use super::super::{Action, Condition, Danger, Step};
use super::Recovery;
use crate::cluster::{StatefulSet, Target};
use crate::error::Failure;
use crate::kubectl::{self, recovery};
use crate::outcome::Outcome;
use crate::process::Part;
use crate::recover::reading::pod_of;
use crate::recover::repair::Repair;
use crate::versions::Series;

/// Seconds.
const TO_WRITE: u32 = 50;
/// It has no Mnesia, and refuses what such a step leaves behind.
const KHEPRI_ONLY: Series = Series(4, 3);

impl Recovery<'_> {
    /// From wherever an earlier run has left it: what is on the files says how far that came.
    pub(super) fn repaired(&self, repair: &Repair) -> Vec<Step> {
        let mut steps = vec![self.note()];
        if !self.given.evidence.nodes.iter().all(|node| repair.is_laid(node)) {
            let (inside, outside): (Vec<&String>, Vec<&String>) =
                repair.nodes().partition(|node| self.runs_damaged(node));
            steps.extend((!inside.is_empty()).then(|| self.lay_inside(&inside, repair)));
            steps.push(self.stop_all());
            steps.extend((!outside.is_empty()).then(|| self.lay_outside(&outside, repair)));
        }
        steps.push(self.start_on_khepri());
        if self.given.observed.holds {
            steps.push(self.open_gate());
        }
        steps.push(self.all_ready());
        steps
    }

    fn runs_damaged(&self, node: &str) -> bool {
        self.given.evidence.damaged().any(|damaged| damaged.pod == pod_of(node))
    }

    /// The nodes go on with what they have in memory: the file counts from their next start on.
    fn lay_inside(&self, nodes: &[&String], repair: &Repair) -> Step {
        let title = format!("feature flag khepri_db on {}", pods(nodes));
        let step =
            Step::new(Danger::Changes, title.clone(), "in the file beside its data; a copy is kept there as *.mqctl");
        let target = self.given.target;
        let lay = |step: Step, node: &&String| {
            let script = recovery::lay_flags(&self.names.base, node, &repair.file());
            let call = kubectl::exec_script(target, &pod_of(node), &target.container, vec![Part::Text(script)]);
            step.action(Action::Run(call))
        };
        nodes.iter().fold(step, lay).done(title)
    }

    /// A node without its tables does not stop by itself: it is given seconds.
    fn stop_all(&self) -> Step {
        let mut none = self.wished.clone();
        none["spec"]["replicas"] = json!(0);
        let detail = format!("StatefulSet {} with {}, and no pod yet", self.names.stateful_set, self.image());
        let step = Step::new(Danger::Changes, "stop all nodes", detail);
        self.put_parallel(step, &none)
            .action(Action::Run(recovery::stop_soon(self.given.target, &self.names.pods)))
            .action(Action::Wait(Condition::Gone(self.names.pods.clone())))
            .done("all nodes stopped")
    }

    /// On volumes whose nodes do not run.
    fn lay_outside(&self, nodes: &[&String], repair: &Repair) -> Step {
        let title = format!("the same feature flags on {}", pods(nodes));
        let step = Step::new(Danger::Changes, title.clone(), "through helper pods, removed afterwards");
        let script = |node: &&String| (pod_of(node), recovery::lay_flags(&self.names.base, node, &repair.file()));
        self.through_helpers(step, &nodes.iter().map(script).collect::<Vec<_>>(), TO_WRITE).done(title)
    }

    fn start_on_khepri(&self) -> Step {
        let step = Step::new(Danger::Changes, "start all nodes", format!("StatefulSet {}", self.names.stateful_set));
        self.put_parallel(step, &self.wished).done("all nodes started")
    }

    /// `podManagementPolicy` cannot be changed where it is another one; and ordinals that an earlier force boot has left out
    /// are not helm's field, and would stay.
    fn put_parallel(&self, step: Step, manifest: &Value) -> Step {
        let target = self.given.target;
        let may_stay = |set: &StatefulSet| set.parallel && set.manifest.pointer("/spec/ordinals").is_none();
        if self.given.observed.set.as_ref().is_some_and(may_stay) {
            return step.action(Action::Run(self.put(manifest)));
        }
        step.action(Action::Run(recovery::orphan(target, &self.names.stateful_set)))
            .action(Action::Run(self.put(manifest)))
            .action(Action::Try(self.mark()))
    }

    pub(super) fn image(&self) -> String {
        broker_image(&self.wished, &self.names.container).unwrap_or_default()
    }

    /// Whoever leaves the profile as it is does it all again.
    pub(super) fn other_tag(&self) -> Option<String> {
        self.given.way.repair.as_ref()?;
        let (image, tag) = (self.image(), &self.given.profile.image.tag);
        let text =
            format!("the profile has `image.tag` {tag}, and {image} runs again: the next upgrade would try that step");
        (!image.ends_with(&format!(":{tag}"))).then_some(text)
    }
}

/// Where none of the damaged nodes runs any more: the version that has booted on the volumes, unless it is back already.
///
/// # Errors
/// Nobody has noted one that knows Mnesia.
pub(super) fn with_booted(set: Value, booted: Option<&str>, target: &Target) -> Result<Value, Failure> {
    let image = broker_image(&set, &target.container).unwrap_or_default();
    let (repository, tag) = image.rsplit_once(':').unwrap_or((&image, ""));
    let knows_mnesia = |tag: &&str| Series::of(tag).is_some_and(|series| series < KHEPRI_ONLY);
    match booted.filter(knows_mnesia) {
        _ if knows_mnesia(&tag) => Ok(set),
        Some(booted) => Ok(with_image(set, &target.container, &format!("{repository}:{booted}"))),
        None => {
            let text = format!("which version ran before {image} is not known; nothing was changed");
            let name = set.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            let command =
                format!("set image statefulset/{name} {}=IMAGE   # that of before; then again", target.container);
            let hint = format!("kubectl --namespace {} {command}", target.namespace);
            Err(Failure::new(Outcome::Contradiction, text).hint(hint))
        }
    }
}

/// The same with the image of the nodes that still run; other containers that have the broker's go with it.
pub(super) fn with_image(mut set: Value, container: &str, image: &str) -> Value {
    let refused = broker_image(&set, container);
    for list in ["initContainers", "containers"] {
        let containers = set.pointer_mut(&format!("/spec/template/spec/{list}")).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if container["image"].as_str() == refused.as_deref() {
                container["image"] = json!(image);
            }
        }
    }
    set
}

fn broker_image(set: &Value, name: &str) -> Option<String> {
    let containers = set.pointer("/spec/template/spec/containers")?.as_array()?;
    containers.iter().find(|container| container["name"] == name)?["image"].as_str().map(str::to_owned)
}

fn pods(nodes: &[&String]) -> String {
    nodes.iter().map(|node| pod_of(node)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_of_before_comes_back_wherever_the_new_one_was() {
        let spec = json!({
            "initContainers": [{"name": "start-gate", "image": "rabbitmq:4.3.6"}, {"name": "chown", "image": "busybox"}],
            "containers": [{"name": "rabbitmq", "image": "rabbitmq:4.3.6"}],
        });
        let set = with_image(json!({"spec": {"template": {"spec": spec}}}), "rabbitmq", "rabbitmq:4.0.5");
        assert_eq!(broker_image(&set, "rabbitmq").unwrap(), "rabbitmq:4.0.5");
        let images = |n: usize| set.pointer(&format!("/spec/template/spec/initContainers/{n}/image")).unwrap();
        assert_eq!((images(0), images(1)), (&json!("rabbitmq:4.0.5"), &json!("busybox")));
    }
}
