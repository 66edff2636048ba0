//! The ladder: what can be done about a stop, least harmful first, each rung allowed or refused with its reason. Pure.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::evidence::{Evidence, Node, Verdict};
use super::order::{Confidence, Order};
use super::reading::Store;
use super::repair::Repair;

mod instead;
mod khepri;

use khepri::{blank_on_khepri, joins_anew, on_khepri};

/// A rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    Together,
    NewestFirst,
    Forget,
    ForceBoot,
    KhepriStandalone,
    /// After a refused step to 4.3.
    Repair,
}

impl Strategy {
    pub const ALL: [Self; 6] =
        [Self::Together, Self::NewestFirst, Self::Forget, Self::ForceBoot, Self::KhepriStandalone, Self::Repair];

    /// As on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Together => "together",
            Self::NewestFirst => "newest-first",
            Self::Forget => "forget",
            Self::ForceBoot => "force-boot",
            Self::KhepriStandalone => "khepri-standalone",
            Self::Repair => "repair",
        }
    }

    /// What it costs cannot be had back.
    pub fn destroys(self) -> bool {
        matches!(self, Self::Forget | Self::ForceBoot | Self::KhepriStandalone)
    }

    /// Reading and carrying out, on a machine that is not busy.
    fn seconds(self) -> u32 {
        match self {
            Self::Together => 30,
            Self::NewestFirst | Self::ForceBoot => 60,
            Self::Forget | Self::KhepriStandalone | Self::Repair => 90,
        }
    }
}

/// How an allowed rung goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Way {
    /// The nodes that start first, the likeliest to be newest at the head; all others are held back until these serve
    /// clients. Empty where nobody is held back.
    pub first: Vec<String>,
    /// Members whose volumes are lost.
    pub lost: Vec<String>,
    /// Those of them that have started as brokers of their own since.
    pub strangers: Vec<String>,
    /// What a refused step to 4.3 has left behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
}

/// One rung, judged by the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rung {
    pub strategy: Strategy,
    /// Or why it is refused.
    pub way: Result<Way, String>,
    /// What it loses; empty where it is refused.
    pub risk: String,
}

impl Rung {
    fn new(strategy: Strategy, judged: Result<(Way, String), String>) -> Self {
        match judged {
            Ok((way, risk)) => Self { strategy, way: Ok(way), risk },
            Err(why) => Self { strategy, way: Err(why), risk: String::new() },
        }
    }

    /// What it does, in words.
    pub fn title(&self) -> String {
        let Ok(Way { first, lost, .. }) = &self.way else { return self.strategy.word().to_owned() };
        let (first, lost) = (first.join(" and "), lost.join(" and "));
        match self.strategy {
            Strategy::Together if first.is_empty() => "start all together".to_owned(),
            Strategy::Together => format!("start {first} together, then the others"),
            Strategy::NewestFirst => format!("start {first} first, then the others"),
            Strategy::Forget => format!("start {first}, forget {lost}, let it join anew"),
            Strategy::ForceBoot => format!("force boot of {first}, then the others"),
            Strategy::KhepriStandalone => format!("let {first} go on alone, and {lost} join anew"),
            Strategy::Repair => "boot all nodes on Khepri, where the metadata is now".to_owned(),
        }
    }

    /// `about 30 s`
    pub fn time(&self) -> String {
        format!("about {} s", self.strategy.seconds())
    }

    pub fn to_json(&self) -> Value {
        json!({
            "strategy": self.strategy.word(), "allowed": self.way.is_ok(), "destroys": self.strategy.destroys(),
            "way": self.way.as_ref().ok(), "dataRisk": self.risk, "seconds": self.strategy.seconds(),
            "refusal": self.way.as_ref().err(),
        })
    }
}

/// Every rung. `node` is the one that a person wants to start with.
pub fn ladder(evidence: &Evidence, node: Option<&str>) -> Vec<Rung> {
    Strategy::ALL.into_iter().map(|strategy| rung(strategy, evidence, node)).collect()
}

/// One of them.
pub fn rung(strategy: Strategy, evidence: &Evidence, node: Option<&str>) -> Rung {
    Rung::new(strategy, judge(strategy, evidence, node))
}

/// The gentlest that helps. A force boot is never proposed: whoever wants one says so.
pub fn recommended(rungs: &[Rung]) -> Option<&Rung> {
    rungs.iter().find(|rung| rung.way.is_ok() && rung.strategy != Strategy::ForceBoot)
}

type Judged = Result<(Way, String), String>;

const NOTHING: &str = "loses nothing";

