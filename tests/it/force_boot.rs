//! What a force boot has a container run, by a real shell.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::dialects_forced::{FORCE, stopped};
use crate::recover::stateful_set;
use crate::transcript::Transcript;

const NODE: &str = "rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local";
/// Where the chart has the nodes.
const BASE: &str = "/opt/bitnami/rabbitmq/.rabbitmq/mnesia";

/// A volume with this node's files.
fn volume(node: &str) -> TempDir {
    let volume = tempfile::tempdir().unwrap();
    fs::create_dir(volume.path().join(node)).unwrap();
    fs::write(volume.path().join(node).join("schema.DAT"), "").unwrap();
    volume
}

/// By this way, where the broker's container has these words.
fn forced(via: &str, words: &Value) -> Transcript {
    let world = stopped("bitnami");
    let mut set = stateful_set("OrderedReady", false);
    let broker = &mut set["spec"]["template"]["spec"]["containers"][0];
    words.as_object().unwrap().iter().for_each(|(key, value)| broker[key] = value.clone());
    world.object("statefulset.prodmq", &set);
    world.run(&FORCE.map(|word| if word == "chart" { via } else { word })).ended(0)
}

/// The first script that has this.
fn script(run: &Transcript, part: &str) -> String {
    run.calls.iter().find(|call| call.stdin.contains(part)).unwrap().stdin.clone()
}

fn runs(script: &str, volume: &Path, variables: &[(&str, &str)]) {
    let script = script.replace(BASE, &volume.display().to_string());
    let mut sh = Command::new("sh");
    sh.args(["-c", &script]).env_clear().env("PATH", "/usr/bin:/bin").envs(variables.iter().copied());
    assert!(sh.status().unwrap().success(), "{script}");
}

/// Some charts tell the server its name by another way.
#[test]
fn the_file_is_laid_and_removed_where_the_node_is_whatever_the_container_knows() {
    let run = forced("file", &json!({}));
    let (lay, remove) = (script(&run, "touch \"$dir/force_load\""), script(&run, "rm -f \"$dir/force_load\""));
    let here = |node: &str, variables: &[(&str, &str)]| {
        let volume = volume(node);
        let file = volume.path().join(node).join("force_load");
        runs(&lay, volume.path(), variables);
        assert!(file.exists(), "{variables:?}");
        runs(&remove, volume.path(), variables);
        assert!(!file.exists(), "{variables:?}");
    };
    here(NODE, &[]);
    here("mq@prodmq-2", &[("RABBITMQ_NODENAME", "mq@prodmq-2")]);
    let volume = volume("n");
    let dir = volume.path().join("n").display().to_string();
    runs(&lay, volume.path(), &[("RABBITMQ_MNESIA_DIR", &dir)]);
    assert!(volume.path().join("n/force_load").exists());
}

/// Executable stand-ins in a folder, which say how they are called.
fn stand_in(folder: &Path, name: &str, says: &str) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, format!("#!/bin/sh\n{says}\n")).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What the forced container comes to in an image with these programs: its output, and whether the file was laid.
fn started(words: &Value, programs: &[&str]) -> (String, bool) {
    let image = volume(NODE);
    let at = image.path().display().to_string();
    stand_in(image.path(), "bin/hostname", "echo prodmq-2");
    programs.iter().for_each(|program| stand_in(image.path(), program, "echo \"${0##*/} $*\""));
    let set: Value = serde_json::from_str(&script(&forced("statefulset", words), "mqctl-forced")).unwrap();
    let broker = &set["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(broker["args"], Value::Null);
    let here = |word: &Value| {
        let word = word.as_str().unwrap().replace("/tmp/mqctl-forced", &format!("{at}/forced"));
        word.replace(BASE, &at).replace("/opt/bitnami/", &format!("{at}/bitnami/"))
    };
    let command: Vec<String> = broker["command"].as_array().unwrap().iter().map(here).collect();
    let mut container = Command::new(&command[0]);
    container.args(&command[1..]).env_clear().env("PATH", format!("{at}/bin:/usr/bin:/bin"));
    let ran = container.output().unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    let laid = image.path().join(NODE).join("force_load").exists();
    (String::from_utf8(said).unwrap().trim().replace(&at, ""), laid)
}

#[test]
fn a_forced_container_starts_its_server_as_its_image_does() {
    let (own, args) =
        (json!({"command": ["echo", "own"], "args": ["a b"]}), json!({"args": ["rabbitmq-server", "-x"]}));
    let official = "bin/docker-entrypoint.sh";
    let vendor = "bitnami/scripts/rabbitmq/entrypoint.sh";
    let comes_to = |words: &Value, programs: &[&str], expected: &str| {
        assert_eq!(started(words, programs), (expected.to_owned(), true));
    };
    comes_to(&own, &[official], "own a b");
    comes_to(&json!({}), &[official, vendor], "docker-entrypoint.sh rabbitmq-server");
    comes_to(&args, &[official], "docker-entrypoint.sh rabbitmq-server -x");
    comes_to(&json!({}), &[vendor], "entrypoint.sh /bitnami/scripts/rabbitmq/run.sh");
    comes_to(&args, &[vendor], "entrypoint.sh rabbitmq-server -x");
    let (said, _) = started(&json!({}), &[]);
    assert!(
        said.starts_with("mqctl: the server is not started: its chart has no command, and the image has"),
        "{said}"
    );
}
