//! The secrets into both their homes, before anything needs them: mqctl's Secret and the secrets file. Pure.

use std::fmt::Write as _;

use super::install::Given;
use super::{Action, Condition, Danger, Step, rotate, secret_object};
use crate::chart::Names;
use crate::cluster::Existence;
use crate::credentials::Found;
use crate::kubectl;
use crate::secret::Name;

/// Writes what is new into the secrets file; `generate` is what no step before has generated.
pub(super) fn keep_secrets(found: &Found, generate: Vec<Name>) -> Option<Step> {
    let (new, from_cluster) = (found.to_generate(), found.to_keep());
    let write = [new.clone(), from_cluster.clone()].concat();
    if write.is_empty() {
        return None;
    }
    let detail = match (new.is_empty(), from_cluster.is_empty()) {
        (false, true) if generate.is_empty() => format!("{}: as in the Secret, mode 0600", in_words(&new)),
        (false, true) => format!("{}: generated, 32 characters, mode 0600", in_words(&new)),
        (true, false) => format!("{}: taken from the Secret in the cluster, mode 0600", in_words(&from_cluster)),
        _ => format!("{} generated, {} from the cluster, mode 0600", in_words(&new), in_words(&from_cluster)),
    };
    let action = Action::KeepSecrets { file: found.file.clone(), generate, write };
    let name = found.file_name();
    Some(Step::new(Danger::Changes, name.clone(), detail).action(action).done(format!("{name} written")))
}

fn in_words(names: &[Name]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

/// The secrets go to both their homes before anything else happens: where there is no Secret yet to that one first, as
/// the API server lets one mqctl alone create it.
pub(super) fn credentials(given: &Given<'_>, names: &Names) -> Vec<Step> {
    let (create, apply) = if given.observed.noted.there {
        (None, apply_secret(given, names))
    } else {
        (Some(create_secret(given, names)), None)
    };
    let generate = if create.is_some() { Vec::new() } else { given.found.to_generate() };
    create.into_iter().chain(keep_secrets(given.found, generate)).chain(apply).collect()
}

/// With the namespace, if it is missing.
fn create_secret(given: &Given<'_>, names: &Names) -> Step {
    let with_namespace = given.observed.namespace == Existence::Missing;
    let generate = given.found.to_generate();
    let mut detail = match generate.as_slice() {
        [] => given.found.in_words(),
        new => format!("{}: generated, 32 characters", in_words(new)),
    };
    if with_namespace {
        write!(detail, "; namespace {} is created", given.target.namespace).ok();
    }
    let title = format!("Secret {}", names.secret);
    let action = Action::CreateSecret { with_namespace, secret: object(given, names, None).manifest(), generate };
    Step::new(Danger::Changes, title.clone(), detail).action(action).done(format!("{title} written"))
}

fn apply_secret(given: &Given<'_>, names: &Names) -> Option<Step> {
    if given.secret_is_whole() {
        return None;
    }
    let title = format!("Secret {}", names.secret);
    let object = object(given, names, given.untold().then_some(Name::NextPassword));
    let step = Step::new(Danger::Changes, title.clone(), given.found.in_words());
    Some(step.action(Action::Run(kubectl::apply(given.target, object.manifest()))).done(format!("{title} written")))
}

/// mqctl's own Secret: outside the release, so that uninstall cannot take it.
fn object<'a>(given: &Given<'a>, names: &'a Names, next: Option<Name>) -> secret_object::Object<'a> {
    let Given { profile, target, .. } = *given;
    secret_object::Object { profile, target, names, tag: &profile.image.tag, next, ahead: None }
}

/// The brokers take a password that was written down while none of them ran; then nobody has to be told any more. This comes
/// before the wait for ready pods: where probes log in no pod is ready without.
pub(super) fn tell(given: &Given<'_>, names: &Names) -> Vec<Step> {
    if !given.untold() {
        return Vec::new();
    }
    let user = &given.profile.credentials.username;
    let told = Step::new(Danger::Changes, format!("Secret {}", names.secret), "the brokers know the password")
        .action(Action::Run(kubectl::apply(given.target, object(given, names, None).manifest())))
        .done(format!("Secret {} written", names.secret));
    let (call, step) = rotate::telling(given.target, given.observed, user);
    vec![step.action(Action::Wait(Condition::Takes(call))), told]
}