fn judge(strategy: Strategy, evidence: &Evidence, node: Option<&str>) -> Judged {
    if let Some(node) = node
        && !evidence.nodes.iter().any(|known| known.pod == node)
    {
        return Err(format!("there is no node `{node}`"));
    }
    if evidence.damaged().next().is_some() {
        return only_repair(strategy, evidence, "would make it worse");
    }
    match &evidence.verdict {
        _ if evidence.healthy() => Err("all nodes run: nothing stopped, and nothing is to be done".to_owned()),
        Verdict::Running(running) => beside_running(strategy, evidence, running),
        Verdict::Mnesia(order) => on_mnesia(strategy, &Mnesia { evidence, order, node }),
        Verdict::Khepri(quorum) => on_khepri(strategy, evidence, quorum, node),
        Verdict::Blank if evidence.unknown().next().is_some() => {
            Err("no volume that could be read has anything on it".to_owned())
        }
        Verdict::Blank => Err("no volume has anything on it: there is nothing to recover".to_owned()),
        // A refused step to 4.3 after which all nodes were stopped looks so.
        Verdict::Mixed => only_repair(strategy, evidence, "the nodes' files belong to different metadata stores"),
        Verdict::Unread => Err("no node could be read".to_owned()),
    }
}

/// Every start and every stop that leaves the nodes' files as they are makes it worse.
fn only_repair(strategy: Strategy, evidence: &Evidence, against: &str) -> Judged {
    let judged = Repair::of(evidence);
    match (strategy, judged) {
        (Strategy::Repair, Ok(repair)) => Ok((Way { repair: Some(repair), ..Way::default() }, NOTHING.to_owned())),
        (Strategy::Repair, Err(why)) => Err(why),
        (_, Ok(_)) => Err(format!("{against}: take `repair`")),
        (_, Err(why)) => Err(format!("{against}, and `repair` does not fit: {why}")),
    }
}

fn nothing_damaged() -> String {
    "no node serves clients without its metadata".to_owned()
}

/// What serves clients is what others copy: who is missing needs only to start, unless its volume is lost.
fn beside_running(strategy: Strategy, evidence: &Evidence, running: &[String]) -> Judged {
    let lost = lost_beside(evidence);
    let serve = || format!("clients are served by {}: the others copy from there", running.join(", "));
    match strategy {
        Strategy::Together if lost.is_empty() => Ok((Way::default(), joins_anew(&blank_on_khepri(evidence)))),
        Strategy::Together => Err(blank(&lost)),
        Strategy::Forget if lost.is_empty() => Err(nothing_lost()),
        Strategy::Forget => Ok((way(evidence, running.to_vec(), &lost), gone_with(&lost))),
        Strategy::Repair => Err(nothing_damaged()),
        _ => Err(serve()),
    }
}

/// Blank volumes of nodes that the running ones count as members. Khepri takes them in by itself.
fn lost_beside(evidence: &Evidence) -> Vec<String> {
    let members = members_of_mnesia(evidence);
    let lost = |node: &&Node| !node.runs && node.store() == Some(Store::Blank) && members.contains(&&node.pod);
    evidence.nodes.iter().filter(lost).map(|node| node.pod.clone()).collect()
}

fn members_of_mnesia(evidence: &Evidence) -> Vec<&String> {
    let readings = evidence.nodes.iter().filter_map(|node| node.reading.as_ref());
    readings.filter(|reading| reading.store == Store::Mnesia).flat_map(|reading| &reading.members).collect()
}

/// It was lost when a recovery began, and has joined anew by now: what it has is the cluster's.
pub fn has_joined(evidence: &Evidence, pod: &str) -> bool {
    let has_data = |node: &Node| node.runs || matches!(node.store(), Some(Store::Mnesia | Store::Khepri));
    evidence.nodes.iter().any(|node| node.pod == pod && !node.stranger && has_data(node))
}

/// Of those that were lost when a recovery began: who has not joined anew, and is counted as a member still.
pub fn still_lost(evidence: &Evidence, lost: &[String]) -> Vec<String> {
    let members = members_of_mnesia(evidence);
    let stranger = |pod: &String| evidence.nodes.iter().any(|node| node.pod == *pod && node.stranger);
    let counted = |pod: &String| members.is_empty() || members.contains(&pod) || stranger(pod);
    lost.iter().filter(|pod| counted(pod) && !has_joined(evidence, pod)).cloned().collect()
}

/// With what clients put into brokers that are none of the cluster.
fn way(evidence: &Evidence, first: Vec<String>, lost: &[String]) -> Way {
    let strangers = evidence.nodes.iter().filter(|node| node.stranger && lost.contains(&node.pod));
    Way { first, lost: lost.to_vec(), strangers: strangers.map(|node| node.pod.clone()).collect(), repair: None }
}

fn blank(lost: &[String]) -> String {
    format!("the volume of {} is blank: its node would start as an empty broker beside the others", lost.join(", "))
}

