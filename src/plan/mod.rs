//! A plan: steps that can be printed, counted, refused, compared in a test, and run. Pure; `execute` and `wait` are not.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::changes::Change;
use crate::chart::Names;
use crate::cluster::{Lease, Observed, Target};
use crate::definitions::Definitions;
use crate::kubectl::lease::create_with;
use crate::process::{Call, Part};
use crate::profile::Profile;
use crate::secret::Name;

use self::expose::Reach;
pub use self::outlook::Outlook;

pub(crate) mod address;
pub mod adopt;
pub(crate) mod anew;
pub(crate) mod definitions;
pub mod delete;
pub(crate) mod execute;
pub mod expose;
mod first_secret;
mod homes;
pub mod init;
pub mod install;
pub(crate) mod keep;
pub mod migrate;
pub mod moving;
mod objects;
pub mod offers;
mod outgoing;
mod outlook;
pub(crate) mod ownership;
pub(crate) mod pending;
pub(crate) mod preconditions;
pub(crate) mod queues;
pub(crate) mod record;
pub mod recover;
pub mod rotate;
pub(crate) mod script;
mod secret_object;
pub mod take_over;
pub(crate) mod unlock;
pub(crate) mod upgrade;
pub(crate) mod verify;
mod version_step;
pub(crate) mod wait;

/// How much a step can take away; consent grows with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    Reads,
    /// Adds what nobody can miss and takes nothing away: shown, not asked for.
    Keeps,
    Changes,
    Destroys,
}

impl Danger {
    pub fn word(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Keeps => "keeps",
            Self::Changes => "changes",
            Self::Destroys => "DESTROYS",
        }
    }
}

/// What is done in a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Generate the missing secrets and write them into the secrets file, before anything needs them.
    KeepSecrets {
        file: PathBuf,
        generate: Vec<Name>,
        write: Vec<Name>,
    },
    /// Create mqctl's Secret, and the namespace where it is missing; a Secret that is there by now stays as it is.
    CreateSecret {
        with_namespace: bool,
        secret: Vec<Part>,
        /// Secrets that nobody has: the Secret is their first home.
        generate: Vec<Name>,
    },
    /// Generate the secret that a rotation will put in the place of the old one.
    Generate(Name),
    /// Where there is no present secret, the next one is the present one already.
    Preset(Name),
    /// Keep a copy of the secrets file, for its owner alone.
    SetAside {
        file: PathBuf,
        copy: PathBuf,
    },
    /// These secrets take the place of what the secrets file has.
    ReplaceSecrets {
        file: PathBuf,
        names: Vec<Name>,
    },
    /// The next secret takes the place of the old one, in the secrets file too where that is its home.
    Promote {
        name: Name,
        file: Option<PathBuf>,
    },
    /// Write a file without secrets, whole or not at all.
    WriteFile {
        path: PathBuf,
        text: String,
    },
    /// Lay the built-in chart out for helm.
    LayChart(PathBuf),
    Run(Call),
    /// Run, and keep what it answers in a file that nobody else may read.
    Save {
        call: Call,
        file: PathBuf,
    },
    /// Run, whatever comes of it: what it does is a courtesy.
    Try(Call),
    Wait(Condition),
    /// What is in the queues before anything is done.
    Count(String),
    /// Every queue has a leader, as this node sees it.
    AllLed(String),
    /// A broker has all of these definitions, by its own word.
    ReadBack {
        definitions: Definitions,
        pod: String,
    },
    /// Messages on their way to another cluster are counted, or waited for.
    Move(Box<moving::Move>),
    /// A record of helm's names what the server serves, and a copy of it is kept.
    RepairRecord(record::Repair),
    Verify(Wished),
    /// Wait for the address of the Service outside, and try it.
    Reach(Reach),
}

