//! Reads volumes of pods that do not run: one pod a volume, read-only, removed afterwards whatever happens.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::gather::Subject;
use super::probe::script;
use crate::context::Context;
use crate::kubectl;
use crate::kubectl::helper_pod::HelperPod;
use crate::plan::wait;
use crate::process::{Call, Part, Reply};
use crate::report;
use crate::secret::Vault;

/// Three seconds are usual; one whose machine is away waits for it in vain.
const LOOKS: usize = 120;
const PAUSE: Duration = Duration::from_millis(300);
/// Looks at what they print for each look at how they stand.
const LOOKS_BETWEEN: usize = 5;

/// One volume: the pod that it belongs to, and the pod that reads it.
#[derive(Clone)]
pub(super) struct Volume<'a> {
    pub(super) pod: String,
    pub(super) claim: &'a str,
    pub(super) reader: &'a str,
    /// Where it is attached.
    pub(super) machine: Option<&'a str>,
}

/// Helper pods that were asked for already.
pub(super) struct Begun {
    readers: Vec<String>,
    failure: Option<String>,
}

impl Begun {
    pub(super) fn of(volumes: &[Volume<'_>], reply: Option<&Reply>) -> Self {
        let failed = reply.filter(|reply| !reply.ok());
        Self {
            readers: volumes.iter().map(|volume| volume.reader.to_owned()).collect(),
            failure: failed.map(|reply| kubectl::failure("kubectl create", reply).text),
        }
    }

    fn has(&self, volume: &Volume<'_>) -> bool {
        self.readers.iter().any(|reader| reader == volume.reader)
    }
}

/// Makes the helper pods of these volumes; nothing where there are none.
pub(super) fn begin(subject: &Subject<'_>, volumes: &[Volume<'_>]) -> Option<Call> {
    if volumes.is_empty() {
        return None;
    }
    let pods: Vec<&str> = volumes.iter().map(|volume| volume.pod.as_str()).collect();
    report::say(&format!("reading the volumes of {} through helper pods, removed afterwards", pods.join(", ")));
    let pods: Vec<Value> = volumes.iter().map(|volume| manifest(subject, volume)).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": pods}).to_string();
    Some(kubectl::create(subject.target, vec![Part::Text(list)]))
}

/// What each volume's probe printed, or why it could not be read; in the order of the volumes.
pub(super) fn read(
    cx: &Context,
    subject: &Subject<'_>,
    volumes: &[Volume<'_>],
    begun: Begun,
) -> Result<Vec<Result<String, String>>> {
    let later: Vec<Volume<'_>> = volumes.iter().filter(|volume| !begun.has(volume)).cloned().collect();
    let made = make(cx, subject, &later);
    let read = made.and_then(|made| match begun.failure.map_or(made, Err) {
        Ok(()) => until_read(cx, subject, volumes),
        Err(why) => Ok(volumes.iter().map(|_| Err(why.clone())).collect()),
    });
    remove(cx, subject, volumes.iter().map(|volume| volume.reader))?;
    cx.stop_if_interrupted()?;
    read
}

fn make(cx: &Context, subject: &Subject<'_>, volumes: &[Volume<'_>]) -> Result<Result<(), String>> {
    let Some(call) = begin(subject, volumes) else { return Ok(Ok(())) };
    let reply = cx.tools.run(&call, &Vault::default())?;
    Ok(if reply.ok() { Ok(()) } else { Err(kubectl::failure("kubectl create", &reply).text) })
}

