//! What is said to helm and how its answers are read; nothing here runs anything.
//!
//! Helm 3.8 to 4.x take the same words for all of this. What differs stands here and nowhere else:
//! Helm 2 knows no `list --filter`; Helm 4 has no `list --all`, so the states are named one by one.

pub mod apis;
pub mod record;

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::chart::Located;
use crate::cluster::Target;
use crate::error::Failure;
use crate::explain::Code;
use crate::kubectl;
use crate::outcome::Outcome;
use crate::process::{Call, Part, Program, Reply};

/// A release as `helm list -o json` tells it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Release {
    #[serde(default)]
    pub name: String,
    pub revision: String,
    pub status: String,
    pub chart: String,
    pub updated: String,
}

impl Release {
    /// An operation that never ended: helm, or the machine that it ran on, was killed.
    pub fn pending(&self) -> bool {
        self.status.starts_with("pending-") || self.status == "uninstalling"
    }

    /// Pods of the revision before, and perhaps already some of the next.
    pub fn cut_short_in_upgrade(&self) -> bool {
        matches!(self.status.as_str(), "pending-upgrade" | "pending-rollback")
    }

    /// When its last operation began; `None` where that cannot be told.
    pub fn begun(&self) -> Option<Timestamp> {
        // As Go prints a time: `2026-11-22 08:57:17.15775346 +0000 UTC`, with a name of the zone that nobody needs.
        let words: Vec<&str> = self.updated.splitn(4, ' ').take(3).collect();
        Timestamp::strptime("%Y-%m-%d %H:%M:%S%.f %z", words.join(" ")).ok()
    }

    pub fn deployed(&self) -> bool {
        self.status == "deployed"
    }
}

fn call(target: &Target, args: &[&str]) -> Call {
    let mut all: Vec<String> = args.iter().map(|&a| a.to_owned()).collect();
    all.extend(["--namespace".to_owned(), target.namespace.clone()]);
    if let Some(context) = &target.context {
        all.extend(["--kube-context".to_owned(), context.clone()]);
    }
    if let Some(file) = &target.kubeconfig {
        all.extend(["--kubeconfig".to_owned(), file.display().to_string()]);
    }
    Call::new(Program::Helm, all)
}

/// A path, or a reference with its version.
fn located(chart: &Located) -> Vec<&str> {
    let version = chart.version.iter().flat_map(|version| ["--version", version]);
    std::iter::once(chart.at.as_str()).chain(version).collect()
}

/// What a chart says of itself: `chart` for its Chart.yaml, `values` for its defaults. No cluster is asked.
pub fn show(what: &str, chart: &Located) -> Call {
    let args = [&["show", what], &located(chart)[..]].concat();
    Call::new(Program::Helm, args).within(Duration::from_secs(60))
}

const ANY_STATE: [&str; 6] = ["--deployed", "--failed", "--pending", "--uninstalling", "--uninstalled", "--superseded"];

/// Asks for the release, in whatever state.
pub fn list(target: &Target) -> Call {
    // The filter is a regular expression: anchored, and a release's name has no special character but the dash.
    let filter = format!("^{}$", target.release);
    call(target, &[&["list", "--filter", &filter, "--output", "json"], &ANY_STATE[..]].concat())
}

/// Asks for all releases of the namespace, in whatever state.
pub fn list_all(target: &Target) -> Call {
    call(target, &[&["list", "--output", "json"], &ANY_STATE[..]].concat())
}

/// The release, or `None` where there is none.
///
/// # Errors
/// Helm 2, an unreachable cluster, a missing permission, an answer that is not JSON.
pub fn read_list(reply: &Reply) -> Result<Option<Release>> {
    Ok(read_list_of_all(reply)?.into_iter().next())
}

/// All releases.
///
/// # Errors
/// As `read_list`.
pub fn read_list_of_all(reply: &Reply) -> Result<Vec<Release>> {
    if !reply.ok() {
        if reply.stderr.contains("unknown flag: --filter") {
            let text = "`helm` is Helm 2, which keeps its releases in Tiller; mqctl drives Helm 3.8 and later";
            return Err(Failure::new(Outcome::Unreachable, text)
                .hint("install Helm 3 or 4, then move the release: helm 2to3 convert RELEASE")
                .into());
        }
        return Err(kubectl::failure("helm list", reply).into());
    }
    in_json("helm list", reply)
}

