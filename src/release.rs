//! A release that plain helm made: what helm and the cluster say of it, and the profile that says the same.

use anyhow::Result;
use serde_json::{Map, Value};

use crate::chart;
use crate::cluster::{Target, pod_secrets};
use crate::credentials::hearing::{Knower, Who};
use crate::helm::{self, Revision};
use crate::kubectl;
use crate::process::{Reply, Tools};
use crate::secret::Vault;
use crate::yaml;

mod refusals;
mod said;
mod unknown;

pub(crate) use said::{Chart, Said, said};

/// Everything that was read of it.
pub(crate) struct Reading {
    pub(crate) release: String,
    /// The revision that is deployed, or the last one where none ever was.
    pub(crate) revision: Revision,
    /// A later one that failed.
    pub(crate) failed: Option<u64>,
    /// What helm was given for it.
    pub(crate) values: Map<String, Value>,
    /// The same with the chart's defaults.
    pub(crate) all: Value,
    /// The StatefulSet as the revision has it, and as it is.
    pub(crate) rendered: Value,
    pub(crate) live: Value,
}

/// Reads it: first which revision is deployed, then what that was made from.
///
/// # Errors
/// No such release, one that is in no state to be taken over, one that is no RabbitMQ; an unreachable cluster.
pub(crate) fn read(tools: &Tools, target: &Target) -> Result<Reading> {
    let calls = [helm::list_all(target), helm::history(target), kubectl::list_all(target, "statefulsets")];
    let replies = all(tools, &calls)?;
    let releases = helm::read_list_of_all(&replies[0])?;
    if !replies[2].ok() {
        return Err(kubectl::failure("kubectl get", &replies[2]).into());
    }
    let sets = kubectl::items(&replies[2]);
    let Some(release) = releases.iter().find(|release| release.name == target.release) else {
        return Err(refusals::missing(target, &releases, &sets).into());
    };
    refusals::in_no_state(target, release)?;
    let history = helm::read_history(&replies[1])?;
    let Some((revision, failed)) = deployed(&history) else {
        return Err(refusals::gone(target, release).into());
    };
    Reading::of(tools, target, revision.clone(), failed, &sets)
}

fn all(tools: &Tools, calls: &[crate::process::Call]) -> Result<Vec<Reply>> {
    tools.run_all(calls, &Vault::default()).into_iter().collect()
}

/// What is deployed, and the number of a later revision that failed. A first install that failed has left what it made.
fn deployed(history: &[Revision]) -> Option<(&Revision, Option<u64>)> {
    let last = history.last()?;
    let failed = (last.status == "failed").then_some(last.revision);
    let deployed = history.iter().rev().find(|revision| revision.status == "deployed");
    match deployed {
        Some(revision) => Some((revision, failed)),
        None => failed.map(|_| (last, None)),
    }
}

impl Reading {
    fn of(tools: &Tools, target: &Target, revision: Revision, failed: Option<u64>, sets: &[Value]) -> Result<Self> {
        let number = revision.revision;
        let calls = [
            helm::values(target, number, false),
            helm::values(target, number, true),
            helm::manifest_of(target, number),
        ];
        let replies = all(tools, &calls)?;
        let manifest = helm::read_manifest(&replies[2])?;
        let rendered = refusals::stateful_set(target, &revision, yaml::stream(&manifest))?;
        let name = &rendered["metadata"]["name"];
        let Some(live) = sets.iter().find(|set| set["metadata"]["name"] == *name) else {
            return Err(refusals::without_set(target, &rendered).into());
        };
        Ok(Self {
            release: target.release.clone(),
            failed,
            values: helm::read_values(&replies[0])?,
            all: helm::read_values(&replies[1])?.into(),
            live: live.clone(),
            rendered,
            revision,
        })
    }
}

impl Reading {
    /// The way to the chart that made the release.
    pub(crate) fn pull(&self) -> String {
        let (name, version) = chart::parted(&self.revision.chart).unwrap_or((&self.revision.chart, "VERSION"));
        format!("helm pull REPOSITORY/{name} --version {version} --untar   # then --chart ./{name}")
    }
}

/// Cookie and password in the chart's own Secret, or in those that the pods refer to instead.
///
/// # Errors
/// An unreachable cluster, Secrets that may not be read.
pub(crate) fn secret_of_chart(tools: &Tools, target: &Target, own: &str, template: &Value) -> Result<Option<Knower>> {
    let referred = pod_secrets::referred(template).into_iter().filter(|name| *name != target.stateful_set);
    let names = std::iter::once(target.stateful_set.clone()).chain(referred).filter(|name| name != own);
    let objects: Vec<String> = names.map(|name| format!("secret/{name}")).collect();
    let reply = tools.run(&kubectl::get(target, &objects), &Vault::default())?;
    if !reply.ok() {
        return Err(kubectl::failure("kubectl get", &reply).into());
    }
    let held = pod_secrets::held(template, &kubectl::items(&reply));
    Ok(held.map(|(name, vault)| Knower { who: Who::Chart(name), vault }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deployed_revision_is_the_one() {
        let history = |states: &[&str]| -> Vec<Revision> {
            let revision = |(n, status): (usize, &&str)| Revision {
                revision: n as u64 + 1,
                status: (*status).to_owned(),
                chart: "c-1".to_owned(),
            };
            states.iter().enumerate().map(revision).collect()
        };
        let of = |states: &[&str]| deployed(&history(states)).map(|(revision, failed)| (revision.revision, failed));
        assert_eq!(of(&["superseded", "deployed"]), Some((2, None)));
        assert_eq!(of(&["superseded", "deployed", "failed", "failed"]), Some((2, Some(4))));
        assert_eq!(of(&["failed"]), Some((1, None)), "a first install that timed out");
        assert_eq!(of(&["uninstalled"]), None);
        assert_eq!(of(&[]), None);
    }
}