/// By what they print: it is there a second or two before Kubernetes tells of their end.
fn until_read(cx: &Context, subject: &Subject<'_>, volumes: &[Volume<'_>]) -> Result<Vec<Result<String, String>>> {
    let mut said = Vec::new();
    for look in 1..=LOOKS {
        // Asked first: whoever has ended by now has printed everything.
        let ended = look % LOOKS_BETWEEN == 0 && all_ended(cx, subject, volumes)?;
        let logs = cx.tools.run(&kubectl::reader_logs(subject.target), &Vault::default())?;
        said = volumes.iter().map(|volume| kubectl::lines_of(&logs.stdout, volume.reader, "reader")).collect();
        if ended || cx.interrupted() || said.iter().all(|text| text.trim_end().ends_with("@@ end")) {
            break;
        }
        wait::pause(PAUSE, &|| cx.interrupted());
    }
    if said.iter().all(|text| !text.is_empty()) {
        return Ok(said.into_iter().map(Ok).collect());
    }
    let pods = pods(cx, subject, volumes)?;
    let one = |(volume, text): (&Volume<'_>, String)| {
        let pod = pods.iter().find(|pod| pod["metadata"]["name"] == volume.reader);
        if text.is_empty() { Err(why_silent(volume.reader, pod)) } else { Ok(text) }
    };
    Ok(volumes.iter().zip(said).map(one).collect())
}

fn pods(cx: &Context, subject: &Subject<'_>, volumes: &[Volume<'_>]) -> Result<Vec<Value>> {
    let names: Vec<String> = volumes.iter().map(|volume| format!("pod/{}", volume.reader)).collect();
    Ok(kubectl::items(&cx.tools.run(&kubectl::get(subject.target, &names), &Vault::default())?))
}

/// One that could not read to the end prints no more.
fn all_ended(cx: &Context, subject: &Subject<'_>, volumes: &[Volume<'_>]) -> Result<bool> {
    let pods = pods(cx, subject, volumes)?;
    Ok(pods.len() == volumes.len() && pods.iter().all(ended))
}

fn ended(pod: &Value) -> bool {
    pod.pointer("/status/phase").is_some_and(|phase| phase == "Succeeded" || phase == "Failed")
}

fn why_silent(reader: &str, pod: Option<&Value>) -> String {
    let conditions = pod.and_then(|pod| pod.pointer("/status/conditions")?.as_array()).into_iter().flatten();
    let mut unscheduled = conditions.filter(|c| c["type"] == "PodScheduled" && c["status"] == "False");
    let unscheduled = unscheduled.find_map(|condition| condition["message"].as_str());
    // A machine that has no room for it says so here.
    let refused = pod.and_then(|pod| pod.pointer("/status/message")?.as_str());
    match (unscheduled, refused) {
        (Some(words), _) => format!("the helper pod {reader} cannot be scheduled: {words}"),
        (None, Some(words)) => format!("the helper pod {reader} did not come to read: {words}"),
        (None, None) => format!("the helper pod {reader} did not come to read"),
    }
}

/// Also what a run has left that was killed: a pod of this name would show what it read then.
///
/// # Errors
/// They are still there: with the command that removes them.
pub(super) fn remove<'a>(
    cx: &Context,
    subject: &Subject<'_>,
    readers: impl IntoIterator<Item = &'a str>,
) -> Result<()> {
    let names: Vec<String> = readers.into_iter().map(|reader| format!("pod/{reader}")).collect();
    if names.is_empty() {
        return Ok(());
    }
    let call = kubectl::delete(subject.target, &names);
    let reply = cx.tools.run(&call, &Vault::default())?;
    if !reply.ok() {
        report::say(&format!("warning: helper pods may be left; remove them with: {call}"));
    }
    Ok(())
}

fn manifest(subject: &Subject<'_>, volume: &Volume<'_>) -> Value {
    let helper = HelperPod {
        name: volume.reader,
        release: &subject.target.release,
        claim: volume.claim,
        machine: volume.machine,
        volume: &subject.names.volume,
        broker: &subject.names.container,
        pod_spec: subject.pod_spec,
        image: subject.image,
        user: subject.names.user,
        script: script(&volume.pod, subject.names),
        writes: false,
        seconds: 50,
    };
    helper.manifest()
}
