//! A password and a cookie that are known beforehand are looked for everywhere that they must not be.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::environment::{Helm, KHEPRI, MNESIA};
use crate::processes::{Seen, Watcher};
use crate::runner::Test;
use crate::running::{Ran, Running, becomes};
use crate::world::{NAME, World};

const COOKIE: &str = "CanaryCookieQ7xW2mZp4Kt9";
const PASSWORD: &str = "CanaryPasswordR3vN8bYs6Jh1";

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("canary: the watcher sees what there is to see", the_watcher_sees),
        Test::new("canary helm4", || canary(Helm::Four, KHEPRI)),
        Test::new("canary helm3", || canary(Helm::Three, MNESIA)).long(),
    ]
}

/// As they are and as a Secret object has them.
fn needles() -> Vec<String> {
    let both = [COOKIE, PASSWORD];
    both.iter().map(|text| (*text).to_owned()).chain(both.iter().map(|text| STANDARD.encode(text))).collect()
}

fn assert_clean(what: &str, text: &str) {
    for needle in needles() {
        assert!(!text.contains(&needle), "`{needle}` is in {what}:\n{text}");
    }
}

/// Else a clean result would prove nothing: a grandchild with one needle as argument, another in its environment.
fn the_watcher_sees() {
    let script = format!("sleep 60 & exec sh -c 'sleep 60; :' {COOKIE}");
    let run = Running::start(Command::new("sh").args(["-c", &script]).env("E2E", STANDARD.encode(PASSWORD)));
    let seen = || {
        let watcher = Watcher::of(run.group(), &needles());
        let begun = std::time::Instant::now();
        becomes(Duration::from_secs(5), || begun.elapsed() > Duration::from_millis(20));
        watcher.finish().hits
    };
    let both = || {
        let hits = seen();
        let of = |start: &str, end: &str| hits.iter().any(|h| h.starts_with(start) && h.contains(end));
        of("cmdline of sh", COOKIE) && of("environ of sleep", "sleep 60")
    };
    assert!(becomes(Duration::from_secs(10), both), "the watcher saw {:?}", seen());
}

fn canary(helm: Helm, tag: &str) {
    let world = World::new(&format!("canary {}", helm.word()), helm, tag, 1);
    write_secrets_file(&world);
    let answers = [
        watched(&world, &["plan", NAME, "-vv"]),
        watched(&world, &["plan", NAME, "-o", "json", "-vv"]),
        watched(&world, &["install", NAME, "--yes", "-vv"]),
        watched(&world, &["install", NAME, "--dry-run", "-o", "json", "-vv"]),
        watched(&world, &["status", NAME, "-vv"]),
        watched(&world, &["status", NAME, "-o", "json", "-vv"]),
        watched(&world, &["credentials", "show", NAME, "-o", "json", "-vv"]),
    ];
    assert!(answers.iter().all(|a| a.code == Some(0)), "{}", answers.iter().map(Ran::said).collect::<String>());
    the_secret_object_holds_both(&world);
    helm_keeps_none(&world);
    the_cluster_shows_none(&world);
    watched(&world, &["delete", NAME, "--yes", "-vv"]).expect(0);
    no_file_holds_any(&world);
}

fn write_secrets_file(world: &World) {
    use std::os::unix::fs::PermissionsExt as _;
    let file = world.secrets_file();
    std::fs::write(&file, format!("erlangCookie: {COOKIE}\npassword: {PASSWORD}\n")).expect("the secrets file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("its mode");
}

/// Runs mqctl with all its children under the watcher's eyes; nothing secret is in what they are given or say.
fn watched(world: &World, args: &[&str]) -> Ran {
    let run = world.start(args);
    let watcher = Watcher::of(run.group(), &needles());
    let ran = run.wait(Duration::from_secs(420));
    let seen = watcher.finish();
    assert!(seen.hits.is_empty(), "{args:?}, {} looks: {:?}", seen.looks, seen.hits);
    assert_children_were_seen(args, &seen);
    assert_clean(&format!("the output of {args:?}"), &ran.everything());
    ran
}

/// The children that carry secrets on their standard input must have been looked at, or nothing is proven.
fn assert_children_were_seen(args: &[&str], seen: &Seen) {
    let expected: &[&str] = match args[0] {
        "install" if args.contains(&"--yes") => &["create --validate=false", "upgrade --install", "rabbitmqctl eval"],
        "status" => &["rabbitmqctl eval"],
        "delete" => &["uninstall"],
        _ => &["kubectl"],
    };
    for words in expected {
        let there = seen.programs.iter().any(|program| program.contains(words));
        assert!(there, "{args:?}: `{words}` was not seen in {} looks: {:#?}", seen.looks, seen.programs);
    }
}

/// The search is worth something only where the secrets are in use.
fn the_secret_object_holds_both(world: &World) {
    let data = world.namespace.object("secret", "mq-mqctl-credentials")["data"].clone();
    assert_eq!(data["erlang-cookie"], json!(STANDARD.encode(COOKIE)));
    assert_eq!(data["password"], json!(STANDARD.encode(PASSWORD)));
    world.assert_healthy();
}

fn helm_keeps_none(world: &World) {
    for what in ["values", "manifest", "hooks", "notes", "all"] {
        assert_clean(&format!("helm get {what}"), &world.helm(&["get", what, NAME]).expect(0).everything());
    }
}

/// Objects, events and logs; and in the container every process's arguments and environment.
fn the_cluster_shows_none(world: &World) {
    let kinds = "statefulsets,pods,services,configmaps,events,controllerrevisions,persistentvolumeclaims";
    assert_clean(kinds, &world.namespace.kubectl(&["get", kinds, "--output", "json", "--show-managed-fields"]));
    assert_clean("the log", &world.namespace.kubectl(&["logs", "mq-0", "--all-containers"]));
    // What ends between the list and the look is no error.
    let script = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '; true";
    let processes = world.namespace.shell("mq-0", script);
    assert!(processes.contains("beam.smp") && processes.contains("RABBITMQ_NODENAME"), "{processes}");
    assert_clean("the container's processes", &processes);
}

fn no_file_holds_any(world: &World) {
    let mut files = Vec::new();
    files_below(&world.root(), &mut files);
    // kubectl's cache and the chart are among them.
    assert!(files.len() > 10, "{files:?}");
    for file in files.iter().filter(|file| **file != world.secrets_file()) {
        let bytes = std::fs::read(file).expect("a file that is there");
        assert_clean(&file.display().to_string(), &String::from_utf8_lossy(&bytes));
    }
}

/// Links are not followed: helm's own program is one.
fn files_below(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry")) {
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            files_below(&entry.path(), into);
        } else if kind.is_file() {
            into.push(entry.path());
        }
    }
}
