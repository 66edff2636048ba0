//! What is true of the secrets goes into their homes; a password that nobody knows is made anew. Pure.

use std::path::PathBuf;
use std::time::Duration;

use super::{Action, Claim, Danger, Outlook, Plan, Step, rotate, secret_object};
use crate::chart::{self, Names};
use crate::cluster::{Observed, Standing, Target};
use crate::credentials::adoption::{Adopted, Truth};
use crate::credentials::hearing::Who;
use crate::kubectl;
use crate::profile::Profile;
use crate::secret::Name;

/// Everything that the planner decides from.
pub struct Given<'a> {
    pub profile: &'a Profile,
    pub target: &'a Target,
    pub observed: &'a Observed,
    pub adopted: &'a Adopted,
    /// The secrets file.
    pub file: &'a PathBuf,
    /// Where it is kept as it was, if it has what is replaced.
    pub aside: Option<PathBuf>,
    /// The limit of the wait for a login.
    pub limit: Duration,
}

impl Given<'_> {
    fn file_name(&self) -> String {
        self.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn new_password(&self) -> bool {
        self.adopted.password == Truth::New
    }
}

/// Plans an adoption, or the rest of one.
pub fn adopt(given: &Given<'_>) -> Plan {
    let names = chart::names(given.profile);
    let mut steps: Vec<Step> = write_file(given).into_iter().collect();
    if given.new_password() {
        steps.extend(make_password(given, &names));
    } else if given.adopted.to_secret {
        steps.push(write_secret(given, &names));
    }
    plan(given, names, steps)
}

fn plan(given: &Given<'_>, names: Names, steps: Vec<Step>) -> Plan {
    Plan {
        verb: "credentials adopt",
        target: given.target.clone(),
        names,
        about: "what the cluster runs with, into the secrets file and the Secret".to_owned(),
        warnings: warnings(given, &steps),
        steps,
        outlook: Outlook::default(),
        changes: Vec::new(),
        nothing: "nothing to adopt: both homes have the same secrets, and no broker has others".to_owned(),
        farewell: vec![farewell(given)],
        limit: given.limit,
        protected: given.profile.protected,
        claim: Some(Claim::on(given.profile, given.observed)),
    }
}

fn farewell(given: &Given<'_>) -> String {
    let name = &given.profile.name;
    if given.adopted.booted {
        return format!("adopted.     mqctl credentials verify {name}");
    }
    let password = if given.new_password() { ", and gives the brokers the new password" } else { "" };
    format!("adopted; no broker has booted yet.     mqctl install {name}     boots them{password}")
}

/// Fingerprints of what is given up, what has to be done by hand, and what could not be proven.
fn warnings(given: &Given<'_>, steps: &[Step]) -> Vec<String> {
    let adopted = given.adopted;
    let name = &given.profile.name;
    let superseded = adopted.superseded.iter().filter(|(what, _)| adopted.truth(*what) != &Truth::New);
    let mut warnings: Vec<String> =
        superseded.map(|(what, print)| format!("the Secret's {what} {} gives way", print.long())).collect();
    warnings.extend(adopted.foreign.iter().map(|(what, source, print)| {
        format!(
            "the {what} comes from {source}, which mqctl does not write: put {} there (mqctl credentials show {name} --reveal)",
            print.long()
        )
    }));
    if !adopted.booted && !steps.is_empty() {
        warnings.push("no broker has booted: what is adopted is proven when one has".to_owned());
    }
    if !steps.is_empty() && given.observed.tag().is_none() {
        let tag = &given.profile.image.tag;
        warnings
            .push(format!("nobody noted which RabbitMQ wrote the volumes: `image.tag` {tag} has to be that version"));
    }
    warnings
}

fn source(given: &Given<'_>, name: Name) -> String {
    match given.adopted.truth(name) {
        Truth::New => "generated".to_owned(),
        Truth::Known(Who::Cluster) => "from the Secret".to_owned(),
        Truth::Known(Who::Local) => "from the profile".to_owned(),
        Truth::Known(Who::Chart(secret)) => format!("from Secret {secret}"),
        Truth::Known(Who::Values) => "from the release's values".to_owned(),
        Truth::Known(Who::Broker(pod)) => format!("from {pod}"),
    }
}

fn sources(given: &Given<'_>, names: &[Name]) -> String {
    let words = |name: &Name| format!("{name} {}", source(given, *name));
    match names {
        [cookie, password] if source(given, *cookie) == source(given, *password) => {
            format!("{cookie} and {password} {}", source(given, *cookie))
        }
        _ => names.iter().map(words).collect::<Vec<_>>().join(", "),
    }
}

fn write_file(given: &Given<'_>) -> Option<Step> {
    let names = &given.adopted.to_file;
    if names.is_empty() {
        return None;
    }
    let kept = given.aside.as_ref().and_then(|copy| copy.file_name());
    let kept = kept.map_or_else(String::new, |copy| format!("; kept as it was: {}", copy.to_string_lossy()));
    let file = given.file_name();
    let mut step = Step::new(Danger::Changes, &file, format!("{}{kept}", sources(given, names)));
    if given.adopted.cookie == Truth::New {
        step = step.action(Action::Generate(Name::ErlangCookie));
    }
    let action = Action::ReplaceSecrets { file: given.file.clone(), names: names.clone() };
    Some(step.set_aside(Some(given.file), given.aside.as_ref()).action(action).done(format!("{file} written")))
}

fn write_secret(given: &Given<'_>, names: &Names) -> Step {
    let Given { profile, target, observed, .. } = *given;
    let tag = observed.tag().unwrap_or(&profile.image.tag);
    let object = secret_object::Object { profile, target, names, tag, next: None, ahead: None };
    let step = Step::new(Danger::Changes, format!("Secret {}", names.secret), sources(given, &Name::BOTH))
        .action(Action::Run(kubectl::apply(target, object.manifest())))
        .done(format!("Secret {} written", names.secret));
    note_boot(given, names, step)
}

/// A pod that is ready has booted on the volumes, which a lost Secret would say.
fn note_boot(given: &Given<'_>, names: &Names, step: Step) -> Step {
    let Given { target, observed, .. } = *given;
    let mut ready = observed.pods.iter().filter(|pod| pod.standing == Standing::Ready);
    match ready.find_map(|pod| pod.tag()).filter(|_| observed.noted.booted.is_none()) {
        Some(tag) => step.action(Action::Run(kubectl::note_boot(target, &names.secret, tag))),
        None => step,
    }
}

fn make_password(given: &Given<'_>, names: &Names) -> Vec<Step> {
    let Given { profile, target, observed, adopted, limit, .. } = *given;
    let (file, aside) = (Some(given.file.clone()), given.aside.clone());
    let what = Name::Password;
    let rotation = rotate::Given { profile, target, observed, what, next: adopted.next, file, aside, limit };
    if !adopted.booted {
        return rotate::note_password(&rotation, names);
    }
    let mut steps = rotate::new_password(&rotation, names);
    let last = steps.pop().map(|login| note_boot(given, names, login));
    steps.extend(last);
    steps
}
