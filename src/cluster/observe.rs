//! A few read-only calls, side by side, become `Observed`.

use anyhow::Result;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Existence, Observed, Target, read_secret};
use crate::chart::Names;
use crate::error::Failure;
use crate::explain::Code;
use crate::helm;
use crate::kubectl::{self, Right, rights};
use crate::machine;
use crate::outcome::Outcome;
use crate::process::{Call, Program, Reply, Tools};
use crate::secret::Vault;

/// What an install needs to be allowed. Helm's own records are Secrets; the wait reads pods, logs and events.
pub(crate) const INSTALL_RIGHTS: [Right; 15] = [
    ("get", "", "secrets"),
    ("list", "", "secrets"),
    ("create", "", "secrets"),
    ("patch", "", "secrets"),
    ("create", "", "configmaps"),
    ("create", "", "services"),
    ("create", "", "serviceaccounts"),
    ("create", "apps", "statefulsets"),
    ("patch", "apps", "statefulsets"),
    ("list", "apps", "statefulsets"),
    ("create", "policy", "poddisruptionbudgets"),
    ("list", "", "pods"),
    ("get", "", "pods/log"),
    ("create", "", "pods/exec"),
    ("get", "", "persistentvolumeclaims"),
];

/// What an init needs beyond that, for a namespace that is missing.
pub(crate) const INIT_RIGHTS: [Right; 2] = [("create", "", "namespaces"), ("patch", "", "namespaces")];

/// What an upgrade needs beyond an install where it makes a StatefulSet anew.
pub(crate) const ANEW_RIGHTS: [Right; 4] = [
    ("get", "", "configmaps"),
    ("patch", "", "configmaps"),
    ("delete", "apps", "statefulsets"),
    ("patch", "", "persistentvolumeclaims"),
];

/// What a new secret needs beyond an install where nodes restart for it.
pub(crate) const RESTART_RIGHTS: [Right; 4] =
    [("get", "", "pods"), ("delete", "", "pods"), ("patch", "", "services"), ("patch", "apps", "statefulsets/scale")];

/// What a delete needs to be allowed.
pub(crate) const DELETE_RIGHTS: [Right; 8] = [
    ("list", "", "pods"),
    ("list", "coordination.k8s.io", "leases"),
    ("patch", "", "pods"),
    ("patch", "apps", "statefulsets/scale"),
    ("delete", "apps", "statefulsets"),
    ("delete", "", "services"),
    ("delete", "", "secrets"),
    ("delete", "", "configmaps"),
];

/// What a purge needs beyond that.
pub(crate) const PURGE_RIGHTS: [Right; 1] = [("delete", "", "persistentvolumeclaims")];

/// What the Service outside needs; it is applied server-side, which is a patch.
pub(crate) const EXPOSE_RIGHTS: [Right; 3] =
    [("get", "", "services"), ("create", "", "services"), ("patch", "", "services")];

/// What an unlock needs to find out what is there.
pub(crate) const UNLOCK_RIGHTS: [Right; 2] = [("get", "", "secrets"), ("list", "", "secrets")];

/// What taking it away needs.
pub(crate) const HIDE_RIGHTS: [Right; 2] = [("get", "", "services"), ("delete", "", "services")];

/// What whoever changes something needs for the Lease.
const LEASE_RIGHTS: [Right; 5] = [
    ("get", "coordination.k8s.io", "leases"),
    ("create", "coordination.k8s.io", "leases"),
    ("update", "coordination.k8s.io", "leases"),
    ("patch", "coordination.k8s.io", "leases"),
    ("delete", "coordination.k8s.io", "leases"),
];

/// What every recovery needs, whichever rung is taken.
pub(crate) const RECOVER_RIGHTS: [Right; 14] = [
    ("get", "", "pods"),
    ("list", "", "pods"),
    ("create", "", "pods"),
    ("patch", "", "pods"),
    ("delete", "", "pods"),
    ("get", "", "pods/log"),
    ("create", "", "pods/exec"),
    ("create", "", "configmaps"),
    ("patch", "", "configmaps"),
    ("delete", "", "configmaps"),
    ("list", "apps", "statefulsets"),
    ("create", "apps", "statefulsets"),
    ("patch", "apps", "statefulsets"),
    ("delete", "apps", "statefulsets"),
];

