//! What is wrong: code, severity, whom it is about, how that is known, what to do, what would be lost. Pure.

use serde_json::{Value, json};

use crate::explain::Code;

/// The layers of a release, the lowest first: each needs those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    Helm,
    Release,
    Admission,
    Scheduling,
    Image,
    Start,
    Boot,
    Cluster,
    Broker,
    Access,
    Deletion,
}

impl Layer {
    pub const ALL: [Self; 11] = [
        Self::Helm,
        Self::Release,
        Self::Admission,
        Self::Scheduling,
        Self::Image,
        Self::Start,
        Self::Boot,
        Self::Cluster,
        Self::Broker,
        Self::Access,
        Self::Deletion,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Self::Helm => "client and helm",
            Self::Release => "release",
            Self::Admission => "admission",
            Self::Scheduling => "scheduling, volumes",
            Self::Image => "image",
            Self::Start => "container start",
            Self::Boot => "boot",
            Self::Cluster => "cluster",
            Self::Broker => "broker",
            Self::Access => "access",
            Self::Deletion => "deletion",
        }
    }

    /// Only a broker that runs can tell.
    pub fn needs_a_broker(self) -> bool {
        matches!(self, Self::Cluster | Self::Broker | Self::Access)
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Information,
    Warning,
    Error,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    pub fn mark(self) -> &'static str {
        match self {
            Self::Information => "i",
            Self::Warning => "‼",
            Self::Error => "×",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub code: Code,
    pub severity: Severity,
    /// It has not come about, and would.
    pub forecast: bool,
    /// The pods, claims or queues that it is about.
    pub subjects: Vec<String>,
    /// One sentence.
    pub title: String,
    /// How it is known.
    pub proof: Vec<String>,
    /// A command to paste, or a line of the profile to change.
    pub fix: String,
    /// What the fix, or another one that offers itself, would lose.
    pub risk: String,
}

impl Finding {
    fn new(code: Code, severity: Severity, title: impl Into<String>) -> Self {
        let (fix, risk) = (String::new(), "none".to_owned());
        let (forecast, subjects, proof) = (false, Vec::new(), Vec::new());
        Self { code, severity, forecast, subjects, title: title.into(), proof, fix, risk }
    }

    pub fn error(code: Code, title: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, title)
    }

    pub fn warning(code: Code, title: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, title)
    }

    pub fn information(code: Code, title: impl Into<String>) -> Self {
        Self::new(code, Severity::Information, title)
    }

    /// What would come of a release as it is.
    pub fn forecast(code: Code, title: impl Into<String>) -> Self {
        Self { forecast: true, ..Self::warning(code, title) }
    }

    #[must_use]
    pub fn of<S: Into<String>>(mut self, subjects: impl IntoIterator<Item = S>) -> Self {
        self.subjects = subjects.into_iter().map(Into::into).collect();
        self
    }

    #[must_use]
    pub fn proof(mut self, proof: impl Into<String>) -> Self {
        self.proof.push(proof.into());
        self
    }

    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }

    #[must_use]
    pub fn risk(mut self, risk: impl Into<String>) -> Self {
        self.risk = risk.into();
        self
    }

    /// It may come of something in a layer below; whatever may not is told beside the cause.
    fn may_follow(&self) -> bool {
        let follows = matches!(
            self.code,
            Code::BootMnesia
                | Code::KhepriLeader
                | Code::Inconsistent
                | Code::Dns
                | Code::ProbeKill
                | Code::NotReady
                | Code::Split
                | Code::QqLeaderless
                | Code::StoppedQ
        );
        follows && !self.forecast
    }
}

/// `rmq-0 waits`, `rmq-0, rmq-1 wait`
pub(crate) fn plural(count: usize, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

/// A finding in its layer, with what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub layer: Layer,
    pub finding: Finding,
    pub consequences: Vec<Finding>,
}

/// Puts what follows under its cause: the first error of the lowest layer that has one.
pub fn by_cause(mut found: Vec<(Layer, Finding)>) -> Vec<Told> {
    found.sort_by_key(|(layer, finding)| (*layer, std::cmp::Reverse(finding.severity)));
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    let lowest = found.iter().find(|(_, finding)| is_error(finding)).map(|(layer, _)| *layer);
    // A node of which nothing more is known than that it is not ready: whatever else is known at its layer explains it.
    let known = found.iter().any(|(of, f)| Some(*of) == lowest && is_error(f) && f.code != Code::NotReady);
    let mut told: Vec<Told> = Vec::new();
    let mut consequences = Vec::new();
    for (layer, finding) in found {
        let above = lowest.is_some_and(|lowest| layer > lowest);
        if finding.may_follow() && (above || (finding.code == Code::NotReady && known)) {
            consequences.push(finding);
        } else {
            told.push(Told { layer, finding, consequences: Vec::new() });
        }
    }
    if let Some(cause) = told.iter_mut().find(|told| is_error(&told.finding)) {
        cause.consequences = consequences;
    }
    told
}

impl Told {
    pub fn to_json(&self) -> Value {
        let consequences: Vec<Value> = self.consequences.iter().map(Finding::to_json).collect();
        let mut told = self.finding.to_json();
        told["layer"] = json!(self.layer.word());
        told["consequences"] = json!(consequences);
        told
    }
}

impl Finding {
    fn to_json(&self) -> Value {
        json!({
            "code": self.code.as_str(), "severity": self.severity.word(), "forecast": self.forecast,
            "subjects": self.subjects,
            "message": self.title, "proof": self.proof, "fix": self.fix, "risk": self.risk,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(found: Vec<(Layer, Finding)>) -> Vec<(Code, Vec<Code>)> {
        let under = |told: &Told| told.consequences.iter().map(|finding| finding.code).collect();
        by_cause(found).iter().map(|told| (told.finding.code, under(told))).collect()
    }

    #[test]
    fn the_lowest_broken_layer_is_the_cause() {
        let found = vec![
            (Layer::Cluster, Finding::error(Code::Split, "")),
            (Layer::Boot, Finding::error(Code::BootMnesia, "")),
            (Layer::Start, Finding::error(Code::Cookie, "")),
        ];
        assert_eq!(codes(found), [(Code::Cookie, vec![Code::BootMnesia, Code::Split])]);
    }

    #[test]
    fn what_cannot_follow_stands_beside_it() {
        let found = vec![
            (Layer::Broker, Finding::error(Code::DiskAlarm, "")),
            (Layer::Broker, Finding::error(Code::StoppedQ, "")),
            (Layer::Image, Finding::error(Code::Img, "")),
            (Layer::Release, Finding::warning(Code::TwoNodes, "")),
        ];
        let told = [(Code::TwoNodes, vec![]), (Code::Img, vec![Code::StoppedQ]), (Code::DiskAlarm, vec![])];
        assert_eq!(codes(found), told);
    }

    #[test]
    fn what_has_not_come_about_follows_from_nothing() {
        let found = vec![
            (Layer::Boot, Finding::forecast(Code::Dns, "")),
            (Layer::Boot, Finding::error(Code::Inconsistent, "")),
            (Layer::Start, Finding::error(Code::Cookie, "")),
        ];
        assert_eq!(codes(found), [(Code::Cookie, vec![Code::Inconsistent]), (Code::Dns, vec![])]);
    }
}
