//! Objects that the chart would make, and that are there already without being helm's of this release: helm refuses to
//! import them, one at a time, and only when it is at work.
//!
//! Source: helm, pkg/action/validate.go (`checkOwnership`).

use anyhow::Result;
use serde_json::{Value, json};

use super::Target;
use super::preview::{owned, refused};
use crate::helm;
use crate::kubectl;
use crate::process::{Call, Part, Tools};
use crate::secret::Vault;

/// By which helm knows its objects.
const RELEASE: &str = "meta.helm.sh/release-name";
const NAMESPACE: &str = "meta.helm.sh/release-namespace";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Whose an object is that is not this release's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Made by hand, or by another tool.
    Nobody,
    /// Of a release that is not there any more, as an object that its chart keeps.
    Gone(String),
    /// Of a release that is there, or whose namespace is another one.
    Lives(String),
}

/// One such object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stranger {
    /// `Service/prodmq`
    pub(crate) object: String,
    pub(crate) owner: Owner,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    pub(crate) all: Vec<Stranger>,
    /// As the chart wants them, with helm's marks of this release.
    pub(crate) wished: String,
    /// Why the API server would not take the chart's objects in their places.
    pub(crate) unlike: Option<String>,
}

/// Whether helm would import this object as its own.
pub(crate) fn is_ours(object: &Value, target: &Target) -> bool {
    let metadata = &object["metadata"];
    let mark = |key: &str| &metadata["annotations"][key];
    mark(RELEASE) == target.release.as_str()
        && mark(NAMESPACE) == target.namespace.as_str()
        && metadata["labels"][MANAGED_BY] == "Helm"
}

/// The release that helm's mark on an object names.
pub(crate) fn release_of(object: &Value) -> Option<&str> {
    object["metadata"]["annotations"][RELEASE].as_str()
}

/// Marks an object as helm does what it applies.
pub(crate) fn mark(object: &mut Value, target: &Target) {
    object["metadata"]["labels"][MANAGED_BY] = json!("Helm");
    object["metadata"]["annotations"][RELEASE] = json!(target.release);
    object["metadata"]["annotations"][NAMESPACE] = json!(target.namespace);
}

/// Looks for the objects that a chart would make.
///
/// # Errors
/// Helm or kubectl cannot be started.
pub(crate) fn look(tools: &Tools, target: &Target, wished: &[Value]) -> Result<Strangers> {
    let here = |object: &&Value| object["metadata"]["namespace"].as_str().is_none_or(|name| name == target.namespace);
    // What runs at helm's own times is made anew each time, whoever's it is.
    let kept = |object: &&Value| object["metadata"]["annotations"]["helm.sh/hook"].is_null();
    let names: Vec<String> = wished.iter().filter(here).filter(kept).filter_map(name).collect();
    if names.is_empty() {
        return Ok(Strangers::default());
    }
    // What may not be looked at, or is of no kind that is known here, helm will complain of itself.
    let reply = tools.run(&kubectl::get(target, &names), &Vault::default())?;
    let live: Vec<Value> = kubectl::items(&reply).into_iter().filter(|object| !is_ours(object, target)).collect();
    let mut all = Vec::new();
    for object in &live {
        all.push(Stranger { object: in_words(object), owner: owner(tools, target, object)? });
    }
    let is_there = |object: &&Value| all.iter().any(|stranger| stranger.object == in_words(object));
    let wished = owned(target, wished.iter().filter(is_there).cloned().collect());
    let unlike = if all.is_empty() { None } else { unlike(tools, target, &wished)? };
    Ok(Strangers { all, wished, unlike })
}

fn name(object: &Value) -> Option<String> {
    let (kind, name) = (object["kind"].as_str()?, object["metadata"]["name"].as_str()?);
    Some(format!("{}/{name}", kind.to_lowercase()))
}

/// `Service/prodmq`
pub(crate) fn in_words(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

/// What a release leaves behind, when it goes, still carries its name.
fn owner(tools: &Tools, target: &Target, object: &Value) -> Result<Owner> {
    let mark = |key: &str| object["metadata"]["annotations"][key].as_str();
    let Some(release) = mark(RELEASE).filter(|name| *name != target.release) else { return Ok(Owner::Nobody) };
    if mark(NAMESPACE).is_some_and(|namespace| namespace != target.namespace) {
        return Ok(Owner::Lives(release.to_owned()));
    }
    let other = Target { release: release.to_owned(), ..target.clone() };
    let listed = tools.run(&helm::list(&other), &Vault::default())?;
    let gone = listed.ok() && helm::read_list(&listed)?.is_none();
    Ok(if gone { Owner::Gone(release.to_owned()) } else { Owner::Lives(release.to_owned()) })
}

fn unlike(tools: &Tools, target: &Target, wished: &str) -> Result<Option<String>> {
    let call: Call = kubectl::try_apply(target, vec![Part::Text(wished.to_owned())], true);
    Ok(refused(&tools.run(&call, &Vault::default())?))
}
