//! A record of helm's that names an API which the server does not serve any more, put right in place.

use anyhow::Result;

use super::execute::{Run, run_call};
use super::offers::beforehand;
use super::{Action, Danger, Plan, Step};
use crate::chart::Names;
use crate::cluster::records::{Records, Unusable};
use crate::cluster::{Observed, Target};
use crate::error::Failure;
use crate::explain::Code;
use crate::helm::apis::{self, Outdated, Served};
use crate::helm::record::Record;
use crate::kubectl;
use crate::outcome::Outcome;
use crate::profile::Profile;

/// What becomes of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The Secret that it is in.
    secret: String,
    served: Served,
    /// Where it has to be another one.
    status: Option<&'static str>,
}

/// What stands in the way of every upgrade and uninstall, with the command that takes it away.
pub(crate) fn refusal(target: &Target, records: &Records, command: &str) -> Option<Failure> {
    let unusable = records.unusable.first()?;
    let first = unusable.outdated.first()?;
    let text = format!(
        "helm's record of `{}` (revision {}) names {} of {}, which this cluster does not serve: helm can neither upgrade nor uninstall with it; nothing was changed",
        target.release, unusable.revision, first.object, first.api
    );
    let failure = Failure::new(Outcome::Contradiction, text).code(Code::RecordApi);
    Some(failure.hint(format!("{command} --repair-record   # the record alone is changed, and a copy kept")))
}

/// A step for each record that helm cannot use.
pub(crate) fn steps(records: &Records) -> Vec<Step> {
    records.unusable.iter().map(|unusable| repair(unusable, &records.served)).collect()
}

fn repair(unusable: &Unusable, served: &Served) -> Step {
    let title = format!("helm's record, revision {}", unusable.revision);
    let detail = format!("as it is now it stays in Secret {}", unusable.copy);
    let mut notes: Vec<String> = unusable.outdated.iter().map(in_words).collect();
    notes.extend(unusable.status.map(|status| format!("status: uninstalling -> {status}")));
    let action = Repair { secret: unusable.secret.clone(), served: served.clone(), status: unusable.status };
    Step::new(Danger::Changes, title.clone(), detail)
        .notes(notes)
        .action(Action::RepairRecord(action))
        .done(format!("{title} repaired; as it was: Secret {}", unusable.copy))
}

fn in_words(outdated: &Outdated) -> String {
    let Outdated { object, api, to } = outdated;
    match to {
        Some(to) => format!("{object}: {api} -> {to}"),
        None => format!(
            "{object}: leaves the record, as nothing that is served fits {api}; the object itself is left alone"
        ),
    }
}

/// The repair before a change that cannot be planned without it: helm renders nothing on such a record.
pub(crate) fn first(profile: &Profile, target: &Target, names: Names, observed: &Observed, records: &Records) -> Plan {
    let about = "helm's record is repaired; what is to change is planned after that";
    beforehand((profile, target), names, observed, ("upgrade", about), steps(records))
}

/// Reads the record once more, keeps a copy, and writes it back with what has to be another.
///
/// # Errors
/// Somebody else has changed it meanwhile; kubectl's own words.
pub(super) fn rewrite(run: &Run<'_>, repair: &Repair) -> Result<()> {
    let target = &run.plan.target;
    let reply = run_call(run, &kubectl::get(target, &[format!("secret/{}", repair.secret)]))?;
    let record = kubectl::items(&reply).first().and_then(Record::read);
    let Some(record) = record else {
        let text = format!("Secret `{}` is no record of helm's any more; nothing was changed", repair.secret);
        return Err(Failure::new(Outcome::Contradiction, text).into());
    };
    keep(run, &record)?;
    let manifest = apis::renewed(&record.manifest(), &repair.served);
    let record = record.with_manifest(&manifest);
    let record = repair.status.map_or_else(|| record.clone(), |status| record.clone().with_status(status));
    run_call(run, &kubectl::record::replace(target, record.sealed())).map(drop)
}

/// A run that was cut short has kept the same copy already.
fn keep(run: &Run<'_>, record: &Record) -> Result<()> {
    let call = kubectl::record::keep(&run.plan.target, record.copy(&run.plan.target, &run.plan.names));
    let reply = run.cx.tools.run(&call, run.vault)?;
    let there = reply.ok() || reply.stderr.contains("(AlreadyExists)");
    if there { Ok(()) } else { Err(kubectl::failure("kubectl create", &reply).into()) }
}
