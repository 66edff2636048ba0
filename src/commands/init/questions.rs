//! The questions of `mqctl init`: only for what no flag has answered. Enter takes the default.

use anyhow::Result;

use crate::ask;
use crate::cluster::offer::Offer;
use crate::context::Context;
use crate::profile::draft::{Answers, Field};
use crate::release::Reading;
use crate::report;
use crate::units::ReleaseName;

pub(super) fn name() -> Result<String> {
    let refusal = |text: &str| text.parse::<ReleaseName>().err().map(|expected| expected.to_string());
    ask::line("Name of the profile and of the Helm release", "rabbitmq", refusal)
}

/// First of all, as it decides which cluster is looked at.
pub(super) fn context(answers: Answers, cx: &Context, asking: bool) -> Result<Answers> {
    let contexts = cx.contexts();
    if !asking || contexts.is_empty() || cx.globals.context.is_some() || answers.get(Field::Context).is_some() {
        return Ok(answers);
    }
    let any = "any, whichever is current".to_owned();
    let choice = chosen("Kube context that this profile is for", any, contexts)?;
    Ok(choice.map_or(answers.clone(), |context| answers.with(Field::Context, context)))
}

/// Where the release is that a profile is made from.
pub(super) fn namespace(answers: Answers, asking: bool) -> Result<Answers> {
    if !asking || answers.get(Field::Namespace).is_some() {
        return Ok(answers);
    }
    let default = Field::Namespace.default().unwrap_or_default();
    let text = ask::line("Namespace of the release", default, |text| refusal(&answers, Field::Namespace, text))?;
    Ok(answers.with(Field::Namespace, text))
}

/// The chart that made it, as the command line would name it.
pub(super) fn chart(reading: &Reading) -> Result<String> {
    let prompt = format!(
        "Chart that made it ({}): a folder, a .tgz or REPO/CHART, such as ./charts/rabbitmq",
        reading.revision.chart
    );
    ask::line(&prompt, "", |text| text.is_empty().then(|| format!("for example: {}", reading.pull())))
}

pub(super) fn others(mut answers: Answers, offer: &mut Offer, asking: bool) -> Result<Answers> {
    if !asking {
        return Ok(answers);
    }
    // Said before the questions, so not in the plan again.
    offer.missing.drain(..).for_each(|what| report::say(&format!("warning: {what}")));
    if !offer.namespaces.is_empty() && answers.get(Field::Namespace).is_none() {
        report::say(&format!("namespaces there: {}", listed(&offer.namespaces)));
    }
    for (field, prompt) in PROMPTS {
        if answers.get(field).is_none() {
            answers = answered(answers, field, prompt, offer)?;
        }
    }
    Ok(answers)
}

const PROMPTS: [(Field, &str); 6] = [
    (Field::Namespace, "Namespace"),
    (Field::Replicas, "Nodes (an odd number)"),
    (Field::Class, "StorageClass of the volumes"),
    (Field::Size, "Size of each node's volume"),
    (Field::Tag, "Tag of the image"),
    (Field::Username, "First user of the broker"),
];

/// A default is not written down: its line stays commented out.
fn answered(answers: Answers, field: Field, prompt: &str, offer: &Offer) -> Result<Answers> {
    let default = field.default().unwrap_or_default();
    let text = match (field, &offer.classes) {
        (Field::Class, Some(classes)) if !classes.is_empty() => class(prompt, offer)?,
        _ => Some(ask::line(prompt, default, |text| refusal(&answers, field, text))?),
    };
    Ok(match text {
        Some(text) if text != default => answers.with(field, text),
        _ => answers,
    })
}

/// Nothing is an answer where the default is nothing: the cluster's own StorageClass.
fn refusal(answers: &Answers, field: Field, text: &str) -> Option<String> {
    if text.is_empty() && field.default().is_none() { None } else { answers.refusal(field, text) }
}

/// The default one, where the cluster has one, or one by its name.
fn class(prompt: &str, offer: &Offer) -> Result<Option<String>> {
    let names: Vec<String> = offer.classes.iter().flatten().map(|class| class.name.clone()).collect();
    match offer.default_class() {
        Some(default) => chosen(prompt, format!("the cluster's default ({default})"), names),
        None => ask::choice(prompt, &names).map(|index| names.get(index).cloned()),
    }
}

/// `None` for the first item, which stands for no choice.
fn chosen(prompt: &str, none: String, names: Vec<String>) -> Result<Option<String>> {
    let items: Vec<String> = std::iter::once(none).chain(names).collect();
    let index = ask::choice(prompt, &items)?;
    Ok(items.into_iter().nth(index).filter(|_| index > 0))
}

/// The first dozen: a hint, not a page.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let more = names.len().saturating_sub(SHOWN);
    let first = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more == 0 { first } else { format!("{first}, and {more} more") }
}
