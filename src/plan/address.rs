//! Waits for the address of the Service outside, says why none comes, and opens a connection through it.

use std::time::Duration;

use anyhow::{Result, anyhow};
use serde_json::{Value, json};

use super::execute::Run;
use super::expose::Reach;
use super::wait;
use crate::amqp;
use crate::cluster::external::Way;
use crate::cluster::{External, node_address};
use crate::error::Failure;
use crate::exposure::socket;
use crate::kubectl;
use crate::outcome::Outcome;
use crate::report;
use crate::secret::Vault;
use crate::units::show_duration;

/// From the address to the first answer: rules on the nodes, a health check of the load balancer.
const FIRST_ANSWER: Duration = Duration::from_secs(15);

/// Where a release can be reached from outside, and whether it answered from here.
pub(crate) struct Exposed {
    way: Way,
    username: String,
    answers: bool,
}

impl Exposed {
    pub(crate) fn in_words(&self) -> String {
        format!("from outside: {}", self.way.urls(&self.username).join("   "))
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut json = self.way.to_json(&self.username);
        json["answers"] = json!(self.answers);
        json
    }
}

/// The address, proven where it can be proven from here.
///
/// # Errors
/// None comes within the limit (exit 75), Ctrl-C, an API server that stays away.
pub(crate) fn reach(run: &Run<'_>, reach: &Reach) -> Result<Exposed> {
    let way = wait_for_address(run, reach)?;
    let answers = knock(run, &way, reach.limit)?;
    Ok(Exposed { way, username: reach.username.clone(), answers })
}

/// One look: the Service and the nodes that its brokers run on.
fn look(run: &Run<'_>, service: &str) -> Result<Option<(External, Option<Way>)>> {
    let pods = run.plan.names.pods.iter().map(|pod| format!("pod/{pod}"));
    let names: Vec<String> = std::iter::once(format!("service/{service}")).chain(pods).collect();
    let reply = run.cx.tools.run(&kubectl::get(&run.plan.target, &names), &Vault::default())?;
    if !reply.ok() {
        return Ok(None);
    }
    let (services, pods): (Vec<Value>, Vec<Value>) =
        kubectl::items(&reply).into_iter().partition(|object| object["kind"] == "Service");
    let mut nodes: Vec<String> = pods.iter().filter_map(node_address).collect();
    nodes.dedup();
    let live = services.first().map(External::read).unwrap_or_default();
    let way = live.way(&nodes);
    Ok(Some((live, way)))
}

fn wait_for_address(run: &Run<'_>, reach: &Reach) -> Result<Way> {
    let mut last = None;
    wait::poll(run, reach.limit, || {
        let Some(seen) = look(run, &reach.service)? else { return Ok(None) };
        let found = seen.1.is_some();
        last = Some(seen);
        Ok(Some(found))
    })?;
    match last {
        Some((_, Some(way))) => Ok(way),
        Some((live, None)) => Err(no_address(run, reach, &live)?),
        None => Err(anyhow!("the Service was never seen")),
    }
}

/// The newest event of the Service, where its controller says something; else there is no controller at all.
fn no_address(run: &Run<'_>, reach: &Reach, live: &External) -> Result<anyhow::Error> {
    let reply = run.cx.tools.run(&kubectl::list_all(&run.plan.target, "events"), &Vault::default())?;
    let why = match wait::newest_event(&kubectl::items(&reply), &live.uid) {
        Some(words) => words,
        None if live.kind == "NodePort" => "no broker runs on any node".to_owned(),
        None => "no load balancer answered; kind, k3d and bare metal have none unless one was installed".to_owned(),
    };
    let text =
        format!("`{}` has no address after {}: {why}; the Service stays", reach.service, show_duration(reach.limit));
    Ok(Failure::new(Outcome::TimedOut, text)
        .hint(format!("mqctl expose {} --type NodePort   # needs no load balancer", reach.profile))
        .hint("run the same command again: it goes on waiting")
        .into())
}

/// Whether a broker answers; where none does that is a warning, as this may be the wrong side of a firewall.
fn knock(run: &Run<'_>, way: &Way, limit: Duration) -> Result<bool> {
    let (host, port, speaks_amqp) = way.door();
    let mut refused = String::new();
    let answered = wait::poll(run, limit.min(FIRST_ANSWER), || {
        let greeted = amqp::greet(host, port, speaks_amqp);
        let ok = greeted.is_ok();
        refused = greeted.err().unwrap_or_default();
        Ok(Some(ok))
    })?;
    if !answered {
        let from = amqp::own_address(host, port).map_or_else(|| "here".to_owned(), |own| own.to_string());
        let door = socket(host, port);
        report::say(&format!(
            "warning: {door} does not answer from {from}: {refused}; try it from where its clients are"
        ));
    }
    Ok(answered)
}
