//! What `status` says, from what was seen. Pure.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::chart;
use crate::cluster::records::Records;
use crate::cluster::{External, Observed, Pod, Standing, Target};
use crate::drift::{self, Difference, Kind};
use crate::helm::Release;
use crate::profile::Profile;
use crate::rabbitmq::Answer;
use crate::report::{age, bytes, table};
use crate::secret::{Fingerprint, Name, Secret, Vault};

/// The release in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Healthy,
    Degraded,
    Starting,
    Down,
    NotInstalled,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Starting => "starting",
            Self::Down => "down",
            Self::NotInstalled => "not installed",
        }
    }
}

/// Everything that the page is made from; the answers stand in the order of the pods' names.
pub(crate) struct Page<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) target: &'a Target,
    pub(crate) observed: &'a Observed,
    pub(crate) records: &'a Records,
    pub(crate) answers: Vec<Result<Answer, String>>,
    pub(crate) vault: &'a Vault,
    pub(crate) drift: Vec<Difference>,
}

/// Whether all who know a secret agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agreement {
    Agree,
    Differ,
    Unknown,
}

impl Page<'_> {
    pub(crate) fn verdict(&self) -> Verdict {
        let size = self.answers.len();
        let whole = |a: &Answer| {
            a.up.as_ref().is_some_and(|up| up.len() == size) && a.alarms.as_ref().is_some_and(Vec::is_empty)
        };
        let running = self.running().count();
        if self.observed.set.is_none() {
            Verdict::NotInstalled
        } else if running == 0 && self.observed.pods.iter().any(Pod::runs) {
            Verdict::Starting
        } else if running == 0 {
            Verdict::Down
        } else if running == size
            && self.running().all(whole)
            && self.ready() == size
            && self.agreement() != Agreement::Differ
        {
            Verdict::Healthy
        } else {
            Verdict::Degraded
        }
    }

    fn running(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter().flatten().filter(|a| a.running == Some(true))
    }

    fn ready(&self) -> usize {
        self.observed.ready().count()
    }

    /// Profile against Secret, against every broker's cookie, against the brokers' own word on the login.
    fn agreement(&self) -> Agreement {
        let same = |secret: &Secret, other: Option<Fingerprint>| other.map(|o| o == secret.fingerprint());
        let mut proofs = Vec::new();
        for name in Name::BOTH {
            if let (Some(ours), Some(secret)) = (self.vault.get(name), self.observed.secret.as_ref()) {
                proofs.extend(same(ours, secret.get(name).map(Secret::fingerprint)));
            }
        }
        for answer in self.running() {
            let cookie = answer.cookie.as_deref().and_then(Fingerprint::from_hex);
            proofs.extend(self.vault.get(Name::ErlangCookie).and_then(|ours| same(ours, cookie)));
            proofs.extend(answer.login);
        }
        match (proofs.is_empty(), proofs.iter().all(|&p| p)) {
            (true, _) => Agreement::Unknown,
            (false, true) => Agreement::Agree,
            (false, false) => Agreement::Differ,
        }
    }

    /// `None` where no broker could say: that is not zero.
    fn sum(&self, count: impl Fn(&Answer) -> Option<u64>) -> Option<u64> {
        self.running().filter_map(count).reduce(|all, one| all + one)
    }

    pub(crate) fn to_text(&self) -> String {
        let mut lines = vec![format!("{}     {}     {}", self.target.headline(), self.verdict().word(), self.about())];
        if self.verdict() == Verdict::NotInstalled {
            lines.extend(self.what_is_kept());
            return lines.join("\n");
        }
        lines.push(String::new());
        lines.extend(self.nodes().into_iter().map(|line| format!("  {line}")));
        lines.push(String::new());
        lines.extend(table(&self.facts()).into_iter().map(|line| format!("  {line}")));
        lines.join("\n")
    }

    /// After an upgrade that was cut short there are two versions; one node on Mnesia says that the cluster is.
    fn about(&self) -> String {
        let versions: BTreeSet<&str> = self.running().filter_map(|a| a.version.as_deref()).collect();
        let versions: Vec<&str> = versions.into_iter().collect();
        let version = if versions.is_empty() { self.profile.image.tag.clone() } else { versions.join(" and ") };
        let store = self.running().max_by_key(|a| a.khepri != Some(true));
        let store = store.map_or_else(String::new, |a| format!(" ({})", a.store()));
        let revision = self
            .observed
            .release
            .as_ref()
            .map_or_else(|| "no release".to_owned(), |r| format!("revision {}, {}", r.revision, r.status));
        format!("{} · RabbitMQ {version}{store} · {revision}", chart::title(self.profile))
    }

    fn what_is_kept(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let claims: Vec<&str> = self.observed.claims.iter().map(|c| c.name.as_str()).collect();
        if !claims.is_empty() {
            lines.push(format!("  kept volumes: {}", claims.join(", ")));
        }
        if self.observed.secret.is_some() {
            lines.push(format!("  kept Secret: {}", chart::names(self.profile).secret));
        }
        if self.external().is_some() {
            lines.push(format!("  kept Service: {}", chart::names(self.profile).external));
        }
        lines.extend(self.locked().map(|words| format!("  locked: {words}")));
        let next = self.recovery().map_or_else(|| self.install_again(), |words| format!("recovery: {words}"));
        lines.push(format!("  {next}"));
        lines
    }

    /// Also where an upgrade that made the StatefulSet anew was cut short.
    fn install_again(&self) -> String {
        let away = !self.observed.pods.is_empty() && self.observed.release.as_ref().is_some_and(Release::deployed);
        let what = if away { "its StatefulSet is gone, its pods are there" } else { "install it" };
        format!("{what}: mqctl install {}", self.profile.name)
    }

    /// mqctl's own Service outside.
    fn external(&self) -> Option<&External> {
        self.observed.external.as_ref().filter(|service| service.ours)
    }

    /// How clients outside come in; what the profile wishes and is not there is said too.
    fn exposed(&self) -> Option<String> {
        let wished = self.profile.expose.is_some();
        let live = self.external().map(|service| service.in_words(&self.observed.nodes));
        live.or_else(|| wished.then(|| format!("not yet: mqctl expose {}", self.profile.name)))
    }

    /// Who is at work on it.
    fn locked(&self) -> Option<String> {
        let lease = self.observed.lease.as_ref()?;
        let dead = if lease.abandoned { ", and is dead: the next command takes over" } else { "" };
        Some(format!("by {}{dead}", lease.in_words()))
    }

    /// A recovery that was cut short, and whose switches are still set.
    fn recovery(&self) -> Option<String> {
        let word = self.observed.recovery()?;
        Some(format!("{word} was cut short: mqctl recover {}", self.profile.name))
    }

    /// A line each; that nothing is exposed yet stands in a line of its own.
    fn drifted(&self) -> Vec<Vec<String>> {
        let told = |one: &&Difference| one.kind == Kind::Exposure && self.external().is_none();
        let lines = self.drift.iter().filter(|one| !told(one)).enumerate();
        lines.map(|(n, one)| vec![if n == 0 { "drift" } else { "" }.to_owned(), one.in_words()]).collect()
    }

    /// What helm's records name that the cluster does not serve.
    fn outdated(&self) -> Vec<String> {
        let all = self.records.unusable.iter().flat_map(|record| &record.outdated);
        all.map(|one| format!("{} of {}", one.object, one.api)).collect()
    }

    fn locked_json(&self) -> Value {
        let lease = self.observed.lease.as_ref();
        lease.map_or(
            Value::Null,
            |lease| json!({"holder": lease.holder, "since": lease.acquired, "dead": lease.abandoned}),
        )
    }

    fn exposed_json(&self) -> Value {
        let Some(service) = self.external() else { return Value::Null };
        let user = &self.profile.credentials.username;
        let way = service.way(&self.observed.nodes).map(|way| way.to_json(user));
        let mut json =
            way.unwrap_or_else(|| json!({"type": service.kind, "addresses": [], "ports": [], "connections": []}));
        json["sourceRanges"] = json!(service.source_ranges);
        json
    }

    fn pod(&self, name: &str) -> Option<&Pod> {
        self.observed.pods.iter().find(|p| p.name == name)
    }

    fn nodes(&self) -> Vec<String> {
        let head = ["node", "state", "up", "memory", "disk free", "leaders"].map(str::to_owned).to_vec();
        let names = chart::names(self.profile).pods;
        let rows = names.iter().zip(&self.answers).map(|(name, answer)| self.node(name, answer));
        table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
    }

    fn node(&self, name: &str, answer: &Result<Answer, String>) -> Vec<String> {
        let standing = self.pod(name).map_or(Standing::Absent, |p| p.standing.clone());
        let Ok(answer) = answer else { return vec![name.to_owned(), standing.to_string()] };
        let dash = || "-".to_owned();
        let memory =
            answer.memory.zip(answer.memory_limit).map(|(used, limit)| format!("{} of {}", bytes(used), bytes(limit)));
        vec![
            name.to_owned(),
            standing.to_string(),
            answer.uptime.map_or_else(dash, age),
            memory.unwrap_or_else(dash),
            answer.disk_free.map_or_else(dash, bytes),
            answer.leaders.map_or_else(dash, |l| l.to_string()),
        ]
    }

    fn facts(&self) -> Vec<Vec<String>> {
        let row = |what: &str, words: String| vec![what.to_owned(), words];
        let queues = self.running().filter_map(|a| a.queues).max();
        let messages = self.sum(|a| a.ready).zip(self.sum(|a| a.unacked));
        let messages =
            messages.map(|(ready, unacked)| format!("{}   ready {ready}   unacked {unacked}", ready + unacked));
        let dash = || "-".to_owned();
        let mut rows = vec![
            row("queues", queues.map_or_else(dash, |count| count.to_string())),
            row("messages", messages.unwrap_or_else(dash)),
            row("credentials", self.credentials()),
        ];
        rows.extend(self.exposed().map(|words| row("exposed", words)));
        rows.extend(self.locked().map(|words| row("locked", words)));
        rows.extend(self.recovery().map(|words| row("recovery", words)));
        rows.extend(self.drifted());
        rows.extend(self.outdated().first().map(|first| {
            let way = format!("helm can do nothing with it: mqctl upgrade {} --repair-record", self.profile.name);
            row("record", format!("names {first}, which is not served: {way}"))
        }));
        let alarms: Vec<String> = self.running().filter_map(|a| a.alarms.clone()).flatten().collect();
        if !alarms.is_empty() {
            rows.push(row("alarms", alarms.join(", ")));
        }
        rows
    }

    fn credentials(&self) -> String {
        match self.agreement() {
            Agreement::Agree if self.running().next().is_none() => {
                "profile and Secret agree; no broker to ask".to_owned()
            }
            Agreement::Agree => "profile, Secret and broker agree".to_owned(),
            Agreement::Differ => format!("they differ: mqctl credentials show {}", self.profile.name),
            Agreement::Unknown => "nobody could be asked".to_owned(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let names = chart::names(self.profile).pods;
        let nodes = names.iter().zip(&self.answers).map(|(name, answer)| self.node_json(name, answer));
        let release = self.observed.release.as_ref();
        json!({
            "apiVersion": "mqctl/v1", "kind": "Status", "target": self.target, "verdict": self.verdict().word(),
            "release": release.map(|r| json!({"revision": r.revision, "status": r.status, "chart": r.chart})),
            "nodes": nodes.collect::<Vec<_>>(),
            "exposed": self.exposed_json(),
            "lockedBy": self.locked_json(),
            "recovery": self.observed.recovery(),
            "outdatedRecord": self.outdated(),
            "drift": drift::to_json(&self.drift),
            "queues": self.running().filter_map(|a| a.queues).max(),
            "messages": {"ready": self.sum(|a| a.ready), "unacked": self.sum(|a| a.unacked)},
            "credentialsAgree": match self.agreement() {
                Agreement::Agree => json!(true), Agreement::Differ => json!(false), Agreement::Unknown => Value::Null,
            },
            "volumes": self.observed.claims.iter().map(|c| json!({"name": c.name, "size": c.size, "phase": c.phase})).collect::<Vec<_>>(),
        })
    }

    fn node_json(&self, name: &str, answer: &Result<Answer, String>) -> Value {
        let pod = self.pod(name);
        json!({
            "pod": name, "state": pod.map_or(Standing::Absent, |p| p.standing.clone()).to_string(),
            "restarts": pod.map(|p| p.restarts),
            "broker": answer.as_ref().ok(), "message": answer.as_ref().err(),
        })
    }
}
