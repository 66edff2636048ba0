//! `mqctl credentials show`: fingerprints, and the secrets themselves only where somebody insists.

use insta::assert_snapshot;

use crate::objects::{COOKIE, PASSWORD};
use crate::world::World;

const SHOW: [&str; 3] = ["credentials", "show", "prodmq"];

#[test]
fn both_homes_are_shown_by_fingerprint() {
    let run = World::installed().run(&SHOW).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.words(), @r"
    $ mqctl credentials show prodmq   [exit 0]
    user user                  Erlang cookie   password
    profile and secrets file   e79a…46         0cbf…e2
    Secret in the cluster      e79a…46         0cbf…e2
    ");
}

#[test]
fn a_home_that_lacks_a_secret_shows_a_dash() {
    assert_snapshot!(World::new().run(&SHOW).ended(0).words(), @r"
    $ mqctl credentials show prodmq   [exit 0]
    user user                  Erlang cookie   password
    profile and secrets file   -               -
    Secret in the cluster      -               -
    not there yet: mqctl install prodmq generates what is missing
    ");
}

#[test]
fn fingerprints_as_json() {
    let run = World::installed().run(&[&SHOW[..], &["-o", "json"]].concat()).ended(0);
    assert_snapshot!(run.stdout, @r#"
    {
      "apiVersion": "mqctl/v1",
      "cluster": {
        "erlangCookie": {
          "fingerprint": "sha256:e79a60fa4346"
        },
        "password": {
          "fingerprint": "sha256:0cbf130646e2"
        }
      },
      "kind": "Credentials",
      "profile": {
        "erlangCookie": {
          "fingerprint": "sha256:e79a60fa4346"
        },
        "password": {
          "fingerprint": "sha256:0cbf130646e2"
        }
      },
      "target": {
        "context": "test",
        "namespace": "rabbitmq",
        "release": "prodmq"
      }
    }
    "#);
}

#[test]
fn no_secret_goes_into_a_pipe_by_accident() {
    for output in ["text", "json"] {
        let run = World::installed().run(&[&SHOW[..], &["--reveal", "-o", output]].concat()).ended(64);
        assert!(run.stdout.is_empty() && run.calls.is_empty(), "{run}");
        let words = "error: the answer is no terminal, so no secret is printed\nhint: add --force if you mean it\n";
        assert_eq!(run.stderr, words);
    }
}

#[test]
fn whoever_insists_sees_the_secrets() {
    let run = World::installed().run(&[&SHOW[..], &["--reveal", "--force"]].concat()).ended(0);
    assert!(run.stdout.contains(COOKIE) && run.stdout.contains(PASSWORD), "{run}");
    let run = World::installed().run(&[&SHOW[..], &["--reveal", "--force", "-o", "json"]].concat()).ended(0);
    assert_eq!(run.json()["cluster"]["password"]["value"], PASSWORD);
    World::installed().run(&[&SHOW[..], &["--force"]].concat()).ended(64);
}

#[test]
fn without_the_cluster_the_profile_s_side_is_shown() {
    let world = World::with_secrets();
    world.rule("kubectl * get *", 1, "", "Unable to connect to the server: dial tcp 10.0.0.1:6443: i/o timeout");
    assert_snapshot!(world.run(&SHOW).ended(0).words(), @r"
    $ mqctl credentials show prodmq   [exit 0]
    user user                  Erlang cookie   password
    profile and secrets file   e79a…46         0cbf…e2
    Secret in the cluster      -               -
    warning: `kubectl get`: Unable to connect to the server: dial tcp 10.0.0.1:6443: i/o timeout
    hint: kubectl cluster-info   # does the API server answer?
    see: mqctl explain UNREACHABLE
    ");
}
