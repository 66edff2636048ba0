//! What a command is given: the environment, read once; the door; the target; and `carry_out`.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;

use crate::ask::{self, Person};
use crate::chart;
use crate::chart::look::{Asking, Eyes};
use crate::cli::{Color, Globals, Output};
use crate::cluster::Target;
use crate::error::Failure;
use crate::explain::Code;
use crate::kubeconfig;
use crate::lock::Lock;
use crate::outcome::Outcome;
use crate::plan::execute::{self, Report, Run};
use crate::plan::moving::Moved;
use crate::plan::queues::Counted;
use crate::plan::{Danger, Plan};
use crate::process::{Program, Tools};
use crate::profile::{self, LoadError, Places, Profile, Source};
use crate::program;
use crate::progress::Progress;
use crate::report;
use crate::secret::Vault;
use crate::units::DnsLabel;

/// Everything that a command knows beside its own arguments.
pub(crate) struct Context {
    pub(crate) globals: Globals,
    pub(crate) tools: Tools,
    pub(crate) person: Person,
    interrupted: Arc<AtomicBool>,
    home: Option<PathBuf>,
}

#[expect(clippy::disallowed_methods, reason = "door: the environment is read here")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Context {
    pub(crate) fn new(globals: &Globals) -> Result<Self> {
        match globals.color {
            Color::Auto => {}
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
        }
        let folders = variable("PATH").unwrap_or_default();
        let path = folders.split(':').map(PathBuf::from).collect();
        let watched = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let there = watched && !globals.no_input && variable("CI").is_none();
        report::be_quiet(globals.quiet);
        Ok(Self {
            tools: Tools::new(path, globals.verbose),
            person: if there { Person::There } else { Person::Absent },
            globals: globals.clone().without_empty(),
            interrupted: watch_for_interrupts()?,
            home: variable("HOME").map(PathBuf::from),
        })
    }

    /// A variable of the environment, for a secret's source.
    #[expect(clippy::unused_self, reason = "the environment is reached through the context only")]
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        variable(name)
    }

    /// Finds and reads the profile, and fixes the target.
    pub(crate) fn load(&self, name: Option<&str>) -> Result<(Profile, Target)> {
        self.load_for(name, Asking::InDoubt)
    }

    /// The same, with another need of what helm says of the chart.
    pub(crate) fn load_for(&self, name: Option<&str>, asking: Asking) -> Result<(Profile, Target)> {
        let path = self.profile_path(name)?;
        let person = if self.globals.yes { Person::Absent } else { self.person };
        let eyes = Eyes { tools: &self.tools, person, asking };
        let profile = profile::load_with(&path, &|wanted| eyes.look(wanted)).map_err(bad_profile)?;
        self.withhold_sources(&profile);
        let target = self.target(&profile)?;
        Ok((profile, target))
    }

    /// No child inherits a variable that holds a secret.
    pub(crate) fn withhold_sources(&self, profile: &Profile) {
        let sources = [&profile.credentials.password, &profile.credentials.erlang_cookie];
        let variables = sources.into_iter().filter_map(|source| match source {
            Some(Source::Env(name)) => Some(name.clone()),
            _ => None,
        });
        self.tools.withhold(variables.collect());
    }

    /// Where profiles are looked for.
    pub(crate) fn places(&self) -> Places {
        let config =
            variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(self.home.as_ref()?.join(".config")));
        Places {
            working: PathBuf::from("profiles"),
            named: variable("MQCTL_PROFILES").map(PathBuf::from),
            user: config.map(|c| c.join("mqctl/profiles")),
        }
    }

    pub(crate) fn profile_path(&self, name: Option<&str>) -> Result<PathBuf> {
        let explicit = self.globals.profile.as_deref();
        let name = match (name, explicit) {
            (Some(name), _) => name.to_owned(),
            (None, Some(path)) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            (None, None) => {
                let text = "which profile? no NAME was given";
                return Err(Failure::new(Outcome::Usage, text)
                    .hint("mqctl status prodmq   # reads profiles/prodmq.yaml")
                    .into());
            }
        };
        profile::find(&name, explicit, &self.places()).map_err(|missing| {
            let failure = Failure::new(Outcome::BadProfile, missing.to_string());
            missing.hint().into_iter().fold(failure, Failure::hint).into()
        })
    }

    /// Kube context, namespace and release: flag, then profile, then what kubectl would use now.
    pub(crate) fn target(&self, profile: &Profile) -> Result<Target> {
        let context = match (&self.globals.context, &profile.context) {
            (Some(flag), Some(own)) if flag != own => {
                let text = format!(
                    "profile `{}` is for kube context `{own}`, not `{flag}`; nothing was changed",
                    profile.name
                );
                return Err(Failure::new(Outcome::Contradiction, text)
                    .hint("leave --context (or MQCTL_CONTEXT) out")
                    .code(Code::Context)
                    .into());
            }
            (Some(flag), _) => Some(flag.clone()),
            (None, Some(own)) => Some(own.clone()),
            (None, None) => self.current_context(),
        };
        let namespace = self.globals.namespace.as_deref().map(namespace).transpose()?;
        let names = chart::names(profile);
        Ok(Target {
            kubeconfig: self.globals.kubeconfig.clone(),
            context,
            namespace: namespace.unwrap_or_else(|| profile.namespace.clone()).to_string(),
            release: profile.release.to_string(),
            stateful_set: names.stateful_set,
            container: names.container,
            label: chart::label(profile),
            pods: chart::pod_selector(profile),
        })
    }

    /// Read once, so that a switch of context in another terminal cannot move a half-done run.
    fn current_context(&self) -> Option<String> {
        self.kubeconfigs().iter().find_map(|file| kubeconfig::current_context(file))
    }

    /// All kube contexts that the kubeconfig names.
    pub(crate) fn contexts(&self) -> Vec<String> {
        self.kubeconfigs().iter().flat_map(|file| kubeconfig::contexts(file)).collect()
    }

    fn kubeconfigs(&self) -> Vec<PathBuf> {
        match (&self.globals.kubeconfig, variable("KUBECONFIG")) {
            (Some(file), _) => vec![file.clone()],
            (None, Some(list)) => list.split(':').map(PathBuf::from).collect(),
            (None, None) => self.home.iter().map(|home| home.join(".kube/config")).collect(),
        }
    }

    /// Who is at work, for others to read.
    #[expect(clippy::unused_self, reason = "the environment is reached through the context only")]
    pub(crate) fn user(&self) -> String {
        variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "somebody".to_owned())
    }

    /// Where the built-in chart is laid out.
    pub(crate) fn cache(&self) -> PathBuf {
        let cache = variable("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(self.home.as_ref()?.join(".cache")));
        cache.unwrap_or_else(|| PathBuf::from("/tmp")).join("mqctl/charts")
    }

    /// Where backups are kept.
    pub(crate) fn state(&self) -> PathBuf {
        let state = variable("XDG_STATE_HOME").map(PathBuf::from);
        let state = state.or_else(|| Some(self.home.as_ref()?.join(".local/state")));
        state.unwrap_or_else(|| PathBuf::from("/tmp"))
    }

    #[expect(clippy::disallowed_methods, clippy::unused_self, reason = "door: the clock is read here")]
    pub(crate) fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    /// How long a wait may take: the flag, else the profile's limit.
    pub(crate) fn within(&self, limit: Duration) -> Duration {
        self.globals.timeout.unwrap_or(limit)
    }

    pub(crate) fn json(&self) -> bool {
        self.globals.output == Output::Json
    }

    /// Both programs and a kubeconfig are there, or a sentence which is not.
    pub(crate) fn require_tools(&self) -> Result<()> {
        self.tools.require(&Program::Kubectl)?;
        self.tools.require(&Program::Helm)?;
        let in_a_pod = variable("KUBERNETES_SERVICE_HOST").is_some();
        kubeconfig::require(&self.kubeconfigs(), in_a_pod && self.globals.kubeconfig.is_none())
    }

    pub(crate) fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }

    /// Ctrl-C and SIGTERM end a run between two looks or two steps.
    pub(crate) fn stop_if_interrupted(&self) -> Result<()> {
        if self.interrupted() {
            return Err(Failure::new(Outcome::Interrupted, "interrupted")
                .hint("run the same command again: it goes on where it stands")
                .into());
        }
        Ok(())
    }

    /// Whether a way is planned that is out of the ordinary: where it was asked for, or somebody is there to say no to it.
    pub(crate) fn offers(&self, asked: bool) -> bool {
        asked || (self.person == Person::There && !self.globals.yes)
    }

    /// The only place that knows dry run, consent and output.
    pub(crate) fn carry_out(&self, plan: &Plan, vault: &mut Vault) -> Result<Outcome> {
        if self.globals.dry_run || plan.steps.is_empty() {
            report::answer(&if self.json() { report::pretty(&plan.to_json()) } else { plan.to_text() });
            return Ok(Outcome::Done);
        }
        self.show(plan);
        ask::consent(self.person, plan, self.globals.yes, self.globals.confirm.as_deref())?;
        self.stop_if_interrupted()?;
        let report = self.execute(plan, vault)?;
        Ok(self.account(plan, report))
    }

    /// The same for a plan that goes beside an answer of its own: it is told of in the conversation only.
    pub(crate) fn carry_out_beside(&self, plan: &Plan, vault: &mut Vault) -> Result<Outcome> {
        if self.globals.dry_run || plan.steps.is_empty() {
            plan.steps.iter().for_each(|step| report::say(&format!("not done, as --dry-run says: {}", step.title)));
            return Ok(Outcome::Done);
        }
        if plan.danger() > Danger::Keeps {
            self.show(plan);
        }
        ask::consent(self.person, plan, self.globals.yes, self.globals.confirm.as_deref())?;
        self.stop_if_interrupted()?;
        let report = self.execute(plan, vault)?;
        Ok(Self::told_of_failure(plan, report))
    }

    fn execute(&self, plan: &Plan, vault: &mut Vault) -> Result<Report> {
        let lock = Lock::new(self, plan);
        lock.take()?;
        let progress = Progress::new(self.person == Person::There && !self.globals.quiet, self.globals.quiet);
        let (counted, moved) = (Counted::default(), Moved::default());
        let mut run = Run { cx: self, plan, vault, progress: &progress, lock: &lock, exposed: None, counted, moved };
        let report = lock.renewed_while(|| execute::execute(&mut run));
        lock.give_back();
        Ok(report)
    }

    fn show(&self, plan: &Plan) {
        if self.person == Person::There || self.globals.verbose > 0 {
            report::say(&plan.to_text());
        } else {
            let (changes, destroys) = (plan.count(Danger::Changes), plan.count(Danger::Destroys));
            report::say(&format!("{}: {}: {changes} to change, {destroys} to destroy", plan.target.path(), plan.verb));
            plan.diffs().for_each(report::say);
            plan.outlook.in_short().iter().for_each(|line| report::say(line));
            plan.warnings.iter().for_each(|w| report::say(&format!("warning: {w}")));
        }
    }

    fn account(&self, plan: &Plan, report: Report) -> Outcome {
        if self.json() {
            report::answer(&report::pretty(&report.to_json(plan)));
        }
        if report.failed.is_none() && !self.json() {
            report.exposed.iter().for_each(|exposed| report::answer(&exposed.in_words()));
            // What is missing is no end to be told of.
            let farewell = plan.farewell.iter().filter(|_| !report.moved.lacks());
            farewell.for_each(|line| report::answer(&program::said(line)));
        }
        Self::told_of_failure(plan, report)
    }

    fn told_of_failure(plan: &Plan, report: Report) -> Outcome {
        let outcome = report.outcome();
        let warnings = report.counted.warnings().into_iter().chain(report.moved.warnings());
        warnings.for_each(|warning| report::say(&format!("warning: {warning}")));
        if report.counted.lacks() {
            let name = plan.claim.as_ref().map_or(plan.target.release.as_str(), |claim| &claim.profile);
            let hint = format!("hint: mqctl recover {name} --evidence-only -o json   # what was read of the nodes");
            report::say(&program::said(&hint));
        }
        let Some((step, error)) = report.failed else { return outcome };
        report::failed(&error.context(format!("{}: {step}", plan.verb)));
        if !report.not_reached.is_empty() {
            report::say(&format!("not reached: {}", report.not_reached.join(", ")));
        }
        outcome
    }
}

/// That of the flag; the profile's is checked with the profile.
fn namespace(text: &str) -> Result<DnsLabel> {
    text.parse().map_err(|expected| {
        let text = format!("`--namespace`: {expected}; nothing was changed");
        Failure::new(Outcome::Usage, text).hint("leave --namespace (or MQCTL_NAMESPACE) out").into()
    })
}

fn bad_profile(error: LoadError) -> anyhow::Error {
    let failure = Failure::new(Outcome::BadProfile, error.to_string());
    match error {
        LoadError::ChartUnseen(error) => error,
        other => other.hint().into_iter().fold(failure, Failure::hint).into(),
    }
}

fn watch_for_interrupts() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        // The child has the signal too; a prompt is left here and now, with the cursor shown again.
        seen.store(true, Ordering::SeqCst);
        ask::leave_prompt();
    })?;
    Ok(flag)
}