fn in_json<T: for<'a> Deserialize<'a>>(what: &str, reply: &Reply) -> Result<T> {
    let no_json = |e| Failure::new(Outcome::Failed, format!("`{what}` did not answer in JSON: {e}"));
    Ok(serde_json::from_str(&reply.stdout).map_err(no_json)?)
}

/// One revision of a release, as `helm history -o json` tells it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Revision {
    pub revision: u64,
    pub status: String,
    /// Name and version, as `rabbitmq-16.0.16`.
    pub chart: String,
}

/// Asks for the revisions of a release: the last one may have failed, and another one be deployed.
pub fn history(target: &Target) -> Call {
    call(target, &["history", &target.release, "--output", "json"])
}

/// The revisions, the oldest first.
///
/// # Errors
/// Helm's own words, an answer that is not JSON.
pub fn read_history(reply: &Reply) -> Result<Vec<Revision>> {
    if !reply.ok() {
        return Err(kubectl::failure("helm history", reply).into());
    }
    in_json("helm history", reply)
}

/// The values that were given to one revision, or all of them, with the chart's defaults. Without a revision, helm tells
/// those of the last one, even if it failed.
pub fn values(target: &Target, revision: u64, all: bool) -> Call {
    let revision = revision.to_string();
    let mut args = vec!["get", "values", &target.release, "--revision", &revision, "--output", "json"];
    args.extend(all.then_some("--all"));
    call(target, &args)
}

/// Such values; `null` are none.
///
/// # Errors
/// Helm's own words, an answer that is not JSON. No value is quoted.
pub fn read_values(reply: &Reply) -> Result<Map<String, Value>> {
    if !reply.ok() {
        return Err(kubectl::failure("helm get values", reply).into());
    }
    let values: Option<Map<String, Value>> = serde_json::from_str(&reply.stdout)
        .map_err(|_| Failure::new(Outcome::Failed, "`helm get values` did not answer in JSON"))?;
    Ok(values.unwrap_or_default())
}

/// Installs or upgrades with values on stdin, as `chart::fed` makes them: no argument list and no file ever has them.
///
/// `limit` is helm's own, for the requests it makes; it does not wait for pods. The child gets a little longer.
pub fn upgrade_install(target: &Target, chart: &Located, values: Vec<Part>, limit: Duration) -> Call {
    let timeout = format!("{}s", limit.as_secs());
    let rest = ["--values", "-", "--history-max", "10", "--timeout", &timeout];
    let args = [&["upgrade", "--install", &target.release], &located(chart)[..], &rest].concat();
    call(target, &args).fed(values).within(limit + Duration::from_secs(20))
}

/// What `upgrade_install` would send, with the cluster's own versions: the release as JSON.
///
/// The flag stands without a value: Helm before 3.13 knows no other form.
pub fn render(target: &Target, chart: &Located, values: Vec<Part>) -> Call {
    let rest = ["--values", "-", "--dry-run", "--output", "json"];
    let args = [&["upgrade", "--install", &target.release], &located(chart)[..], &rest].concat();
    call(target, &args).fed(values)
}

/// A chart that looks its Secret up, as bitnami/rabbitmq 15.0.3 and later do, finds none in a dry run that asks no server.
pub fn misses_a_look(reply: &Reply) -> bool {
    !reply.ok() && reply.stderr.contains(PASSWORDS)
}

/// How the charts of bitnami say that they know no password of before.
const PASSWORDS: &str = "PASSWORDS ERROR";

/// The same as `render`, with what the chart looks up. Helm knows it since 3.13.
pub fn looking(mut render: Call) -> Call {
    for arg in render.args.iter_mut().filter(|arg| *arg == "--dry-run") {
        "--dry-run=server".clone_into(arg);
    }
    render
}

/// Helm's refusal to import objects that are not its own.
pub fn is_about_ownership(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("invalid ownership metadata")
}