impl Action {
    fn waits(&self) -> bool {
        match self {
            Self::Wait(_) | Self::Reach(_) => true,
            Self::Move(it) => it.stage == moving::Stage::Empty,
            _ => false,
        }
    }
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Every replica runs the newest template and is ready.
    AllReady,
    /// These pods are gone.
    Gone(Vec<String>),
    /// These pods wait for others of their cluster, or have come to serve clients.
    Waiting(Vec<String>),
    /// These pods have booted, whatever their probes say.
    Booted(Vec<String>),
    /// These pods serve clients.
    Ready(Vec<String>),
    /// This call succeeds.
    Succeeds(Call),
    /// A node that boots takes this call; what each pod stands at is told meanwhile.
    Takes(Call),
    /// This helper pod has done its work, within a time of its own: a large volume takes longer than a boot.
    Completed(String, Duration),
}

/// What a healthy release looks like to its brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wished {
    pub pods: Vec<String>,
    pub username: String,
}

/// One step: a sentence, how dangerous it is, what it does.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub title: String,
    pub detail: String,
    pub danger: Danger,
    pub actions: Vec<Action>,
    /// What the account says when the step is done.
    pub done: String,
    /// Lines below the step: fields that change.
    pub notes: Vec<String>,
    /// What is replaced and by what, where that is a text.
    pub diff: Option<String>,
}

impl Step {
    fn new(danger: Danger, title: impl Into<String>, detail: impl Into<String>) -> Self {
        let title = title.into();
        let (notes, diff) = (Vec::new(), None);
        Self { done: title.clone(), title, detail: detail.into(), danger, actions: Vec::new(), notes, diff }
    }

    fn action(mut self, action: Action) -> Self {
        self.actions.push(action);
        self
    }

    /// Keeps the secrets file as it was, where there is one and somebody wants it.
    fn set_aside(self, file: Option<&PathBuf>, copy: Option<&PathBuf>) -> Self {
        match (file.cloned(), copy.cloned()) {
            (Some(file), Some(copy)) => self.action(Action::SetAside { file, copy }),
            _ => self,
        }
    }

    fn done(mut self, done: impl Into<String>) -> Self {
        self.done = done.into();
        self
    }

    fn notes(mut self, notes: Vec<String>) -> Self {
        self.notes = notes;
        self
    }

    /// `waits` is a kind of reading that takes its time.
    pub fn word(&self) -> &'static str {
        let waits = self.actions.iter().any(Action::waits);
        if waits && self.danger == Danger::Reads { "waits" } else { self.danger.word() }
    }

    /// The calls, as lines to paste.
    pub fn calls(&self, target: &Target) -> Vec<String> {
        let call = |action: &Action| match action {
            Action::Run(call) | Action::Try(call) | Action::Save { call, .. } => Some(call.to_string()),
            Action::CreateSecret { .. } => Some(create_with(target, None, None, &[]).to_string()),
            _ => None,
        };
        self.actions.iter().filter_map(call).collect()
    }
}

/// What is known, before the first change, of the Lease by which one mqctl at a time works on a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The profile's name, for a hint.
    pub profile: String,
    /// It is there, and taken over as it was seen; else it is created.
    pub from: Option<Lease>,
    /// Nobody may change that other release meanwhile.
    pub beside: Option<Box<Beside>>,
}

/// The Lease of another release than the one that is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    pub target: Target,
    /// The Lease's name.
    pub lease: String,
    pub claim: Claim,
}

impl Claim {
    /// A Lease whose holder lives is nothing to take over.
    pub(crate) fn on(profile: &Profile, observed: &Observed) -> Self {
        let from = observed.lease.clone().filter(|lease| lease.abandoned);
        Self { profile: profile.name.clone(), from, beside: None }
    }
}

