//! `mqctl migrate` after SIGKILL at each of its calls, and the end of the old release.

use insta::assert_snapshot;
use serde_json::Value;

use crate::migrate::{
    MOVE, QUEUES, RETIRE, census, emptied, leaving, moved, with_a_client, with_clients, without_secrets,
};

#[test]
fn a_run_that_was_killed_is_finished_by_the_next() {
    let calls = [
        "kubectl * create * <*Lease*",
        "kubectl * create * <*Secret*",
        "helm upgrade --install prodmq-next *",
        "kubectl * annotate secret *",
        "kubectl * annotate statefulset *",
        "kubectl * exec * <*import_raw*",
        "kubectl * exec * <*add_user*",
        "kubectl * exec * <*src-uri*",
        "kubectl * exec * <*parameters:clear*",
        "kubectl * exec * <*delete_user*",
    ];
    for pattern in calls {
        for moment in ["kill/before", "kill/after"] {
            let world = leaving();
            world.write(moment, &format!("{pattern}\n"));
            let killed = world.run_to_the_last_child(&MOVE);
            assert_eq!(killed.code, Some(128 + 9), "{moment} {pattern}: nobody was killed\n{killed}");
            let run = world.run(&MOVE).ended(0);
            without_secrets(&run);
            let twice =
                |word: &str| [&killed, &run].map(|run| run.calls.iter().filter(|c| c.stdin.contains(word)).count());
            assert!(moment == "kill/before" || twice("src-uri").iter().sum::<usize>() == 1, "{pattern}: {run}");
            world.run(&MOVE).ended(0).changed_nothing();
            let now = std::fs::read_to_string(world.path("cluster/census.prodmq-next")).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&now).unwrap(), census(&QUEUES, &[6000, 4000]), "{pattern}");
        }
    }
}

#[test]
fn nobody_changes_either_side_meanwhile() {
    let world = leaving();
    world.write("kill/after", "kubectl * exec * <*src-uri*\n");
    world.run_to_the_last_child(&MOVE);
    let left = world.files_below("cluster");
    for release in ["prodmq", "prodmq-next"] {
        let lease = left.get(&format!("cluster/lease.{release}-mqctl"));
        assert!(lease.is_some_and(|lease| String::from_utf8_lossy(lease).contains(" migrate\"")), "{release}");
    }
    world.run(&MOVE).ended(0);
    assert!(!world.files_below("cluster").keys().any(|file| file.contains("lease.")), "both are given back");
}

#[test]
fn who_comes_first_to_the_new_side_leaves_the_old_one_free() {
    let world = leaving();
    world.rule("kubectl * create * <*prodmq-next-mqctl*", 1, "", "Error from server (AlreadyExists): error when creating \"STDIN\": leases.coordination.k8s.io \"prodmq-next-mqctl\" already exists");
    let run = world.run(&MOVE).ended(75);
    assert!(run.stderr.contains("another mqctl was at work on `prodmq-next` a moment ago"), "{run}");
    assert!(!world.files_below("cluster").contains_key("cluster/lease.prodmq-mqctl"), "{run}");
}

/// The chart is known from the profile that the old StatefulSet names.
#[test]
fn it_goes_on_without_the_charts_name() {
    let world = with_a_client();
    world.run(&MOVE).ended(75);
    world.object("census.prodmq", &emptied());
    let run = world.run(&["migrate", "prodmq", "--yes"]).ended(0);
    assert!(run.stdout.contains("prodmq-next has every message of prodmq"), "{run}");
    world.run(&["migrate", "prodmq", "--yes"]).ended(0).changed_nothing();
}

/// Somebody has deleted it: the shovels that are there stay, and are let in again.
#[test]
fn a_user_of_the_shovels_that_is_gone_is_made_again() {
    let world = with_a_client();
    world.run(&MOVE).ended(75);
    world.object("census.prodmq", &with_clients(census(&QUEUES, &[0, 0]), 1));
    let run = world.run(&["migrate", "prodmq", "--yes"]).ended(75);
    assert!(run.stderr.contains("user of the shovels made"), "{run}");
    assert!(!run.calls.iter().any(|call| call.stdin.contains("src-uri")), "{run}");
    let left = world.files_below("cluster");
    assert!(String::from_utf8_lossy(&left["cluster/census.prodmq"]).contains("\"mover\":true"));
}

#[test]
fn who_retires_without_another_move_leaves_no_shovel_behind() {
    let world = with_a_client();
    world.run(&MOVE).ended(75);
    world.object("census.prodmq", &emptied());
    let run = world.run(&RETIRE).ended(0);
    let of =
        |word: &str| run.calls.iter().position(|call| call.to_string().contains(word) || call.stdin.contains(word));
    let order = ["parameters:clear", "delete_user", "mqctl/migration=prodmq-next retired", "helm uninstall"].map(of);
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{order:?} {run}");
}

#[test]
fn the_old_one_goes_when_nothing_is_left_in_it() {
    let world = moved();
    let plan = world.run(&[&RETIRE[..3], &["--dry-run"]].concat()).ended(0);
    assert_snapshot!(plan.words(), @"
    $ mqctl migrate prodmq --retire --dry-run   [exit 0]
    test / rabbitmq / prodmq     retire; volumes, Secret and profile stay

      1  reads     count both sides   no message and no client may be left
      2  changes   mark prodmq        it is being stopped
      3  changes   announce the stop  so that no node waits for a quorum that will not come back
      4  changes   stop prodmq-2
      5  changes   stop prodmq-1
      6  changes   stop prodmq-0      last, so that it knows what the others knew
      7  changes   helm uninstall     StatefulSet, Services, ConfigMap; no volume, no Secret of mqctl's
    ");
    let run = world.run(&RETIRE).ended(0);
    assert_snapshot!(run.stdout, @"
    kept: the volumes data-prodmq-0, data-prodmq-1, data-prodmq-2, the Secret prodmq-mqctl-credentials, the profile
    prodmq is retired.   gone for good: mqctl delete prodmq --purge
    ");
    let left = world.files_below("cluster");
    assert!(!left.contains_key("cluster/statefulset.prodmq") && left.contains_key("cluster/statefulset.prodmq-next"));
    for file in ["secret.prodmq-mqctl-credentials", "persistentvolumeclaim.data-prodmq-0", "pod.prodmq-next-0"] {
        assert!(left.contains_key(&format!("cluster/{file}")), "{file}");
    }
    world.run(&RETIRE).ended(0).changed_nothing();
}

#[test]
fn a_retirement_that_was_killed_goes_on() {
    for pattern in
        ["kubectl * annotate statefulset *", "kubectl * --replicas 2", "kubectl * --replicas 0", "helm uninstall *"]
    {
        let world = moved();
        world.write("kill/after", &format!("{pattern}\n"));
        assert_eq!(world.run_to_the_last_child(&RETIRE).code, Some(128 + 9), "{pattern}");
        world.run(&RETIRE).ended(0);
        assert!(!world.files_below("cluster").contains_key("cluster/statefulset.prodmq"), "{pattern}");
    }
}

#[test]
fn the_plan_in_json_says_why_and_what_it_costs() {
    let plan =
        leaving().run(&["migrate", "prodmq", "--to-chart", "builtin", "--dry-run", "-o", "json"]).ended(0).json();
    let told = plan["told"].as_array().unwrap();
    let about: Vec<&str> = told.iter().map(|one| one["about"].as_str().unwrap()).collect();
    assert_eq!(about, ["side by side", "costs", "clients", "way back"]);
    assert!(told[1]["text"].as_str().unwrap().starts_with("room for 3 nodes more"), "{plan:#}");
}
