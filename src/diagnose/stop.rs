//! A stop as `recover` and `force-boot` need it: profile, cluster and every node, read once.

use anyhow::Result;
use serde_json::Value;

use super::gather::{Gathered, Subject, gather};
use crate::chart::{self, Names};
use crate::cluster::observe::{INSTALL_RIGHTS, Question, RUNG_RIGHTS, observe_stop, require_these};
use crate::cluster::{Observed, Target, described};
use crate::context::Context;
use crate::kubectl::Right;
use crate::lock;
use crate::plan::Plan;
use crate::plan::keep::keep;
use crate::process::Program;
use crate::profile::{ChartRef, Profile};
use crate::recover::kept::Kept;
use crate::recover::moment::Moment;
use crate::recover::page::Page;
use crate::recover::under_way::UnderWay;

/// Everything that was read.
pub(crate) struct Stop {
    pub(crate) profile: Profile,
    pub(crate) target: Target,
    pub(crate) names: Names,
    pub(crate) observed: Observed,
    pub(crate) gathered: Gathered,
    /// Pods of mqctl's own may be made.
    pub(crate) helper_pods: bool,
    kept: Kept,
}

impl Stop {
    /// Reads it; where something is to be done, with the rights for it and in turn with others.
    ///
    /// # Errors
    /// As loading and observing; Ctrl-C.
    pub(crate) fn read(cx: &Context, name: Option<&str>, helper_pods: bool, rights: &[Right]) -> Result<Self> {
        let (profile, target) = cx.load(name)?;
        cx.tools.require(&Program::Kubectl)?;
        let names = chart::names(&profile);
        let asked = asked(&profile, rights);
        let question = Question { target: &target, names: &names, storage_class: None, rights: &asked };
        let observed = match rights {
            [] => observe_stop(&cx.tools, &question)?,
            _ => lock::in_turn(cx, &profile, &question, observe_stop)?,
        };
        require_these(rights, &observed, &target)?;
        let set = observed.set.as_ref().map_or(&Value::Null, |set| &set.manifest);
        described::require(&profile, &names, set, &Value::Null)?;
        let kept = observed.evidence.as_ref().map(Kept::read).unwrap_or_default();
        let subject = Subject {
            pod_spec: observed.set.as_ref().map_or(&Value::Null, |set| &set.pod_spec),
            image: &image(&profile, &observed),
            helper_pods: helper_pods && !cx.globals.dry_run,
            taken: Moment(cx.now().as_second()),
            target: &target,
            names: &names,
        };
        let gathered = gather(cx, &subject, &observed, &kept)?;
        Ok(Self { profile, target, names, observed, gathered, helper_pods, kept })
    }

    pub(crate) fn page(&self) -> Page<'_> {
        Page {
            target: &self.target,
            about: chart::title(&self.profile),
            evidence: &self.gathered.evidence,
            kept_in: &self.names.evidence,
            unread_logs: self.gathered.unread_logs.as_deref(),
            readers: &self.gathered.readers,
        }
    }

    /// What keeps the first readings.
    pub(crate) fn keep(&self) -> Plan {
        let (next, keeping) = self.kept.with(&self.gathered.fresh);
        keep(&self.target, &self.names, &next, keeping, self.profile.protected)
    }

    /// What an earlier run has left to do.
    pub(crate) fn under_way(&self) -> Option<UnderWay> {
        self.observed.evidence.as_ref().and_then(UnderWay::read)
    }
}

/// Which rights a person has is asked once: also those that only some rungs need, and helm's for a chart's own switch.
fn asked(profile: &Profile, rights: &[Right]) -> Vec<Right> {
    match (rights, &profile.chart) {
        ([], _) => Vec::new(),
        (_, ChartRef::Builtin) => [rights, &RUNG_RIGHTS].concat(),
        (_, ChartRef::Local(_)) => [rights, &RUNG_RIGHTS, &INSTALL_RIGHTS].concat(),
    }
}

/// Of the image that has booted on the volumes; the StatefulSet's own is better where there is one.
fn image(profile: &Profile, observed: &Observed) -> String {
    let tag = observed.image_of_volumes().unwrap_or(&profile.image.tag);
    format!("{}:{tag}", profile.image.repository)
}
