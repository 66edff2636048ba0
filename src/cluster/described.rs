//! Whether a StatefulSet is what a family's table, or the profile's description of a chart, says. Pure.
//!
//! What is looked for under a wrong name seems not to be there: a volume would be taken for a lost one.

use serde_json::Value;

use crate::chart::{self, Names};
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::profile::Profile;
use crate::yaml::in_braces;

/// Something that is called otherwise.
#[derive(Debug, PartialEq, Eq)]
struct Misfit {
    /// As `chart.custom` calls it.
    field: &'static str,
    /// All that there are.
    there: String,
    said: String,
}

/// Refuses to work on a StatefulSet that is another one than the profile says; `Null` where there is none. What can change
/// with the next revision is compared with that: `rendered`, `Null` where nobody asked helm.
///
/// # Errors
/// The first thing that is called otherwise, by its field.
pub(crate) fn require(profile: &Profile, names: &Names, live: &Value, rendered: &Value) -> Result<(), Failure> {
    let (set, next) = (or(live, rendered), or(rendered, live));
    let (label, selector) = (chart::label(profile), chart::selector(profile));
    let own = chart::family(profile) == chart::CUSTOM;
    let release = profile.release.as_str();
    let misfit = container(names, next)
        .or_else(|| named(names, set))
        .or_else(|| released(&label, release, set))
        .or_else(|| if own { mount(names, next).or_else(|| pods(&selector, set)) } else { None });
    misfit.map_or(Ok(()), |misfit| Err(misfit.failure(profile, names)))
}

fn or<'a>(one: &'a Value, other: &'a Value) -> &'a Value {
    if one.is_null() { other } else { one }
}

impl Misfit {
    fn failure(self, profile: &Profile, names: &Names) -> Failure {
        let Self { field, there, said } = self;
        let (name, path) = (&names.stateful_set, profile.path.display());
        let family = chart::family(profile);
        let failure = |text: String| Failure::new(Outcome::BadProfile, format!("{path}: {text}; nothing was changed"));
        if family == chart::CUSTOM {
            failure(format!("`chart.custom.{field}` is `{said}`, and StatefulSet `{name}` has {there}"))
                .hint(format!("{field}: {there}   # under `chart.custom`; then the same command again"))
        } else {
            failure(format!("charts of `{family}` have `{said}` as {field}, and StatefulSet `{name}` has {there}"))
                .hint("name the chart that made it, or describe it: `chart.dialect: custom`")
        }
    }
}

/// All texts of this key in a list; none where there is no list.
fn all<'a>(set: &'a Value, list: &str, key: &str) -> Vec<&'a str> {
    let list = set.pointer(list).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|one| one.pointer(key)?.as_str()).collect()
}

const CONTAINERS: &str = "/spec/template/spec/containers";

fn differs(field: &'static str, there: &[&str], said: &str) -> Option<Misfit> {
    let differs = !there.is_empty() && !there.contains(&said);
    differs.then(|| Misfit { field, there: there.join(" or "), said: said.to_owned() })
}

fn container(names: &Names, set: &Value) -> Option<Misfit> {
    differs("container", &all(set, CONTAINERS, "/name"), &names.container)
}

fn named(names: &Names, set: &Value) -> Option<Misfit> {
    let service: Vec<&str> = set.pointer("/spec/serviceName").and_then(Value::as_str).into_iter().collect();
    let claims = all(set, "/spec/volumeClaimTemplates", "/metadata/name");
    differs("headlessService", &service, names.headless())
        .or_else(|| differs("claimTemplate", &claims, names.claim_template()))
}

/// Where the broker has that claim.
fn mount(names: &Names, set: &Value) -> Option<Misfit> {
    let containers = set.pointer(CONTAINERS).and_then(Value::as_array)?;
    let broker = containers.iter().find(|one| one["name"] == names.container.as_str())?;
    let mounts = broker["volumeMounts"].as_array()?.iter().filter(|one| one["name"] == names.claim_template());
    let paths: Vec<&str> = mounts.filter_map(|one| one["mountPath"].as_str()).collect();
    let same = paths.iter().any(|path| path.trim_end_matches('/') == names.volume);
    if same { None } else { differs("volumePath", &paths, &names.volume) }
}

/// Labels by which logs are asked for.
fn pods(selector: &Value, set: &Value) -> Option<Misfit> {
    let labels = set.pointer("/spec/template/metadata/labels")?;
    let fits = selector.as_object()?.iter().all(|(key, value)| labels[key.as_str()] == *value);
    (!fits).then(|| Misfit { field: "podLabels", there: in_braces(labels), said: in_braces(selector) })
}

/// By which all objects of the release are found: pods have it by the template, claims by the selector or a template of theirs.
fn released(label: &str, release: &str, set: &Value) -> Option<Misfit> {
    let of = |pointer: &str| -> Vec<&str> {
        let labels = set.pointer(pointer).and_then(Value::as_object).into_iter().flatten();
        labels.filter(|(_, value)| *value == release).map(|(key, _)| key.as_str()).collect()
    };
    let pods = of("/spec/template/metadata/labels");
    let claims = [of("/spec/selector/matchLabels"), of("/spec/volumeClaimTemplates/0/metadata/labels")].concat();
    differs("releaseLabel", &pods, label).or_else(|| differs("releaseLabel", &claims, label))
}
