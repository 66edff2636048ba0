//! Everything that the rules look at, at one moment. Pure.

use std::ops::Range;

use serde_json::Value;

use super::gather::{self, Found, Heard};
use super::kill::Kill;
use super::probe::{Inside, Process, Queues};
use crate::chart::{self, Names};
use crate::cluster::{Observed, Pod, Standing};
use crate::plan::wait;
use crate::profile::Profile;
use crate::rabbitmq::{self, Answer, Phase};
use crate::recover::evidence::{Evidence, Node};
use crate::recover::kept::Kept;
use crate::recover::moment::Moment;
use crate::recover::reading::pod_of;
use crate::recover::under_way::UnderWay;
use crate::secret::{Fingerprint, Name, Secret, Vault};

/// A start takes as long on a slow machine: a node that is younger is no finding. Whoever waits for peers longer than
/// this waits in vain, as all pods of a release are created together.
pub const USUAL_START: i64 = 120;

/// What was asked of helm, kubectl and the brokers, before it is understood.
pub struct Material {
    pub observed: Observed,
    /// What `observed` was read from; events too, where pods are missing or start again and again.
    pub objects: Vec<Value>,
    pub heard: Heard,
    pub now: Moment,
}

/// One node.
pub struct Seen {
    pub pod: Pod,
    /// The broker's container.
    pub container: String,
    /// The pod as Kubernetes has it; null where there is none.
    pub object: Value,
    /// Its volume's claim; null where there is none.
    pub claim: Value,
    /// What is known of its store and its last stop.
    pub node: Node,
    pub answer: Option<Answer>,
    pub queues: Queues,
    pub cookie_mode: Option<String>,
    pub vms: Vec<Process>,
    /// Hosts of peers that it finds no address for.
    pub nameless: Vec<String>,
    pub log: String,
    /// Of the container before the last restart.
    pub previous: String,
    /// The last time that the kubelet ended its container because a probe failed.
    pub kill: Option<Kill>,
}

/// The release.
pub struct Picture {
    pub now: Moment,
    /// The profile's name, for commands to paste.
    pub name: String,
    /// The release's name.
    pub release: String,
    pub namespace: String,
    /// Seconds after which helm is taken for dead.
    pub helm_limit: i64,
    pub observed: Observed,
    /// The StatefulSet as Kubernetes has it; null where there is none.
    pub set: Value,
    /// The Service by which the nodes find each other.
    pub headless: Value,
    pub nodes: Vec<Seen>,
    /// The profile wants all pods created at once.
    pub parallel_wished: bool,
    /// What the profile says that keeps them so.
    pub parallel_line: String,
    /// The folder with the nodes' folders.
    pub base: String,
    /// The broker's container.
    pub container: String,
    /// The family of the profile's chart, for what prevents a thing.
    pub family: &'static str,
    /// The profile's chart, for people.
    pub chart: String,
    /// The release was made by this chart, which is not the profile's.
    pub foreign_chart: Option<String>,
    pub evidence: Evidence,
    /// Why no log could be read.
    pub unread_logs: Option<String>,
    /// Who keeps an Erlang cookie beside the brokers, and which.
    pub cookies: Vec<(&'static str, Fingerprint)>,
}

impl Picture {
    /// Puts together what was heard.
    pub fn of(material: Material, profile: &Profile, names: &Names, local: &Vault) -> Self {
        let Material { observed, objects, heard, now } = material;
        let pods = gather::all_pods(names, &observed).into_iter().map(|pod| with_refusal(pod, &objects)).collect();
        let found = gather::understood(names, pods, &heard);
        let kept = observed.evidence.as_ref().map(Kept::read).filter(|kept| gather::is_of_this_stop(kept, &found));
        let kept = kept.unwrap_or_default();
        let seen = |(n, found): (usize, Found<'_>)| {
            let inside = heard.probes[n].as_ref().map(|said| Inside::read(&said.text)).unwrap_or_default();
            seen(found, inside, names, &objects, &observed, &kept, now)
        };
        let nodes: Vec<Seen> = found.into_iter().enumerate().map(seen).collect();
        Self {
            name: profile.name.clone(),
            release: profile.release.to_string(),
            namespace: profile.namespace.to_string(),
            helm_limit: i64::try_from(profile.timeouts.install.as_secs()).unwrap_or(i64::MAX).max(600),
            set: object(&objects, "StatefulSet", &names.stateful_set),
            headless: object(&objects, "Service", names.headless()),
            evidence: Evidence::weigh(now, nodes.iter().map(|seen| seen.node.clone()).collect()),
            cookies: cookies(&observed, local),
            unread_logs: heard.unread_logs,
            parallel_wished: chart::is_parallel(profile),
            parallel_line: chart::parallel_line(profile),
            base: names.base.clone(),
            container: names.container.clone(),
            family: chart::family(profile),
            chart: chart::title(profile),
            foreign_chart: foreign_chart(profile, &observed),
            observed,
            nodes,
            now,
        }
    }

    /// Nodes that serve clients.
    pub fn running(&self) -> impl Iterator<Item = &Seen> {
        self.nodes.iter().filter(|seen| seen.node.runs)
    }

    /// Nodes whose container runs, and that do not serve clients.
    pub fn booting(&self) -> impl Iterator<Item = &Seen> {
        self.nodes.iter().filter(|seen| !seen.node.runs && seen.pod.runs())
    }

    /// Seconds since then; none where the text is no time.
    pub fn age(&self, time: &str) -> Option<i64> {
        Moment::read(time).map(|then| self.now.0 - then.0)
    }