/// What only some plans of a recovery need: asked for with the others, as one question costs as much as two.
pub(crate) const RUNG_RIGHTS: [Right; 5] = [
    ("patch", "", "services"),
    ("delete", "", "secrets"),
    ("delete", "", "persistentvolumeclaims"),
    ("watch", "apps", "statefulsets"),
    ("patch", "apps", "statefulsets/scale"),
];

/// What to look for.
pub(crate) struct Question<'a> {
    pub(crate) target: &'a Target,
    pub(crate) names: &'a Names,
    pub(crate) storage_class: Option<&'a str>,
    /// What the plan needs beside the Lease; empty where nothing will be changed.
    pub(crate) rights: &'a [Right],
}

impl Question<'_> {
    /// Named objects: helm's own record comes from helm, everything else from one `get`.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.with(kubectl::get(self.target, &self.objects()))
    }

    fn with(&self, look: Call) -> Vec<Call> {
        let mut calls = vec![helm::list(self.target), look];
        if !self.rights.is_empty() {
            calls.push(rights::review(self.target, &[self.rights, &LEASE_RIGHTS].concat()));
        }
        calls
    }

    fn objects(&self) -> Vec<String> {
        let names = self.names;
        let mut objects = vec![
            format!("statefulset/{}", names.stateful_set),
            format!("secret/{}", names.secret),
            format!("lease/{}", names.lease),
            format!("service/{}", names.external),
            format!("namespace/{}", self.target.namespace),
        ];
        objects.extend(names.services.iter().map(|n| format!("service/{n}")));
        objects.extend(names.pods.iter().map(|n| format!("pod/{n}")));
        objects.extend(names.claims.iter().map(|n| format!("persistentvolumeclaim/{n}")));
        objects.extend(self.storage_class.map(|n| format!("storageclass/{n}")));
        objects
    }

    /// One read of the objects, and of what mqctl keeps of a stop.
    pub(crate) fn look_at_stop(&self) -> Call {
        let mut objects = self.objects();
        objects.push(format!("configmap/{}", self.names.evidence));
        objects.push(format!("configmap/{}", self.names.hold));
        objects.extend(self.names.readers.iter().map(|name| format!("pod/{name}")));
        kubectl::get(self.target, &objects)
    }

    /// Understands the answers, in the order of `calls`.
    pub(crate) fn understand(&self, replies: &[Reply]) -> Result<Observed> {
        let [list, get, review @ ..] = replies else { return Ok(Observed::default()) };
        let mut observed = self.understand_objects(get)?;
        observed.release = helm::read_list(list)?;
        // A review that the API server does not answer denies nothing: the call that lacks the right will say so.
        if let Some(review) = review.first() {
            observed.denied = rights::denied(review);
        }
        Ok(observed)
    }

    /// What the objects alone say.
    pub(crate) fn understand_objects(&self, get: &Reply) -> Result<Observed> {
        let mut observed = Observed::default();
        tolerate_forbidden_scopes(get)?;
        self.missing_until_seen(get, &mut observed);
        self.take_all(get, &mut observed);
        Ok(observed)
    }

    fn take_all(&self, get: &Reply, observed: &mut Observed) {
        for object in kubectl::items(get) {
            observed.take(&object, self.names);
        }
        observed.keep_own_volumes(self.names);
        if let Some(lease) = &mut observed.lease {
            lease.abandoned = machine::is_gone(&lease.process);
        }
    }

    /// An object that was asked for, may be looked at and did not come is missing.
    fn missing_until_seen(&self, get: &Reply, observed: &mut Observed) {
        let may_look = |kind: &str| !get.stderr.contains(&format!("{kind} \""));
        if may_look("namespaces") {
            observed.namespace = Existence::Missing;
        }
        if self.storage_class.is_some() && may_look("storageclasses.storage.k8s.io") {
            observed.storage_class = Existence::Missing;
        }
    }
}

