//! Copies of the nodes' folders, before one of them loads what may not be the newest: nodes that join it remove the
//! folders of queues that it does not know. Pure.

use std::time::Duration;

use super::super::{Action, Condition, Danger, Step};
use super::Recovery;
use crate::kubectl::helper_pod::HelperPod;
use crate::kubectl::{self, recovery};
use crate::process::Part;
use crate::recover::evidence::Verdict;
use crate::recover::order::Confidence;
use crate::recover::reading::Store;
use crate::recover::strategy::Strategy;

/// Seconds; a large volume takes minutes.
const TO_COPY: u32 = 3600;
/// Beside its script a helper pod has to be placed, and its image pulled.
const TO_START: u32 = 60;

impl Recovery<'_> {
    /// Made before anything is noted: whoever finishes a recovery has them already, and would copy what came after.
    pub(super) fn copies(&self) -> Option<Step> {
        let scripts: Vec<(String, String)> = self.copied().map(|node| (node.clone(), self.copy_of(node))).collect();
        (self.given.noted.is_none() && self.wants_copies()).then(|| {
            let title = format!("copy the folders of {}", self.copied().cloned().collect::<Vec<_>>().join(", "));
            let step =
                Step::new(Danger::Changes, title, "beside them on their volumes: which is newest is not certain");
            self.through_helpers(step, &scripts, TO_COPY).done("folders copied")
        })
    }

    pub(super) fn wants_copies(&self) -> bool {
        self.should_copy() && self.out_of_reach().is_none()
    }

    /// What is done to nodes that are known to be newest takes nothing away.
    fn should_copy(&self) -> bool {
        let Verdict::Mnesia(order) = &self.given.evidence.verdict else { return false };
        let certain = order.confidence == Confidence::Certain && order.newest.first() == self.given.way.first.first();
        self.given.strategy == Strategy::ForceBoot && !certain && self.given.helper_pods
    }

    /// A volume that only its own pod can have.
    fn out_of_reach(&self) -> Option<String> {
        let beside = |pod: &String| {
            let n = self.names.pods.iter().position(|known| known == pod)?;
            self.given.observed.machine_beside(pod, &self.names.claims[n]).err()
        };
        self.copied().find_map(beside)
    }

    pub(super) fn not_copied(&self) -> Option<String> {
        let why = self.out_of_reach().filter(|_| self.should_copy() && self.given.noted.is_none())?;
        Some(format!("which node is newest is not certain, and no folder is copied beforehand: {why}"))
    }

    fn copied(&self) -> impl Iterator<Item = &String> {
        let nodes = self.given.evidence.nodes.iter().filter(|node| node.store() == Some(Store::Mnesia));
        nodes.map(|node| &node.pod)
    }

    fn copy_of(&self, pod: &str) -> String {
        recovery::copy_folder(&self.names.base, &self.given.evidence.name_of(pod))
    }

    /// One helper pod a volume, all at once; removed afterwards.
    pub(super) fn through_helpers(&self, step: Step, scripts: &[(String, String)], seconds: u32) -> Step {
        let helpers: Vec<(&str, Part)> =
            scripts.iter().filter_map(|(pod, script)| self.helper(pod, script, seconds)).collect();
        let names: Vec<String> = helpers.iter().map(|(name, _)| format!("pod/{name}")).collect();
        let remove = kubectl::delete(self.given.target, &names);
        // One that an earlier run has left would not change.
        let mut step = step.action(Action::Run(remove.clone()));
        let limit = Duration::from_secs((seconds + TO_START).into());
        let completed: Vec<Condition> =
            helpers.iter().map(|(name, _)| Condition::Completed((*name).to_owned(), limit)).collect();
        for (_, manifest) in helpers {
            step = step.action(Action::Run(kubectl::apply(self.given.target, vec![manifest])));
        }
        completed.into_iter().fold(step, |step, ended| step.action(Action::Wait(ended))).action(Action::Run(remove))
    }

    fn helper(&self, pod: &str, script: &str, seconds: u32) -> Option<(&str, Part)> {
        let n = self.names.pods.iter().position(|known| known == pod)?;
        let claim = &self.names.claims[n];
        let helper = HelperPod {
            name: &self.names.readers[n],
            release: &self.given.target.release,
            claim,
            // Its own pod may be gone by then, and its volume is not detached yet.
            machine: self.given.observed.machine_beside(pod, claim).ok().flatten(),
            volume: &self.names.volume,
            broker: &self.names.container,
            pod_spec: &self.wished["spec"]["template"]["spec"],
            image: &self.image(),
            user: self.names.user,
            script: script.to_owned(),
            writes: true,
            seconds,
        };
        Some((&self.names.readers[n], Part::Text(helper.manifest().to_string())))
    }

    /// They are for a person to judge, and to remove.
    pub(super) fn tell_copies(&self) -> Option<String> {
        let noted = self.given.noted.is_some_and(|noted| noted.copies);
        let (pod, folder) = (&self.names.pods[0], format!("{}/mqctl-copy-of-*", self.names.base));
        (noted || self.wants_copies()).then(|| {
            format!(
                "the folders as they were are kept on their volumes; when nothing is missed, remove them from each pod:\n    \
                 kubectl --namespace {} exec {pod} --container {} -- sh -c 'rm -r {folder}'",
                self.given.target.namespace, self.names.container
            )
        })
    }
}
