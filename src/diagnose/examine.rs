//! Asks helm, Kubernetes, the logs and every broker at once, for the doctor.

use anyhow::Result;
use serde_json::Value;

use super::gather::{Heard, LINES, Said, all_pods, held_probe, unread};
use super::picture::{Material, Picture};
use super::probe::script_of_doctor;
use crate::chart::Names;
use crate::cluster::observe::Question;
use crate::cluster::{Observed, Standing, Target, records};
use crate::context::Context;
use crate::helm;
use crate::kubectl;
use crate::process::{Call, Reply};
use crate::profile::Profile;
use crate::recover::moment::Moment;
use crate::secret::{Name, Vault};

/// Whom to ask, and with which secrets.
pub(crate) struct Patient<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) target: &'a Target,
    pub(crate) names: &'a Names,
    /// What the profile's own sources say.
    pub(crate) vault: &'a Vault,
}

/// One look. Three children and one a pod, all side by side: the pods' names are known beforehand. More only where a
/// pod is not ready after a restart, a pod is held or a pod is missing, or where helm's record names an API that
/// not every cluster serves.
///
/// # Errors
/// An unreachable cluster, a missing right to read; Ctrl-C.
pub(crate) fn examine(cx: &Context, patient: &Patient<'_>) -> Result<Picture> {
    let Patient { target, names, .. } = *patient;
    let question = Question { target, names, storage_class: None, rights: &[] };
    let calls = first_calls(cx, patient, &question);
    let replies = cx.tools.run_all(&calls, patient.vault).into_iter().collect::<Result<Vec<Reply>>>()?;
    cx.stop_if_interrupted()?;
    let [_, get, logs, probes @ ..] = &replies[..] else { anyhow::bail!("an answer is missing") };
    let observed = understood(cx, patient, &question, &replies[..2])?;
    let mut heard = Heard {
        logs: [logs.stdout.to_string(), String::new()],
        unread_logs: unread(logs).filter(|_| !observed.pods.is_empty()),
        probes: probes.iter().map(|reply| Some(Said::of(reply))).collect(),
    };
    let mut objects = kubectl::items(get);
    look_closer(cx, patient, &observed, &mut heard, &mut objects)?;
    let masked = |text: &String| {
        let secrets = [Some(patient.vault), observed.secret.as_ref()].into_iter().flatten();
        secrets.fold(text.clone(), |text, vault| vault.mask(&text))
    };
    heard.logs = heard.logs.each_ref().map(masked);
    let material = Material { observed, objects, heard, now: Moment(cx.now().as_second()) };
    Ok(Picture::of(material, patient.profile, names, patient.vault))
}

/// Of a chart of others helm's records are read themselves: they say what `helm list` says, and whether helm can use them.
/// Where helm keeps them elsewhere, helm is asked.
fn records_of(cx: &Context, patient: &Patient<'_>) -> Option<Call> {
    let elsewhere = cx.variable("HELM_DRIVER").is_some_and(|driver| !matches!(driver.as_str(), "secret" | "secrets"));
    records::call(patient.profile, patient.target).filter(|_| !elsewhere)
}

fn understood(cx: &Context, patient: &Patient<'_>, question: &Question<'_>, replies: &[Reply]) -> Result<Observed> {
    if records_of(cx, patient).is_none() {
        return question.understand(replies);
    }
    let [kept, get, ..] = replies else { anyhow::bail!("an answer is missing") };
    let observed = question.understand_objects(get)?;
    let (release, outdated) = records::listed(&cx.tools, patient.target, kept)?;
    Ok(Observed { release, outdated, ..observed })
}

fn first_calls(cx: &Context, patient: &Patient<'_>, question: &Question<'_>) -> Vec<Call> {
    let Patient { target, names, profile, vault } = *patient;
    let with_login = vault.get(Name::Password).is_some();
    let script = |pod: &String| script_of_doctor(pod, names, &profile.credentials.username, with_login);
    let probe = |pod: &String| kubectl::exec_script(target, pod, &names.container, script(pod));
    let release = records_of(cx, patient).unwrap_or_else(|| helm::list(target));
    let looks = [release, question.look_at_stop(), kubectl::logs(target, LINES)];
    looks.into_iter().chain(names.pods.iter().map(probe)).collect()
}

/// What only an unwell release has: logs of containers that ended, pods at the start gate, events of pods that were refused
/// or start again and again.
fn look_closer(
    cx: &Context,
    patient: &Patient<'_>,
    observed: &Observed,
    heard: &mut Heard,
    objects: &mut Vec<Value>,
) -> Result<()> {
    let pods = all_pods(patient.names, observed);
    let held: Vec<usize> = (0..pods.len()).filter(|&n| pods[n].standing == Standing::Held).collect();
    let absent = observed.set.is_some() && pods.iter().any(|pod| pod.standing == Standing::Absent);
    // What ended before matters to a node that has not come up since: one restart, long ago, costs no child.
    let again = pods.iter().any(|pod| pod.restarts > 0 && pod.standing != Standing::Ready);
    let mut calls: Vec<Call> = held.iter().map(|&n| held_probe(patient.target, patient.names, &pods[n].name)).collect();
    calls.extend(again.then(|| kubectl::previous_logs(patient.target, LINES)));
    calls.extend((absent || again).then(|| kubectl::list_all(patient.target, "events")));
    let replies = cx.tools.run_all(&calls, &Vault::default()).into_iter().collect::<Result<Vec<Reply>>>()?;
    let mut replies = replies.iter();
    for n in held {
        heard.probes[n] = replies.next().map(Said::of);
    }
    if let Some(logs) = again.then(|| replies.next()).flatten() {
        heard.logs[1] = logs.stdout.to_string();
    }
    objects.extend(replies.flat_map(kubectl::items));
    Ok(())
}
