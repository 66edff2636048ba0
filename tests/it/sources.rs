//! Profiles that cannot be read, and sources of secrets that give none: refused before any call.

use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;

use crate::objects::{COOKIE, PASSWORD, base64};
use crate::transcript::Transcript;
use crate::world::{PROFILE, SECRETS_FILE, World};

const INSTALL: [&str; 3] = ["install", "prodmq", "--yes"];

/// Refused without a single child.
#[track_caller]
fn refused(run: &Transcript, code: i32) -> String {
    assert_eq!(run.code, Some(code), "{run}");
    run.changed_nothing();
    assert!(run.calls.is_empty(), "{run}");
    run.words()
}

fn with_profile(text: &str) -> World {
    let world = World::new();
    world.profile("prodmq", text);
    world
}

#[test]
fn a_profile_that_is_not_there() {
    let world = World::new();
    assert_snapshot!(refused(&world.run(&["install", "prodmp", "--yes"]), 65), @r"
    $ mqctl install prodmp --yes   [exit 65]
    error: no profile `prodmp`; looked for profiles/prodmp.yaml, ~/home/.config/mqctl/profiles/prodmp.yaml
    profiles there: prodmq
    hint: did you mean `prodmq`?
    ");
    world.remove("work/profiles/prodmq.yaml");
    assert_snapshot!(refused(&world.run(&INSTALL), 65), @r"
    $ mqctl install prodmq --yes   [exit 65]
    error: no profile `prodmq`; looked for profiles/prodmq.yaml, ~/home/.config/mqctl/profiles/prodmq.yaml
    hint: mqctl init prodmq
    ");
    let run = world.run(&["plan", "--profile", "elsewhere.yaml"]);
    assert!(refused(&run, 65).contains("elsewhere.yaml"));
}

#[test]
fn all_mistakes_of_a_profile_at_once() {
    let text = "format: 1\nnamespace: Rabbit_MQ\nreplica: 3\nstorage: {size: 8 GB}\n\
        credentials: {password: hunter2}\nvalues: {replicas: 5}\n";
    let run = with_profile(text).run(&INSTALL);
    let words = refused(&run, 65);
    assert!(!words.contains("hunter2"), "{words}");
    assert_snapshot!(words, @r"
    $ mqctl install prodmq --yes   [exit 65]
    error: profiles/prodmq.yaml has 5 mistakes
      2:12  `namespace`              expected 1 to 63 of a-z, 0-9 and `-`, a letter or digit at both ends, found `Rabbit_MQ`
      3:1   `replica`                unknown key; did you mean `replicas`?
      4:17  `storage.size`           expected a size such as 8Gi, found `8 GB`
      5:25  `credentials.password`   expected a source: one of env, file, command, secret; a password or cookie itself does not belong into this file
      6:10  `values.replicas`        mqctl sets this key itself; use `replicas`
    hint: mqctl profile schema   # a JSON Schema, for your editor
    ");
}

#[test]
fn profiles_that_are_broken_in_other_ways() {
    for (text, words) in [
        ("", "a whole profile can be two lines"),
        ("format: 1\nnamespace: [\n", "prodmq.yaml has 1 mistake"),
        ("format: 1\nnamespace: a\nnamespace: b\n", "`namespace`"),
        ("format: 9\nnamespace: a\n", "this mqctl reads format 1, not 9"),
        (
            "format: 1\nnamespace: a\nchart: {ref: rabbitmq}\n",
            "expected builtin, REPO/CHART, oci://HOST/CHART, or a path",
        ),
        (
            "format: 1\nnamespace: a\nchart: {ref: ./none}\nimage: {repository: a, tag: b}\n",
            "`profiles/none`: there is no chart: ",
        ),
        ("format: 1\nnamespace: a\nreplicas: 99\n", "expected 1 to 9 nodes, found `99`"),
        ("format: 1\nnamespace: a\nstorage: [\u{7}]\n", "prodmq.yaml has"),
    ] {
        for verb in ["plan", "status", "delete"] {
            let said = refused(&with_profile(text).run(&[verb, "prodmq"]), 65);
            assert!(said.contains(words), "{said}");
        }
    }
}

#[test]
fn a_profile_that_cannot_be_read() {
    let world = World::new();
    world.remove("work/profiles/prodmq.yaml");
    std::fs::create_dir(world.path("work/broken.yaml")).unwrap();
    assert_snapshot!(refused(&world.run(&["plan", "--profile", "broken.yaml"]), 65), @r"
    $ mqctl plan --profile broken.yaml   [exit 65]
    error: failed to read from file `broken.yaml`: Is a directory (os error 21)
    ");
}

#[test]
fn a_secrets_file_that_others_can_read() {
    let world = World::with_secrets();
    for mode in [0o644, 0o640, 0o604] {
        std::fs::set_permissions(world.path(SECRETS_FILE), std::fs::Permissions::from_mode(mode)).unwrap();
        let words = refused(&world.run(&INSTALL), 65);
        assert!(words.contains("can be read by others\nhint: chmod 600 profiles/prodmq.secrets.yaml"), "{words}");
    }
}

#[test]
fn a_secrets_file_with_mistakes_never_shows_them() {
    for text in ["passwort: CANARY\n", "password: [CANARY]\n", "CANARY\n", "password: 'CANARY\n", "erlangCookie: 7\n"] {
        let world = World::with_secrets();
        world.write(SECRETS_FILE, text);
        let words = refused(&world.run(&INSTALL), 65);
        assert!(words.contains("error: `profiles/prodmq.secrets.yaml`: ") && !words.contains("CANARY"), "{words}");
    }
}

/// A profile whose password comes from this source.
fn sourced(source: &str) -> World {
    with_profile(&format!("{PROFILE}credentials: {{password: {source}}}\n"))
}

#[test]
fn sources_that_give_no_secret() {
    let unset = sourced("{env: RABBITMQ_PASSWORD}").run(&INSTALL);
    assert_snapshot!(refused(&unset, 65), @r"
    $ mqctl install prodmq --yes   [exit 65]
    error: `credentials.password`: `$RABBITMQ_PASSWORD` is not set
    ");
    for (source, words) in [
        ("{file: none.txt}", "`credentials.password`: failed to open file `profiles/none.txt`"),
        (
            "{command: [/bin/sh, -c, 'echo CANARY; echo CANARY >&2; exit 3']}",
            "source command `/bin/sh` failed (exit 3)",
        ),
        ("{command: [/bin/true]}", "source command `/bin/true` printed nothing"),
        ("{command: [no-such-program]}", "`no-such-program` is not on PATH"),
    ] {
        let run = sourced(source).run(&INSTALL);
        let said = run.stderr.clone();
        assert!(run.code.is_some_and(|code| [1, 65, 69].contains(&code)), "{run}");
        run.changed_nothing();
        assert!(run.calls.is_empty() && said.contains(words) && !said.contains("CANARY"), "{run}");
    }
}

#[test]
fn an_empty_file_is_no_secret() {
    let world = sourced("{file: empty.txt}");
    world.write("work/profiles/empty.txt", "\n");
    let run = world.run(&INSTALL);
    run.changed_nothing();
    assert!(run.stderr.contains("`profiles/empty.txt` is empty"), "{run}");
}

#[test]
fn a_secret_in_the_cluster_that_is_not_there() {
    let run = sourced("{secret: {name: vault, key: pass}}").run(&INSTALL);
    run.changed_nothing();
    assert!(run.code != Some(0) && run.stderr.contains("there is no Secret `vault`"), "{run}");
}

/// What the applied Secret holds as password.
fn applied_password(run: &Transcript) -> String {
    let list: serde_json::Value = serde_json::from_str(&run.work()[0].stdin).unwrap();
    list["items"][2]["data"]["password"].as_str().unwrap().to_owned()
}

#[test]
fn each_source_gives_its_secret_to_the_cluster() {
    let command = format!("{{command: [/bin/sh, -c, 'echo {PASSWORD}']}}");
    for source in ["{env: RABBITMQ_PASSWORD}", "{file: password.txt}", &command, "{secret: {name: vault, key: pass}}"] {
        let world = sourced(source);
        world.write("work/profiles/password.txt", &format!("{PASSWORD}\n"));
        let vault =
            serde_json::json!({"kind": "Secret", "metadata": {"name": "vault"}, "data": {"pass": base64(PASSWORD)}});
        world.object("secret.vault", &vault);
        world.write(SECRETS_FILE, &format!("erlangCookie: {COOKIE}\n"));
        std::fs::set_permissions(world.path(SECRETS_FILE), std::fs::Permissions::from_mode(0o600)).unwrap();
        let run = world.run_with(("RABBITMQ_PASSWORD", PASSWORD), &INSTALL).ended(0);
        assert_eq!(applied_password(&run), base64(PASSWORD), "{source}\n{run}");
        let kept = std::fs::read_to_string(world.path(SECRETS_FILE)).unwrap();
        assert!(!kept.contains("password"), "a secret with a source of its own is kept nowhere else: {kept}");
    }
}
