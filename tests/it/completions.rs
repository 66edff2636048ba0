//! What is made from the command line's own description: completions, manual pages, and the plugin's name.

use std::os::unix::fs::symlink;

use clap::{CommandFactory as _, ValueEnum as _};
use insta::assert_snapshot;
use mqctl::cli::Cli;

use crate::transcript::Transcript;
use crate::world::World;

#[test]
fn each_shell_gets_every_verb_and_flag() {
    for shell in clap_complete::Shell::value_variants() {
        let run = World::new().run(&["completions", &shell.to_string()]).ended(0);
        run.changed_nothing();
        assert!(run.calls.is_empty() && run.stderr.is_empty(), "{run}");
        for verb in Cli::command().get_subcommands() {
            assert!(run.stdout.contains(verb.get_name()), "{shell}: {}", verb.get_name());
        }
        assert!(run.stdout.contains("dry-run"), "{shell}");
    }
    let run = World::new().run(&["completions", "tcsh"]).ended(64);
    assert!(run.stderr.contains("[possible values: bash, elvish, fish, powershell, zsh]"), "{run}");
}

/// What bash would offer for the last of these words.
fn offered(words: &str, last: usize) -> String {
    let world = World::new();
    world.write("work/mqctl.bash", &world.run(&["completions", "bash"]).ended(0).stdout);
    let ask = format!(
        "source mqctl.bash; COMP_WORDS=({words}); COMP_CWORD={last}; \
         _mqctl mqctl \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{last}-1]}}\"; echo \"${{COMPREPLY[*]}}\""
    );
    let bash = format!("exec /bin/bash -c '{ask}'");
    let run = world.transcribe(&[], &mut world.shell(&bash, &[])).ended(0);
    assert!(run.stderr.is_empty(), "{run}");
    run.stdout.trim().to_owned()
}

#[test]
fn bash_completes_verbs_flags_and_values() {
    assert_eq!(offered("mqctl inst", 1), "install");
    assert_eq!(offered("mqctl delete --pu", 2), "--purge");
    assert_eq!(offered("mqctl status --output js", 3), "json");
    assert_eq!(offered("mqctl explain CRED", 2), "CRED-MISMATCH CRED-UNKNOWN CRED-PVC");
}

#[test]
fn the_manual_is_one_page_on_stdout() {
    let run = World::new().run(&["man"]).ended(0);
    run.changed_nothing();
    assert!(run.stdout.contains("\n.TH mqctl 1 "), "{run}");
    assert!(run.stdout.contains("mqctl\\-install(1)") && run.stdout.contains("mqctl plan prodmq"), "{run}");
}

#[test]
fn all_pages_of_the_manual_go_into_a_folder() {
    let world = World::new();
    let run = world.run(&["man", "share/man1", "--dry-run"]).ended(0);
    run.changed_nothing();
    let run = world.run(&["man", "share/man1"]).ended(0);
    assert!(run.stdout.starts_with(&format!("{} manual pages written to share/man1: mqctl.1, ", run.wrote.len())));
    for verb in Cli::command().get_subcommands() {
        let page =
            std::fs::read_to_string(world.path(&format!("work/share/man1/mqctl-{}.1", verb.get_name()))).unwrap();
        let name = verb.get_name().replace('-', "\\-");
        assert!(page.contains(&format!(".SH NAME\nmqctl\\-{name} \\- ")), "{page}");
    }
    assert!(world.path("work/share/man1/mqctl-credentials-show.1").is_file());
    world.run(&["man", "share/man1"]).ended(0).changed_nothing();
}

#[test]
fn the_account_of_the_pages_as_json() {
    let answer = World::new().run(&["man", "man1", "-o", "json"]).ended(0).json();
    assert_eq!((&answer["kind"], &answer["path"]), (&"Manual".into(), &"man1".into()));
    assert!(answer["written"] == true && answer["pages"][0] == "mqctl.1", "{answer}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let world = World::new();
    world.write("work/taken", "");
    let run = world.run(&["man", "taken"]).ended(1);
    run.changed_nothing();
    assert!(run.stderr.starts_with("error: cannot write manual pages into `taken`: "), "{run}");
}

/// The same program under the name that kubectl looks for.
fn plugin(args: &[&str]) -> Transcript {
    let world = World::new();
    symlink(env!("CARGO_BIN_EXE_mqctl"), world.path("bin/kubectl-mq")).unwrap();
    world.transcribe(args, &mut world.shell("exec kubectl-mq \"$@\"", args))
}

#[test]
fn as_a_plugin_it_is_kubectl_mq() {
    let page = plugin(&["delete", "--help"]).ended(0).stdout;
    let told = |line: &&str| line.contains("mqctl") || line.contains("kubectl mq");
    assert_snapshot!(page.lines().filter(told).collect::<Vec<_>>().join("\n"), @r"
    Volumes, mqctl's Secret and the profile stay: `kubectl mq install` brings everything back. With
    Usage: kubectl mq delete [OPTIONS] [NAME]
              Delete the volumes and mqctl's Secret as well: every message is lost
      kubectl mq delete prodmq                              the data stays
      kubectl mq delete prodmq --purge                      data and all; asks for the name
      kubectl mq delete prodmq --purge --confirm prodmq     the same in a pipeline
    ");
    let wrong = plugin(&["instal"]).ended(64);
    assert!(wrong.stderr.contains("Usage: kubectl mq [OPTIONS] <COMMAND>"), "{wrong}");
    assert!(plugin(&["plan", "prodmq"]).ended(0).stdout.starts_with("test / rabbitmq / prodmq"));
    assert!(plugin(&["completions", "bash"]).ended(0).stdout.contains("kubectl-mq"));
    let manual = plugin(&["man"]).ended(0).stdout;
    assert!(manual.contains("\n.TH kubectl-mq 1 ") && manual.contains("kubectl mq plan prodmq"), "{manual}");
}

/// What is pasted goes on in the words that the person has typed.
#[test]
fn as_a_plugin_its_advice_says_kubectl_mq() {
    for (args, code, advice) in [
        (&["upgrade", "prodmq", "--yes"][..], 78, "hint: kubectl mq install prodmq\n"),
        (&["install", "prodmq"], 64, "see: kubectl mq explain CONSENT\n"),
        (&["install", "prodmq", "--yes"], 0, "     kubectl mq status prodmq     kubectl mq credentials show prodmq\n"),
        (&["status", "prodmq"], 1, "install it: kubectl mq install prodmq\n"),
        (&["credentials", "verify", "prodmq"], 0, "nobody else to ask: kubectl mq install prodmq\n"),
        (&["credentials", "show", "prodmq"], 0, "not there yet: kubectl mq install prodmq generates"),
        (&["explain", "VERSION-STEP"], 0, "\n    kubectl mq upgrade prodmq --to 4.3\n"),
    ] {
        let run = plugin(args);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(run.code, Some(code), "{run}");
        assert!(said.contains(advice) && !said.contains(": mqctl "), "{run}");
    }
}

#[test]
fn no_page_of_the_plugin_is_wider_than_a_screen_of_a_hundred() {
    for verb in Cli::command().get_subcommands() {
        let page = plugin(&[verb.get_name(), "--help"]).ended(0).stdout;
        let wide: Vec<&str> = page.lines().filter(|line| line.chars().count() > 100).collect();
        assert!(wide.is_empty(), "{wide:?}");
    }
}