/// The manifest in the answer to `render`.
///
/// # Errors
/// The chart's own words against the values.
pub fn read_rendered(reply: &Reply) -> Result<String> {
    if !reply.ok() {
        wants_a_secret(reply).map_or(Ok(()), Err)?;
        let failure = kubectl::failure("helm upgrade --dry-run", reply);
        let outcome = if failure.outcome == Outcome::Failed { Outcome::BadProfile } else { failure.outcome };
        return Err(Failure { outcome, text: format!("{}; nothing was changed", failure.text), ..failure }.into());
    }
    // Helm 4 warns on stderr; helm 3.8 to 3.12 may print notes before the JSON.
    let json = reply.stdout.find('{').map_or("", |at| &reply.stdout[at..]);
    let release: Value = serde_json::from_str(json)
        .map_err(|e| Failure::new(Outcome::Failed, format!("`helm upgrade --dry-run` did not answer in JSON: {e}")))?;
    Ok(release["manifest"].as_str().unwrap_or_default().to_owned())
}

/// The Secret is not there, or helm cannot look.
fn wants_a_secret(reply: &Reply) -> Option<Failure> {
    if reply.stderr.contains("for \"--dry-run\" flag") {
        let text = "this chart looks at its Secret, and `helm` before 3.13 does not in a dry run; nothing was changed";
        return Some(Failure::new(Outcome::Unreachable, text).hint("install helm 3.13 or later"));
    }
    let text = "the chart does not find password and cookie in the Secret that it is told of (PASSWORDS ERROR); nothing was changed";
    let failure = Failure::new(Outcome::Contradiction, text).code(Code::HelmPasswords);
    reply.stderr.contains(PASSWORDS).then_some(failure)
}

/// The manifest of the newest revision.
pub fn manifest(target: &Target) -> Call {
    call(target, &["get", "manifest", &target.release])
}

/// The manifest of one revision.
pub fn manifest_of(target: &Target, revision: u64) -> Call {
    call(target, &["get", "manifest", &target.release, "--revision", &revision.to_string()])
}

/// The manifest as helm keeps it.
///
/// # Errors
/// Helm's own words.
pub fn read_manifest(reply: &Reply) -> Result<String> {
    if !reply.ok() {
        return Err(kubectl::failure("helm get manifest", reply).into());
    }
    Ok(reply.stdout.to_string())
}

/// Renders the chart without asking any cluster.
pub fn template(target: &Target, chart: &Located, values: Vec<Part>) -> Call {
    let args = [&["template", &target.release], &located(chart)[..], &["--values", "-"]].concat();
    call(target, &args).fed(values)
}

/// Removes the release; volumes and mqctl's Secret are none of its objects.
pub fn uninstall(target: &Target) -> Call {
    call(target, &["uninstall", &target.release, "--timeout", "3m"]).within(Duration::from_secs(200))
}

/// Takes a release whose upgrade was cut short back to its last whole revision.
pub fn rollback(target: &Target) -> Call {
    call(target, &["rollback", &target.release, "--timeout", "3m"]).within(Duration::from_secs(200))
}

/// The object in which helm keeps one revision.
pub fn record(target: &Target, revision: &str) -> String {
    format!("secret/sh.helm.release.v1.{}.v{revision}", target.release)
}

/// Helm's own version, as `v3.22.0` or `v4.3.1`.
pub fn version() -> Call {
    Call::new(Program::Helm, ["version", "--short"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::tests::reply;

    #[test]
    fn a_release_is_read_from_the_list() {
        let answer = r#"[{"name":"q","namespace":"n","revision":"4","updated":"2026-11-22 08:57:17.15775346 +0000 UTC","status":"deployed","chart":"mqctl-rabbitmq-1.0.0","app_version":"4.3"}]"#;
        let release = read_list(&reply(0, answer, "")).unwrap().unwrap();
        assert_eq!((release.revision.as_str(), release.deployed(), release.pending()), ("4", true, false));
        assert_eq!(read_list(&reply(0, "[]", "")).unwrap(), None);
    }

    #[test]
    fn values_that_nobody_gave_are_none_and_no_value_is_quoted() {
        assert_eq!(read_values(&reply(0, "null\n", "")).unwrap(), Map::new());
        let error = read_values(&reply(0, r#""canary""#, "")).unwrap_err();
        assert!(!format!("{error:#}").contains("canary"), "{error:#}");
    }

    #[test]
    fn helm_2_is_told_by_its_answer() {
        let error = read_list(&reply(1, "", "Error: unknown flag: --filter")).unwrap_err();
        assert!(error.to_string().contains("Helm 2"), "{error}");
    }
}