    /// A pod starts or stops, and takes no longer than that usually takes.
    pub fn settling(&self) -> bool {
        self.nodes.iter().any(|seen| !seen.node.runs && seen.is_young(self))
    }

    /// All pods are started at once; the default of Kubernetes is the other way.
    pub fn is_parallel(&self) -> bool {
        self.set.pointer("/spec/podManagementPolicy").is_some_and(|policy| policy == "Parallel")
    }

    /// The numbers of the pods that the StatefulSet wishes for.
    pub fn ordinals(&self) -> Range<usize> {
        let start = self.set.pointer("/spec/ordinals/start").and_then(Value::as_u64).unwrap_or(0);
        let start = usize::try_from(start).unwrap_or(0);
        start..start + self.observed.set.as_ref().map_or(0, |set| set.replicas as usize)
    }

    /// What an earlier run has noted, and not finished.
    pub fn under_way(&self) -> Option<UnderWay> {
        self.observed.evidence.as_ref().and_then(UnderWay::read)
    }

    /// A kubectl command to paste.
    pub fn kubectl(&self, words: &str) -> String {
        format!("kubectl --namespace {} {words}", self.namespace)
    }
}

impl Seen {
    pub fn name(&self) -> &str {
        &self.pod.name
    }

    /// Seconds since its container began, or else its pod.
    pub fn runs_for(&self, picture: &Picture) -> i64 {
        let created = self.object.pointer("/metadata/creationTimestamp").and_then(Value::as_str);
        let begun = self.pod.started.as_deref().or(created);
        begun.and_then(|time| picture.age(time)).unwrap_or(i64::MAX)
    }

    /// It has not had the time that a start usually takes, and none before it failed.
    pub fn is_young(&self, picture: &Picture) -> bool {
        let stops = self.pod.standing == Standing::Stopping;
        stops || (self.pod.restarts == 0 && !self.object.is_null() && self.runs_for(picture) < USUAL_START)
    }

    pub fn phase(&self) -> Phase {
        rabbitmq::phase(&self.log, &self.pod.name)
    }

    /// The members of its cluster, by pods.
    pub fn members(&self) -> Option<Vec<String>> {
        self.answer.as_ref()?.members.as_ref().map(|nodes| nodes.iter().map(|node| pod_of(node)).collect())
    }

    /// The broker's container in what Kubernetes says of the pod.
    pub fn status(&self) -> &Value {
        let all = self.object.pointer("/status/containerStatuses").and_then(Value::as_array);
        all.and_then(|all| all.iter().find(|c| c["name"] == self.container)).unwrap_or(&Value::Null)
    }

    /// The broker's container as it is asked for.
    pub fn container(&self) -> &Value {
        let all = self.object.pointer("/spec/containers").and_then(Value::as_array);
        all.and_then(|all| all.iter().find(|c| c["name"] == self.container)).unwrap_or(&Value::Null)
    }

    /// How the container before this one ended.
    pub fn last_end(&self) -> &Value {
        let of = |state: &str| self.status().pointer(&format!("/{state}/terminated"));
        of("lastState").or_else(|| of("state")).unwrap_or(&Value::Null)
    }

    /// The cookie that it runs with, or else the one on its disk.
    pub fn cookie(&self) -> Option<String> {
        let runs_with = self.answer.as_ref().and_then(|answer| answer.cookie.as_deref());
        let on_disk = || self.node.reading.as_ref().and_then(|reading| reading.cookie.clone());
        runs_with.and_then(Fingerprint::from_hex).map(|print| print.long()).or_else(on_disk)
    }
}

fn seen(
    found: Found<'_>,
    inside: Inside,
    names: &Names,
    objects: &[Value],
    observed: &Observed,
    kept: &Kept,
    now: Moment,
) -> Seen {
    let mut found = found;
    found.mark_blank(now, observed);
    found.attach_last_run();
    let [log, previous] = found.logs.clone();
    Seen {
        container: names.container.clone(),
        object: object(objects, "Pod", &found.pod.name),
        kill: Kill::of(objects, &found.pod.name, &names.container),
        claim: object(objects, "PersistentVolumeClaim", found.claim),
        pod: found.pod.clone(),
        node: found.weighed(kept),
        answer: inside.answer,
        queues: inside.queues,
        cookie_mode: inside.cookie_mode,
        vms: inside.vms,
        nameless: inside.nameless,
        log,
        previous,
    }
}

/// A record that does not say its chart says nothing.
fn foreign_chart(profile: &Profile, observed: &Observed) -> Option<String> {
    let chart = observed.release.as_ref().map(|release| &release.chart).filter(|chart| !chart.is_empty());
    chart.filter(|chart| !chart::made(profile, chart)).cloned()
}

/// A pod that a quota or a policy refuses is told of by its set's event alone.
fn with_refusal(pod: Pod, objects: &[Value]) -> Pod {
    let refusal = if pod.standing == Standing::Absent { wait::refusal(objects, &pod.name) } else { None };
    let standing = refusal.map_or(pod.standing.clone(), Standing::Refused);
    Pod { standing, ..pod }
}

fn object(objects: &[Value], kind: &str, name: &str) -> Value {
    objects.iter().find(|o| o["kind"] == kind && o["metadata"]["name"] == name).cloned().unwrap_or_default()
}

fn cookies(observed: &Observed, local: &Vault) -> Vec<(&'static str, Fingerprint)> {
    let of = |vault: &Vault| vault.get(Name::ErlangCookie).map(Secret::fingerprint);
    let secret = observed.secret.as_ref().and_then(of).map(|print| ("mqctl's Secret", print));
    secret.into_iter().chain(of(local).map(|print| ("the profile", print))).collect()
}
