//! The script that reads volumes, run by a real shell on folders as nodes leave them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::recover::deadlock;

const PROBE: &str = include_str!("../../src/diagnose/probe.sh");

/// What it finds of q-0, whose chart has its nodes in `nodes` of the volume: the node, and what is elsewhere.
fn found(files: &[&str]) -> (String, String) {
    found_where(files, |_| ())
}

/// The same, when something has happened to the volume.
fn found_where(files: &[&str], happens: impl FnOnce(&Path)) -> (String, String) {
    let volume = tempfile::tempdir().unwrap();
    for file in files {
        let path = volume.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    fs::set_permissions(volume.path(), Permissions::from_mode(0o755)).unwrap();
    happens(volume.path());
    let (node, elsewhere) = read(volume.path());
    (node, elsewhere.replace(&volume.path().display().to_string(), "VOLUME"))
}

/// As a user without rights: root may read everything.
fn read(volume: &Path) -> (String, String) {
    let at = volume.display();
    let script = format!("pod=q-0\nplace={at}/nodes\nvolume={at}\npods=\nvm=no\nquestion=\n{PROBE}");
    let mut sh = Command::new("sh");
    sh.args(["-c", &script]).env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        sh.uid(65534).gid(65534);
    }
    let said = String::from_utf8(sh.output().unwrap().stdout).unwrap();
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

/// The folder of one user is found by another, who sees no file in it.
#[test]
fn a_volume_that_may_not_be_read_is_not_blank() {
    let files = ["nodes/rabbit@q-0/schema.DAT", "nodes/rabbit@q-0-feature_flags"];
    for (closed, mode) in
        [("rabbit@q-0", 0o000), ("rabbit@q-0", 0o444), ("rabbit@q-0-feature_flags", 0o000), (".", 0o000)]
    {
        let close = |volume: &Path| {
            fs::set_permissions(volume.join("nodes").join(closed), Permissions::from_mode(mode)).unwrap();
        };
        let (_, elsewhere) = found_where(&files, close);
        assert!(elsewhere.contains("Permission denied"), "{closed} {mode:o}: {elsewhere}");
    }
}

/// Whoever took it for blank would have the others forget it, and lose what is on it.
#[test]
fn a_volume_that_is_read_in_the_wrong_place_is_not_given_up() {
    let file = "/data/b/rabbit@prodmq-1/schema.DAT";
    not_given_up("", file, &format!("the volume is not blank: {file}"));
    let words = "ls: can't open '/data/a/rabbit@prodmq-1/.': Permission denied";
    not_given_up("rabbit@prodmq-1", words, &format!("is not taken for blank: {words}"));
}

fn not_given_up(node: &str, elsewhere: &str, why: &str) {
    let world = deadlock();
    let read =
        format!("\n@@ id\npod=prodmq-1 node={node} now=1795345200\n@@ elsewhere\n{elsewhere}\n@@ times\n\n@@ end\n");
    world.write("cluster/probe.prodmq-1", &read);
    let run = world.run(&["recover", "prodmq"]).ended(64);
    let words = run.words();
    assert!(words.contains(why) && !words.contains("recommended"), "{run}");
}
