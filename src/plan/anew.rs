//! A StatefulSet made anew around its pods, for a change that Kubernetes allows none that exists: its object alone is
//! deleted, helm creates it with the change, and it takes over pods and claims again, which stay as they are. Pure.

use zeroize::Zeroizing;

use super::install::Given;
use super::preconditions::refusal;
use super::{Action, Danger, Step};
use crate::changes::{Changes, Field};
use crate::chart::{self, Names};
use crate::cluster::Claim;
use crate::error::Failure;
use crate::explain::Code;
use crate::helm;
use crate::kubectl::{self, recovery};
use crate::process::{Call, Reply};
use crate::recover::under_way;
use crate::units::Quantity;

/// What a field is that a StatefulSet never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fixed {
    Policy,
    /// Of the volumes.
    Size,
    Class,
    /// Anything else of the claims that are made from a template: those that exist keep theirs.
    Claims,
    /// With another one the pods or the volumes would not be its own any more.
    Identity,
}

impl Fixed {
    fn of(path: &str) -> Self {
        if path == "spec.podManagementPolicy" {
            return Self::Policy;
        }
        match path.strip_prefix("spec.volumeClaimTemplates[").and_then(|rest| rest.split_once("].")) {
            Some((_, "spec.resources.requests.storage")) => Self::Size,
            Some((_, "spec.storageClassName")) => Self::Class,
            Some(_) => Self::Claims,
            None => Self::Identity,
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Policy => "no pod restarts by it; it counts from the next start of all pods on",
            Self::Size => "claims that come later have the new size, too",
            Self::Claims => "claims that exist keep what they have; it counts for new ones",
            Self::Class | Self::Identity => "",
        }
    }
}

/// The fields that differ and never change.
fn fields(changes: &Changes) -> impl Iterator<Item = (&Field, Fixed)> {
    let sets = changes.objects.iter().filter(|change| change.object.starts_with("StatefulSet/"));
    let fixed = move |field: &&Field| changes.immutable.iter().any(|key| field.path.starts_with(key.as_str()));
    sets.flat_map(|change| &change.fields).filter(fixed).map(|field| (field, Fixed::of(&field.path)))
}

/// What cannot be done even so; what can is refused until it is asked for.
pub(super) fn refused(given: &Given<'_>) -> Option<Failure> {
    let changes = &given.preview()?.changes;
    changes.immutable.first()?;
    identity(given, changes)
        .or_else(|| class(given, changes))
        .or_else(|| shrinks(given, changes))
        .or_else(|| cannot_grow(given))
        .or_else(|| (!given.offers.recreate).then(|| offer(given, changes)))
}

fn cannot_change(given: &Given<'_>, what: &str) -> Failure {
    let set = &given.target.stateful_set;
    refusal(Code::Immutable, &format!("StatefulSet `{set}` cannot change {what}: Kubernetes keeps this field for ever"))
}

fn in_words(field: &Field) -> String {
    let value = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".to_owned());
    format!("{} from {} to {}", field.path, value(&field.from), value(&field.to))
}

fn identity(given: &Given<'_>, changes: &Changes) -> Option<Failure> {
    let (field, _) = fields(changes).find(|(_, fixed)| *fixed == Fixed::Identity)?;
    let refusal = cannot_change(given, &in_words(field));
    Some(refusal.hint("put the value back in the profile: made anew with it, it would not find its pods or its data"))
}

fn offer(given: &Given<'_>, changes: &Changes) -> Failure {
    let what = fields(changes).next().map_or_else(|| changes.immutable[0].clone(), |(field, _)| in_words(field));
    let way = format!("mqctl upgrade {} --recreate-statefulset", given.profile.name);
    cannot_change(given, &what)
        .hint(format!("{way}   # made anew around its pods, which stay with their volumes"))
        .hint(otherwise(given, changes))
}

