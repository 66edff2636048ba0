//! What the doctor says: section by section, the cause first and what follows from it under it. Pure.

use serde_json::{Value, json};

use super::finding::{Finding, Layer, Severity, Told, by_cause};
use super::picture::Picture;
use super::rules::{RULES, findings, standing};
use crate::cluster::{Standing, Target};
use crate::explain::Code;

/// Which findings are wanted; all where neither names one.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    pub only: Vec<Code>,
    pub suppress: Vec<Code>,
}

impl Wish {
    fn wants(&self, code: Code) -> bool {
        !self.suppress.contains(&code) && (self.only.is_empty() || self.only.contains(&code))
    }
}

/// Everything that the page is made from.
pub struct Page<'a> {
    pub target: &'a Target,
    picture: &'a Picture,
    told: Vec<Told>,
}

impl<'a> Page<'a> {
    pub fn of(target: &'a Target, picture: &'a Picture, wish: &Wish) -> Self {
        let wanted = findings(picture).into_iter().filter(|(_, finding)| wish.wants(finding.code)).collect();
        Self { target, picture, told: by_cause(wanted) }
    }

    /// The worst of what was found.
    pub fn worst(&self) -> Option<Severity> {
        self.told.iter().map(|told| told.finding.severity).max()
    }

    /// No broker runs that could tell of these.
    fn not_reached(&self) -> Vec<Layer> {
        let silent = self.picture.running().next().is_none();
        Layer::ALL.into_iter().filter(|layer| silent && layer.needs_a_broker()).collect()
    }

    pub fn to_text(&self) -> String {
        let mut lines = vec![format!("{}     {}", self.target.headline(), self.verdict()), String::new()];
        let not_reached = self.not_reached();
        for layer in Layer::ALL.into_iter().filter(|layer| !not_reached.contains(layer)) {
            lines.extend(self.section(layer));
        }
        if !not_reached.is_empty() {
            let words: Vec<&str> = not_reached.into_iter().map(Layer::word).collect();
            lines.push(format!("not reached: {}", words.join(", ")));
        }
        lines.extend(self.notes());
        lines.join("\n")
    }

    fn verdict(&self) -> String {
        let count = |severity| self.told.iter().filter(|told| told.finding.severity == severity).count();
        let running = format!("{} of {} nodes run", self.picture.running().count(), self.picture.nodes.len());
        match (count(Severity::Error), count(Severity::Warning)) {
            (0, 0) => format!("nothing wrong · {running}"),
            (errors, warnings) => format!("errors {errors}, warnings {warnings} · {running}"),
        }
    }

    fn section(&self, layer: Layer) -> Vec<String> {
        let told: Vec<&Told> = self.told.iter().filter(|told| told.layer == layer).collect();
        let rules = RULES.iter().filter(|(of, _)| *of == layer).count();
        let checks = if rules == 1 { "check" } else { "checks" };
        if told.is_empty() {
            return vec![format!("{:<22} √ {rules} {checks}", layer.word())];
        }
        let findings = told.into_iter().flat_map(one);
        std::iter::once(layer.word().to_owned()).chain(findings).collect()
    }

    /// Nodes that are on their way, and what could not be looked at.
    fn notes(&self) -> Vec<String> {
        let named = |pod: &str| self.told.iter().any(|told| told.finding.subjects.iter().any(|subject| subject == pod));
        let coming = self.picture.nodes.iter().filter(|seen| !seen.node.runs && !named(seen.name()));
        let coming = coming.filter(|seen| seen.pod.standing != Standing::Absent);
        let mut notes: Vec<String> =
            coming.map(|seen| format!("on its way: {}, {}", seen.name(), standing(seen))).collect();
        let unread = self.picture.running().filter(|seen| seen.answer.is_none());
        notes.extend(unread.map(|seen| {
            let why = seen.node.reading.as_ref().and_then(|reading| reading.silent.clone());
            let why = why.or_else(|| seen.node.unread.clone()).unwrap_or_else(|| "it did not answer".to_owned());
            format!("not asked: {}: {why}", seen.name())
        }));
        notes.extend(self.picture.unread_logs.iter().map(|why| format!("not read: logs: {why}")));
        notes
    }

    pub fn to_json(&self) -> Value {
        let words = |layers: Vec<Layer>| layers.into_iter().map(Layer::word).collect::<Vec<_>>();
        json!({
            "apiVersion": "mqctl/v1", "kind": "Findings", "target": self.target,
            "healthy": self.worst().is_none_or(|worst| worst == Severity::Information),
            "checks": RULES.len(), "notReached": words(self.not_reached()), "notes": self.notes(),
            "findings": self.told.iter().map(Told::to_json).collect::<Vec<_>>(),
            "nodes": self.picture.nodes.iter().map(|seen| json!({
                "pod": seen.name(), "running": seen.node.runs, "state": standing(seen),
            })).collect::<Vec<_>>(),
        })
    }

    /// A line each for a pipeline's page of changes.
    pub fn annotations(&self) -> Vec<String> {
        let one = |told: &Told| {
            let Finding { severity, code, title, fix, .. } = &told.finding;
            let kind = match severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Information => "notice",
            };
            // Percent signs and line breaks have a meaning there.
            let text = format!("{title}; fix: {fix}").replace('%', "%25").replace('\n', "%0A");
            format!("::{kind} title={code}::{text}")
        };
        self.told.iter().map(one).collect()
    }
}

/// One finding with its reasons and what follows from it.
fn one(told: &Told) -> Vec<String> {
    let Finding { code, severity, title, proof, fix, risk, .. } = &told.finding;
    let mut lines = vec![format!("  {} {code}  {title}", severity.mark())];
    lines.extend(proof.iter().map(|words| format!("      {words}")));
    if !told.consequences.is_empty() {
        let follow: Vec<String> = told.consequences.iter().map(|f| format!("{} {}", f.code, f.title)).collect();
        lines.push(format!("      so also: {}", follow.join(" · ")));
    }
    if !fix.is_empty() {
        lines.push(format!("      fix:   {fix}"));
        lines.push(format!("      risk:  {risk}"));
    }
    lines.push(format!("      see:   mqctl explain {code}"));
    lines
}
