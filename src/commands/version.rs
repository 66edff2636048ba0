//! `mqctl version`

use serde_json::{Value, json};

use crate::chart::{BUILTIN_VERSION, builtin_digest};
use crate::context::Context;
use crate::helm;
use crate::kubectl;
use crate::outcome::Outcome;
use crate::process::Reply;
use crate::report;
use crate::secret::Vault;

pub(crate) fn run(cx: &Context) -> Outcome {
    let replies = cx.tools.run_all(&[helm::version(), kubectl::version()], &Vault::default());
    let [helm, kubectl] = [0, 1].map(|n| replies.get(n).and_then(|r| r.as_ref().ok()).filter(|r| r.ok()));
    let helm = helm.map(|r| r.stdout.trim().to_owned());
    let kubectl = kubectl.and_then(client_version);
    let own = env!("CARGO_PKG_VERSION");
    let chart = format!("{BUILTIN_VERSION} ({})", builtin_digest());
    if cx.json() {
        let versions = json!({"mqctl": own, "chart": BUILTIN_VERSION, "chartDigest": builtin_digest(), "helm": helm, "kubectl": kubectl});
        report::answer(&report::pretty(&json!({"apiVersion": "mqctl/v1", "kind": "Version", "versions": versions})));
        return Outcome::Done;
    }
    let missing = || "not on PATH".to_owned();
    let row = |what: &str, version: String| vec![what.to_owned(), version];
    let rows = [
        row("mqctl", own.to_owned()),
        row("chart", chart),
        row("helm", helm.unwrap_or_else(missing)),
        row("kubectl", kubectl.unwrap_or_else(missing)),
    ];
    report::answer(&report::table(&rows).join("\n"));
    Outcome::Done
}

fn client_version(reply: &Reply) -> Option<String> {
    let version: Value = serde_json::from_str(&reply.stdout).ok()?;
    version["clientVersion"]["gitVersion"].as_str().map(str::to_owned)
}
