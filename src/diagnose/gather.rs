//! Reads all nodes of a release at once, each in the gentlest way that its state allows.

use anyhow::Result;
use serde_json::Value;

use super::probe::{script, script_for_vm};
use super::reader::{self, Begun, Volume};
use crate::chart::Names;
use crate::cluster::{Observed, Pod, Standing, Target};
use crate::context::Context;
use crate::kubectl;
use crate::process::{Call, Part, Reply};
use crate::rabbitmq::{self, Phase};
use crate::recover::evidence::{Evidence, Node};
use crate::recover::kept::Kept;
use crate::recover::last_run::LastRun;
use crate::recover::moment::Moment;
use crate::recover::reading::Reading;
use crate::secret::Vault;

/// Enough to reach back behind a wait of its peers' comings and goings.
pub(super) const LINES: u32 = 400;

/// Whose nodes are read.
pub(crate) struct Subject<'a> {
    pub(crate) target: &'a Target,
    pub(crate) names: &'a Names,
    /// What the release's pods are made from; null where there is no StatefulSet.
    pub(crate) pod_spec: &'a Value,
    /// The image that the volumes belong to, for where nothing else says it.
    pub(crate) image: &'a str,
    /// Helper pods may be made where a volume has no pod that runs.
    pub(crate) helper_pods: bool,
    pub(crate) taken: Moment,
}

/// What was read.
pub(crate) struct Gathered {
    pub(crate) evidence: Evidence,
    /// What is to be kept of it.
    pub(crate) fresh: Vec<Reading>,
    /// Helper pods that were made, and removed.
    pub(crate) readers: Vec<String>,
    /// Why no log could be read.
    pub(crate) unread_logs: Option<String>,
}

/// One node's reading as it comes about.
pub(super) struct Found<'a> {
    pub(super) pod: Pod,
    pub(super) claim: &'a str,
    reader: &'a str,
    reading: Result<Reading, String>,
    /// The last lines of the container that runs, or ran last; then of the one before.
    pub(super) logs: [String; 2],
}

/// Reads every node, and weighs it together with what is kept.
///
/// # Errors
/// kubectl cannot be started; Ctrl-C.
pub(crate) fn gather(cx: &Context, subject: &Subject<'_>, observed: &Observed, kept: &Kept) -> Result<Gathered> {
    let silent = silent(subject, observed);
    if subject.helper_pods {
        reader::remove(cx, subject, observed.readers.iter().map(String::as_str))?;
    }
    let (mut found, unread_logs, begun) = inside(cx, subject, observed, &silent)?;
    for node in &mut found {
        node.mark_blank(subject.taken, observed);
    }
    let readers =
        if subject.helper_pods { through_readers(cx, subject, observed, &mut found, begun)? } else { Vec::new() };
    for node in &mut found {
        node.attach_last_run();
    }
    // While one serves clients there is no stop to keep anything of.
    let stopped = !found.iter().any(Found::runs);
    let fresh = found.iter().filter(|_| stopped).filter_map(|node| node.reading.clone().ok()).collect();
    let earlier = Kept::default();
    let kept = if is_of_this_stop(kept, &found) { kept } else { &earlier };
    let nodes = found.into_iter().map(|node| node.weighed(kept)).collect();
    Ok(Gathered { evidence: Evidence::weigh(subject.taken, nodes), fresh, readers, unread_logs })
}

