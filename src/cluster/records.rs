//! Helm's records of a release that name an API which the server does not serve: helm reads its last and its deployed one
//! before it changes anything, and can neither upgrade nor uninstall with such a one.

use anyhow::Result;

use super::Target;
use crate::chart::Names;
use crate::helm::Release;
use crate::helm::apis::{self, Outdated, Served};
use crate::helm::record::Record;
use crate::kubectl;
use crate::process::{Call, Reply, Tools};
use crate::profile::{ChartRef, Profile};
use crate::secret::Vault;

/// A record that helm cannot use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    /// The Secret that it is in.
    pub(crate) secret: String,
    pub(crate) revision: u32,
    /// What a copy of it is called.
    pub(crate) copy: String,
    pub(crate) outdated: Vec<Outdated>,
    /// After an uninstall that failed, what helm has to find there again.
    pub(crate) status: Option<&'static str>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Records {
    pub(crate) unusable: Vec<Unusable>,
    pub(crate) served: Served,
}

/// What a record that helm cannot use names first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutdatedRecord {
    pub revision: u32,
    /// `PodDisruptionBudget/prodmq`
    pub object: String,
    /// `policy/v1beta1`
    pub api: String,
}

/// Reads the records of a release that exists.
///
/// # Errors
/// They may not be read; the server does not say what it serves.
pub(crate) fn look(tools: &Tools, profile: &Profile, target: &Target, names: &Names) -> Result<Records> {
    match call(profile, target) {
        Some(call) => understand(tools, target, names, &tools.run(&call, &Vault::default())?),
        None => Ok(Records::default()),
    }
}

/// The built-in chart has never named an API that went away.
pub(crate) fn call(profile: &Profile, target: &Target) -> Option<Call> {
    (profile.chart != ChartRef::Builtin).then(|| kubectl::record::list(target))
}

/// What they name that no server is known to serve is asked for.
///
/// # Errors
/// As `look`.
pub(crate) fn understand(tools: &Tools, target: &Target, names: &Names, reply: &Reply) -> Result<Records> {
    if !reply.ok() {
        return Err(kubectl::failure("kubectl get secrets", reply).into());
    }
    let records = read_by_helm(kubectl::items(reply).iter().filter_map(Record::read).collect());
    let served = served(tools, target, &records)?;
    let deployed = |secret: &str| records.iter().any(|record| record.name() != secret && record.status() == "deployed");
    let unusable = |record: &Record| {
        let outdated = apis::outdated(&record.manifest(), &served);
        let back = if deployed(record.name()) { "failed" } else { "deployed" };
        (!outdated.is_empty()).then(|| Unusable {
            secret: record.name().to_owned(),
            revision: record.revision(),
            copy: record.copy_name(names),
            outdated,
            status: (record.status() == "uninstalling").then_some(back),
        })
    };
    Ok(Records { unusable: records.iter().filter_map(unusable).collect(), served })
}

/// What `helm list` would say, out of the records themselves, and whether helm can use them. Whoever names only APIs that
/// every server has costs no child.
///
/// # Errors
/// As `look`.
pub(crate) fn listed(
    tools: &Tools,
    target: &Target,
    reply: &Reply,
) -> Result<(Option<Release>, Option<OutdatedRecord>)> {
    if !reply.ok() {
        return Err(kubectl::failure("kubectl get secrets", reply).into());
    }
    let records = read_by_helm(kubectl::items(reply).iter().filter_map(Record::read).collect());
    let served = served(tools, target, &records)?;
    let unusable = records.iter().find_map(|record| {
        let Outdated { object, api, .. } = apis::outdated(&record.manifest(), &served).into_iter().next()?;
        Some(OutdatedRecord { revision: record.revision(), object, api })
    });
    Ok((records.first().and_then(Record::listed), unusable))
}

/// The last one, and the last that was deployed.
fn read_by_helm(mut records: Vec<Record>) -> Vec<Record> {
    records.sort_by_key(Record::revision);
    let last = records.pop();
    let deployed = records.into_iter().rfind(|record| record.status() == "deployed");
    last.into_iter().chain(deployed).collect()
}

/// Of those that not every server has.
fn served(tools: &Tools, target: &Target, records: &[Record]) -> Result<Served> {
    let mut doubtful: Vec<String> = records.iter().flat_map(|record| apis::doubtful(&record.manifest())).collect();
    doubtful.sort();
    doubtful.dedup();
    let calls: Vec<Call> = doubtful.iter().map(|api| kubectl::record::resources(target, api)).collect();
    let replies = tools.run_all(&calls, &Vault::default()).into_iter().collect::<Result<Vec<Reply>>>()?;
    let mut served = Served::default();
    for (api, reply) in doubtful.into_iter().zip(&replies) {
        served.0.insert(api, kubectl::record::read_resources(reply)?);
    }
    Ok(served)
}
