//! What a refused step to RabbitMQ 4.3 leaves behind, and whether the nodes can go on with it. Pure.
//!
//! A pod of 4.3 moves the metadata of a Mnesia cluster into the Khepri stores of all members, and refuses to start only
//! then. The nodes that still run have lost it; what they lack is that their files name it: the feature flag `khepri_db`.
//! Source: RabbitMQ documentation, Metadata Store; seen and repaired with 4.0.5 and 4.3.6.

use serde::{Deserialize, Serialize};

use super::evidence::{Evidence, Node};
use super::reading::{Reading, Store};

const FLAG: &str = "khepri_db";

/// Which nodes it is about, and what they need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// Those that ran without their metadata, by the names that they call themselves.
    pub damaged: Vec<String>,
    /// Those whose pods were refused.
    pub refused: Vec<String>,
    /// The feature flags that all of them boot with.
    pub flags: Vec<String>,
}

impl Repair {
    /// By the nodes that ran without their metadata, or still do, and those that were refused.
    ///
    /// # Errors
    /// Why this is not what such a step leaves behind.
    pub fn of(evidence: &Evidence) -> Result<Self, String> {
        let (damaged, others): (Vec<&Node>, Vec<&Node>) =
            evidence.nodes.iter().partition(|node| node.is_damaged() || node.was_damaged());
        if damaged.is_empty() {
            return Err("no node is known to have lost its tables".to_owned());
        }
        others.iter().try_for_each(|node| was_refused(node))?;
        if others.is_empty() {
            return Err("no node was refused: nobody knows where the metadata went".to_owned());
        }
        let names = |nodes: &[&Node]| nodes.iter().map(|node| evidence.name_of(&node.pod)).collect();
        Ok(Self { flags: flags_of(&damaged)?, damaged: names(&damaged), refused: names(&others) })
    }

    /// All of them, by their own names.
    pub fn nodes(&self) -> impl Iterator<Item = &String> {
        self.damaged.iter().chain(&self.refused)
    }

    /// A file as RabbitMQ writes it.
    pub fn file(&self) -> String {
        format!("[{}].", self.flags.join(",\n "))
    }

    /// The next start of this node finds what it needs.
    pub fn is_laid(&self, node: &Node) -> bool {
        let laid = |reading: &Reading| reading.flags == self.flags;
        !node.is_damaged() && (node.runs || node.reading.as_ref().is_some_and(laid))
    }
}

/// It has Khepri's files, or comes and goes.
fn was_refused(node: &Node) -> Result<(), String> {
    let pod = &node.pod;
    match node.store() {
        _ if node.runs => Err(format!("{pod} serves clients and has its metadata")),
        Some(Store::Blank) => Err(format!("the volume of {pod} is blank: the metadata is not on it")),
        Some(Store::Khepri | Store::Both) => Ok(()),
        _ if node.crashes => Ok(()),
        Some(Store::Mnesia) => Err(format!("{pod} has none of Khepri's files and may yet come up")),
        None => Err(format!("{pod} could not be read")),
    }
}

/// Those of the damaged nodes, and the one that they lack.
fn flags_of(damaged: &[&Node]) -> Result<Vec<String>, String> {
    let mut lists = damaged.iter().map(|node| node.reading.as_ref().map(|r| with_khepri(&r.flags)).unwrap_or_default());
    let first = lists.next().unwrap_or_default();
    let pods: Vec<&str> = damaged.iter().map(|node| node.pod.as_str()).collect();
    if first.is_empty() {
        return Err(format!("the feature flags of {} could not be read", pods[0]));
    }
    if lists.any(|list| list != first) {
        return Err(format!("the feature flags of {} differ", pods.join(", ")));
    }
    Ok(first)
}

/// In Erlang's order, as RabbitMQ keeps them; none where none could be read.
fn with_khepri(flags: &[String]) -> Vec<String> {
    let mut flags = flags.to_vec();
    if !flags.is_empty() && !flags.iter().any(|flag| flag == FLAG) {
        flags.push(FLAG.to_owned());
    }
    flags.sort_by(|a, b| a.trim_matches('\'').cmp(b.trim_matches('\'')));
    flags
}
