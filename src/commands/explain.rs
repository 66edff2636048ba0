//! `mqctl explain [CODE]`

use serde_json::{Value, json};

use crate::cli::Explain;
use crate::context::Context;
use crate::explain::Code;
use crate::outcome::Outcome;
use crate::program;
use crate::report;

pub(crate) fn run(args: &Explain, cx: &Context) -> Outcome {
    report::answer(&match (args.code, cx.json()) {
        (Some(code), false) => program::said(code.page()).into_owned(),
        (Some(code), true) => report::pretty(&code.to_json()),
        (None, false) => list(),
        (None, true) => report::pretty(&list_as_json()),
    });
    Outcome::Done
}

fn list() -> String {
    let row = |code: &Code| vec![code.to_string(), code.title().to_owned()];
    report::table(&Code::all().iter().map(row).collect::<Vec<_>>()).join("\n")
}

fn list_as_json() -> Value {
    let one = |code: &Code| json!({"code": code.as_str(), "title": code.title()});
    json!({
        "apiVersion": "mqctl/v1", "kind": "Codes", "codes": Code::all().iter().map(one).collect::<Vec<_>>(),
    })
}