fn nothing_lost() -> String {
    "no member's volume is lost".to_owned()
}

fn gone_with(lost: &[String]) -> String {
    format!("classic queues of {}, whose messages went with the volume", lost.join(", "))
}

/// A full stop of Mnesia nodes.
struct Mnesia<'a> {
    evidence: &'a Evidence,
    order: &'a Order,
    node: Option<&'a str>,
}

fn on_mnesia(strategy: Strategy, stop: &Mnesia<'_>) -> Judged {
    match strategy {
        Strategy::Together => stop.together(),
        Strategy::NewestFirst => stop.newest_first(),
        Strategy::Forget => stop.forget(),
        Strategy::ForceBoot => stop.force_boot(),
        Strategy::KhepriStandalone => Err("the metadata is in Mnesia".to_owned()),
        Strategy::Repair => Err(nothing_damaged()),
    }
}

impl Mnesia<'_> {
    fn lost(&self) -> Vec<String> {
        let lost = |node: &&Node| node.store() == Some(Store::Blank) && self.order.rank.contains(&node.pod);
        self.evidence.nodes.iter().filter(lost).map(|node| node.pod.clone()).collect()
    }

    fn together(&self) -> Judged {
        let (order, lost) = (self.order, self.lost());
        if !lost.is_empty() {
            return Err(blank(&lost));
        }
        if order.together_is_safe() {
            return Ok((Way::default(), NOTHING.to_owned()));
        }
        Err(format!("loads the copy of {}: what was declared after it stopped would be lost", order.lowest))
    }

    /// The nodes that may be newest, the wanted one at the head.
    fn first(&self) -> Result<Vec<String>, String> {
        let mut first = self.order.newest.clone();
        if let Some(unread) = first.iter().find(|pod| self.order.unread.contains(*pod)) {
            return Err(format!("{unread} may be the newest and could not be read"));
        }
        if first.is_empty() {
            return Err("what was read contradicts itself: nobody knows who is newest".to_owned());
        }
        if let Some(node) = self.node {
            let place = first.iter().position(|pod| pod == node);
            let place = place.ok_or_else(|| format!("{node} is known to have stopped before {}", first.join(", ")))?;
            first.swap(0, place);
        }
        Ok(first)
    }

    fn newest_first(&self) -> Judged {
        if !self.lost().is_empty() {
            return Err(blank(&self.lost()));
        }
        let first = self.first()?;
        if first.len() == self.order.rank.len() {
            return Err("no node is known to be older: there is nobody to hold back".to_owned());
        }
        let risk = if first.len() == 1 { NOTHING.to_owned() } else { format!("loses nothing that {} knew", first[0]) };
        Ok((Way { first, ..Way::default() }, risk))
    }

    fn forget(&self) -> Judged {
        let lost = self.lost();
        if lost.is_empty() {
            return Err(nothing_lost());
        }
        let first = self.first()?;
        let only_there = self.order.confidence != Confidence::Certain;
        let more = if only_there { "; and what nobody else knew" } else { "" };
        let risk = format!("{}{more}", gone_with(&lost));
        Ok((way(self.evidence, first, &lost), risk))
    }

    fn force_boot(&self) -> Judged {
        if self.together().is_ok() {
            return Err("starting all together loses nothing, and a force boot may: take `together`".to_owned());
        }
        if !self.lost().is_empty() && self.node.is_none_or(|node| !self.lost().iter().any(|lost| lost == node)) {
            return Err("a lost member has to be forgotten first, and that boots the newest: take `forget`".to_owned());
        }
        let order = self.order;
        let node = match (self.node, order.confidence) {
            (Some(node), _) => node,
            (None, Confidence::Tie) => {
                let tie = order.newest.join(" and ");
                return Err(format!("{tie} tie: `newest-first` starts both; or name one with --node"));
            }
            (None, _) => order.newest.first().map(String::as_str).unwrap_or_default(),
        };
        self.usable(node)?;
        Ok((Way { first: vec![node.to_owned()], ..Way::default() }, self.cost_of(node)))
    }

    fn usable(&self, node: &str) -> Result<(), String> {
        let store = self.evidence.nodes.iter().find(|known| known.pod == node).and_then(Node::store);
        match store {
            Some(Store::Mnesia) => Ok(()),
            Some(Store::Blank) => Err(instead::of_blank(self, node)),
            _ => Err(format!("the volume of {node} could not be read")),
        }
    }

    fn cost_of(&self, node: &str) -> String {
        if self.order.newest.iter().any(|pod| pod == node) {
            return format!("what another of {} knew and {node} did not", self.order.newest.join(", "));
        }
        format!("everything declared after {node} stopped, and the messages in it")
    }
}
