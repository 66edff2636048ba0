//! Keep: what was first read of a stop goes into the cluster, where no start can rewrite it. Pure.

use std::time::Duration;

use super::{Action, Danger, Outlook, Plan, Step};
use crate::chart::Names;
use crate::cluster::Target;
use crate::kubectl;
use crate::process::Part;
use crate::recover::kept::{Keeping, Kept};

/// Plans to keep these readings. Readings of an earlier stop give way only where somebody agrees.
pub(crate) fn keep(target: &Target, names: &Names, kept: &Kept, keeping: Keeping, protected: bool) -> Plan {
    let write = |danger, detail: &str| {
        let manifest = kept.object(&names.evidence, &target.release).to_string();
        Step::new(danger, format!("ConfigMap {}", names.evidence), detail)
            .action(Action::Run(kubectl::apply(target, vec![Part::Text(manifest)])))
            .done(format!("evidence kept in ConfigMap {}", names.evidence))
    };
    let steps = match keeping {
        Keeping::Nothing => Vec::new(),
        Keeping::Adds => vec![write(Danger::Keeps, "what was first read of this stop")],
        Keeping::Replaces => {
            vec![write(Danger::Changes, "the nodes have run since what is kept was read; this stop takes its place")]
        }
    };
    Plan {
        verb: "recover",
        target: target.clone(),
        names: names.clone(),
        about: "keep the evidence".to_owned(),
        steps,
        warnings: Vec::new(),
        outlook: Outlook::default(),
        changes: Vec::new(),
        nothing: "nothing to keep".to_owned(),
        farewell: Vec::new(),
        limit: Duration::ZERO,
        protected,
        // The ConfigMap has its own version that is compared: two readers do each other no harm.
        claim: None,
    }
}
