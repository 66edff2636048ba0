//! Who may log in.

use std::sync::LazyLock;

use regex::Regex;

use super::cluster::is_empty_broker;
use crate::diagnose::finding::Finding;
use crate::diagnose::picture::{Picture, Seen};
use crate::explain::Code;
use crate::recover::reading::pattern;

static DENIED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(HTTP access denied|PLAIN login refused|AMQPLAIN login refused): user '(?<user>[^']+)' - invalid credentials",
    )
});

/// Symptom: `invalid credentials`, 401, `ACCESS_REFUSED`. Cause: a broker takes the password at its first boot only, and
/// keeps it on its volume; profile or Secret have another since.
/// Source: RabbitMQ documentation, Access Control, "Default Virtual Host and User".
pub(super) fn password(picture: &Picture) -> Vec<Finding> {
    // A broker without its users refuses everybody.
    let whole = |seen: &&Seen| !seen.node.is_damaged() && !is_empty_broker(picture, seen);
    let refuses = |seen: &&Seen| whole(seen) && seen.answer.as_ref().is_some_and(|answer| answer.login == Some(false));
    let pods: Vec<&str> = picture.running().filter(refuses).map(Seen::name).collect();
    if pods.is_empty() {
        return Vec::new();
    }
    let finding = Finding::error(Code::CredPvc, "the brokers refuse the profile's password");
    let finding = finding.proof(format!("asked: {}", pods.join(", "))).of(pods);
    let said = picture.running().find_map(|seen| Some((seen.name(), DENIED.captures(&seen.log)?["user"].to_owned())));
    let finding = said
        .into_iter()
        .fold(finding, |finding, (pod, user)| finding.proof(format!("log of {pod}: user {user} was refused")));
    let fix = format!("mqctl credentials adopt {}", picture.name);
    vec![finding.fix(fix).risk("none; never delete the volumes to get a new password accepted")]
}
