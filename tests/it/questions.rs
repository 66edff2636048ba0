//! A person answers the questions of `mqctl init`; Ctrl-C at each of them changes nothing.

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};

use crate::init::{FILE, read, world};
use crate::plain_helm::{plain, stable};
use crate::world::{PROFILE, World};

/// Longer than a busy machine needs; a prompt that does not come fails the test.
const PATIENCE_MS: u64 = 30_000;

/// The cluster of `init`, with two kube contexts to choose from.
fn with_contexts() -> World {
    let world = world();
    let contexts = "contexts:\n- name: test\n- name: prod-eu1\n";
    world.write("home/kubeconfig", &format!("apiVersion: v1\nkind: Config\ncurrent-context: test\n{contexts}"));
    world
}

/// Each question in its order, and an answer to it. `\x1b[B` is the arrow down.
const CONVERSATION: [(&str, &str); 8] = [
    ("Kube context that this profile is for", "\x1b[B\x1b[B\r"),
    ("Namespace [rabbitmq]", "shop\r"),
    ("Nodes (an odd number) [3]", "5\r"),
    ("StorageClass of the volumes", "\x1b[B\r"),
    ("Size of each node's volume [8Gi]", "20Gi\r"),
    ("Tag of the image [4.3.6-management]", "4.0.5-management\r"),
    ("First user of the broker [user]", "shop\r"),
    ("Go on?", "y\r"),
];

pub struct Talk {
    pub session: PtySession,
    heard: String,
}

impl Talk {
    pub fn begin(world: &World, args: &[&str]) -> Self {
        let session = spawn_command(world.command(args), Some(PATIENCE_MS)).unwrap();
        Self { session, heard: String::new() }
    }

    pub fn hear(&mut self, prompt: &str) {
        self.heard += &self.session.exp_string(prompt).unwrap();
        self.heard += prompt;
    }

    pub fn answer(&mut self, prompt: &str, answer: &str) {
        self.hear(prompt);
        self.session.send(answer).unwrap();
        self.session.flush().unwrap();
    }

    /// Everything that was said, and the exit code.
    pub fn end(mut self) -> (String, i32) {
        self.heard += &self.session.exp_eof().unwrap();
        match self.session.process().wait().unwrap() {
            WaitStatus::Exited(_, code) => (self.heard, code),
            other => panic!("{other:?}: {}", self.heard),
        }
    }
}

/// The fields that the file holds, without comments and what is commented out.
fn fields(text: &str) -> Vec<&str> {
    let written = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    written.map(|line| line.split(" #").next().unwrap().trim_end()).collect()
}

#[test]
fn every_answer_stands_in_the_profile() {
    let world = with_contexts();
    let mut talk = Talk::begin(&world, &["init", "prodmq"]);
    CONVERSATION.iter().for_each(|(prompt, answer)| talk.answer(prompt, answer));
    let (heard, code) = talk.end();
    assert_eq!(code, 0, "{heard}");
    for said in ["the cluster's default (standard)", "profiles/prodmq.yaml is written."] {
        assert!(heard.contains(said), "{said}: {heard}");
    }
    let text = read(&world, FILE);
    let expected = "format: 1\nnamespace: shop\ncontext: prod-eu1\nimage:\n  tag: 4.0.5-management\nreplicas: 5\nstorage:\n  class: fast\n  size: 20Gi\ncredentials:\n  username: shop";
    assert_eq!(fields(&text).join("\n"), expected, "{heard}");
    world.run(&["plan", "prodmq"]).ended(0);
}

#[test]
fn enter_takes_every_default() {
    let world = with_contexts();
    let mut talk = Talk::begin(&world, &["init"]);
    talk.answer("Name of the profile and of the Helm release [rabbitmq]", "prodmq\r");
    CONVERSATION[..7].iter().for_each(|(prompt, _)| talk.answer(prompt, "\r"));
    talk.answer("Go on?", "y\r");
    let (heard, code) = talk.end();
    assert_eq!(
        (code, fields(&read(&world, FILE)).join("\n").as_str()),
        (0, "format: 1\nnamespace: rabbitmq"),
        "{heard}"
    );
    assert!(heard.contains("namespace rabbitmq"), "the namespace is offered in the plan: {heard}");
}

#[test]
fn what_a_flag_has_answered_is_not_asked() {
    let world = with_contexts();
    let flags = ["--context", "test", "-n", "shop", "--replicas", "1", "--storage-class", "fast", "--size", "1Gi"];
    let mut talk = Talk::begin(&world, &[&["init", "prodmq", "--username", "shop"], &flags[..]].concat());
    talk.answer("Tag of the image [4.3.6-management]", "\r");
    talk.answer("Go on?", "y\r");
    let (heard, code) = talk.end();
    assert_eq!(code, 0, "{heard}");
    assert!(!heard.contains("Namespace [") && !heard.contains("Kube context"), "{heard}");
}

#[test]
fn a_flag_that_does_not_fit_is_told_before_anything_is_asked() {
    let world = with_contexts();
    let (heard, code) = Talk::begin(&world, &["init", "prodmq", "--size", "8GB"]).end();
    assert_eq!(code, 64, "{heard}");
    assert!(heard.contains("`--size`: expected a size such as 8Gi") && !heard.contains("Kube context"), "{heard}");
    assert!(world.calls().is_empty(), "{heard}");
}