/// Namespaces and StorageClasses belong to no namespace: many people may not read them and need not. Whoever changes
/// nothing need not read the Lease; for all others the review names the right.
fn tolerate_forbidden_scopes(get: &Reply) -> Result<()> {
    let kinds = ["namespaces \"", "storageclasses.storage.k8s.io \"", "leases.coordination.k8s.io "];
    let needless = |line: &&str| kinds.iter().any(|kind| line.contains(kind));
    let tolerable = |line: &&str| line.trim().is_empty() || (needless(line) && line.contains("forbidden"));
    let serious: Vec<&str> = get.stderr.lines().filter(|line| !tolerable(line)).collect();
    if get.ok() || (serious.is_empty() && !get.stderr.is_empty()) {
        return Ok(());
    }
    // Without the others, so that the error names a right that is needed.
    let said =
        Reply { code: get.code, stdout: Zeroizing::default(), stderr: serious.join("\n"), timed_out: get.timed_out };
    Err(kubectl::failure("kubectl get", &said).into())
}

/// Looks at a release.
///
/// # Errors
/// An unreachable cluster, a missing right to read, helm or kubectl missing.
pub(crate) fn observe(tools: &Tools, question: &Question<'_>) -> Result<Observed> {
    let replies = tools.run_all(&question.calls(), &Vault::default()).into_iter().collect::<Result<Vec<_>>>()?;
    let mut observed = question.understand(&replies)?;
    if observed.storage_class == Existence::Missing {
        observed.storage_classes = storage_classes(tools, question.target)?;
    }
    Ok(observed)
}

/// Within a recovery the StatefulSet, and its mark, may exist nowhere for a while: then its note is looked for. Whoever may
/// not read it sees none.
pub(crate) fn look_for_note(tools: &Tools, question: &Question<'_>, observed: &mut Observed) {
    if observed.set.is_none() && !observed.claims.is_empty() {
        observed.evidence = evidence(tools, question.target, question.names).unwrap_or_default();
    }
}

/// Looks at everything that carries the release's label, also volumes beyond the profile's replicas.
///
/// # Errors
/// As `observe`.
pub(crate) fn observe_all(tools: &Tools, question: &Question<'_>) -> Result<Observed> {
    let look = kubectl::list(question.target, "statefulsets,pods,services,persistentvolumeclaims,secrets,leases");
    let replies = tools.run_all(&question.with(look), &Vault::default()).into_iter().collect::<Result<Vec<_>>>()?;
    question.understand(&replies)
}

/// Looks at the objects alone, in one call, and at what mqctl keeps of a stop: helm has no part in who stopped last.
/// Beside it goes the review of the rights, where something is to be done.
///
/// # Errors
/// As `observe`.
pub(crate) fn observe_stop(tools: &Tools, question: &Question<'_>) -> Result<Observed> {
    let mut calls = vec![question.look_at_stop()];
    if !question.rights.is_empty() {
        calls.push(rights::review(question.target, &[question.rights, &LEASE_RIGHTS].concat()));
    }
    let replies = tools.run_all(&calls, &Vault::default()).into_iter().collect::<Result<Vec<_>>>()?;
    let [get, review @ ..] = replies.as_slice() else { return Ok(Observed::default()) };
    let mut observed = question.understand_objects(get)?;
    observed.denied = review.first().map(rights::denied).unwrap_or_default();
    Ok(observed)
}

/// mqctl's own ConfigMap with what it keeps of a stop, or of a StatefulSet.
///
/// # Errors
/// An unreachable cluster, kubectl missing, the right to get it.
pub(crate) fn evidence(tools: &Tools, target: &Target, names: &Names) -> Result<Option<Value>> {
    let reply = tools.run(&kubectl::get(target, &[format!("configmap/{}", names.evidence)]), &Vault::default())?;
    if reply.ok() { Ok(kubectl::items(&reply).pop()) } else { Err(kubectl::failure("kubectl get", &reply).into()) }
}

/// What mqctl's own Secret holds; nothing where there is none, or where the person may not read it.
///
/// # Errors
/// An unreachable cluster, kubectl missing.
pub(crate) fn secret_in_cluster(tools: &Tools, target: &Target, names: &Names) -> Result<Option<Vault>> {
    let reply = tools.run(&kubectl::get(target, &[format!("secret/{}", names.secret)]), &Vault::default())?;
    if reply.ok() {
        return Ok(kubectl::items(&reply).first().map(read_secret));
    }
    let failure = kubectl::failure("kubectl get", &reply);
    if failure.outcome == Outcome::NotPermitted { Ok(None) } else { Err(failure.into()) }
}

