//! What a release that runs would come to, by its objects: at its next full stop, under load, at a stop or a delete. Where
//! a node is down that is the matter, and nothing is forecast.

use crate::diagnose::finding::Finding;
use crate::diagnose::picture::Picture;
use crate::explain::Code;
use crate::forecast::{Asked, Forecast, forecast};
use crate::recover::reading::Store;

/// Symptom: none yet. Cause: pods in order, names of ready pods only, a probe shorter than the wait for peers.
/// Source: that of each forecast.
pub(super) fn boot(picture: &Picture) -> Vec<Finding> {
    told(picture, &[Code::BootMnesia, Code::KhepriLeader, Code::Dns, Code::ProbeKill])
}

/// Symptom: none yet. Cause: a memory limit that a broker outgrows.
/// Source: RabbitMQ documentation, Memory Threshold and Alarms.
pub(super) fn memory(picture: &Picture) -> Vec<Finding> {
    told(picture, &[Code::Mem])
}

/// Symptom: none yet. Cause: too little time to stop; volumes that Kubernetes deletes by itself.
/// Source: Kubernetes documentation, Pod Lifecycle, "Pod termination"; `StatefulSet`, "`PersistentVolumeClaim` retention".
pub(super) fn stop(picture: &Picture) -> Vec<Finding> {
    told(picture, &[Code::Grace, Code::Retention])
}

/// Number of nodes, missing volumes and secrets have rules of their own; configuration and budgets are not read here.
fn told(picture: &Picture, codes: &[Code]) -> Vec<Finding> {
    let whole = picture.nodes.iter().all(|seen| seen.node.runs) && picture.under_way().is_none();
    if !whole {
        return Vec::new();
    }
    let asked = Asked {
        objects: &[picture.set.clone(), picture.headless.clone()],
        name: picture.set["metadata"]["name"].as_str().unwrap_or_default(),
        container: &picture.container,
        base: &picture.base,
        family: picture.family,
        namespace: &picture.namespace,
        secret: None,
        secret_keys: &[],
    };
    let all = forecast(&asked).into_iter().filter(|one| codes.contains(&one.code));
    all.map(|one| finding(picture, one)).collect()
}

fn finding(picture: &Picture, one: Forecast) -> Finding {
    let anew = matches!(one.code, Code::BootMnesia | Code::KhepriLeader);
    // The nodes know their store, where an image's tag does not tell it.
    let khepri = picture.nodes.iter().any(|seen| seen.node.store() == Some(Store::Khepri));
    let code = if anew && khepri { Code::KhepriLeader } else { one.code };
    let flag = if anew { " --recreate-statefulset" } else { "" };
    let upgrade = format!("     in the profile, then: mqctl upgrade {}{flag}", picture.name);
    let fix = if one.fix.starts_with("values:") { format!("{}{upgrade}", one.fix) } else { one.fix };
    Finding::forecast(code, one.message).proof(one.subject).fix(fix)
}
