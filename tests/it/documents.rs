//! What the README and the examples say is true of the program: commands parse, profiles are read, codes agree.

use std::path::{Path, PathBuf};

use clap::Parser as _;
use clap::error::ErrorKind;
use mqctl::chart::{Described, Dialect, Wanted};
use mqctl::cli::Cli;
use mqctl::outcome::Outcome;
use mqctl::profile;

use crate::shown::Page;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const MAKEFILE: &str = "docs/from-a-makefile.md";

fn readme() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap()
}

/// The insides of the fenced blocks.
fn blocks(text: &str) -> Vec<&str> {
    text.split("\n```").skip(1).step_by(2).filter_map(|block| Some(block.split_once('\n')?.1)).collect()
}

/// The lines of a block that run mqctl, with their continuations, without comments and what they are piped into.
fn commands(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    let line = |line: &str| {
        let line = line.trim_start().trim_start_matches("$ ");
        let command = [" #", " | ", " > ", " && ", "; "].iter().fold(line, |l, end| l.split(end).next().unwrap());
        command.starts_with("mqctl ").then(|| command.to_owned())
    };
    joined.lines().filter_map(line).collect()
}

#[test]
fn every_command_of_each_page_parses() {
    for page in ["README.md", MAKEFILE] {
        let text = std::fs::read_to_string(Path::new(ROOT).join(page)).unwrap();
        let commands: Vec<String> = blocks(&text).into_iter().flat_map(commands).collect();
        assert!(commands.len() > 5, "{page} shows hardly any command: {commands:?}");
        commands.iter().for_each(|command| parses(command));
    }
}

/// The test on a cluster runs those in the blocks. One that stands in a sentence or a table is among them.
#[test]
fn every_command_of_the_way_from_a_makefile_is_run() {
    let page = Page::read(MAKEFILE);
    let run: Vec<String> = page.stops().into_iter().map(|stop| stop.command).collect();
    let named: Vec<&str> = page.0.split('`').filter(|text| text.starts_with("mqctl ")).collect();
    assert!(named.len() > 5, "{named:?}");
    for command in named {
        assert!(run.iter().any(|line| line.starts_with(command)), "`{command}` is not among {run:#?}");
    }
    assert!(readme().contains(&format!("]({MAKEFILE})")), "the README leads there");
}

/// What the table says of the Makefile is in the Makefile.
#[test]
fn every_target_of_the_table_is_one_of_the_makefile() {
    let page = Page::read(MAKEFILE);
    let makefile = page.blocks("make").next().unwrap();
    let targets: Vec<&str> = page.0.split('`').filter_map(|text| text.strip_prefix("make ")).collect();
    assert_eq!(targets.len(), 4, "{targets:?}");
    for target in targets {
        assert!(makefile.lines().any(|line| line == format!("{target}:")), "{target}");
    }
}

#[track_caller]
fn parses(command: &str) {
    let parsed = Cli::try_parse_from(shell_words::split(command).unwrap());
    let asks_for_a_page =
        |error: &clap::Error| matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    assert!(parsed.as_ref().err().is_none_or(asks_for_a_page), "{command}: {}", parsed.unwrap_err());
}

#[test]
fn every_profile_of_the_readme_is_read() {
    let readme = readme();
    let blocks = blocks(&readme);
    let profiles: Vec<&str> = blocks.into_iter().filter(|block| block.starts_with("format:")).collect();
    assert!(!profiles.is_empty(), "the README shows no profile");
    for text in profiles {
        // Whoever has no such chart can read the profile all the same.
        let look = |wanted: &Wanted| {
            let version = wanted.version.clone().unwrap_or_default();
            Ok(Described { name: "rabbitmq".into(), version, dialect: Some(Dialect::Bitnami), unasked: None })
        };
        let path = Path::new("profiles/prodmq.yaml");
        profile::read_with(text, path, &look).unwrap_or_else(|error| panic!("{error}\n{text}"));
    }
}

/// The text of every YAML file among the examples.
fn examples() -> Vec<(PathBuf, String)> {
    let entries = std::fs::read_dir(Path::new(ROOT).join("examples")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    let yaml = files.filter(|file| file.extension().is_some_and(|ending| ending == "yaml"));
    yaml.map(|file| (file.clone(), std::fs::read_to_string(file).unwrap())).collect()
}

#[test]
fn every_example_is_read() {
    let is_profile = |text: &str| text.lines().any(|line| line.starts_with("format:"));
    let (profiles, pipelines): (Vec<_>, Vec<_>) = examples().into_iter().partition(|(_, text)| is_profile(text));
    assert!(!profiles.is_empty(), "no profile among the examples");
    for (file, _) in profiles {
        profile::load(&file).unwrap_or_else(|error| panic!("{error}"));
    }
    for (file, text) in pipelines {
        let commands = commands_of_pipeline(&text);
        assert!(!commands.is_empty(), "{} is no profile and runs nothing", file.display());
        commands.iter().for_each(|command| parses(command));
    }
}

/// `- run: mqctl …`, and the lines of a `run: |` block.
fn commands_of_pipeline(text: &str) -> Vec<String> {
    let bare = |line: &str| line.trim_start().trim_start_matches("- ").trim_start_matches("run: ").to_owned();
    commands(&text.lines().map(bare).collect::<Vec<_>>().join("\n"))
}

/// `| 65 | bad profile … |`, with or without backticks around the code.
fn row(line: &str) -> Option<(u8, &str)> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    let code = cells.next()?.trim_matches('`').parse().ok()?;
    Some((code, cells.next()?))
}

#[test]
fn the_table_of_exit_codes_agrees() {
    let readme = readme();
    let told: Vec<(u8, &str)> = readme.lines().filter_map(row).collect();
    let real: Vec<(u8, &str)> = Outcome::ALL.iter().map(|outcome| (outcome.code(), outcome.meaning())).collect();
    assert_eq!(told, real);
}

#[test]
fn the_licence_the_manifest_names_is_there() {
    for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(Path::new(ROOT).join(file).is_file(), "{file} is missing");
    }
}