/// What a verb would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub verb: &'static str,
    pub target: Target,
    pub names: Names,
    /// Chart, version, size: the rest of the headline.
    pub about: String,
    pub steps: Vec<Step>,
    pub warnings: Vec<String>,
    /// What is known beside the steps.
    pub outlook: Outlook,
    /// What a change of the release does to its objects.
    pub changes: Vec<Change>,
    /// Said when there is no step.
    pub nothing: String,
    /// Said when all is done.
    pub farewell: Vec<String>,
    /// Time that each wait may take.
    pub limit: Duration,
    /// The profile wants a person for what destroys.
    pub protected: bool,
    /// `None` where nothing of a release is changed.
    pub claim: Option<Claim>,
}

impl Plan {
    /// The most dangerous step's danger; an empty plan reads.
    pub fn danger(&self) -> Danger {
        self.steps.iter().map(|s| s.danger).max().unwrap_or(Danger::Reads)
    }

    /// The calls that its steps make themselves; those of the waits in between only look.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.steps.iter().flat_map(|step| &step.actions).filter_map(|action| match action {
            Action::Run(call)
            | Action::Try(call)
            | Action::Wait(Condition::Succeeds(call) | Condition::Takes(call)) => Some(call),
            _ => None,
        })
    }

    /// Whether carrying it out changes anything.
    pub fn changes(&self) -> bool {
        self.danger() > Danger::Reads
    }

    /// Its first change is the Secret, so that the Lease can be made by the same call.
    pub(crate) fn begins_with_the_secret(&self) -> bool {
        let first = self.steps.first().and_then(|step| step.actions.first());
        matches!(first, Some(Action::CreateSecret { .. }))
    }

    pub fn count(&self, danger: Danger) -> usize {
        self.steps.iter().filter(|s| s.danger == danger).count()
    }

    pub fn to_json(&self) -> Value {
        let step = |(n, step): (usize, &Step)| {
            let mut one = json!({
                "step": n + 1, "title": step.title, "detail": step.detail,
                "danger": step.word().to_lowercase(), "calls": step.calls(&self.target),
            });
            if let Some(diff) = &step.diff {
                one["diff"] = diff.as_str().into();
            }
            one
        };
        json!({
            "apiVersion": "mqctl/v1", "kind": "Plan", "target": self.target, "verb": self.verb,
            "steps": self.steps.iter().enumerate().map(step).collect::<Vec<_>>(),
            "changes": self.changes(), "objects": self.changes, "warnings": self.warnings,
            "told": self.outlook.told_in_json(),
            "drift": self.outlook.drift_in_json(), "forecast": self.outlook.forecast_in_json(),
        })
    }

    /// The page, without a line break at its end.
    pub fn to_text(&self) -> String {
        let mut lines = vec![format!("{}     {}", self.target.headline(), self.about)];
        if self.steps.is_empty() {
            lines = vec![format!("{}     {}", self.target.headline(), self.nothing)];
        } else {
            lines.extend(self.steps_in_text());
        }
        lines.extend(self.outlook.lines());
        lines.extend(self.warnings.iter().map(|w| format!("warning: {w}")));
        lines.join("\n")
    }

    /// One line a step; then what is replaced.
    fn steps_in_text(&self) -> Vec<String> {
        let mut lines = vec![String::new()];
        let width = self.steps.iter().map(|s| s.title.chars().count()).max().unwrap_or(0);
        for (n, step) in self.steps.iter().enumerate() {
            let line = format!("{:>3}  {:<8}  {:<width$}  {}", n + 1, step.word(), step.title, step.detail);
            lines.push(line.trim_end().to_owned());
            lines.extend(step.notes.iter().map(|note| format!("               {note}")));
        }
        lines.push(String::new());
        lines.extend(self.diffs().map(|diff| format!("{diff}\n")));
        lines
    }

    pub fn diffs(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| step.diff.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn danger_is_ordered_and_waiting_is_reading() {
        assert!([Danger::Reads, Danger::Keeps, Danger::Changes, Danger::Destroys].is_sorted());
        let step = Step::new(Danger::Reads, "a", "b").action(Action::Wait(Condition::AllReady));
        assert_eq!(step.word(), "waits");
    }
}
