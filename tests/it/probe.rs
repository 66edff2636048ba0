//! The script that reads volumes, run by a real shell on folders as nodes leave them.

use std::path::Path;
use std::process::Command;

use crate::recover::deadlock;

const PROBE: &str = include_str!("../../src/diagnose/probe.sh");

/// What it finds of q-0, whose chart has its nodes in `nodes` of the volume: the node, and what is elsewhere.
fn found(files: &[&str]) -> (String, String) {
    let volume = tempfile::tempdir().unwrap();
    for file in files {
        let path = volume.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let (node, elsewhere) = read(volume.path());
    (node, elsewhere.replace(&volume.path().display().to_string(), "VOLUME"))
}

fn read(volume: &Path) -> (String, String) {
    let at = volume.display();
    let script = format!("pod=q-0\nplace={at}/nodes\nvolume={at}\npods=\nvm=no\nquestion=\n{PROBE}");
    let ran = Command::new("sh").args(["-c", &script]).env_clear().env("PATH", "/usr/bin:/bin").output().unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    let line = |from: &str| said.split_once(from).unwrap().1.lines().next().unwrap().to_owned();
    let node = line(" node=").split(' ').next().unwrap().to_owned();
    (node, line("@@ elsewhere\n"))
}

#[test]
fn a_node_is_found_where_the_chart_has_it_whatever_it_is_called() {
    let cases = ["rabbit@q-0", "rabbit@q-0.q-nodes.n.svc.cluster.local", "broker@q-0.q-nodes.n.svc"];
    for node in cases {
        let beside = format!("nodes/{node}-plugins-expand/x");
        assert_eq!(found(&[&format!("nodes/{node}/schema.DAT"), &beside]), (node.to_owned(), String::new()));
    }
}

#[test]
fn a_volume_that_has_another_s_files_is_not_blank() {
    let elsewhere = |files: &[&str]| {
        let (node, elsewhere) = found(files);
        assert_eq!(node, "");
        elsewhere
    };
    let node = "mnesia/rabbit@q-0.q-nodes.n.svc";
    assert_eq!(elsewhere(&[&format!("{node}/schema.DAT")]), format!("VOLUME/{node}/schema.DAT"));
    assert_eq!(elsewhere(&["nodes/rabbit@old-0/msg_stores/x"]), "VOLUME/nodes/rabbit@old-0/msg_stores");
    let copy = "nodes/mqctl-copy-of-rabbit@q-0/coordination/x";
    assert_eq!(elsewhere(&[copy]), "VOLUME/nodes/mqctl-copy-of-rabbit@q-0/coordination");
}

#[test]
fn a_volume_that_no_node_has_booted_on_is_blank() {
    for files in [&[][..], &["lost+found/schema.DAT"], &[".erlang.cookie", "nodes/rabbit@q-0-plugins-expand/x"]] {
        assert_eq!(found(files), (String::new(), String::new()), "{files:?}");
    }
}

/// Whoever took it for blank would have the others forget it, and lose what is on it.
#[test]
fn a_volume_that_is_read_in_the_wrong_place_is_not_given_up() {
    let world = deadlock();
    let misplaced = "\n@@ id\npod=prodmq-1 node= now=1795345200\n@@ elsewhere\n/data/b/rabbit@prodmq-1/schema.DAT\n@@ times\n\n@@ end\n";
    world.write("cluster/probe.prodmq-1", misplaced);
    let run = world.run(&["recover", "prodmq"]).ended(64);
    let words = run.words();
    let why = "the volume is not blank: /data/b/rabbit@prodmq-1/schema.DAT";
    assert!(words.contains(why) && !words.contains("recommended"), "{run}");
}
