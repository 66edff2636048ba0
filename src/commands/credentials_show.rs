//! `mqctl credentials show NAME`

use std::io::IsTerminal as _;

use anyhow::Result;
use serde_json::{Value, json};

use crate::chart;
use crate::cli::credentials::Show;
use crate::cluster::observe::{Question, observe};
use crate::cluster::{Observed, Target};
use crate::context::Context;
use crate::credentials::{self, Found};
use crate::error::{self, Failure};
use crate::outcome::Outcome;
use crate::profile::Profile;
use crate::program;
use crate::report;
use crate::secret::{Name, Vault};

pub(crate) fn run(args: &Show, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    if args.reveal && !args.force && !std::io::stdout().is_terminal() {
        let text = "the answer is no terminal, so no secret is printed";
        return Err(Failure::new(Outcome::Usage, text).hint("add --force if you mean it").into());
    }
    cx.require_tools()?;
    let found = credentials::local(cx, &profile)?;
    let cluster = in_cluster(cx, &profile, &target);
    let page = if cx.json() {
        report::pretty(&to_json(&found, cluster.as_ref(), &target, args.reveal))
    } else {
        to_text(&found, cluster.as_ref(), &profile, args.reveal)
    };
    report::answer(&page);
    if !found.to_generate().is_empty() && cluster.is_none() {
        let hint = format!("not there yet: mqctl install {} generates what is missing", profile.name);
        report::say(&program::said(&hint));
    }
    Ok(Outcome::Done)
}

/// What the cluster's Secret says; an unreachable cluster leaves that column empty and is told.
fn in_cluster(cx: &Context, profile: &Profile, target: &Target) -> Option<Vault> {
    let names = chart::names(profile);
    let question = Question { target, names: &names, storage_class: None, rights: &[] };
    match observe(&cx.tools, &question) {
        Ok(Observed { secret, .. }) => secret,
        Err(error) => {
            report::say(&format!("warning: {}", error::render(&error).trim_start_matches("error: ")));
            None
        }
    }
}

fn shown(vault: &Vault, name: Name, reveal: bool) -> String {
    match vault.get(name) {
        None => "-".to_owned(),
        Some(secret) if reveal => secret.reveal().to_owned(),
        Some(secret) => secret.fingerprint().short(),
    }
}

fn to_text(found: &Found, cluster: Option<&Vault>, profile: &Profile, reveal: bool) -> String {
    let nobody = Vault::default();
    let row = |who: &str, vault: &Vault| {
        let [cookie, password] = Name::BOTH.map(|name| shown(vault, name, reveal));
        vec![who.to_owned(), cookie, password]
    };
    let head =
        vec![format!("user {}", profile.credentials.username), "Erlang cookie".to_owned(), "password".to_owned()];
    let rows =
        [head, row("profile and secrets file", &found.vault), row("Secret in the cluster", cluster.unwrap_or(&nobody))];
    report::table(&rows).join("\n")
}

fn to_json(found: &Found, cluster: Option<&Vault>, target: &Target, reveal: bool) -> Value {
    let one = |vault: Option<&Vault>, name| {
        let secret = vault.and_then(|v| v.get(name));
        match secret {
            Some(secret) if reveal => json!({"fingerprint": secret.fingerprint().long(), "value": secret.reveal()}),
            Some(secret) => json!({"fingerprint": secret.fingerprint().long()}),
            None => Value::Null,
        }
    };
    let both = |vault: Option<&Vault>| json!({"erlangCookie": one(vault, Name::ErlangCookie), "password": one(vault, Name::Password)});
    json!({
        "apiVersion": "mqctl/v1", "kind": "Credentials", "target": target,
        "profile": both(Some(&found.vault)), "cluster": both(cluster),
    })
}
