//! `mqctl status NAME`: one page, from helm, one `get` and one question to every broker, all side by side

use anyhow::Result;

use crate::chart;
use crate::cli::Status;
use crate::cluster::observe::{Question, look_for_note};
use crate::cluster::records::{self, Records};
use crate::context::Context;
use crate::credentials;
use crate::definitions::Definitions;
use crate::drift::{self, Compared};
use crate::outcome::Outcome;
use crate::process::Reply;
use crate::program;
use crate::rabbitmq;
use crate::report;
use crate::status::{Page, Verdict};

pub(crate) fn run(args: &Status, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    cx.require_tools()?;
    let found = credentials::local(cx, &profile)?;
    let names = chart::names(&profile);
    let question = Question { target: &target, names: &names, storage_class: None, rights: &[] };
    let mut calls = question.calls();
    let looks = calls.len();
    calls.extend(records::call(&profile, &target));
    let asks = calls.len();
    // The pods' names are known beforehand, so nobody waits for a list of them.
    let pods = names.pods.iter().map(String::as_str);
    let definitions = Definitions::readable(&profile);
    let (user, more) = (&profile.credentials.username, drift::questions(definitions.as_ref()));
    calls.extend(rabbitmq::questions_and(&target, pods, user, &found.vault, more));
    let replies = cx.tools.run_all(&calls, &found.vault).into_iter().collect::<Result<Vec<Reply>>>()?;
    let (seen, answers) = replies.split_at(asks);
    let (seen, kept) = seen.split_at(looks);
    let mut observed = question.understand(seen)?;
    look_for_note(&cx.tools, &question, &mut observed);
    // Who may not read them sees the rest.
    let read = kept.first().map(|reply| records::understand(&cx.tools, &target, &names, reply));
    let records = &read.and_then(Result::ok).unwrap_or_else(Records::default);
    let answers: Vec<_> = answers.iter().map(rabbitmq::read).collect();
    let heard = names.pods.iter().zip(&answers).filter_map(|(pod, answer)| Some((pod.as_str(), answer.as_ref().ok()?)));
    let (profile, target, observed) = (&profile, &target, &observed);
    let drift = Compared { profile, target, observed, answers: heard.collect(), definitions }.differences();
    let page = Page { profile, target, observed, records, answers, vault: &found.vault, drift };
    report::answer(&if cx.json() {
        report::pretty(&page.to_json())
    } else {
        program::said(&page.to_text()).into_owned()
    });
    Ok(if page.verdict() == Verdict::Healthy { Outcome::Done } else { Outcome::Failed })
}
