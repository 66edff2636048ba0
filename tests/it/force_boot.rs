//! What a force boot has a container run, by a real shell.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::dialects_forced::{FORCE, stopped};
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

fn forced(via: &str) -> Transcript {
    stopped("bitnami").run(&FORCE.map(|word| if word == "chart" { via } else { word })).ended(0)
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
    let run = forced("file");
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
