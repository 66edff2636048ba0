//! `mqctl chart export DIR`

use anyhow::Result;
use serde_json::json;

use crate::chart::{self, BUILTIN_VERSION, builtin_digest};
use crate::cli::Export;
use crate::context::Context;
use crate::outcome::Outcome;
use crate::report;

pub(crate) fn run(args: &Export, cx: &Context) -> Result<Outcome> {
    chart::require_free(&args.folder)?;
    let written = !cx.globals.dry_run;
    if written {
        chart::export(&args.folder)?;
    }
    report::answer(&if cx.json() { to_json(args, written) } else { to_text(args, written) });
    Ok(Outcome::Done)
}

fn to_text(args: &Export, written: bool) -> String {
    let verb = if written { "written" } else { "would be written" };
    let folder = args.folder.display();
    let count = chart::files().len();
    format!("chart {BUILTIN_VERSION} {verb} to {folder}: {count} files; what it needs is in its README.md")
}

fn to_json(args: &Export, written: bool) -> String {
    report::pretty(&json!({
        "apiVersion": "mqctl/v1", "kind": "ChartExport", "path": args.folder, "written": written,
        "version": BUILTIN_VERSION, "digest": builtin_digest(), "files": chart::files(),
    }))
}