pub(super) fn is_of_this_stop(kept: &Kept, found: &[Found<'_>]) -> bool {
    kept.is_of_the_stop_of(found.iter().filter_map(|node| node.reading.as_ref().ok()))
}

/// What pods and logs said, before it is understood.
#[derive(Default)]
pub struct Heard {
    /// Of all pods, each line behind its pod's name: the containers that run or ran last, then those before.
    pub logs: [String; 2],
    pub unread_logs: Option<String>,
    /// In the order of the pods; nothing of those that were not asked.
    pub probes: Vec<Option<Said>>,
}

/// What one probe printed, and what kubectl makes of it where it printed nothing.
pub struct Said {
    pub text: String,
    pub complaint: String,
}

impl Said {
    pub(super) fn of(reply: &Reply) -> Self {
        Self { text: reply.stdout.to_string(), complaint: kubectl::failure("kubectl exec", reply).text }
    }
}

/// Volumes of pods that cannot be asked, as is known beforehand: their helper pods start while the others are asked.
fn silent<'a>(subject: &Subject<'a>, observed: &'a Observed) -> Vec<Volume<'a>> {
    let names = subject.names;
    let bound = |n: usize| observed.claims.iter().any(|claim| claim.name == names.claims[n] && claim.phase == "Bound");
    let pods = all_pods(names, observed).into_iter().enumerate();
    let silent =
        pods.filter(|(n, pod)| subject.helper_pods && bound(*n) && probe(subject.target, names, pod).is_none());
    let volume = |(n, pod): (usize, Pod)| {
        let (claim, reader) = (&names.claims[n], &names.readers[n]);
        let machine = observed.machine_beside(&pod.name, claim).ok()?;
        Some(Volume { pod: pod.name, claim, reader, machine })
    };
    silent.filter_map(volume).collect()
}

/// Asks all pods at once, each with one exec, beside their logs; and makes the helper pods that are needed in any case.
fn inside<'a>(
    cx: &Context,
    subject: &Subject<'a>,
    observed: &Observed,
    silent: &[Volume<'a>],
) -> Result<(Vec<Found<'a>>, Option<String>, Begun)> {
    let pods = all_pods(subject.names, observed);
    let probes: Vec<Option<Call>> = pods.iter().map(|pod| probe(subject.target, subject.names, pod)).collect();
    let target = subject.target;
    let logs = logs(target, observed);
    let first = logs.len();
    let helpers = reader::begin(subject, silent);
    let calls: Vec<Call> = logs.into_iter().chain(probes.iter().flatten().cloned()).chain(helpers).collect();
    let mut replies = cx.tools.run_all(&calls, &Vault::default()).into_iter().collect::<Result<Vec<Reply>>>()?;
    let begun = Begun::of(silent, if silent.is_empty() { None } else { replies.pop() }.as_ref());
    if cx.interrupted() {
        reader::remove(cx, subject, silent.iter().map(|volume| volume.reader))?;
    }
    cx.stop_if_interrupted()?;
    let (logs, answers) = replies.split_at(first);
    let mut answers = answers.iter();
    let heard = Heard {
        logs: [0, 1].map(|which| logs.get(which).map_or_else(String::new, |r| r.stdout.to_string())),
        unread_logs: logs.first().and_then(unread),
        probes: probes.into_iter().map(|probe| probe.and_then(|_| answers.next()).map(Said::of)).collect(),
    };
    Ok((understood(subject.names, pods, &heard), heard.unread_logs, begun))
}

/// The pods that should be there, in the order of their names.
pub(super) fn all_pods(names: &Names, observed: &Observed) -> Vec<Pod> {
    let pod = |name: &String| observed.pods.iter().find(|p| p.name == *name).cloned();
    names.pods.iter().map(|name| pod(name).unwrap_or_else(|| Pod::absent(name))).collect()
}

pub(super) fn unread(logs: &Reply) -> Option<String> {
    (!logs.ok()).then(|| kubectl::failure("kubectl logs", logs).text)
}

pub(super) fn understood<'a>(names: &'a Names, pods: Vec<Pod>, heard: &Heard) -> Vec<Found<'a>> {
    let one = |(n, pod): (usize, Pod)| Found {
        reading: match heard.probes.get(n) {
            Some(Some(said)) => {
                Reading::parse(&said.text).map_err(|_| said.complaint.clone()).and_then(Reading::in_its_place)
            }
            _ => Err(pod.standing.to_string()),
        },
        logs: [0, 1].map(|which| kubectl::lines_of(&heard.logs[which], &pod.name, &names.container)),
        claim: &names.claims[n],
        reader: &names.readers[n],
        pod,
    };
    pods.into_iter().enumerate().map(one).collect()
}

/// Of the containers that run, and of those before them where any pod has had one.
fn logs(target: &Target, observed: &Observed) -> Vec<Call> {
    if observed.pods.is_empty() {
        return Vec::new();
    }
    let restarted = observed.pods.iter().any(|pod| pod.restarts > 0);
    let previous = restarted.then(|| kubectl::previous_logs(target, LINES));
    std::iter::once(kubectl::logs(target, LINES)).chain(previous).collect()
}

