//! One pod: what Kubernetes says of it before and beside what the broker says.

use std::fmt;

use serde_json::Value;

use crate::rabbitmq::Phase;

/// A pod of the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    pub name: String,
    /// Tells this pod from an earlier one of the same name.
    pub uid: String,
    pub standing: Standing,
    pub restarts: u64,
    /// When the broker's container began that runs now, or else the last one; RFC 3339.
    pub started: Option<String>,
    /// A delete has announced that the whole set stops: this pod's preStop hook would wait for nobody.
    pub told_to_stop: bool,
    /// The broker's image.
    pub image: Option<String>,
    /// The machine that it was placed on, as the scheduler names it.
    pub machine: Option<String>,
}

/// How far a pod has come, from Kubernetes' side; `Booting` goes on in the broker's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not created (yet).
    Absent,
    /// Not created, as a quota or a policy of the cluster does not let it: the API server's own words.
    Refused(String),
    /// The scheduler's own words.
    Unscheduled(String),
    /// Waits in the start gate, where mqctl can hold single pods back.
    Held,
    /// The image cannot be had: the kubelet's reason and words.
    ImageTrouble(String),
    /// Volumes, network, image: before the broker's container runs. With the newest event's words.
    Creating(String),
    Booting(Phase),
    /// The container ended and waits for its next start.
    Crashed(String),
    Stopping,
    Ready,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("not created yet"),
            Self::Unscheduled(words) => write!(f, "cannot be scheduled: {words}"),
            Self::Held => f.write_str("at the start gate"),
            Self::ImageTrouble(words) => write!(f, "image: {words}"),
            Self::Creating(words) | Self::Refused(words) => f.write_str(words),
            Self::Booting(phase) => write!(f, "{phase}"),
            Self::Crashed(words) => write!(f, "crashed: {words}"),
            Self::Stopping => f.write_str("stopping"),
            Self::Ready => f.write_str("ready"),
        }
    }
}

impl Standing {
    /// It does not run and will not by itself, or only after a back-off: a pod made anew from another template may.
    pub fn stuck(&self) -> bool {
        matches!(self, Self::ImageTrouble(_) | Self::Unscheduled(_) | Self::Crashed(_))
    }

    /// Steps done of ten, for the progress bar.
    pub fn tenths(&self) -> u64 {
        match self {
            Self::Absent | Self::Refused(_) | Self::Unscheduled(_) => 0,
            Self::ImageTrouble(_) | Self::Creating(_) | Self::Held => 2,
            Self::Crashed(_) | Self::Stopping => 1,
            Self::Booting(phase) => phase.tenths(),
            Self::Ready => 10,
        }
    }
}

impl Pod {
    /// `name` is that of the broker's container.
    pub fn read(object: &Value, name: &str) -> Self {
        let broker = container(object, "/status/containerStatuses", name);
        Self {
            name: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            uid: object["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
            standing: standing(object, broker),
            restarts: broker.and_then(|c| c["restartCount"].as_u64()).unwrap_or(0),
            started: broker.and_then(started),
            told_to_stop: object.pointer("/metadata/annotations/mqctl~1stopping").is_some_and(|told| told == "true"),
            image: container(object, "/spec/containers", name).and_then(image),
            machine: object["spec"]["nodeName"].as_str().map(str::to_owned),
        }
    }

    /// Its number in the StatefulSet.
    pub fn ordinal(&self) -> Option<usize> {
        self.name.rsplit('-').next()?.parse().ok()
    }

    /// A pod that is wished for and not there.
    pub fn absent(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            uid: String::new(),
            standing: Standing::Absent,
            restarts: 0,
            started: None,
            told_to_stop: false,
            image: None,
            machine: None,
        }
    }

    /// The tag of the broker's image, with its digest if it has one.
    pub fn tag(&self) -> Option<&str> {
        Some(image_parts(self.image.as_deref()?)?.1)
    }

    /// Its container runs, so it can be asked and has a log.
    pub fn runs(&self) -> bool {
        matches!(self.standing, Standing::Booting(_) | Standing::Ready)
    }
}

fn started(broker: &Value) -> Option<String> {
    let begun = ["/state/running", "/state/terminated", "/lastState/terminated"]
        .map(|state| broker.pointer(&format!("{state}/startedAt")));
    begun.into_iter().flatten().find_map(Value::as_str).map(str::to_owned)
}

/// An image's name and its tag: the part behind the first colon that is not a registry's port; it may end in a digest.
/// `None` where there is no tag.
pub(crate) fn image_parts(image: &str) -> Option<(&str, &str)> {
    let path = image.rfind('/').map_or(0, |at| at + 1);
    let at = path + image[path..].find([':', '@'])?;
    Some((&image[..at], image[at..].strip_prefix(':')?))
}

fn image(container: &Value) -> Option<String> {
    container["image"].as_str().map(str::to_owned)
}

fn container<'a>(object: &'a Value, list: &str, name: &str) -> Option<&'a Value> {
    object.pointer(list)?.as_array()?.iter().find(|c| c["name"] == name)
}

