//! `PASSWORDS ERROR` of a chart that looks its Secret up: asked again with a look, or told for what it is.

use insta::assert_snapshot;

use crate::dialects::{release, speak};
use crate::world::World;

const ERROR: &str = "Error: UPGRADE FAILED: execution error at (rabbitmq/templates/secrets.yaml:18:20): \nPASSWORDS ERROR: You must provide your current passwords when upgrading the release.\n    'auth.password' must not be empty, please add '--set auth.password=$RABBITMQ_PASSWORD' to the command.";

/// A chart that finds no Secret in a dry run which asks no server.
fn looks_up() -> World {
    let world = World::installed();
    speak(&world, "bitnami", "");
    world.object("release", &release("16.0.16"));
    world.rule("helm upgrade * --dry-run --output json *", 1, "", ERROR);
    world
}

#[test]
fn a_dry_run_that_looked_nothing_up_is_made_once_more_with_a_look() {
    let run = looks_up().run(&["upgrade", "prodmq", "--yes"]).ended(0);
    run.changed_nothing();
    assert!(run.stdout.contains("nothing to change"), "{run}");
    let looked = |arg: &String| arg == "--dry-run=server";
    assert_eq!(
        run.calls.iter().filter(|call| call.program == "helm" && call.args.iter().any(looked)).count(),
        1,
        "{run}"
    );
}

#[test]
fn a_secret_that_is_not_there_is_told_and_where_to_get_it() {
    let world = looks_up();
    world.rule("helm upgrade * --dry-run=server *", 1, "", ERROR);
    let run = world.run(&["upgrade", "prodmq", "--yes"]).ended(78);
    run.changed_nothing();
    assert_snapshot!(run.stderr, @"
    error: the chart does not find password and cookie in the Secret that it is told of (PASSWORDS ERROR); nothing was changed
    hint: mqctl credentials adopt prodmq   # puts them there, as the brokers have them
    see: mqctl explain HELM-PASSWORDS
    ");
}

#[test]
fn a_helm_that_cannot_look_is_too_old_for_such_a_chart() {
    let world = looks_up();
    let words = "Error: invalid argument \"server\" for \"--dry-run\" flag: strconv.ParseBool: parsing \"server\": invalid syntax";
    world.rule("helm upgrade * --dry-run=server *", 1, "", words);
    let run = world.run(&["upgrade", "prodmq", "--yes"]).ended(69);
    run.changed_nothing();
    assert_snapshot!(run.stderr, @"
    error: this chart looks at its Secret, and `helm` before 3.13 does not in a dry run; nothing was changed
    hint: install helm 3.13 or later
    ");
}
