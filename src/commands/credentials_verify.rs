//! `mqctl credentials verify NAME`

use anyhow::Result;
use serde_json::json;

use crate::chart;
use crate::cli::credentials::Verify;
use crate::cluster::Pod;
use crate::cluster::observe::{Question, observe};
use crate::context::Context;
use crate::credentials::{self, agreement};
use crate::kubectl;
use crate::outcome::Outcome;
use crate::rabbitmq;
use crate::report;
use crate::secret::Name;

pub(crate) fn run(args: &Verify, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    cx.require_tools()?;
    let found = credentials::local(cx, &profile)?;
    let names = chart::names(&profile);
    let question = Question { target: &target, names: &names, storage_class: None, rights: &[] };
    let observed = observe(&cx.tools, &question)?;
    let with_login = found.vault.get(Name::Password).is_some();
    let user = &profile.credentials.username;
    let pods: Vec<&Pod> = observed.pods.iter().filter(|pod| pod.runs()).collect();
    let ask = |pod: &&Pod| kubectl::exec_eval(&target, &pod.name, rabbitmq::ask(user, with_login));
    let calls: Vec<_> = pods.iter().map(ask).collect();
    let replies = cx.tools.run_all(&calls, &found.vault).into_iter().collect::<Result<Vec<_>>>()?;
    let brokers =
        pods.iter().zip(&replies).filter_map(|(pod, reply)| agreement::broker(&pod.name, &rabbitmq::read(reply).ok()?));
    let mut witnesses = vec![agreement::local(&found, &profile)];
    witnesses.extend(observed.secret.as_ref().map(agreement::cluster));
    witnesses.extend(brokers);
    let wrong = agreement::differing(&witnesses);
    if cx.json() {
        let page = json!({"apiVersion": "mqctl/v1", "kind": "CredentialsProof", "target": target, "agree": wrong.is_empty(), "witnesses": agreement::to_json(&witnesses)});
        report::answer(&report::pretty(&page));
    } else {
        report::answer(&agreement::table(&witnesses));
    }
    if witnesses.len() == 1 {
        report::say(&format!("nobody else to ask: mqctl install {}", profile.name));
    }
    Ok(if wrong.is_empty() { Outcome::Done } else { Outcome::Contradiction })
}
