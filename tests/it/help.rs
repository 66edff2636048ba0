//! The help pages as files, so that a change of words is seen in review; and their examples work.

use clap::{Command, CommandFactory as _, Parser as _};
use mqctl::cli::Cli;

use crate::world::World;

/// Every path of words that has a page: the program itself, its verbs, and theirs.
fn pages(command: &Command, path: &[String]) -> Vec<Vec<String>> {
    let inner = command.get_subcommands().flat_map(|sub| pages(sub, &[path, &[sub.get_name().to_owned()]].concat()));
    std::iter::once(path.to_vec()).chain(inner).collect()
}

/// Pages of verbs that do something; a group of verbs has only a list.
fn is_group(path: &[String]) -> bool {
    ["credentials", "profile", "chart"].iter().any(|group| path == [*group])
}

fn page(path: &[String], flag: &str) -> String {
    let mut words: Vec<&str> = path.iter().map(String::as_str).collect();
    words.push(flag);
    let run = World::new().run(&words).ended(0);
    assert!(run.stderr.is_empty() && run.calls.is_empty(), "{run}");
    run.stdout
}

#[test]
fn the_pages_are_as_they_were_reviewed() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for path in pages(&Cli::command(), &[]) {
            for (flag, kind) in [("-h", "short"), ("--help", "long")] {
                let name = [&["mqctl".to_owned()][..], &path, &[kind.to_owned()]].concat().join("-");
                insta::assert_snapshot!(name, page(&path, flag));
            }
        }
    });
}

#[test]
fn every_page_has_an_example_that_works() {
    for path in pages(&Cli::command(), &[]).iter().filter(|path| !is_group(path)) {
        let page = page(path, "--help");
        let examples: Vec<&str> = page.lines().skip_while(|line| !line.starts_with("Example")).skip(1).collect();
        let examples: Vec<&str> = examples.into_iter().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert!(!examples.is_empty(), "no example on the page of {path:?}");
        for example in examples {
            // A column of words stands beside some commands.
            let command = ["     ", " | ", " > "].iter().fold(example, |line, end| line.split(end).next().unwrap());
            let words = shell_words::split(command).unwrap();
            let parsed = Cli::try_parse_from(words.iter().take_while(|word| !word.is_empty()));
            assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
        }
    }
}

#[test]
fn no_page_is_wider_than_a_screen_of_a_hundred() {
    for path in pages(&Cli::command(), &[]) {
        let page = page(&path, "--help");
        let wide: Vec<&str> = page.lines().filter(|line| line.chars().count() > 100).collect();
        assert!(wide.is_empty(), "{path:?}: {wide:?}");
    }
}
