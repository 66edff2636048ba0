//! What the kubelet says of a container that it ends because a probe of it fails. Pure.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::plan::wait::time_of;
use crate::recover::moment::Moment;
use crate::recover::reading::pattern;

static KILLING: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^Container (?<container>\S+) failed (?<probe>liveness|startup) probe"));

/// Of the newest such event.
pub struct Kill {
    /// `livenessProbe`, as in the container.
    pub probe: String,
    pub words: String,
    at: Option<Moment>,
}

impl Kill {
    /// Among the events of the namespace, of this container of the pod of this name.
    pub fn of(objects: &[Value], pod: &str, container: &str) -> Option<Self> {
        let about = |event: &Value| event["kind"] == "Event" && event["involvedObject"]["name"] == pod;
        let kills = objects.iter().filter(|object| about(object) && object["reason"] == "Killing");
        kills.filter_map(|event| read(event, container)).max_by_key(|kill| kill.at)
    }

    /// It was the container that ended so, and none before it.
    pub fn ended(&self, end: &Value) -> bool {
        let began = end["startedAt"].as_str().and_then(Moment::read);
        self.at.zip(began).is_none_or(|(at, began)| at >= began)
    }
}

fn read(event: &Value, container: &str) -> Option<Kill> {
    let words = event["message"].as_str()?;
    let said = KILLING.captures(words).filter(|said| &said["container"] == container)?;
    let probe = format!("{}Probe", &said["probe"]);
    Some(Kill { probe, words: words.to_owned(), at: Moment::read(time_of(event)) })
}
