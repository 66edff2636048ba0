//! Definitions of the profile: imported once, after the first boot, read back, and never shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use insta::assert_snapshot;

use crate::bad_input::refused;
use crate::transcript::{Recorded, Transcript};
use crate::world::{PROFILE, World};

const FILE: &str = "work/profiles/prodmq.definitions.json";
const HASH: &str = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR";
const INSTALL: [&str; 3] = ["install", "prodmq", "--yes"];

/// A profile with a file of definitions, which the stand-in's broker exports when it has imported it.
fn world() -> World {
    let world = World::with_secrets();
    world.profile("prodmq", &format!("{PROFILE}definitions: prodmq.definitions.json\n"));
    world.write(
        FILE,
        &format!(
            r#"{{"vhosts": [{{"name": "/"}}], "users": [{{"name": "shop", "password_hash": "{HASH}"}}, {{"name": "user"}}],
            "queues": [{{"name": "orders", "vhost": "/", "type": "quorum"}}]}}"#
        ),
    );
    world
}

fn exports(world: &World, queues: &str) {
    let text = format!(r#"{{"vhosts": [{{"name": "/"}}], "users": [{{"name": "shop"}}], "queues": [{queues}]}}"#);
    world.write("cluster/definitions.json", &text);
}

/// What was fed to the broker.
fn imported(run: &Transcript) -> Vec<String> {
    let import = |call: &Recorded| {
        let (_, rest) = call.stdin.split_once("import_raw(base64:decode(\"")?;
        let bytes = STANDARD.decode(rest.split_once('"')?.0).unwrap();
        Some(String::from_utf8(bytes).unwrap())
    };
    run.calls.iter().filter_map(import).collect()
}

#[test]
fn the_first_install_imports_them_and_no_other() {
    let world = world();
    exports(&world, r#"{"name": "orders", "vhost": "/"}"#);
    let run = world.run(&INSTALL).ended(0);
    assert_snapshot!(run.words(), @"
    $ mqctl install prodmq --yes   [exit 0]
    prodmq is ready.   amqp://user@prodmq.rabbitmq.svc:5672     mqctl status prodmq     mqctl credentials show prodmq
    test/rabbitmq/prodmq: install: 3 to change, 0 to destroy
       0.0s Secret prodmq-mqctl-credentials written
       0.0s helm release installed
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s definitions imported and read back: 1 virtual host, 1 user, 1 queue
       0.0s one cluster, no alarm, logged in as user
    ");
    let imported = imported(&run);
    assert_eq!(imported.len(), 1, "{run}");
    assert!(imported[0].contains("orders") && imported[0].contains(HASH), "{}", imported[0]);
    assert!(!imported[0].contains(r#""user""#), "the profile's own user keeps the profile's password: {}", imported[0]);
    let again = world.run(&INSTALL).ended(0);
    assert_eq!(self::imported(&again), Vec::<String>::new(), "{again}");
}

#[test]
fn no_hash_of_a_password_is_shown() {
    let world = world();
    exports(&world, r#"{"name": "orders", "vhost": "/"}"#);
    let run = world.run(&[&INSTALL[..], &["-vv"]].concat()).ended(0);
    assert!(!format!("{}{}", run.stdout, run.stderr).contains(HASH), "{}", run.stderr);
    assert!(run.stderr.contains("prodmq.definitions.json)"), "named in its place: {}", run.stderr);
}

#[test]
fn what_the_import_left_out_is_an_error_and_the_next_run_imports_again() {
    let world = world();
    exports(&world, "");
    let run = world.run(&INSTALL).ended(1);
    assert!(run.stderr.contains("the import left out 1 of the definitions: queue `/ orders`"), "{run}");
    exports(&world, r#"{"name": "orders", "vhost": "/"}"#);
    let again = world.run(&INSTALL).ended(0);
    assert!(again.stderr.contains("definitions imported and read back: 1 virtual host, 1 user, 1 queue"), "{again}");
}

#[test]
fn a_file_that_cannot_be_imported_is_refused_before_anything_changes() {
    let world = world();
    world.write(FILE, "{\n  \"queues\": [{\"name\": \"orders\"}]}");
    let said = refused(&world.run(&INSTALL), 65);
    assert_snapshot!(said, @"
    $ mqctl install prodmq --yes   [exit 65]
    error: `definitions`: `profiles/prodmq.definitions.json`: `queues[0].vhost`: expected text; export the whole broker, not one virtual host
    hint: rabbitmqctl export_definitions FILE   # writes such a file, on a broker that has them
    ");
    std::fs::remove_file(world.path(FILE)).unwrap();
    assert!(refused(&world.run(&INSTALL), 65).contains("there is no such file"));
    assert_snapshot!(refused(&world.run(&["profile", "check", "prodmq"]), 65), @"
    $ mqctl profile check prodmq   [exit 65]
    error: `definitions`: `profiles/prodmq.definitions.json`: there is no such file
    hint: rabbitmqctl export_definitions FILE   # writes such a file, on a broker that has them
    ");
}

#[test]
fn profile_check_says_what_is_in_them() {
    let run = world().run(&["profile", "check", "prodmq"]).ended(0);
    assert!(run.stdout.contains("prodmq.definitions.json   ok: 1 virtual host, 1 user, 1 queue"), "{run}");
}

#[test]
fn what_the_broker_refuses_is_told_in_its_words_and_imported_by_the_next_run() {
    let world = world();
    exports(&world, r#"{"name": "orders", "vhost": "/"}"#);
    world.fails("kubectl * exec * <*import_raw*", 1, "Error: {no_such_vhost,<<\"shop\">>}");
    let run = world.run(&INSTALL).ended(1);
    assert!(
        run.stderr.contains("error: install: import definitions: ") && run.stderr.contains("no_such_vhost"),
        "{run}"
    );
    assert_eq!(imported(&world.run(&INSTALL).ended(0)).len(), 1, "the boot was not noted yet");
}

#[test]
fn inspect_says_what_is_imported_and_shown_outside() {
    let world = world();
    world.profile(
        "prodmq",
        &format!("{PROFILE}definitions: shop.json\nexpose: {{ip: 10.0.0.9, sourceRanges: [10.0.0.0/8]}}\n"),
    );
    let page = world.run(&["inspect", "prodmq", "-o", "json"]).ended(0).json();
    let fields = page["fields"].as_array().unwrap();
    let passed = |path: &str| {
        fields.iter().find(|f| f["path"] == path).map(|f| (f["value"].to_string(), f["passedAs"]["kind"].to_string()))
    };
    let as_service = |value: &str| Some((value.to_owned(), r#""service""#.to_owned()));
    assert_eq!(passed("definitions"), Some((r#""profiles/shop.json""#.to_owned(), r#""broker""#.to_owned())));
    assert_eq!(passed("expose.type"), as_service(r#""LoadBalancer""#));
    assert_eq!(passed("expose.ports"), as_service(r#"["amqp"]"#));
    assert_eq!(passed("expose.ip"), as_service(r#""10.0.0.9""#));
    assert_eq!(passed("expose.sourceRanges"), as_service(r#"["10.0.0.0/8"]"#));
    let outside = |o: &serde_json::Value| o["name"] == "prodmq-external" && o["madeBy"] == "mqctl";
    assert!(page["objects"].as_array().unwrap().iter().any(outside), "{page:#}");
}