/// Only for the sentence that lists them.
fn storage_classes(tools: &Tools, target: &Target) -> Result<Vec<String>> {
    let reply = tools.run(&kubectl::list_all(target, "storageclasses"), &Vault::default())?;
    let name = |object: &Value| object["metadata"]["name"].as_str().map(str::to_owned);
    Ok(kubectl::items(&reply).iter().filter_map(name).collect())
}

/// What every change needs that makes objects; what only a StatefulSet made anew does is asked for with its plan.
///
/// # Errors
/// The namespace is being deleted; rights that are missing.
pub(crate) fn require_fit_to_change(observed: &Observed, target: &Target) -> Result<()> {
    require_lasting_namespace(observed, target)?;
    refuse_without(observed, target, |right| !is_one_of(&ANEW_RIGHTS, right))
}

/// The same before a new secret is planned: what only some of these plans do is asked for with them.
///
/// # Errors
/// As `require_fit_to_change`.
pub(crate) fn require_fit_to_rotate(observed: &Observed, target: &Target) -> Result<()> {
    require_lasting_namespace(observed, target)?;
    refuse_without(observed, target, |right| !is_one_of(&RESTART_RIGHTS, right))
}

fn is_one_of(rights: &[Right], right: &str) -> bool {
    rights.iter().any(|one| rights::in_words(one) == right)
}

/// Refuses where the namespace is being deleted: nothing can be made in it any more.
///
/// # Errors
/// With what the namespace waits for; exit 75, as the same command fits again when it is gone.
fn require_lasting_namespace(observed: &Observed, target: &Target) -> Result<()> {
    let Some(words) = &observed.namespace_ends else { return Ok(()) };
    let namespace = &target.namespace;
    let why = if words.is_empty() { String::new() } else { format!(" ({words})") };
    let text = format!("namespace `{namespace}` is being deleted{why}; nothing was changed");
    Err(Failure::new(Outcome::TimedOut, text)
        .hint(format!("kubectl wait --for=delete namespace/{namespace} --timeout=5m   # then the same command again"))
        .code(Code::Namespace)
        .into())
}

/// Refuses where a right is missing, naming all that are.
///
/// # Errors
/// At least one right is denied.
pub(crate) fn require_rights(observed: &Observed, target: &Target) -> Result<()> {
    refuse_without(observed, target, |_| true)
}

/// The same before a rung of a recovery is chosen: what only some of them need is no matter yet.
///
/// # Errors
/// As `require_rights`.
pub(crate) fn require_these(needed: &[Right], observed: &Observed, target: &Target) -> Result<()> {
    refuse_without(observed, target, |right| is_one_of(needed, right))
}

/// The same for what a plan does.
///
/// # Errors
/// As `require_rights`.
pub(crate) fn require_rights_for<'a>(
    calls: impl Iterator<Item = &'a Call>,
    observed: &Observed,
    target: &Target,
) -> Result<()> {
    let needed: Vec<Right> = calls.flat_map(needed).collect();
    require_these(&needed, observed, target)
}

/// A revision of a release may make each of its objects anew.
fn needed(call: &Call) -> Vec<Right> {
    if call.program == Program::Helm { INSTALL_RIGHTS.to_vec() } else { rights::needed(call) }
}

/// What is denied is no matter where nobody needs it.
fn refuse_without(observed: &Observed, target: &Target, needs: impl Fn(&str) -> bool) -> Result<()> {
    let missing: Vec<&str> = observed.denied.iter().map(String::as_str).filter(|right| needs(right)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let namespace = &target.namespace;
    let text = format!("not permitted in namespace `{namespace}`: {}; nothing was changed", missing.join(", "));
    let hint = format!("kubectl auth can-i --list --namespace {namespace}");
    Err(Failure::new(Outcome::NotPermitted, text).hint(hint).code(Code::Rights).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubectl::tests::reply;

    #[test]
    fn a_namespace_that_may_not_be_read_is_no_failure() {
        let words = "Error from server (Forbidden): namespaces \"mq\" is forbidden: User \"ci\" cannot get resource";
        assert!(tolerate_forbidden_scopes(&reply(1, "", words)).is_ok());
        let words = format!("Error from server (Forbidden): secrets \"x\" is forbidden\n{words}");
        let error = tolerate_forbidden_scopes(&reply(1, "", &words)).unwrap_err().to_string();
        assert!(error.contains("secrets") && !error.contains("namespaces"), "{error}");
    }
}
