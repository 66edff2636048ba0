//! The secret is in the stdin that it was meant for and nowhere else: not in an argument, an answer, a log, a file.

use crate::expose::BALANCER;
use crate::objects::{COOKIE, PASSWORD, base64};
use crate::transcript::Transcript;
use crate::world::{PROFILE, SECRETS_FILE, World};

/// A life of a release; every verb that has to do with secrets, the plan once empty and once not.
const LIFE: [&[&str]; 10] = [
    &["inspect", "prodmq"],
    &["plan", "prodmq"],
    &["install", "prodmq", "--yes"],
    &["install", "prodmq"],
    &["status", "prodmq"],
    &["credentials", "show", "prodmq"],
    &["expose", "prodmq", "--yes", "--timeout", "1s"],
    &["expose", "prodmq", "--remove", "--yes"],
    &["delete", "prodmq", "--yes"],
    &["delete", "prodmq", "--purge", "--confirm", "prodmq"],
];

/// Lives it at `-vv`, and looks for both secrets everywhere after each step.
fn live(world: &World, environment: (&str, &str), output: &str, may_hold: &[&str]) {
    let mut applied = 0;
    world.write("balancer", BALANCER);
    for verb in LIFE {
        let run = world.run_with(environment, &[verb, &["-vv", "-o", output]].concat()).ended(0);
        let secrets = secrets_of(world);
        for secret in &secrets {
            nowhere(secret, &run);
            in_no_file(world, secret, may_hold);
        }
        applied += run
            .calls
            .iter()
            .filter(|call| ["create", "apply"].contains(&call.verb()))
            .map(|c| count(&c.stdin, &secrets))
            .sum::<usize>();
    }
    assert_eq!(applied, 7, "both secrets under all their keys went to the cluster, once");
}

fn count(text: &str, secrets: &[String]) -> usize {
    secrets.iter().map(|secret| text.matches(&format!("\"{}\"", base64(secret))).count()).sum()
}

/// The canaries, and what the secrets file says where they were generated.
fn secrets_of(world: &World) -> Vec<String> {
    let kept = std::fs::read_to_string(world.path(SECRETS_FILE)).unwrap_or_default();
    let values = kept.lines().filter_map(|line| Some(line.split_once(": ")?.1.trim_matches('"').to_owned()));
    let mut secrets: Vec<String> = values.filter(|value| !value.contains(' ')).collect();
    secrets.extend([COOKIE.to_owned(), PASSWORD.to_owned()]);
    secrets.sort();
    secrets.dedup();
    secrets
}

/// In the text as it is, and as base64 would show it.
fn shows(text: &str, secret: &str) -> bool {
    text.contains(secret) || text.contains(base64(secret).trim_end_matches('='))
}

#[track_caller]
pub fn nowhere(secret: &str, run: &Transcript) {
    assert!(!shows(&run.stdout, secret) && !shows(&run.stderr, secret), "shown: {run}");
    for call in &run.calls {
        assert!(!call.args.iter().any(|arg| shows(arg, secret)), "in an argument of {call}");
        let meant = ["create", "apply", "exec"].contains(&call.verb());
        assert!(meant || !shows(&call.stdin, secret), "fed to {call}");
        assert!(!call.stdin.contains(secret), "fed in plain to {call}");
    }
}

#[track_caller]
fn in_no_file(world: &World, secret: &str, may_hold: &[&str]) {
    for (file, bytes) in world.files() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(may_hold.contains(&file.as_str()) || !shows(&text, secret), "in {file}");
    }
}

const NO_VARIABLE: (&str, &str) = ("UNUSED", "1");

#[test]
fn from_the_secrets_file() {
    live(&World::with_secrets(), NO_VARIABLE, "text", &[SECRETS_FILE]);
}

#[test]
fn from_the_secrets_file_as_json() {
    live(&World::with_secrets(), NO_VARIABLE, "json", &[SECRETS_FILE]);
}

#[test]
fn generated() {
    live(&World::new(), NO_VARIABLE, "text", &[SECRETS_FILE]);
}

/// The password by a source in the profile; the cookie stays in the secrets file.
fn sourced(source: &str) -> World {
    let world = World::with_secrets();
    world.profile("prodmq", &format!("{PROFILE}credentials: {{password: {source}}}\n"));
    let kept = std::fs::read_to_string(world.path(SECRETS_FILE)).unwrap();
    world.write(SECRETS_FILE, kept.lines().next().unwrap());
    world
}

#[test]
fn from_the_environment() {
    live(&sourced("{env: RABBITMQ_PASSWORD}"), ("RABBITMQ_PASSWORD", PASSWORD), "json", &[SECRETS_FILE]);
}

#[test]
fn from_a_file() {
    let world = sourced("{file: ../password.txt}");
    world.write("work/password.txt", PASSWORD);
    live(&world, NO_VARIABLE, "text", &[SECRETS_FILE, "work/password.txt"]);
}

#[test]
fn from_a_command() {
    let world = sourced("{command: [./password.sh]}");
    world.write("work/password.sh", &format!("#!/bin/sh\necho {PASSWORD}\n"));
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(world.path("work/password.sh"), executable).unwrap();
    live(&world, NO_VARIABLE, "json", &[SECRETS_FILE, "work/password.sh"]);
}

#[test]
fn in_no_refusal_and_no_failure() {
    let world = World::installed();
    world.secrets_file("ANOTHERCANARYCOOKIE", PASSWORD);
    nowhere(PASSWORD, &world.run(&["install", "prodmq", "--yes", "-vv"]).ended(78));
    let world = World::with_secrets();
    // A server that repeats what it was sent, as an admission webhook may.
    let echo = format!("error: bad object {}\nError from server: admission denied", base64(PASSWORD));
    world.rule("kubectl * create * <*Lease*", 1, "", &echo);
    nowhere(PASSWORD, &world.run(&["install", "prodmq", "--yes", "-vv"]).ended(1));
}
