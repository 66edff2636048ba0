//! What `mqctl migrate` does not begin, or does not end; and where it is not needed.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::dialects::{release, speak};
use crate::migrate::{MOVE, QUEUES, RETIRE, census, emptied, leaving, moved, with_a_client};
use crate::objects;
use crate::world::World;

#[test]
fn what_is_not_retired() {
    let refused = |world: &World| {
        let run = world.run(&RETIRE).ended(78);
        run.changed_nothing();
        run.words()
    };
    assert_snapshot!(refused(&leaving()), @"
    $ mqctl migrate prodmq --retire --yes   [exit 78]
    error: no migration of `prodmq` is under way, and --retire stops what was moved; nothing was changed
    hint: mqctl migrate prodmq --to-chart builtin   # moves it first
    ");
    let world = moved();
    world.object("census.prodmq", &census(&QUEUES, &[0, 3]));
    assert_snapshot!(refused(&world), @"
    $ mqctl migrate prodmq --retire --yes   [exit 78]
    error: 3 messages in `prodmq`: / bills; it stays, and nothing was changed
    hint: mqctl migrate prodmq   # moves what is left
    hint: point its clients to amqp://user@prodmq-next.rabbitmq.svc:5672
    see: mqctl explain MIGRATION
    ");
    world.object("census.prodmq", &census(&QUEUES, &[0, 0]));
    world.object("census.prodmq-next", &census(&QUEUES[..1], &[6000]));
    assert!(refused(&world).contains("`prodmq-next` does not have 1 queue of `prodmq`: / bills"));
}

#[test]
fn a_plain_delete_is_refused_while_messages_are_left() {
    let world = with_a_client();
    world.run(&MOVE).ended(75);
    world.object("census.prodmq", &census(&QUEUES, &[0, 3]));
    let run = world.run(&["delete", "prodmq", "--yes"]).ended(78);
    run.changed_nothing();
    assert_snapshot!(run.words(), @"
    $ mqctl delete prodmq --yes   [exit 78]
    error: `prodmq` is being moved to `prodmq-next`, and 3 messages are left; nothing was changed
    hint: mqctl migrate prodmq            # moves what is left, and takes the shovels away
    hint: mqctl migrate prodmq --retire   # stops the old one then
    see: mqctl explain MIGRATION
    ");
    world.object("census.prodmq", &emptied());
    let run = world.run(&["delete", "prodmq", "--yes"]).ended(78);
    assert!(run.stderr.contains("and its shovels are there still; nothing was changed"), "{run}");
    world.object("census.prodmq", &census(&QUEUES, &[0, 0]));
    world.run(&["delete", "prodmq", "--yes"]).ended(0);
}

/// Neither is one that was begun when nothing was left: who is left over knows nothing of the others.
#[test]
fn what_nobody_can_count_is_not_deleted_unasked() {
    let stopped = || {
        let world = with_a_client();
        world.run(&MOVE).ended(75);
        objects::PODS
            .iter()
            .for_each(|pod| world.object(&format!("pod.{pod}"), &objects::pod(pod, &objects::running(false))));
        world
    };
    let world = stopped();
    let refused = |args: &[&str]| {
        let run = world.run(args).ended(78);
        run.changed_nothing();
        run.stderr
    };
    let plain = refused(&["delete", "prodmq", "--yes"]);
    assert_snapshot!(plain, @"
    error: `prodmq` is being moved to `prodmq-next`, and nobody can count what is left: no node of `prodmq` is ready, and messages move out of brokers that run; nothing was changed
    hint: mqctl doctor prodmq
    hint: mqctl delete prodmq --confirm prodmq   # all the same: what is left stays on the volumes
    see: mqctl explain MIGRATION
    ");
    assert_eq!(refused(&["delete", "prodmq", "--purge", "--confirm", "prodmq"]), plain, "its volumes stay in any case");
    world.run(&["delete", "prodmq", "--confirm", "prodmq"]).ended(0);
    assert!(world.files_below("cluster").contains_key("cluster/persistentvolumeclaim.data-prodmq-0"));
    let world = moved();
    world.write("kill/after", "kubectl * --replicas 1\n");
    world.run_to_the_last_child(&["delete", "prodmq", "--yes"]);
    world.object("census.prodmq", &Value::Null);
    world.run(&["delete", "prodmq", "--yes"]).ended(0);
}

#[test]
fn volumes_that_fit_stay_in_place() {
    let world = leaving();
    std::fs::remove_file(world.path("work/charts")).unwrap();
    speak(&world, "cloudpirates", "");
    world.object("release", &release("0.21.18"));
    let run = world.run(&MOVE).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.stdout, @r#"
    prodmq can change its chart in place: cloudpirates rabbitmq-0.21.18 -> builtin 1.0.0; nothing was changed
      √ node                 rabbit@prodmq-0.prodmq-headless
      √ volume claim         data-prodmq-0
      √ data on the volume   mnesia
      √ user id              999
    each node finds its data where they are, so no message has to move:
      1  mqctl delete prodmq      # volumes and Secret stay; no client is served from here on
      2  in profiles/prodmq.yaml, in the place of `chart` and of the old chart's `values`:
         chart: {"ref":"builtin"}
         values: {}
      3  mqctl install prodmq     # on the same volumes; clients are served again, at the same address
    it costs the time of a stop and a boot. The way back: the old `chart` and `values`, and the same three lines
    with clients served all the while, beside it: the same command with --as prodmq-next
    "#);
    let fit = world.run(&[&MOVE[..], &["-o", "json"]].concat()).ended(0).json();
    assert_eq!((&fit["kind"], &fit["inPlace"]), (&json!("Fit"), &json!(true)));
    assert_eq!(fit["profile"], json!({"chart": {"ref": "builtin"}, "values": {}}));
    let beside =
        world.run(&["migrate", "prodmq", "--to-chart", "builtin", "--as", "prodmq-next", "--dry-run"]).ended(0);
    assert!(beside.stdout.contains("profiles/prodmq-next.yaml"), "{beside}");
}

/// A chart that is told nothing calls its nodes after itself, and begins with new volumes.
#[test]
fn in_place_the_other_chart_is_told_to_call_things_as_they_are_called() {
    let world = World::installed();
    let mut old = census(&QUEUES, &[6000, 4000]);
    old["plugins"] = json!(["rabbitmq_management", "rabbitmq_mqtt"]);
    world.object("census.prodmq", &old);
    std::os::unix::fs::symlink(crate::dialects::CHARTS, world.path("work/charts")).unwrap();
    let run = world.run(&["migrate", "prodmq", "--to-chart", "./charts/cloudpirates-like", "--yes"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.stdout, @r#"
    prodmq can change its chart in place: builtin 1.0.0 -> cloudpirates rabbitmq-0.21.18; nothing was changed
      √ node                 rabbit@prodmq-0.prodmq-headless
      √ volume claim         data-prodmq-0
      √ data on the volume   mnesia
      √ user id              999
    each node finds its data where they are, so no message has to move:
      1  mqctl delete prodmq      # volumes and Secret stay; no client is served from here on
      2  in profiles/prodmq.yaml, in the place of `chart` and of the old chart's `values`:
         chart: {"ref":"../charts/cloudpirates-like"}
         values: {"additionalPlugins":["rabbitmq_mqtt"],"fullnameOverride":"prodmq"}
      3  mqctl install prodmq     # on the same volumes; clients are served again, at the same address
    it costs the time of a stop and a boot. The way back: the old `chart` and `values`, and the same three lines
    with clients served all the while, beside it: the same command with --as prodmq-next
    "#);
}

#[test]
fn what_is_not_begun() {
    let world = leaving();
    let refused = |code: i32, args: &[&str]| {
        let run = world.run(&[&["migrate", "prodmq"], args, &["--yes"]].concat()).ended(code);
        run.changed_nothing();
        run.stderr
    };
    assert_snapshot!(refused(64, &["--to-chart", "./charts/bitnami-like"]), @"
    error: `prodmq` is on such a chart already: bitnami rabbitmq-16.0.16; nothing was changed
    hint: another version of it: `chart:` in the profile, then mqctl upgrade prodmq
    ");
    assert_snapshot!(refused(64, &["--to-chart", "./charts/stable-like"]), @"
    error: `--to-chart ./charts/stable-like`: expected builtin, cloudpirates or groundhog2k, or where such a chart is; nothing was changed
    hint: mqctl migrate prodmq --to-chart builtin
    ");
    assert_snapshot!(refused(64, &["--to-chart", "operator"]), @"
    error: no profile can be made for that chart: `chart.ref`: expected builtin, REPO/CHART, oci://HOST/CHART, or a path such as ./charts/rabbitmq, found `operator`; nothing was changed
    hint: mqctl migrate --help   # which charts there are
    ");
    assert_snapshot!(refused(64, &["--to-chart", "cloudpirates"]), @"
    error: no profile can be made for that chart: `chart.version`: missing: a chart that is not on this machine is named with its version; nothing was changed
    hint: mqctl migrate --help   # which charts there are
    ");
    assert_snapshot!(refused(64, &["--to-chart", "builtin", "--as", "prodmq"]), @"
    error: `--as`: `prodmq` cannot be the new profile's name: it is the old one's; nothing was changed
    hint: mqctl migrate prodmq --to-chart builtin --as NEW
    ");
    assert_snapshot!(refused(64, &[]), @"
    error: no migration of `prodmq` is under way, so that the chart has to be named; nothing was changed
    hint: mqctl migrate prodmq --to-chart builtin
    ");
    world.profile("other", "format: 1\nnamespace: rabbitmq\n");
    assert_snapshot!(refused(65, &["--to-chart", "builtin", "--as", "other"]), @r#"
    error: `profiles/other.yaml`: `values.plugins` lacks rabbitmq_shovel, which moves the messages; nothing was changed
    hint: values: {"plugins":["rabbitmq_management","rabbitmq_prometheus","rabbitmq_shovel"]}   # in it
    "#);
    world.profile("far", "format: 1\nnamespace: elsewhere\n");
    assert!(refused(64, &["--to-chart", "builtin", "--as", "far"]).contains("is in namespace `elsewhere`"));
    world.write("work/profiles/prodmq-next.secrets.yaml", "erlangCookie: \"OTHER\"\npassword: \"other\"\n");
    let file = world.path("work/profiles/prodmq-next.secrets.yaml");
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_snapshot!(refused(78, &["--to-chart", "builtin"]), @"
    error: `prodmq-next` has another Erlang cookie than the release that it takes over from; nothing was changed
    hint: move profiles/prodmq-next.secrets.yaml away: it is written with those of the old release
    ");
}

#[test]
fn brokers_that_cannot_be_counted_are_not_left() {
    let refused = |code: i32, old: &Value| {
        let world = leaving();
        world.object("census.prodmq", old);
        let run = world.run(&MOVE).ended(code);
        run.changed_nothing();
        run.stderr
    };
    let mut silent = census(&QUEUES, &[1, 2]);
    silent["queues"][0]["ready"] = Value::Null;
    assert_snapshot!(refused(75, &silent), @"
    error: nobody said what is in 1 queue of `prodmq`: / orders; nothing was changed
    hint: mqctl doctor prodmq
    ");
    let mut unknown = census(&QUEUES, &[1, 2]);
    unknown["clients"] = Value::Null;
    assert!(refused(75, &unknown).contains("did not say who is connected to it; nothing was changed"));
    let world = leaving();
    objects::PODS
        .iter()
        .for_each(|pod| world.object(&format!("pod.{pod}"), &objects::pod(pod, &objects::running(false))));
    let run = world.run(&MOVE).ended(78);
    assert!(run.stderr.contains("no node of `prodmq` is ready"), "{run}");
}
