//! Whether a StatefulSet is what a family's table, or the profile's description of a chart, says. Pure.
//!
//! What is looked for under a wrong name seems not to be there: a volume would be taken for a lost one.

use serde_json::Value;

use crate::chart::{self, Names};
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::profile::Profile;

/// Something that is called otherwise.
#[derive(Debug, PartialEq, Eq)]
struct Misfit<'a> {
    /// As `chart.custom` calls it.
    field: &'static str,
    /// All that there are.
    there: Vec<&'a str>,
    said: &'a str,
}

/// Refuses to work on a StatefulSet that is another one than the profile says; `Null` where there is none.
///
/// # Errors
/// The first thing that is called otherwise, by its field.
pub(crate) fn require(profile: &Profile, names: &Names, set: &Value) -> Result<(), Failure> {
    let label = chart::label(profile);
    let Some(Misfit { field, there, said }) = misfit(names, (&label, profile.release.as_str()), set) else {
        return Ok(());
    };
    let (name, there) = (&names.stateful_set, there.join(" or "));
    let path = profile.path.display();
    let family = chart::family(profile);
    let failure = |text: String| Failure::new(Outcome::BadProfile, format!("{path}: {text}; nothing was changed"));
    Err(if family == chart::CUSTOM {
        failure(format!("`chart.custom.{field}` is `{said}`, and StatefulSet `{name}` has {there}"))
            .hint(format!("{field}: {there}   # under `chart.custom`; then the same command again"))
    } else {
        failure(format!("charts of `{family}` have `{said}` as {field}, and StatefulSet `{name}` has {there}"))
            .hint("name the chart that made it, or describe it: `chart.dialect: custom`")
    })
}

fn misfit<'a>(names: &'a Names, (label, release): (&'a str, &str), set: &'a Value) -> Option<Misfit<'a>> {
    let all = |pointer: &str, key: &str| -> Vec<&'a str> {
        let list = set.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|one| one.pointer(key)?.as_str()).collect()
    };
    let service = set.pointer("/spec/serviceName").and_then(Value::as_str);
    let labels = set.pointer("/spec/template/metadata/labels").and_then(Value::as_object);
    let of_release = labels.into_iter().flatten().filter(|(_, value)| *value == release).map(|(key, _)| key.as_str());
    let all = [
        ("container", all("/spec/template/spec/containers", "/name"), names.container.as_str()),
        ("headlessService", service.into_iter().collect(), names.headless()),
        ("claimTemplate", all("/spec/volumeClaimTemplates", "/metadata/name"), names.claim_template()),
        ("releaseLabel", of_release.collect(), label),
    ];
    let other = |(_, there, said): &(_, Vec<&str>, &str)| !there.is_empty() && !there.contains(said);
    all.into_iter().find(other).map(|(field, there, said)| Misfit { field, there, said })
}