/// A chart that takes no such value has made it so by itself.
fn otherwise(given: &Given<'_>, changes: &Changes) -> &'static str {
    let by_itself = fields(changes).next().is_some_and(|(_, fixed)| fixed == Fixed::Policy);
    if by_itself && !chart::takes_policy(given.profile) {
        return "or have the chart take it as a value, and name that as `chart.custom.keys.podManagementPolicy`";
    }
    "or put the value back in the profile"
}

fn class(given: &Given<'_>, changes: &Changes) -> Option<Failure> {
    let (field, _) = fields(changes).find(|(_, fixed)| *fixed == Fixed::Class)?;
    let value = |text: &Option<String>| text.clone().unwrap_or_else(|| "the default".to_owned());
    let (from, to) = (value(&field.from), value(&field.to));
    let text = format!("`storage.class`: the volumes are of {from}, and no volume moves to another class ({to})");
    let beside = given.profile.storage.class.as_ref().map(|class| format!("--storage-class {class} "));
    Some(beside_it(given, refusal(Code::Volumes, &text), &beside.unwrap_or_default()))
}

/// What no volume can become needs new ones.
fn beside_it(given: &Given<'_>, refusal: Failure, flags: &str) -> Failure {
    let name = &given.profile.name;
    refusal
        .hint("put `storage` back in the profile to what the volumes are")
        .hint(format!("mqctl init {name}-new {flags}  # a release beside it: mqctl explain VOLUMES says how"))
}

fn shrinks(given: &Given<'_>, changes: &Changes) -> Option<Failure> {
    fields(changes).find(|(_, fixed)| *fixed == Fixed::Size)?;
    let wished = &given.profile.storage.size;
    let larger = |claim: &&Claim| bytes(claim).is_some_and(|bytes| bytes > wished.bytes());
    let claim = given.observed.claims.iter().find(larger)?;
    let text =
        format!("`storage.size`: `{}` is {}, not {}, and no volume shrinks", claim.name, claim.size, wished.as_str());
    Some(beside_it(given, refusal(Code::Volumes, &text), &format!("--size {} ", wished.as_str())))
}

fn bytes(claim: &Claim) -> Option<u64> {
    claim.size.parse().map(|size: Quantity| size.bytes()).ok()
}

/// Claims that ask for less than the profile does.
fn small<'a>(given: &Given<'a>) -> Vec<&'a Claim> {
    let wished = given.profile.storage.size.bytes();
    given.observed.claims.iter().filter(|claim| bytes(claim).is_some_and(|bytes| bytes < wished)).collect()
}

fn growth(given: &Given<'_>, changes: &Changes, tried: bool) -> Option<Call> {
    fields(changes).find(|(_, fixed)| *fixed == Fixed::Size)?;
    let claims: Vec<&str> = small(given).iter().map(|claim| claim.name.as_str()).collect();
    let size = given.profile.storage.size.as_str();
    (!claims.is_empty()).then(|| kubectl::grow(given.target, &claims, size, tried))
}

/// The question to the API server whether the volumes may grow: it knows class and quota.
pub(crate) fn try_growth(given: &Given<'_>, changes: &Changes) -> Option<Call> {
    growth(given, changes, true)
}

fn cannot_grow(given: &Given<'_>) -> Option<Failure> {
    let words = given.next?.cannot_grow.as_ref()?;
    if words.contains("must support resize") {
        let claim = small(given).first().copied()?;
        let text = format!(
            "`storage.size`: the StorageClass `{}` of `{}` lets no volume grow (allowVolumeExpansion)",
            claim.class, claim.name
        );
        let size = given.profile.storage.size.as_str();
        return Some(beside_it(given, refusal(Code::Volumes, &text), &format!("--size {size} ")));
    }
    let said = Reply { code: Some(1), stdout: Zeroizing::default(), stderr: words.clone(), timed_out: false };
    let failure = kubectl::failure("kubectl patch persistentvolumeclaim", &said);
    Some(Failure { text: format!("{}; nothing was changed", failure.text), ..failure })
}