/// A broker's container can be asked, and a start gate that holds a pod back.
fn probe(target: &Target, names: &Names, pod: &Pod) -> Option<Call> {
    match pod.standing {
        Standing::Held => Some(held_probe(target, names, &pod.name)),
        _ if pod.runs() => Some(kubectl::exec_script(target, &pod.name, &target.container, script_for_vm(pod, names))),
        _ => None,
    }
}

pub(super) fn held_probe(target: &Target, names: &Names, pod: &str) -> Call {
    kubectl::exec_script(target, pod, "start-gate", vec![Part::Text(script(pod, names))])
}

/// Reads the volumes of all that could not be asked.
fn through_readers(
    cx: &Context,
    subject: &Subject<'_>,
    observed: &Observed,
    found: &mut [Found<'_>],
    begun: Begun,
) -> Result<Vec<String>> {
    let (mut rest, mut volumes) = (Vec::new(), Vec::new());
    for node in found.iter_mut().filter(|node| node.reading.is_err() && !node.runs()) {
        let (pod, claim, reader) = (node.pod.name.clone(), node.claim, node.reader);
        match observed.machine_beside(&pod, claim) {
            Ok(machine) => {
                volumes.push(Volume { pod, claim, reader, machine });
                rest.push(node);
            }
            Err(why) => node.read_anew(Err(why)),
        }
    }
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    let said = reader::read(cx, subject, &volumes, begun)?;
    let made = volumes.iter().zip(&said).filter(|(_, said)| said.is_ok());
    let readers = made.map(|(volume, _)| volume.reader.to_owned()).collect();
    for (node, said) in rest.into_iter().zip(said) {
        node.read_anew(said.and_then(|text| Reading::parse(&text)?.in_its_place()));
    }
    Ok(readers)
}

impl Found<'_> {
    /// Where that fails too, both reasons are told.
    fn read_anew(&mut self, read: Result<Reading, String>) {
        let first = std::mem::replace(&mut self.reading, read);
        if let (Err(why), Err(first)) = (&mut self.reading, first) {
            *why = format!("{first}; {why}");
        }
    }

    fn last_run(&self) -> Option<LastRun> {
        self.logs.iter().find_map(|log| LastRun::of(log))
    }

    /// Where no volume is bound to its claim there is nothing to read: it was lost, or never written to. A container that
    /// runs has one, whatever its claim is called.
    pub(super) fn mark_blank(&mut self, taken: Moment, observed: &Observed) {
        let bound = observed.claims.iter().any(|claim| claim.name == self.claim && claim.phase == "Bound");
        if !bound && self.reading.is_err() && !self.pod.runs() {
            self.reading = Ok(Reading::blank(&self.pod.name, taken));
        }
    }

    /// It serves clients: in its own words, or by its open port where it does not answer.
    fn runs(&self) -> bool {
        let said = self.reading.as_ref().ok().and_then(|reading| reading.vm.as_ref()?.running);
        said.unwrap_or(self.pod.standing == Standing::Ready)
    }

    pub(super) fn attach_last_run(&mut self) {
        let last_run = self.last_run().filter(|_| !self.runs());
        if let Ok(reading) = &mut self.reading {
            reading.last_run = last_run;
        }
    }

    /// Its container has begun since the stop, and has not come to serve.
    fn started(&self) -> Option<Moment> {
        let serves = LastRun::of(&self.logs[0]).is_some();
        self.pod.started.as_deref().filter(|_| !serves).and_then(Moment::read)
    }

    /// How far its boot has come.
    fn phase(&self) -> Option<Phase> {
        let boots = matches!(self.pod.standing, Standing::Booting(_));
        boots.then(|| rabbitmq::phase(&self.logs[0], &self.pod.name))
    }

    pub(super) fn weighed(self, kept: &Kept) -> Node {
        let phase = self.phase();
        let runs = self.runs();
        let started = self.started().filter(|_| !runs);
        let unread = self.reading.as_ref().err().cloned();
        let (reading, origin) = kept.choose(&self.pod.name, self.reading.ok());
        Node {
            standing: phase.as_ref().map_or_else(|| self.pod.standing.to_string(), Phase::to_string),
            runs,
            stranger: false,
            crashes: matches!(self.pod.standing, Standing::Crashed(_)),
            phase,
            started,
            reading,
            origin,
            unread,
            pod: self.pod.name,
        }
    }
}