#[test]
fn an_answer_that_does_not_fit_is_asked_for_again() {
    let world = world();
    let mut talk = Talk::begin(&world, &["init", "prodmq"]);
    talk.answer("Namespace [rabbitmq]", "Shop\r");
    talk.hear("expected 1 to 63 of a-z, 0-9 and `-`");
    for _ in "Shop".chars() {
        talk.session.send("\x7f").unwrap();
    }
    talk.answer("Namespace [rabbitmq]", "shop\r");
    talk.answer("Nodes (an odd number) [3]", "12\r");
    talk.hear("expected 1 to 9 nodes, found `12`");
    talk.session.send_control('c').unwrap();
    let (heard, code) = talk.end();
    assert_eq!(code, 130, "{heard}");
}

#[test]
fn ctrl_c_at_each_question_changes_nothing() {
    for reached in 0..CONVERSATION.len() {
        let world = with_contexts();
        let before = world.files();
        let mut talk = Talk::begin(&world, &["init", "prodmq"]);
        CONVERSATION[..reached].iter().for_each(|(prompt, answer)| talk.answer(prompt, answer));
        talk.hear(CONVERSATION[reached].0);
        talk.session.send_control('c').unwrap();
        let (heard, code) = talk.end();
        assert_eq!(code, 130, "{heard}");
        assert!(heard.contains("interrupted; nothing was changed") && heard.contains("\x1b[?25h"), "{heard:?}");
        assert!(world.files() == before && world.calls().iter().all(crate::transcript::Recorded::reads), "{heard}");
    }
}

/// A kubectl that hangs has the signal, too; nobody is asked after it.
#[test]
fn ctrl_c_while_the_cluster_is_looked_at() {
    let world = world();
    world.remove("bin/kubectl");
    world.write("bin/kubectl", "#!/bin/sh\necho looking >/dev/tty\nexec /bin/sleep 60\n");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(world.path("bin/kubectl"), executable).unwrap();
    let before = world.files();
    let mut talk = Talk::begin(&world, &["init", "prodmq"]);
    talk.hear("looking");
    talk.hear("looking");
    talk.session.send_control('c').unwrap();
    let (heard, code) = talk.end();
    assert_eq!(code, 130, "{heard}");
    assert!(!heard.contains("Namespace [") && world.files() == before, "{heard}");
}

#[test]
fn no_changes_nothing() {
    let world = with_contexts();
    let before = world.files();
    let mut talk = Talk::begin(&world, &["init", "prodmq"]);
    CONVERSATION[..7].iter().for_each(|(prompt, answer)| talk.answer(prompt, answer));
    talk.answer("Go on?", "n\r");
    let (heard, code) = talk.end();
    assert_eq!(code, 1, "{heard}");
    assert!(world.files() == before, "{heard}");
}

#[test]
fn a_profile_that_says_something_else_is_shown_and_asked_for() {
    let world = world();
    world.profile("prodmq", &format!("{PROFILE}replicas: 5\n"));
    for (answer, kept) in [("n\r", true), ("y\r", false)] {
        let mut talk = Talk::begin(&world, &["init", "prodmq"]);
        CONVERSATION[1..7].iter().for_each(|(prompt, _)| talk.answer(prompt, "\r"));
        talk.hear("-replicas: 5");
        talk.answer("Go on?", answer);
        let (heard, code) = talk.end();
        assert_eq!((code, read(&world, FILE).contains("\nreplicas: 5")), (i32::from(kept), kept), "{heard}");
    }
}

#[test]
fn without_a_cluster_the_questions_go_on() {
    let world = with_contexts();
    world.rule(
        "kubectl *",
        1,
        "",
        "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?",
    );
    let mut talk = Talk::begin(&world, &["init", "prodmq"]);
    talk.answer(CONVERSATION[0].0, "\r");
    talk.hear("warning: the cluster was not looked at");
    CONVERSATION[1..7].iter().for_each(|(prompt, _)| talk.answer(prompt, "\r"));
    talk.answer("Go on?", "y\r");
    let (heard, code) = talk.end();
    assert_eq!(
        (code, fields(&read(&world, FILE)).join("\n").as_str()),
        (0, "format: 1\nnamespace: rabbitmq"),
        "{heard}"
    );
}

/// Only what the release does not say itself.
#[test]
fn a_release_is_taken_over_by_two_answers() {
    let world = plain(&stable());
    let mut talk = Talk::begin(&world, &["init", "prodmq", "--from-release", "prodmq"]);
    talk.answer("Namespace of the release [rabbitmq]", "\r");
    talk.answer(
        "Chart that made it (rabbitmq-6.18.2): a folder, a .tgz or REPO/CHART, such as ./charts/rabbitmq",
        "./charts/stable-like\r",
    );
    talk.answer("Go on?", "y\r");
    let (heard, code) = talk.end();
    assert!(code == 0 && heard.contains("profiles/prodmq.yaml is written."), "{heard}");
    assert!(fields(&read(&world, FILE)).contains(&"  ref: ../charts/stable-like"));
}
