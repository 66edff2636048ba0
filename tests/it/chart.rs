//! `mqctl chart export`: the embedded chart, byte for byte, and never over anything.

use std::path::{Path, PathBuf};

use insta::assert_snapshot;

use crate::world::World;

/// The chart's files as they are in the repository.
fn originals() -> Vec<(PathBuf, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/chart/builtin");
    let (mut files, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_owned();
                files.push((name, std::fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn what_is_written_is_the_chart_of_the_repository() {
    let world = World::new();
    let run = world.run(&["chart", "export", "charts/mq"]).ended(0);
    assert!(run.calls.is_empty() && run.stderr.is_empty(), "{run}");
    let originals = originals();
    assert_eq!(run.wrote.len(), originals.len(), "{run}");
    for (name, bytes) in originals {
        let written = std::fs::read(world.path("work/charts/mq").join(&name)).unwrap();
        assert!(written == bytes, "{} differs", name.display());
    }
    let left = std::fs::read_dir(world.path("work/charts")).unwrap().count();
    assert_eq!(left, 1, "nothing else is left behind");
}

#[test]
fn an_empty_folder_is_taken() {
    let world = World::new();
    std::fs::create_dir(world.path("work/mq")).unwrap();
    world.run(&["chart", "export", "mq/"]).ended(0);
    assert!(world.path("work/mq/.helmignore").is_file() && world.path("work/mq/templates/statefulset.yaml").is_file());
}

#[test]
fn nothing_is_ever_overwritten() {
    let world = World::new();
    world.run(&["chart", "export", "mq"]).ended(0);
    world.write("work/mq/values.yaml", "mine: true\n");
    let again = world.run(&["chart", "export", "mq"]).ended(64);
    again.changed_nothing();
    assert_snapshot!(again.words(), @"
    $ mqctl chart export mq   [exit 64]
    error: `mq` is not empty; nothing was written
    hint: name a folder that is not there yet
    ");
    for (folder, why) in [("profiles/prodmq.yaml", "is no folder"), (".", "is not empty"), ("new/..", "has no name")] {
        let run = world.run(&["chart", "export", folder]).ended(64);
        run.changed_nothing();
        assert!(run.stderr.contains(why), "{run}");
    }
}

#[test]
fn a_dry_run_writes_nothing() {
    let run = World::new().run(&["chart", "export", "mq", "--dry-run"]).ended(0);
    run.changed_nothing();
    assert!(run.stdout.starts_with("chart 1.0.0 would be written to mq: "), "{run}");
}

#[test]
fn the_account_as_json() {
    let answer = World::new().run(&["chart", "export", "mq", "-o", "json"]).ended(0).json();
    assert_eq!(
        (&answer["kind"], &answer["path"], &answer["version"]),
        (&"ChartExport".into(), &"mq".into(), &"1.0.0".into())
    );
    let files: Vec<PathBuf> = serde_json::from_value(answer["files"].clone()).unwrap();
    let originals: Vec<PathBuf> = originals().into_iter().map(|(name, _)| name).collect();
    assert!(files == originals && answer["written"] == true, "{answer}");
}

#[test]
fn a_parent_that_is_no_folder_is_named() {
    let run = World::new().run(&["chart", "export", "profiles/prodmq.yaml/mq"]).ended(64);
    run.changed_nothing();
    assert!(run.stderr.contains("profiles/prodmq.yaml/mq` is no folder"), "{run}");
}
