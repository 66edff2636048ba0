//! `mqctl version`: what is at work, also where nothing is installed.

use insta::assert_snapshot;

use crate::world::World;

/// The program's own version moves with every release.
fn steady(text: &str) -> String {
    text.replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

#[test]
fn all_versions_on_one_page() {
    let run = World::new().run(&["version"]).ended(0);
    run.changed_nothing();
    assert_eq!(run.calls.len(), 2, "{run}");
    assert_snapshot!(steady(&run.words()), @r"
    $ mqctl version   [exit 0]
    mqctl     VERSION
    chart     1.0.0 (CHART)
    helm      v3.19.0
    kubectl   v1.34.0
    ");
}

#[test]
fn all_versions_as_json() {
    let run = World::new().run(&["version", "-o", "json"]).ended(0);
    assert_snapshot!(steady(&run.stdout), @r#"
    {
      "apiVersion": "mqctl/v1",
      "kind": "Version",
      "versions": {
        "chart": "1.0.0",
        "chartDigest": "CHART",
        "helm": "v3.19.0",
        "kubectl": "v1.34.0",
        "mqctl": "VERSION"
      }
    }
    "#);
}

#[test]
fn programs_that_are_missing_are_told_and_are_no_error() {
    let world = World::new();
    ["bin/helm", "bin/kubectl"].iter().for_each(|file| world.remove(file));
    assert_snapshot!(steady(&world.run(&["version"]).ended(0).words()), @r"
    $ mqctl version   [exit 0]
    mqctl     VERSION
    chart     1.0.0 (CHART)
    helm      not on PATH
    kubectl   not on PATH
    ");
}

#[test]
fn the_flag_prints_one_line_and_starts_nobody() {
    let run = World::new().run(&["--version"]).ended(0);
    assert_eq!(run.stdout, concat!("mqctl ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(run.calls.is_empty(), "{run}");
}
