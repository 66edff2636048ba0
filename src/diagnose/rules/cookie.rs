//! The Erlang cookie: nodes with different ones do not speak to each other.

use std::sync::LazyLock;

use regex::Regex;

use crate::diagnose::finding::Finding;
use crate::diagnose::picture::{Picture, Seen};
use crate::explain::Code;
use crate::recover::reading::{pattern, pod_of};
use crate::secret::Fingerprint;

static REJECTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"Connection attempt from (disallowed )?node '?(?<node>[^' ]+)'?( rejected\. Invalid challenge reply| \*\*)",
    )
});
static UNREADABLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"Cookie file (?<path>\S+) must be accessible by owner only|Error when reading (?<read>\S+\.erlang\.cookie): \w+|Failed to create cookie file '[^']+': \w+|Too short cookie string|contents do not match RABBITMQ_ERLANG_COOKIE",
    )
});

/// Every cookie that a node runs with or will read, with the pods that have it; the commonest first.
fn by_cookie(picture: &Picture) -> Vec<(String, Vec<&str>)> {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for seen in &picture.nodes {
        let Some(cookie) = seen.cookie() else { continue };
        match groups.iter_mut().find(|(known, _)| *known == cookie) {
            Some((_, pods)) => pods.push(seen.name()),
            None => groups.push((cookie, vec![seen.name()])),
        }
    }
    // The one that mqctl keeps, or else the one of most nodes, is taken for right.
    let kept = |cookie: &str| picture.cookies.iter().any(|(_, print)| print.long() == cookie);
    groups.sort_by_key(|(cookie, pods)| std::cmp::Reverse((kept(cookie), pods.len())));
    groups
}

/// Symptom: `rejected. Invalid challenge reply`; a node waits beside a whole cluster. Cause: its cookie is another one.
/// Source: RabbitMQ documentation, Clustering Guide, "How Nodes Authenticate to Each Other".
pub(super) fn differs(picture: &Picture) -> Vec<Finding> {
    let groups = by_cookie(picture);
    let Some(((right, _), wrong)) = groups.split_first().filter(|(_, wrong)| !wrong.is_empty()) else {
        return Vec::new();
    };
    let pods: Vec<&str> = wrong.iter().flat_map(|(_, pods)| pods.iter().copied()).collect();
    let title = format!("{} cannot speak to the others: another Erlang cookie", pods.join(", "));
    let finding = Finding::error(Code::Cookie, title);
    let told = |finding: Finding, (cookie, pods): &(String, Vec<&str>)| {
        finding.proof(format!("{cookie}: {}", pods.join(", ")))
    };
    let finding = groups.iter().fold(finding, told);
    let rejected =
        picture.nodes.iter().find_map(|seen| Some((seen.name(), REJECTED.captures(&seen.log)?["node"].to_owned())));
    let finding = rejected.into_iter().fold(finding, |finding, (pod, node)| {
        finding.proof(format!("log of {pod}: connection attempt from {} rejected", pod_of(&node)))
    });
    let kept = picture.cookies.iter().any(|(who, print)| *who == "mqctl's Secret" && print.long() == *right);
    let fix = if kept {
        picture.kubectl(&format!("delete pod {}", pods[0]))
    } else {
        format!("mqctl credentials verify {}", picture.name)
    };
    vec![finding.of(pods).fix(fix).risk("none; never delete a volume for this")]
}

/// Symptom: `must be accessible by owner only`, `eacces`, and the node ends at once. Cause: mode or owner of the cookie
/// file, which a change of group on the volume may have altered; or an empty value.
/// Source: docker-library/rabbitmq issues 318, 571.
pub(super) fn file(picture: &Picture) -> Vec<Finding> {
    let one = |seen: &Seen| {
        let open = seen.cookie_mode.as_deref().filter(|mode| !mode.ends_with("00"));
        let said = || [&seen.log, &seen.previous].into_iter().find_map(|log| UNREADABLE.find(log));
        let said = if seen.node.runs { None } else { said() };
        let proof = said.map(|said| format!("log: {}", said.as_str()));
        let proof =
            proof.or_else(|| open.map(|mode| format!("the cookie file has mode {mode}; Erlang takes 400 and 600")))?;
        let title = format!("{} cannot use its cookie file", seen.name());
        let finding = if seen.node.runs {
            Finding::warning(Code::Cookie, format!("{title} at its next start"))
        } else {
            Finding::error(Code::Cookie, title)
        };
        let fix = picture.kubectl(&format!("delete pod {}", seen.name()));
        Some(finding.of([seen.name()]).proof(proof).fix(fix).risk("none; the file is written anew at the start"))
    };
    picture.nodes.iter().filter_map(one).collect()
}

/// Symptom: none yet. Cause: the cookie that a node's next start reads is not the one that it runs with, so that every
/// restart takes one node out of the cluster.
/// Source: bitnami/charts templates, where a lost Secret is made anew with another cookie.
pub(super) fn drifts(picture: &Picture) -> Vec<Finding> {
    let groups = by_cookie(picture);
    let [(running, _)] = &groups[..] else { return Vec::new() };
    let of_file = |seen: &Seen| {
        let file = seen.answer.as_ref()?.cookie_file.as_deref().and_then(Fingerprint::from_hex)?;
        Some((format!("the cookie file of {}", seen.name()), file.long()))
    };
    let kept = picture.cookies.iter().map(|(who, print)| ((*who).to_owned(), print.long()));
    let others: Vec<(String, String)> =
        kept.chain(picture.running().filter_map(of_file)).filter(|(_, print)| print != running).collect();
    if others.is_empty() || picture.running().next().is_none() {
        return Vec::new();
    }
    let who: Vec<&str> = others.iter().map(|(who, _)| who.as_str()).collect();
    let title =
        format!("{} has another Erlang cookie than the nodes: the next restart splits the cluster", who.join(", "));
    let finding = Finding::warning(Code::Cookie, title).proof(format!("{running}: all nodes that answer"));
    let finding = others.iter().fold(finding, |finding, (who, print)| finding.proof(format!("{print}: {who}")));
    vec![finding.fix(format!("mqctl credentials adopt {}", picture.name)).risk("none: what runs stays as it is")]
}