/// The change is one that Kubernetes allows no StatefulSet that exists; it is asked for, or has been refused.
pub(super) fn makes_anew(given: &Given<'_>) -> bool {
    given.offers.recreate && given.preview().is_some_and(|preview| !preview.changes.immutable.is_empty())
}

/// The StatefulSet is made anew, or an earlier run was cut short when it was.
fn is_under_way(given: &Given<'_>) -> bool {
    let deployed = given.observed.release.as_ref().is_some_and(helm::Release::deployed);
    let kept = given.observed.evidence.as_ref().is_some_and(|object| under_way::kept_set(object).is_some());
    kept || (deployed && given.observed.set.is_none()) || makes_anew(given)
}

pub(super) fn before_helm(given: &Given<'_>, names: &Names) -> Vec<Step> {
    match given.preview() {
        Some(preview) if makes_anew(given) => {
            grow(given, &preview.changes).into_iter().chain(take_away(given, &preview.changes, names)).collect()
        }
        _ => Vec::new(),
    }
}

fn grow(given: &Given<'_>, changes: &Changes) -> Option<Step> {
    let call = growth(given, changes, false)?;
    let claims = small(given);
    let title = format!("grow {} volume{}", claims.len(), if claims.len() == 1 { "" } else { "s" });
    let names: Vec<&str> = claims.iter().map(|claim| claim.name.as_str()).collect();
    let size = given.profile.storage.size.as_str();
    let detail = format!("{} -> {size}: {}; clients see nothing of it", claims[0].size, names.join(", "));
    let step = Step::new(Danger::Changes, title, detail).action(Action::Run(call));
    Some(step.done(format!("{} grown to {size}", names.join(", "))))
}

/// Its manifest is kept until there is one again.
fn take_away(given: &Given<'_>, changes: &Changes, names: &Names) -> Option<Step> {
    let (target, set) = (given.target, given.observed.set.as_ref()?);
    let mut notes: Vec<String> = Vec::new();
    for (field, fixed) in fields(changes) {
        let key = field.path.rsplit('.').next().unwrap_or(&field.path);
        notes.push(format!("{key}: {}", fixed.in_words()));
    }
    let kept = under_way::keeping(&names.evidence, &target.release, &set.manifest);
    let title = format!("StatefulSet {}", names.stateful_set);
    let detail = "taken away from its pods, for helm to make it anew around them: pods and volumes stay";
    Some(
        Step::new(Danger::Changes, title.clone(), detail)
            .notes(notes)
            .action(Action::Run(recovery::keep_set(target, &kept)))
            .action(Action::Run(recovery::orphan(target, &names.stateful_set)))
            .done(format!("{title} taken away from its pods; kept in ConfigMap {}", names.evidence)),
    )
}

/// What was kept is of no use any more.
pub(super) fn after_helm(given: &Given<'_>, names: &Names, step: Step) -> Step {
    if !is_under_way(given) {
        return step;
    }
    let without = under_way::without_note(&names.evidence, &given.target.release);
    step.action(Action::Run(recovery::keep_set(given.target, &without)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_field_is_that_never_changes() {
        let cases = [
            ("spec.podManagementPolicy", Fixed::Policy),
            ("spec.volumeClaimTemplates[data].spec.resources.requests.storage", Fixed::Size),
            ("spec.volumeClaimTemplates[data].spec.storageClassName", Fixed::Class),
            ("spec.volumeClaimTemplates[data].metadata.labels.team", Fixed::Claims),
            ("spec.volumeClaimTemplates[data].spec.accessModes", Fixed::Claims),
            ("spec.volumeClaimTemplates[data]", Fixed::Identity),
            ("spec.volumeClaimTemplates", Fixed::Identity),
            ("spec.serviceName", Fixed::Identity),
            ("spec.selector.matchLabels.app", Fixed::Identity),
        ];
        for (path, fixed) in cases {
            assert_eq!(Fixed::of(path), fixed, "{path}");
        }
    }
}
