//! The first reading of a stop, kept in a ConfigMap: files decay with every start, what was read first stays true. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::evidence::Origin;
use super::reading::{Reading, Store};

/// The key of the ConfigMap.
const KEY: &str = "evidence.json";

/// What is kept, by pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    readings: BTreeMap<String, Reading>,
    /// Of the object that was read: whoever writes in between is noticed.
    #[serde(skip)]
    version: Option<String>,
}

/// What keeping this evidence does to what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    Nothing,
    /// Readings are added; none is lost.
    Adds,
    /// Readings of an earlier stop give way: their nodes have run since.
    Replaces,
}

impl Kept {
    /// Out of the ConfigMap; one that cannot be understood keeps nothing.
    pub fn read(object: &Value) -> Self {
        let text = object["data"][KEY].as_str().unwrap_or_default();
        let kept: Self = serde_json::from_str(text).unwrap_or_default();
        Self { version: object["metadata"]["resourceVersion"].as_str().map(str::to_owned), ..kept }
    }

    /// Whether it is of the stop that is read now: some node has not booted in between. A node that cannot be read now may
    /// else have served clients since, and what is kept of it would be of another stop.
    pub fn is_of_the_stop_of<'a>(&self, mut fresh: impl Iterator<Item = &'a Reading>) -> bool {
        fresh.any(|reading| self.readings.get(&reading.pod).is_some_and(|kept| of_one_stop(kept, reading)))
    }

    /// What counts for this pod: the first reading of its last run, and whose word that is. Only of one and the same stop
    /// it stands for a node that cannot be read now.
    pub fn choose(&self, pod: &str, fresh: Option<Reading>) -> (Option<Reading>, Origin) {
        match (self.readings.get(pod), fresh) {
            (None, fresh) => (fresh, Origin::Now),
            (Some(kept), None) => (Some(kept.clone()), Origin::Kept),
            (Some(kept), Some(fresh)) if !of_one_stop(kept, &fresh) => (Some(fresh), Origin::Now),
            (Some(kept), Some(fresh)) => {
                let origin = if says_the_same(kept, &fresh) { Origin::Kept } else { Origin::Rewritten };
                // What its VM says now, and the switches of its next start, stand beside the files as they were.
                let vm = fresh.vm.or_else(|| kept.vm.clone());
                let (flags, tables, force_load) = (fresh.flags, fresh.tables, fresh.force_load);
                (Some(Reading { flags, tables, force_load, vm, ..kept.clone() }), origin)
            }
        }
    }

    /// Takes up what was read now; a first reading of the same stop stays as it is.
    #[must_use]
    pub fn with(&self, fresh: &[Reading]) -> (Self, Keeping) {
        let (mut next, mut keeping) = (self.clone(), Keeping::Nothing);
        let worth = |reading: &&Reading| reading.store != Store::Blank && !reading.runs();
        for reading in fresh.iter().filter(worth) {
            match self.readings.get(&reading.pod) {
                Some(kept) if of_one_stop(kept, reading) => continue,
                Some(_) => keeping = Keeping::Replaces,
                None if keeping == Keeping::Nothing => keeping = Keeping::Adds,
                None => {}
            }
            next.readings.insert(reading.pod.clone(), reading.clone());
        }
        (next, keeping)
    }

    /// The ConfigMap, with nothing secret in it.
    pub fn object(&self, name: &str, release: &str) -> Value {
        let mut metadata = json!({
            "name": name,
            "labels": {"app.kubernetes.io/instance": release, "app.kubernetes.io/managed-by": "mqctl"},
        });
        if let Some(version) = &self.version {
            metadata["resourceVersion"] = json!(version);
        }
        let text = serde_json::to_string(self).unwrap_or_default();
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {KEY: text}})
    }
}

/// The node has not come through a boot in between; a blank volume is another one.
fn of_one_stop(kept: &Reading, fresh: &Reading) -> bool {
    kept.store == fresh.store && kept.booted() == fresh.booted()
}

/// Files that a start rewrites, and what Mnesia's log still knows.
fn says_the_same(kept: &Reading, fresh: &Reading) -> bool {
    kept.running_at_shutdown == fresh.running_at_shutdown
        && kept.listed() == fresh.listed()
        && kept.changed() == fresh.changed()
}
