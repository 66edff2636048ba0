//! `mqctl man [DIR]`

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::Command;
use clap_mangen::Man;
use serde_json::json;

use crate::cli::{self, Manual};
use crate::context::Context;
use crate::outcome::Outcome;
use crate::report;

pub(crate) fn run(args: &Manual, cx: &Context) -> Result<Outcome> {
    let Some(folder) = &args.folder else {
        report::answer(rendered(&page(cli::command()))?.trim_end());
        return Ok(Outcome::Done);
    };
    let pages = pages(cli::command());
    if !cx.globals.dry_run {
        write(&pages, folder).with_context(|| format!("cannot write manual pages into `{}`", folder.display()))?;
    }
    let names: Vec<String> = pages.iter().map(Man::get_filename).collect();
    if cx.json() {
        let written = json!({
            "apiVersion": "mqctl/v1", "kind": "Manual", "path": folder, "written": !cx.globals.dry_run, "pages": names,
        });
        report::answer(&report::pretty(&written));
    } else {
        let verb = if cx.globals.dry_run { "would be written" } else { "written" };
        report::answer(&format!("{} manual pages {verb} to {}: {}", names.len(), folder.display(), names.join(", ")));
    }
    Ok(Outcome::Done)
}

/// The program's page, and one for each command below it.
fn pages(mut command: Command) -> Vec<Man> {
    command.build();
    let mut pages = Vec::new();
    collect(command, &mut pages);
    pages
}

fn collect(command: Command, pages: &mut Vec<Man>) {
    let inner: Vec<Command> = command.get_subcommands().cloned().collect();
    pages.push(page(command));
    for command in inner {
        collect(command, pages);
    }
}

/// Its foot names the program, not the command.
fn page(command: Command) -> Man {
    Man::new(command).source(concat!("mqctl ", env!("CARGO_PKG_VERSION")))
}

fn rendered(page: &Man) -> Result<String> {
    let mut text = Vec::new();
    page.render(&mut text)?;
    Ok(String::from_utf8(text)?)
}

#[expect(clippy::disallowed_methods, reason = "door: writes the manual pages, which hold no secret")]
fn write(pages: &[Man], folder: &Path) -> Result<()> {
    fs_err::create_dir_all(folder)?;
    for page in pages {
        fs_err::write(folder.join(page.get_filename()), rendered(page)?)?;
    }
    Ok(())
}
