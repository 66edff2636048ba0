//! `mqctl credentials verify NAME`

use anyhow::Result;
use serde_json::json;

use crate::chart;
use crate::cli::credentials::Verify;
use crate::cluster::observe::{Question, observe};
use crate::cluster::{Observed, Target};
use crate::context::Context;
use crate::credentials::agreement::{self, Witness};
use crate::credentials::{self, Found};
use crate::outcome::Outcome;
use crate::process::Reply;
use crate::profile::Profile;
use crate::program;
use crate::rabbitmq;
use crate::report;

pub(crate) fn run(args: &Verify, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    cx.require_tools()?;
    let found = credentials::local(cx, &profile)?;
    let names = chart::names(&profile);
    let question = Question { target: &target, names: &names, storage_class: None, rights: &[] };
    let observed = observe(&cx.tools, &question)?;
    let witnesses = witnesses(cx, &profile, &target, &found, &observed)?;
    let agree = agreement::differing(&witnesses).is_empty();
    report::answer(&if cx.json() { to_json(&witnesses, &target, agree) } else { agreement::table(&witnesses) });
    if witnesses.len() == 1 {
        report::say(&program::said(&format!("nobody else to ask: mqctl install {}", profile.name)));
    }
    Ok(if agree { Outcome::Done } else { Outcome::Contradiction })
}

fn witnesses(
    cx: &Context,
    profile: &Profile,
    target: &Target,
    found: &Found,
    observed: &Observed,
) -> Result<Vec<Witness>> {
    let pods: Vec<&str> = observed.running().collect();
    let calls = rabbitmq::questions(target, pods.iter().copied(), &profile.credentials.username, &found.vault);
    let replies = cx.tools.run_all(&calls, &found.vault).into_iter().collect::<Result<Vec<_>>>()?;
    let of_pod = |(pod, reply): (&&str, &Reply)| match rabbitmq::read(reply) {
        Ok(answer) => agreement::pod(pod, &answer),
        Err(words) => {
            report::say(&format!("warning: {pod} runs and could not be asked: {words}"));
            vec![agreement::silent(pod)]
        }
    };
    let mut witnesses = vec![agreement::local(found, profile)];
    witnesses.extend(observed.secret.as_ref().map(agreement::cluster));
    witnesses.extend(pods.iter().zip(&replies).flat_map(of_pod));
    Ok(witnesses)
}

fn to_json(witnesses: &[Witness], target: &Target, agree: bool) -> String {
    report::pretty(&json!({
        "apiVersion": "mqctl/v1", "kind": "CredentialsProof", "target": target, "agree": agree,
        "witnesses": agreement::to_json(witnesses),
    }))
}
