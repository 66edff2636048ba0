//! The rules: each is a pure function from the picture to its findings.

use super::finding::{Finding, Layer};
use super::picture::Picture;

mod access;
mod ahead;
mod boot;
mod broker;
mod cluster;
mod cookie;
mod deletion;
mod disk;
mod force_boot;
mod helm;
mod image;
mod names;
mod release;
mod scheduling;
mod unready;

pub(crate) use unready::standing;

/// One rule.
pub type Rule = fn(&Picture) -> Vec<Finding>;

/// Every rule in its layer.
pub const RULES: [(Layer, Rule); 40] = [
    (Layer::Helm, helm::helm_pending),
    (Layer::Helm, helm::record_api),
    (Layer::Helm, helm::other_chart),
    (Layer::Helm, helm::strangers),
    (Layer::Helm, helm::locked),
    (Layer::Release, release::recovery_cut_short),
    (Layer::Release, release::not_installed),
    (Layer::Release, release::namespace),
    (Layer::Release, release::two_nodes),
    (Layer::Release, release::conf_not_rolled),
    (Layer::Release, release::drift),
    (Layer::Admission, scheduling::admission),
    (Layer::Scheduling, scheduling::pvc_pending),
    (Layer::Scheduling, scheduling::unschedulable),
    (Layer::Scheduling, scheduling::ephemeral),
    (Layer::Image, image::pull),
    (Layer::Image, image::withdrawn),
    (Layer::Start, cookie::differs),
    (Layer::Start, cookie::file),
    (Layer::Start, cookie::drifts),
    (Layer::Start, names::no_headless_service),
    (Layer::Start, names::no_address),
    (Layer::Boot, disk::full),
    (Layer::Boot, names::dns),
    (Layer::Boot, boot::inconsistent),
    (Layer::Boot, boot::mnesia),
    (Layer::Boot, boot::khepri_leader),
    (Layer::Boot, force_boot::left_on),
    (Layer::Boot, unready::probe_kill),
    (Layer::Boot, ahead::boot),
    (Layer::Cluster, cluster::metadata_lost),
    (Layer::Cluster, cluster::split),
    (Layer::Broker, broker::alarms),
    (Layer::Broker, broker::memory),
    (Layer::Broker, broker::queues),
    (Layer::Broker, ahead::memory),
    (Layer::Access, access::password),
    (Layer::Deletion, deletion::pods),
    (Layer::Deletion, deletion::claims),
    (Layer::Deletion, ahead::stop),
];

/// What all rules find; then what none of them explains.
pub fn findings(picture: &Picture) -> Vec<(Layer, Finding)> {
    let found = RULES.iter().flat_map(|(layer, rule)| rule(picture).into_iter().map(|finding| (*layer, finding)));
    let found: Vec<(Layer, Finding)> = found.collect();
    let explained: Vec<&Finding> = found.iter().map(|(_, finding)| finding).collect();
    let rest = unready::unexplained(picture, &explained);
    found.into_iter().chain(rest.into_iter().map(|finding| (Layer::Boot, finding))).collect()
}
