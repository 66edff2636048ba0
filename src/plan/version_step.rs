//! Whether the profile's image may follow what has booted on the volumes, and what each broker runs. Pure.

use super::install::{Given, Verb};
use super::preconditions::refusal;
use crate::error::Failure;
use crate::explain::Code;
use crate::rabbitmq::Answer;
use crate::versions::{self, Node, Refusal, Series};

/// Volumes of one minor version may not simply be given to another: 4.3 destroys the metadata of a 4.0 cluster on
/// Mnesia while every pod stays green. A patch release of the same series is harmless.
pub(super) fn version(given: &Given<'_>) -> Option<Failure> {
    let wished = &given.profile.image.tag;
    let brokers = brokers(given);
    let newest = brokers.iter().max_by_key(|broker| broker.series);
    if newest.zip(Series::of(wished)).is_some_and(|(newest, to)| newest.series > to) {
        return Some(refused(given, &brokers, &Refusal::Downgrade));
    }
    let there = given.observed.image_of_volumes().filter(|there| there != wished)?;
    if Series::of(there).is_some() && Series::of(there) == Series::of(wished) {
        return None;
    }
    if given.verb == Verb::Install { Some(no_install(given, there)) } else { step(given, &brokers) }
}

/// A broker that has booted. One that has not, gave its volume no newer format to lose.
struct Broker<'a> {
    pod: &'a str,
    /// As `4.0.5`.
    version: &'a str,
    series: Series,
    answer: &'a Answer,
}

impl<'a> Broker<'a> {
    fn of(pod: &'a str, answer: &'a Answer) -> Option<Self> {
        let version = answer.version.as_deref().filter(|_| answer.running == Some(true))?;
        Some(Self { pod, version, series: Series::of(version)?, answer })
    }

    fn node(&self) -> Node<'a> {
        let disabled = self.answer.flags_off.as_deref().unwrap_or_default();
        Node { series: self.series, khepri: self.answer.khepri == Some(true), disabled }
    }
}

fn brokers<'a>(given: &'a Given<'_>) -> Vec<Broker<'a>> {
    given.answers().filter_map(|(pod, answer)| Broker::of(pod, answer.as_ref().ok()?)).collect()
}

fn no_install(given: &Given<'_>, there: &str) -> Failure {
    let (name, wished) = (&given.profile.name, &given.profile.image.tag);
    let text = format!("`image.tag`: the volumes of `{}` were written by {there}, not {wished}", given.target.release);
    let refusal = refusal(Code::VersionStep, &text)
        .hint(format!("image: {{tag: {there}}}   # in the profile; or mqctl upgrade {name}"));
    let unsure = given.observed.noted.booted.is_none();
    if unsure { refusal.hint(format!("if {there} never ran: mqctl delete {name} --purge")) } else { refusal }
}

/// What RabbitMQ says to a step, judged by what the nodes say of themselves.
fn step(given: &Given<'_>, brokers: &[Broker<'_>]) -> Option<Failure> {
    let text = |why: &str| format!("`image.tag`: {}: {why}", from_to(given, brokers));
    let Some(to) = Series::of(&given.profile.image.tag) else {
        let refusal = refusal(Code::VersionStep, &text("which version of RabbitMQ this tag is cannot be told"));
        return Some(refusal.hint("name it after the version, as 4.2.1-ours"));
    };
    if brokers.is_empty() || brokers.len() != given.observed.pods.len() {
        return Some(
            refusal(Code::NotWhole, &text("not every node answers, and the store they run on decides"))
                .hint(format!("mqctl status {}", given.profile.name)),
        );
    }
    let nodes: Vec<Node<'_>> = brokers.iter().map(Broker::node).collect();
    Some(refused(given, brokers, &versions::step(&nodes, to).err()?))
}

fn refused(given: &Given<'_>, brokers: &[Broker<'_>], why: &Refusal) -> Failure {
    let name = &given.profile.name;
    let text = format!("`image.tag`: {}: {why}", from_to(given, brokers));
    refusal(Code::VersionStep, &text).hint(match why {
        Refusal::FlagsDisabled(_) => format!(
            "kubectl --namespace {} exec {}-0 --container {} -- rabbitmqctl enable_feature_flag all",
            given.target.namespace, given.target.stateful_set, given.target.container
        ),
        Refusal::Downgrade | Refusal::ExperimentalKhepri => {
            format!("image: {{tag: {}}}   # in the profile", tag_of_newest(given, brokers))
        }
        Refusal::NotInOneStep(_) | Refusal::MnesiaToKhepri => {
            let to = Series::of(&given.profile.image.tag).map_or_else(String::new, |to| to.to_string());
            format!("mqctl upgrade {name} --to {to}   # says the way")
        }
    })
}

/// `from 4.0.5-management to 4.2.1-management`; where a broker runs something else than what is noted, who runs what.
fn from_to(given: &Given<'_>, brokers: &[Broker<'_>]) -> String {
    let wished = &given.profile.image.tag;
    let there = given.observed.image_of_volumes().unwrap_or_default();
    if brokers.iter().all(|broker| Some(broker.series) == Series::of(there)) {
        return format!("from {there} to {wished}");
    }
    let runs = |broker: &Broker<'_>| format!("`{}` runs {}", broker.pod, broker.version);
    format!("to {wished} while {}", brokers.iter().map(runs).collect::<Vec<_>>().join(", "))
}

/// The tag by which the newest broker was most likely started, or its plain version.
fn tag_of_newest<'a>(given: &'a Given<'_>, brokers: &'a [Broker<'_>]) -> &'a str {
    let observed = given.observed;
    let Some(newest) = brokers.iter().max_by_key(|broker| broker.series) else {
        return observed.image_of_volumes().unwrap_or_default();
    };
    let tags = [observed.noted.tag.as_deref(), observed.image_of_volumes()];
    tags.into_iter().flatten().find(|tag| Series::of(tag) == Some(newest.series)).unwrap_or(newest.version)
}
