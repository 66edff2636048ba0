//! Bad input: profiles in other formats, secrets that cannot be one, volumes that are not what the profile says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;

use crate::objects::{self, COOKIE, PASSWORD};
use crate::transcript::Transcript;
use crate::world::{PROFILE, SECRETS_FILE, World};

const INSTALL: [&str; 3] = ["install", "prodmq", "--yes"];

/// Refused with this code and nothing changed; what was said.
#[track_caller]
pub fn refused(run: &Transcript, code: i32) -> String {
    assert_eq!(run.code, Some(code), "{run}");
    run.changed_nothing();
    run.words()
}

/// The same without a single child.
#[track_caller]
pub fn refused_at_once(run: &Transcript, code: i32) -> String {
    assert!(run.calls.is_empty(), "{run}");
    refused(run, code)
}

#[track_caller]
fn read_as(bytes: &[u8]) -> Transcript {
    let world = World::with_secrets();
    fs::write(world.path("work/profiles/prodmq.yaml"), bytes).unwrap();
    world.run(&["plan", "prodmq"])
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn files_that_are_no_utf8_yaml() {
    let with_mark = [&[0xff, 0xfe], &utf16(PROFILE)[..]].concat();
    for (bytes, words) in [
        (&with_mark[..], "  1:1   not UTF-8; save the file in this encoding"),
        (&utf16(PROFILE), "  1:2   control character U+0000; if the file is UTF-16, save it as UTF-8"),
        (format!("\u{feff}{PROFILE}").as_bytes(), "  1:1   byte order mark; save the file as UTF-8 without one"),
        (b"format: 1\nnamespace: r\xe9seau\n", "  2:13  not UTF-8; save the file in this encoding"),
        (b"format: 1\nnamespace: rabbitmq\nstorage:\n\tsize: 8Gi\n", "  4:2   tabs disallowed within this context"),
        (b"format = 1\nnamespace = \"rabbitmq\"\n", "expected `key: value` lines, found a single value"),
        (b"<profile/>\n", "expected `key: value` lines, found a single value"),
        (b"", "the file is empty"),
        (b"# nothing yet\n", "the file is empty"),
    ] {
        let said = refused_at_once(&read_as(bytes), 65);
        assert!(said.contains(words) && said.contains("prodmq.yaml has 1 mistake\n"), "{said}");
    }
}

#[test]
fn other_ways_to_write_the_same() {
    let crlf = PROFILE.replace('\n', "\r\n");
    for text in [crlf.as_str(), r#"{"format": 1, "namespace": "rabbitmq"}"#, "---\nformat: 1\nnamespace: rabbitmq"] {
        assert_eq!(read_as(text.as_bytes()).ended(0).stdout, read_as(PROFILE.as_bytes()).stdout, "{text:?}");
    }
}

#[test]
fn features_that_hide_what_a_profile_says() {
    let text = "format: 2\nnamespace: &ns rabbitmq\nrelease: *ns\nstorage: {<<: {size: 8Gi}}\nvalues: {a: !x 1}\n\
        replicas: 3\nreplicas: 0\nimage: {tag: 4.3}\n";
    assert_snapshot!(refused_at_once(&read_as(text.as_bytes()), 65), @"
    $ mqctl plan prodmq   [exit 65]
    error: profiles/prodmq.yaml has 5 mistakes
      2:12  `namespace`    anchors (`&name`) are not supported
      3:10  `release`      aliases (`*name`) are not supported; write the value out
      4:11  `storage.<<`   merge keys are not supported; write the keys out
      5:13  `values.a`     tags (`!name`) are not supported
      7:1   `replicas`     duplicate key; it stands in line 6 too
    hint: mqctl profile schema   # a JSON Schema, for your editor
    ");
}

#[test]
fn names_that_are_too_long_or_impossible() {
    let long = "a".repeat(64);
    for (text, words) in [
        (format!("format: 1\nnamespace: {long}\n"), "`namespace`   expected 1 to 63 of a-z, 0-9 and `-`"),
        (format!("{PROFILE}release: {}\n", &long[..41]), "`release`   expected 1 to 40 of a-z, 0-9 and `-`"),
        (format!("{PROFILE}storage: {{size: 8 GB}}\n"), "`storage.size`   expected a size such as 8Gi, found `8 GB`"),
        (format!("{PROFILE}replicas: 0\n"), "`replicas`   expected 1 to 9 nodes, found `0`"),
        (format!("{PROFILE}replicas: three\n"), "`replicas`   expected a whole number, found `three`"),
        ("format: 1\n".to_owned(), "`namespace`   missing; for example `namespace: rabbitmq`"),
    ] {
        let said = refused_at_once(&read_as(text.as_bytes()), 65);
        assert!(said.contains(words), "{said}");
    }
    let run = World::new().run(&["plan", "prodmq", "--namespace", "Rabbit_MQ"]);
    assert!(refused_at_once(&run, 64).contains("error: `--namespace`: expected 1 to 63 of a-z, 0-9 and `-`"));
}

#[test]
fn an_even_number_of_nodes_is_a_warning() {
    let run = read_as(format!("{PROFILE}replicas: 2\n").as_bytes()).ended(0);
    assert!(run.stdout.ends_with("warning: `replicas`: 2 nodes survive no more failures than 1; take an odd number\n"));
}

/// A secrets file with this text in it.
fn secrets(text: &str) -> World {
    let world = World::new();
    world.write(SECRETS_FILE, text);
    fs::set_permissions(world.path(SECRETS_FILE), fs::Permissions::from_mode(0o600)).unwrap();
    world
}

#[test]
fn a_cookie_that_erlang_or_a_shell_changes() {
    for (line, words) in [
        ("erlangCookie: ''", "1:15 `erlangCookie`: expected a text in quotes that is not empty"),
        ("erlangCookie: 'CANARY '", "1:15 `erlangCookie`: it has a blank or a character beyond ASCII"),
        ("erlangCookie: 'CANARYé'", "1:15 `erlangCookie`: it has a blank or a character beyond ASCII"),
        ("erlangCookie: 'CANARY$HOME'", "1:15 `erlangCookie`: it has a quote, a backslash, a backtick or a `$`"),
        ("erlangCookie: \"CANARY\\ttab\"", "1:15 `erlangCookie`: it has a line break or another control character"),
        ("password: \"CANARY\\nline\"", "1:11 `password`: it has a line break or another control character"),
    ] {
        let said = refused_at_once(&secrets(&format!("{line}\n")).run(&INSTALL), 65);
        assert!(said.contains(&format!("`profiles/prodmq.secrets.yaml`: {words}")), "{said}");
        assert!(!said.contains("CANARY"), "{said}");
    }
}

/// A profile whose cookie comes from this source.
fn sourced(source: &str) -> World {
    let world = World::new();
    world.profile("prodmq", &format!("{PROFILE}credentials: {{erlangCookie: {source}}}\n"));
    world
}

#[test]
fn a_source_whose_cookie_erlang_would_change() {
    let world = sourced("{file: cookie.txt}");
    world.write("work/profiles/cookie.txt", "CANARY CANARY\n");
    assert_snapshot!(refused_at_once(&world.run(&INSTALL), 65), @"
    $ mqctl install prodmq --yes   [exit 65]
    error: `credentials.erlangCookie`: profiles/cookie.txt gives none that can be used: it has a blank or a character beyond ASCII, which Erlang does not take
    ");
    let run = sourced("{env: COOKIE}").run_with(("COOKIE", "CANARY\nCANARY"), &INSTALL);
    assert!(refused_at_once(&run, 65).contains("$COOKIE gives none that can be used: it has a line break"));
}

#[test]
fn a_line_break_at_the_end_is_no_part_of_a_secret() {
    let command = format!("{{command: [/bin/echo, {COOKIE}]}}");
    for source in ["{env: COOKIE}", "{file: cookie.txt}", &command] {
        let world = sourced(source);
        world.write("work/profiles/cookie.txt", &format!("{COOKIE}\r\n"));
        let run = world.run_with(("COOKIE", &format!("{COOKIE}\n")), &INSTALL).ended(0);
        let applied = format!("\"erlang-cookie\":\"{}\"", objects::base64(COOKIE));
        assert!(run.changes()[0].stdin.contains(&applied), "{source}: {run}");
    }
    let world = secrets(&format!("erlangCookie: \"{COOKIE}\\n\"\npassword: \"{PASSWORD}\\r\\n\"\n"));
    let applied = format!("\"erlang-cookie\":\"{}\"", objects::base64(COOKIE));
    assert!(world.run(&INSTALL).ended(0).changes()[0].stdin.contains(&applied));
}

#[test]
fn a_source_command_that_hangs_or_is_killed() {
    let run = sourced("{command: [/bin/sleep, '60']}").run(&["install", "prodmq", "--yes", "--timeout", "1s"]);
    assert_snapshot!(refused_at_once(&run, 75), @"
    $ mqctl install prodmq --yes --timeout 1s   [exit 75]
    error: `credentials.erlangCookie`: source command `/bin/sleep` did not end in time
    ");
    let run = sourced("{command: [/bin/sh, -c, 'kill -9 $$']}").run(&INSTALL);
    assert!(refused_at_once(&run, 65).contains("source command `/bin/sh` failed (by a signal)"));
}

/// The volumes of an earlier install are there, and nothing else of it; the profile asks for this storage now.
pub fn after_a_delete(size: &str, class: &str) -> World {
    let world = World::installed();
    world.run(&["delete", "prodmq", "--yes"]).ended(0);
    world.object("storageclass.fast", &objects::named("StorageClass", "fast"));
    world.profile("prodmq", &format!("{PROFILE}storage: {{size: {size}, class: {class}}}\n"));
    world
}

#[test]
fn volumes_that_are_smaller_than_the_profile() {
    let run = after_a_delete("16Gi", "standard").run(&INSTALL);
    assert_snapshot!(refused(&run, 78), @r#"
    $ mqctl install prodmq --yes   [exit 78]
    error: `storage.size`: the volumes of an earlier install are used again, and `data-prodmq-0` is 8Gi, not 16Gi; nothing was changed
    hint: storage: {size: 8Gi}   # in the profile
    hint: kubectl --context test --namespace rabbitmq patch persistentvolumeclaim data-prodmq-0 data-prodmq-1 data-prodmq-2 --patch '{"spec":{"resources":{"requests":{"storage":"16Gi"}}}}'
    see: mqctl explain VOLUMES
    "#);
}

#[test]
fn volumes_that_are_larger_than_the_profile() {
    let run = after_a_delete("4Gi", "standard").run(&INSTALL);
    assert_snapshot!(refused(&run, 78), @"
    $ mqctl install prodmq --yes   [exit 78]
    error: `storage.size`: the volumes of an earlier install are used again, and `data-prodmq-0` is 8Gi, not 4Gi, and no volume shrinks; nothing was changed
    hint: storage: {size: 8Gi}   # in the profile
    see: mqctl explain VOLUMES
    ");
}

#[test]
fn volumes_of_another_class_than_the_profile() {
    let run = after_a_delete("8Gi", "fast").run(&INSTALL);
    assert_snapshot!(refused(&run, 78), @"
    $ mqctl install prodmq --yes   [exit 78]
    error: `storage.class`: the volumes of an earlier install are used again, and `data-prodmq-0` is standard, not fast; nothing was changed
    hint: storage: {class: standard}   # in the profile
    see: mqctl explain VOLUMES
    ");
}

#[test]
fn volumes_that_fit_are_used_again_and_the_plan_says_so() {
    // The same size in other words.
    let world = after_a_delete("8192Mi", "standard");
    assert_snapshot!(world.run(&["plan", "prodmq"]).ended(0).words(), @"
    $ mqctl plan prodmq   [exit 0]
    test / rabbitmq / prodmq     builtin 1.0.0 · RabbitMQ 4.3.6-management · 3 nodes · 8192Mi standard

      1  changes   helm install    1 StatefulSet, 2 Services, 1 ConfigMap, 1 PodDisruptionBudget, 1 ServiceAccount
                   volumes that are there are used again, with their data: data-prodmq-0, data-prodmq-1, data-prodmq-2
      2  waits     3 nodes booted  up to 10m
      3  reads     login as user   members, alarms, cookie, by the brokers' own word
    ");
    world.run(&INSTALL).ended(0);
}

#[test]
fn the_storage_of_a_statefulset_that_is_there() {
    let said = refused(&crate::upgrade::changed(&crate::upgrade::DEPLOYED.replace("8Gi", "16Gi")).run(&INSTALL), 78);
    assert!(said.contains("hint: mqctl upgrade prodmq --recreate-statefulset"), "{said}");
}
