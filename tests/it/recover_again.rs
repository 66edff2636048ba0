//! A recovery that was killed, and run again; and `mqctl force-boot`, whose switch is always taken back.

use insta::assert_snapshot;

use crate::evidence::{RUNS, probe};
use crate::objects::{self, PODS};
use crate::recover::{AUTO, blank, deadlock, khepri, trap};
use crate::transcript::Transcript;
use crate::world::World;

/// What is left of switches and notes.
#[track_caller]
fn nothing_is_left(world: &World) {
    assert!(!world.path("cluster/configmap.prodmq-hold").exists(), "nobody is held back");
    let evidence = std::fs::read_to_string(world.path("cluster/configmap.prodmq-mqctl-evidence")).unwrap();
    assert!(!evidence.contains("recovery.json"), "{evidence}");
    let set = std::fs::read_to_string(world.path("cluster/statefulset.prodmq")).unwrap();
    assert!(!set.contains("mqctl/recovery") && !set.contains("OnDelete"), "{set}");
}

/// From now on the probes say what a cluster that is back says.
fn serves(world: &World) {
    for pod in PODS {
        let answers = world.path(&format!("cluster/pod.{pod}")).exists();
        if answers {
            world.write(&format!("cluster/probe.{pod}"), &probe(pod, &PODS, &[], RUNS));
        }
    }
}

/// Kills at the call, before and after it did its work; the same command again ends well.
fn killed_at(pattern: &str, world: fn() -> World, args: &[&str]) {
    for moment in ["kill/before", "kill/after"] {
        let world = world();
        world.write(moment, &format!("{pattern}\n"));
        let killed = world.run_to_the_last_child(args);
        assert_eq!(killed.code, Some(128 + 9), "{moment} {pattern}: nobody was killed\n{killed}");
        let ready = std::fs::read_to_string(world.path("cluster/statefulset.prodmq")).unwrap_or_default();
        if ready.contains("\"readyReplicas\":3") {
            serves(&world);
        }
        let again: Transcript = world.run(args).ended(0);
        assert!(again.stdout.contains("prodmq is back") || again.stdout.contains("nothing stopped"), "{again}");
        nothing_is_left(&world);
    }
}

#[test]
fn killed_at_each_step_of_newest_first() {
    let calls = [
        "kubectl * --field-manager mqctl-recovery *",
        "kubectl * apply * <*-hold*",
        "kubectl * delete * pod/prodmq-0*",
        "kubectl * exec * <*rabbit_table:force_load*",
        "kubectl * delete * configmap/prodmq-hold*",
        "kubectl * exec * <*leaderless*",
        "kubectl * annotate statefulset * mqctl/recovery-",
    ];
    calls.iter().for_each(|call| killed_at(call, trap, &AUTO));
}

#[test]
fn killed_while_there_is_no_stateful_set() {
    fn world() -> World {
        let world = deadlock();
        PODS.iter().for_each(|pod| khepri(&world, pod));
        world
    }
    let calls = ["kubectl * delete statefulset *", "kubectl * delete * pod/*", "kubectl * apply * <*StatefulSet*"];
    calls.iter().for_each(|call| killed_at(call, world, &AUTO));
}

#[test]
fn status_says_that_a_recovery_was_cut_short() {
    let world = trap();
    world.write("kill/after", "kubectl * --field-manager mqctl-recovery *\n");
    world.run_to_the_last_child(&AUTO);
    world.write("kill/after", "kubectl * annotate statefulset *\n");
    world.run_to_the_last_child(&AUTO);
    let status = world.run(&["status", "prodmq"]);
    assert!(status.stdout.contains("recovery") && status.stdout.contains("mqctl recover prodmq"), "{status}");
    let json = world.run(&["status", "prodmq", "-o", "json"]).json();
    assert_eq!(json["recovery"], "newest-first");
}

const FORCE: [&str; 6] = ["force-boot", "prodmq", "--node", "prodmq-2", "--confirm", "prodmq"];

fn forced(via: &str) -> (World, Transcript) {
    let world = trap();
    let run = world.run(&[&FORCE[..], &["--via", via]].concat()).ended(0);
    (world, run)
}

#[test]
fn a_force_boot_in_place() {
    let (world, run) = forced("live");
    nothing_is_left(&world);
    assert_snapshot!(run, @"");
}

#[test]
fn a_force_boot_by_a_file_says_how_often_it_tried() {
    let world = trap();
    let gone = "error: unable to upgrade connection: container not found (\"rabbitmq\")";
    world.fails("kubectl * exec * <*touch*force_load*", 2, gone);
    let run = world.run(&[&FORCE[..], &["--via", "file"]].concat()).ended(0);
    nothing_is_left(&world);
    assert_snapshot!(run.stderr, @"");
}

#[test]
fn a_force_boot_by_the_stateful_set_is_taken_back() {
    let (world, run) = forced("statefulset");
    nothing_is_left(&world);
    let work: Vec<String> = run.work().iter().map(ToString::to_string).collect();
    assert_snapshot!(work.join("\n"), @"");
    let calls = ["kubectl * apply * <*OnDelete*", "kubectl * delete * pod/prodmq-2*"];
    calls.iter().for_each(|call| killed_at(call, trap, &[&FORCE[..], &["--via", "statefulset"]].concat()));
}

#[track_caller]
fn refusal(world: &World, args: &[&str]) -> String {
    let run = world.run(&[&["force-boot", "prodmq", "--confirm", "prodmq"], args].concat()).ended(78);
    assert!(run.changing_verbs().iter().all(|verb| *verb == "apply"), "more than the evidence was kept: {run}");
    run.stderr.lines().skip_while(|line| !line.starts_with("error: ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_force_boot_that_cannot_help_is_refused() {
    let mut refusals = vec![refusal(&trap(), &[])];
    let world = trap();
    PODS.iter().for_each(|pod| khepri(&world, pod));
    refusals.push(refusal(&world, &["--node", "prodmq-2"]));
    let world = trap();
    blank(&world, "prodmq-1");
    refusals.push(refusal(&world, &["--node", "prodmq-1"]));
    refusals.push(refusal(&world, &["--node", "prodmq-2"]));
    refusals.push(refusal(&deadlock_with_all_pods(), &["--node", "prodmq-0"]));
    let world = World::installed();
    serves(&world);
    refusals.push(refusal(&world, &[]));
    assert_snapshot!(refusals.join("\n"), @"");
}

/// All stopped in one moment: starting together would do.
fn deadlock_with_all_pods() -> World {
    let world = deadlock();
    for pod in PODS {
        world.object(&format!("pod.{pod}"), &objects::pod(pod, &objects::running(false)));
    }
    world
}

#[test]
fn the_built_in_chart_has_no_value_for_it() {
    let run = trap().run(&[&FORCE[..], &["--via", "chart"]].concat()).ended(64);
    assert!(run.calls.is_empty(), "{run}");
    assert_snapshot!(run.words(), @"");
}

#[test]
fn a_force_boot_wants_the_release_s_name() {
    let run = trap().run(&["force-boot", "prodmq", "--node", "prodmq-2", "--yes"]).ended(64);
    assert_eq!(run.changing_verbs(), ["apply"], "the evidence is kept, and nothing else done: {run}");
    assert!(run.stderr.contains("agree with --confirm prodmq"), "{run}");
}