fn standing(object: &Value, broker: Option<&Value>) -> Standing {
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return Standing::Stopping;
    }
    if let Some(words) = unscheduled(object) {
        return Standing::Unscheduled(words);
    }
    let gate = container(object, "/status/initContainerStatuses", "start-gate");
    match (gate.and_then(waiting), broker.and_then(waiting)) {
        (Some((reason, words)), _) | (None, Some((reason, words))) if image_reason(&reason) => {
            Standing::ImageTrouble(image_words(&reason, &words))
        }
        _ if gate.is_some_and(|g| g.pointer("/state/running").is_some()) => Standing::Held,
        (_, Some((reason, words))) if reason.contains("CrashLoopBackOff") => {
            Standing::Crashed(crash_words(broker, &words))
        }
        _ => running(broker),
    }
}

fn running(broker: Option<&Value>) -> Standing {
    let Some(broker) = broker else { return Standing::Creating("scheduled".to_owned()) };
    if broker["ready"] == true {
        return Standing::Ready;
    }
    if broker.pointer("/state/running").is_some() {
        return Standing::Booting(Phase::Starting);
    }
    if broker.pointer("/state/terminated").is_some() {
        return Standing::Crashed(crash_words(Some(broker), ""));
    }
    Standing::Creating("creating the container".to_owned())
}

fn unscheduled(object: &Value) -> Option<String> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let scheduled = conditions.iter().find(|c| c["type"] == "PodScheduled" && c["status"] == "False")?;
    Some(scheduled["message"].as_str().unwrap_or("no reason given").to_owned())
}

fn waiting(status: &Value) -> Option<(String, String)> {
    let waiting = status.pointer("/state/waiting")?;
    let text = |key: &str| waiting[key].as_str().unwrap_or_default().to_owned();
    Some((text("reason"), text("message")))
}

fn image_reason(reason: &str) -> bool {
    matches!(
        reason,
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" | "ImageInspectError"
    )
}

fn image_words(reason: &str, words: &str) -> String {
    let first = words.lines().next().unwrap_or_default();
    if first.is_empty() { reason.to_owned() } else { format!("{reason}: {first}") }
}

fn crash_words(broker: Option<&Value>, words: &str) -> String {
    let ended = broker.and_then(|b| b.pointer("/lastState/terminated").or_else(|| b.pointer("/state/terminated")));
    let Some(ended) = ended else { return words.to_owned() };
    let reason = ended["reason"].as_str().unwrap_or("ended");
    format!(
        "{reason}, exit code {}, restarts {}",
        ended["exitCode"],
        broker.map_or(&Value::Null, |b| &b["restartCount"])
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(status: &Value) -> Standing {
        Pod::read(&json!({"metadata": {"name": "q-0"}, "status": status}), "rabbitmq").standing
    }

    #[test]
    fn each_state_that_kubernetes_tells() {
        let waits = |reason: &str, message: &str| json!({"name": "rabbitmq", "state": {"waiting": {"reason": reason, "message": message}}});
        let cases = [
            (
                json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]}),
                "cannot be scheduled: 0/3 nodes are available",
            ),
            (
                json!({"containerStatuses": [waits("ErrImagePull", "not found\nmore")]}),
                "image: ErrImagePull: not found",
            ),
            (
                json!({"initContainerStatuses": [{"name": "start-gate", "state": {"running": {}}}], "containerStatuses": [waits("PodInitializing", "")]}),
                "at the start gate",
            ),
            (json!({"containerStatuses": [waits("ContainerCreating", "")]}), "creating the container"),
            (
                json!({"containerStatuses": [{"name": "rabbitmq", "ready": false, "state": {"running": {}}}]}),
                "starting",
            ),
            (json!({"containerStatuses": [{"name": "rabbitmq", "ready": true, "state": {"running": {}}}]}), "ready"),
            (json!({}), "scheduled"),
        ];
        for (given, words) in cases {
            assert_eq!(status(&given).to_string(), words);
        }
    }

    #[test]
    fn a_crash_says_reason_code_and_count() {
        let broker = json!({"name": "rabbitmq", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}});
        assert_eq!(
            status(&json!({"containerStatuses": [broker]})).to_string(),
            "crashed: OOMKilled, exit code 137, restarts 4"
        );
    }

    #[test]
    fn an_image_has_a_name_and_a_tag() {
        assert_eq!(image_parts("rabbitmq:4.0.5"), Some(("rabbitmq", "4.0.5")));
        assert_eq!(
            image_parts("hub.example:5000/mq:4.0.5@sha256:ab"),
            Some(("hub.example:5000/mq", "4.0.5@sha256:ab"))
        );
        assert_eq!(image_parts("hub.example:5000/mq"), None);
        assert_eq!(image_parts("mq@sha256:ab"), None);
    }

    #[test]
    fn an_announced_stop_is_seen() {
        let told = |value: &str| {
            Pod::read(&json!({"metadata": {"annotations": {"mqctl/stopping": value}}}), "rabbitmq").told_to_stop
        };
        assert!(told("true") && !told("false"));
    }
}
