//! `mqctl profile check NAME`: the profile, its secrets file and its sources of secrets, without a cluster

use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::{Value, json};

use crate::ask::Person;
use crate::chart::look::{Asking, Eyes};
use crate::cli::Check;
use crate::context::Context;
use crate::credentials::{self, Tried};
use crate::definitions::Definitions;
use crate::error::Failure;
use crate::git;
use crate::outcome::Outcome;
use crate::profile::{self, LoadError, Mistake, Profile};
use crate::report;
use crate::secret::{self, Name, Vault};

pub(crate) fn run(args: &Check, cx: &Context) -> Result<Outcome> {
    let path = cx.profile_path(args.name.as_deref())?;
    let checked = Checked::look(path, args, cx);
    let failure = checked.failure();
    if cx.json() {
        report::answer(&report::pretty(&checked.to_json()));
    } else if failure.is_none() {
        report::answer(&checked.to_text());
    }
    checked.warnings().iter().for_each(|warning| report::say(&format!("warning: {warning}")));
    failure.map_or(Ok(Outcome::Done), |failure| Err(failure.into()))
}

/// What was found in both files.
struct Checked {
    path: PathBuf,
    profile: Result<Profile, LoadError>,
    file: PathBuf,
    secrets: Result<Vault>,
    sources: Vec<Tried>,
    /// The file of definitions and what is in it, where the profile names one.
    definitions: Option<(PathBuf, Result<String, Failure>)>,
    /// Nothing where there is no git, or no repository.
    tracked: Option<bool>,
}

impl Checked {
    fn look(path: PathBuf, args: &Check, cx: &Context) -> Self {
        let eyes = Eyes { tools: &cx.tools, person: Person::Absent, asking: Asking::InDoubt };
        let profile = profile::load_with(&path, &|wanted| eyes.look(wanted));
        if let Ok(profile) = &profile {
            cx.withhold_sources(profile);
        }
        let sources = profile.as_ref().ok().filter(|_| !args.no_sources);
        let sources = sources.map(|profile| credentials::try_sources(cx, profile)).unwrap_or_default();
        let file = secret::file_of(&path, &profile::name_of(&path));
        let tracked = git::is_tracked(cx.tools.run(&git::tracked(&file), &Vault::default()));
        let definitions = profile.as_ref().ok().and_then(Definitions::of);
        let definitions = definitions.map(|d| (d.file.clone(), d.read().map(|content| content.summary())));
        Self { profile, definitions, secrets: secret::read_file(&file), sources, tracked, path, file }
    }

    /// All mistakes at once; the hints about secrets come first.
    fn failure(&self) -> Option<Failure> {
        let mut wrong: Vec<(String, Option<String>)> = Vec::new();
        if let Err(error) = &self.secrets {
            let hint = error.downcast_ref::<Failure>().and_then(|failure| failure.hints.first().cloned());
            wrong.push((format!("{error:#}"), hint));
        }
        if self.tracked == Some(true) {
            let text =
                format!("`{}` is under version control: whoever reads the repository has the secrets", self.file());
            wrong
                .push((text, Some(format!("git rm --cached {0} && echo '*.secrets.yaml' >> .gitignore", self.file()))));
        }
        let unusable = self.definitions.iter().filter_map(|(_, read)| read.as_ref().err());
        wrong.extend(unusable.map(|failure| (failure.text.clone(), failure.hints.first().cloned())));
        wrong.extend(self.sources.iter().filter_map(|tried| Some((tried.complaint()?, None))));
        if let Err(error) = &self.profile {
            wrong.push((error.to_string(), error.hint()));
        }
        let (texts, hints): (Vec<String>, Vec<Option<String>>) = wrong.into_iter().unzip();
        // A repository that is away makes no profile bad.
        let away = texts.len() == 1 && matches!(self.profile, Err(LoadError::ChartUnseen(_)));
        let outcome = if away { Outcome::Unreachable } else { Outcome::BadProfile };
        let failure = Failure::new(outcome, texts.join("\n"));
        let hints = hints.into_iter().flatten().take(2);
        (!texts.is_empty()).then(|| hints.fold(failure, Failure::hint))
    }

    fn file(&self) -> String {
        self.file.display().to_string()
    }

    fn warnings(&self) -> Vec<String> {
        let warnings = self.profile.as_ref().map_or(&[][..], |profile| &profile.warnings);
        warnings.iter().map(|warning| format!("`{}`: {}", warning.path, warning.text)).collect()
    }

    /// The secrets that the secrets file has.
    fn holds(&self) -> Vec<Name> {
        let vault = self.secrets.as_ref().ok();
        Name::BOTH.into_iter().filter(|name| vault.is_some_and(|vault| vault.get(*name).is_some())).collect()
    }

    fn to_text(&self) -> String {
        let held: Vec<String> = self.holds().iter().map(ToString::to_string).collect();
        let held =
            if held.is_empty() { "no secret in it yet".to_owned() } else { format!("ok: {}", held.join(" and ")) };
        let git = if self.tracked == Some(false) { ", not under version control" } else { "" };
        let row = |path: &Path, words: String| vec![path.display().to_string(), words];
        let mut rows = vec![row(&self.path, "ok".to_owned()), row(&self.file, held + git)];
        let definitions = self.definitions.iter().filter_map(|(path, read)| Some((path, read.as_ref().ok()?)));
        rows.extend(definitions.map(|(path, summary)| row(path, format!("ok: {summary}"))));
        rows.extend(
            self.sources.iter().map(|tried| vec![format!("credentials.{}", tried.name.key()), tried.in_words()]),
        );
        report::table(&rows).join("\n")
    }

    fn to_json(&self) -> Value {
        let mistakes: Vec<Value> = match &self.profile {
            Err(LoadError::Mistaken(error)) => error.mistakes.iter().map(mistake).collect(),
            Err(LoadError::ChartUnseen(error)) => vec![json!({"path": "chart.ref", "message": error.to_string()})],
            _ => Vec::new(),
        };
        let holds: Vec<&str> = self.holds().into_iter().map(Name::key).collect();
        let secrets = self.secrets.as_ref().err().map(|error| format!("{error:#}"));
        let definitions = self.definitions.as_ref().map(|(path, read)| {
            json!({"path": path, "holds": read.as_ref().ok(), "message": read.as_ref().err().map(|e| &e.text)})
        });
        json!({
            "apiVersion": "mqctl/v1", "kind": "ProfileCheck", "ok": self.failure().is_none(), "path": self.path,
            "mistakes": mistakes, "warnings": self.warnings(),
            "definitions": definitions,
            "sources": self.sources.iter().map(Tried::to_json).collect::<Vec<_>>(),
            "secretsFile": {"path": self.file, "holds": holds, "message": secrets, "tracked": self.tracked},
        })
    }
}

impl Tried {
    fn complaint(&self) -> Option<String> {
        self.usable.as_ref()?.as_ref().err().map(ToString::to_string)
    }

    /// Of a source that has no complaint.
    fn in_words(&self) -> String {
        let verdict =
            if self.usable.is_some() { "gives a usable value" } else { "in the cluster, which was not asked" };
        format!("{}: {verdict}", self.source)
    }

    fn to_json(&self) -> Value {
        let usable = self.usable.as_ref().map(Result::is_ok);
        json!({"field": self.name.key(), "source": self.source, "usable": usable, "message": self.complaint()})
    }
}

fn mistake(mistake: &Mistake) -> Value {
    let (line, column) = mistake.place.unzip();
    json!({"line": line, "column": column, "path": mistake.path, "message": mistake.text})
}
