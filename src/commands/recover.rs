//! `mqctl recover NAME --evidence-only`

use anyhow::Result;
use serde_json::Value;

use crate::chart::{self, BUILTIN_VERSION};
use crate::cli::Recover;
use crate::cluster::Observed;
use crate::cluster::observe::{Question, observe_stop};
use crate::context::Context;
use crate::diagnose::gather::{Gathered, Subject, gather};
use crate::outcome::Outcome;
use crate::plan::keep::keep;
use crate::process::Program;
use crate::profile::Profile;
use crate::recover::kept::Kept;
use crate::recover::moment::Moment;
use crate::recover::page::Page;
use crate::report;
use crate::secret::Vault;

pub(crate) fn run(args: &Recover, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    cx.tools.require(&Program::Kubectl)?;
    let names = chart::names(&profile);
    let question = Question { target: &target, names: &names, storage_class: None, rights: &[] };
    let observed = observe_stop(&cx.tools, &question)?;
    let kept = observed.evidence.as_ref().map(Kept::read).unwrap_or_default();
    let subject = Subject {
        pod_spec: observed.set.as_ref().map_or(&Value::Null, |set| &set.pod_spec),
        image: &image(&profile, &observed),
        helper_pods: !args.no_helper_pods && !cx.globals.dry_run,
        taken: Moment(cx.now().as_second()),
        target: &target,
        names: &names,
    };
    let gathered = gather(cx, &subject, &observed, &kept)?;
    show(cx, &subject, &gathered);
    let (next, keeping) = kept.with(&gathered.fresh);
    let plan = keep(&target, &names, &next, keeping, profile.protected);
    let outcome = cx.carry_out_beside(&plan, &mut Vault::default())?;
    let unknown = gathered.evidence.unknown().next().is_some();
    Ok(if outcome == Outcome::Done && unknown { Outcome::PartlyDone } else { outcome })
}

fn show(cx: &Context, subject: &Subject<'_>, gathered: &Gathered) {
    let page = Page {
        target: subject.target,
        about: format!("builtin {BUILTIN_VERSION}"),
        evidence: &gathered.evidence,
        kept_in: &subject.names.evidence,
        unread_logs: gathered.unread_logs.as_deref(),
        readers: &gathered.readers,
    };
    report::answer(&if cx.json() { report::pretty(&page.to_json()) } else { page.to_text() });
}

/// Of the image that has booted on the volumes; the StatefulSet's own is better where there is one.
fn image(profile: &Profile, observed: &Observed) -> String {
    let tag = observed.image_of_volumes().unwrap_or(&profile.image.tag);
    format!("{}:{tag}", profile.image.repository)
}
