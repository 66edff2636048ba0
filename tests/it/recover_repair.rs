//! `mqctl recover` after a refused step to 4.3: nodes that run without their metadata boot on Khepri, with everything.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::evidence::probe;
use crate::objects::{self, PODS};
use crate::recover::{AUTO, khepri, stateful_set, story, trap};
use crate::recover_again::nothing_is_left;
use crate::transcript::Transcript;
use crate::world::World;

const OLD: &str = "rabbitmq:4.0.5-management";
const NEW: &str = "rabbitmq:4.3.6-management";
const DAMAGED: &str =
    "\n@@ vm\nmqctl {\"running\":true,\"version\":\"4.0.5\",\"khepri\":false,\"downs\":[],\"tables\":5}\n";

fn pod(name: &str, status: &Value, image: &str) -> Value {
    let mut pod = objects::pod(name, status);
    pod["spec"]["containers"][0]["image"] = json!(image);
    pod
}

/// prodmq-2 got the image of 4.3, and was refused; the others go on, ready, without users and queues.
pub fn refused_step() -> World {
    let world = trap();
    let mut set = stateful_set("Parallel", true);
    set["spec"]["template"]["spec"]["containers"][0]["image"] = json!(NEW);
    set["spec"]["template"]["spec"]["initContainers"][0]["image"] = json!(NEW);
    set["status"]["readyReplicas"] = json!(2);
    world.object("statefulset.prodmq", &set);
    for name in &PODS[..2] {
        world.object(&format!("pod.{name}"), &pod(name, &objects::running(true), OLD));
        world.write(&format!("cluster/probe.{name}"), &probe(name, &PODS, &[], DAMAGED));
    }
    let crashed = json!({"containerStatuses": [{"name": "rabbitmq", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
    world.object("pod.prodmq-2", &pod("prodmq-2", &crashed, NEW));
    world.write("cluster/probe.prodmq-2", &probe("prodmq-2", &PODS, &[], ""));
    khepri(&world, "prodmq-2");
    world
}

/// The image of before is back, and every node boots with the same flags.
#[track_caller]
fn is_repaired(world: &World) {
    nothing_is_left(world);
    let set = std::fs::read_to_string(world.path("cluster/statefulset.prodmq")).unwrap();
    assert!(set.contains(OLD) && !set.contains(NEW), "{set}");
    for name in PODS {
        let probe = std::fs::read_to_string(world.path(&format!("cluster/probe.{name}"))).unwrap();
        assert!(probe.contains("[khepri_db,\n quorum_queue,\n stream_queue]."), "{probe}");
    }
    let helpers = world.files_below("cluster").into_keys().filter(|file| file.contains("-mqctl-reader-"));
    assert_eq!(helpers.count(), 0, "helper pods are removed");
}

#[test]
fn all_nodes_boot_on_khepri_with_the_version_that_runs() {
    let world = refused_step();
    assert_snapshot!(story(&world.run(&AUTO).ended(0)), @r#"
    prodmq is back.   mqctl status prodmq
    what can be done
      1   boot all nodes on Khepri, where the metadata is now   loses nothing   about 90 s   recommended
      -   together            refused: would make it worse: take `repair`
      -   newest-first        refused: would make it worse: take `repair`
      -   forget              refused: would make it worse: take `repair`
      -   force-boot          refused: would make it worse: take `repair`
      -   khepri-standalone   refused: would make it worse: take `repair`

    test/rabbitmq/prodmq: recover: 6 to change, 0 to destroy
    warning: the profile has `image.tag` 4.3.6-management, and rabbitmq:4.0.5-management runs again: the next upgrade would try that step
       0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
       0.0s feature flag khepri_db on prodmq-0, prodmq-1
       0.0s all nodes stopped
       0.0s the same feature flags on prodmq-2
       0.0s all nodes started
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s all nodes agree, logged in as user
       0.0s 37 queues, each with a leader, 1204 messages
       0.0s queues asked
       0.0s nothing is under way any more
    kubectl create '--validate=false' --filename - --output json (1 pods that read volumes)
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-mqctl-reader-2
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name (ConfigMap "prodmq-mqctl-evidence": "repair", first [])
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=repair'
    kubectl exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 50 sh -s set -eu file=${RABBITMQ_MNESIA_BASE:-/var/lib/rabbitmq/mnesia}/rabbit@prodmq-0.prodmq-headless.rabbitmq.svc.cluster.local-feature_flags if ! [ -e "$file.mqctl" ]; then cp "$file" "$file.copy"; mv "$file.copy" "$file.mqctl"; fi cat >"$file.new" <<'FLAGS' [khepri_db, quorum_queue, stream_queue]. FLAGS mv "$file.new" "$file"
    kubectl exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 50 sh -s set -eu file=${RABBITMQ_MNESIA_BASE:-/var/lib/rabbitmq/mnesia}/rabbit@prodmq-1.prodmq-headless.rabbitmq.svc.cluster.local-feature_flags if ! [ -e "$file.mqctl" ]; then cp "$file" "$file.copy"; mv "$file.copy" "$file.mqctl"; fi cat >"$file.new" <<'FLAGS' [khepri_db, quorum_queue, stream_queue]. FLAGS mv "$file.new" "$file"
    kubectl apply --server-side --force-conflicts --field-manager helm --filename - (StatefulSet: "Parallel", 0 replicas, ordinals null, update {"type":"RollingUpdate"})
    kubectl delete --ignore-not-found --grace-period 10 '--wait=false' pod/prodmq-0 pod/prodmq-1 pod/prodmq-2
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-mqctl-reader-2
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (pod prodmq-mqctl-reader-2 on data-prodmq-2) set -eu file=${RABBITMQ_MNESIA_BASE:-/var/lib/rabbitmq/mnesia}/rabbit@prodmq-2.prodmq-headless.rabbitmq.svc.cluster.local-feature_flags if ! [ -e "$file.mqctl" ]; then cp "$file" "$file.copy"; mv "$file.copy" "$file.mqctl"; fi cat >"$file.new" <<'FLAGS' [khepri_db, quorum_queue, stream_queue]. FLAGS mv "$file.new" "$file"
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-mqctl-reader-2
    kubectl apply --server-side --force-conflicts --field-manager helm --filename - (StatefulSet: "Parallel", 3 replicas, ordinals null, update {"type":"RollingUpdate"})
    kubectl annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-mqctl-evidence" } }
    "#);
    is_repaired(&world);
    let again = world.run(&AUTO).ended(0);
    assert!(again.stdout.contains("nothing stopped") && again.changing_verbs().is_empty(), "{again}");
}

#[test]
fn the_page_and_the_plan_say_what_was_lost_and_where_it_is() {
    let run = refused_step().run(&["recover", "prodmq", "--dry-run"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.words(), @"
    $ mqctl recover prodmq --dry-run   [exit 0]
    test / rabbitmq / prodmq     recover (repair)

      1  changes   ConfigMap prodmq-mqctl-evidence               what is under way, and the StatefulSet as it will be
      2  changes   feature flag khepri_db on prodmq-0, prodmq-1  in the file beside its data; a copy is kept there as *.mqctl
      3  changes   stop all nodes                                StatefulSet prodmq with rabbitmq:4.0.5-management, and no pod yet
      4  changes   the same feature flags on prodmq-2            through helper pods, removed afterwards
      5  changes   start all nodes                               StatefulSet prodmq
      6  waits     3 nodes ready                                 up to 10m
      7  reads     login as user                                 members, alarms, cookie, by the brokers' own word
      8  reads     a leader for every queue                      each is asked itself
      9  changes   the note of what is under way                 taken away again

    warning: the profile has `image.tag` 4.3.6-management, and rabbitmq:4.0.5-management runs again: the next upgrade would try that step
    test / rabbitmq / prodmq     2 of 3 nodes run · builtin 1.0.0 · Mnesia · 2 of 3 nodes read

    who stopped last (read from the nodes)

      node       state       store    last change            saw running                    read
      prodmq-0   ready       Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
      prodmq-1   ready       Mnesia   2026-11-22T08:55:00Z   prodmq-0, prodmq-1, prodmq-2   now
      prodmq-2   crashed:    -        -                      -                              no

      no metadata   prodmq-0, prodmq-1: a refused step to 4.3 took users, vhosts and queues away
      where it is   in the Khepri stores of the volumes
      not read      prodmq-2: crashed:

    what can be done
      1   boot all nodes on Khepri, where the metadata is now   loses nothing   about 90 s   recommended
      -   together            refused: would make it worse: take `repair`
      -   newest-first        refused: would make it worse: take `repair`
      -   forget              refused: would make it worse: take `repair`
      -   force-boot          refused: would make it worse: take `repair`
      -   khepri-standalone   refused: would make it worse: take `repair`
    ");
}

#[test]
fn everything_else_would_make_it_worse() {
    for strategy in ["together", "newest-first", "forget", "force-boot", "khepri-standalone"] {
        let run = refused_step().run(&["recover", "prodmq", "--strategy", strategy, "--confirm", "prodmq"]).ended(78);
        let refusal = format!("error: {strategy} is refused: would make it worse: take `repair`; nothing was changed");
        assert!(run.stderr.contains(&refusal), "{run}");
        no_more_than_read(&run);
    }
}

/// Helper pods that read volumes come and go.
#[track_caller]
fn no_more_than_read(run: &Transcript) {
    let reads = |text: &str| {
        text.contains("pods that read volumes")
            || (text.contains(" delete ") && text.ends_with(" pod/prodmq-mqctl-reader-2"))
    };
    assert!(run.work().iter().all(|call| reads(&call.to_string())), "{run}");
}

#[test]
fn a_node_that_has_none_of_khepri_s_files_is_left_alone() {
    let world = refused_step();
    world.object("pod.prodmq-2", &pod("prodmq-2", &objects::running(false), OLD));
    world.write("cluster/probe.prodmq-2", &probe("prodmq-2", &PODS, &[], ""));
    let run = world.run(&AUTO).ended(78);
    run.changed_nothing();
    assert_snapshot!(story(&run), @"
    what can be done
      -   together            refused: would make it worse, and `repair` does not fit: prodmq-2 has none of Khepri's files and may yet come up
      -   newest-first        refused: would make it worse, and `repair` does not fit: prodmq-2 has none of Khepri's files and may yet come up
      -   forget              refused: would make it worse, and `repair` does not fit: prodmq-2 has none of Khepri's files and may yet come up
      -   force-boot          refused: would make it worse, and `repair` does not fit: prodmq-2 has none of Khepri's files and may yet come up
      -   khepri-standalone   refused: would make it worse, and `repair` does not fit: prodmq-2 has none of Khepri's files and may yet come up
      -   repair              refused: prodmq-2 has none of Khepri's files and may yet come up

    error: nothing that mqctl would propose helps here: would make it worse, and `repair` does not fit: prodmq-2 has none of Khepri's files and may yet come up; nothing was changed
    hint: mqctl recover prodmq --evidence-only   # what was read, and kept
    hint: mqctl explain METADATA-LOST   # if a step to 4.3 was refused; copy the volumes before anything else
    ");
}

/// Kills at the call, before and after it did its work; the same command again ends well.
fn killed_at(pattern: &str, world: fn() -> World, again: &[&str]) {
    for moment in ["kill/before", "kill/after"] {
        let world = world();
        world.write(moment, &format!("{pattern}\n"));
        let killed = world.run_to_the_last_child(&AUTO);
        assert_eq!(killed.code, Some(128 + 9), "{moment} {pattern}: nobody was killed\n{killed}");
        let again = world.run(again).ended(0);
        assert!(again.stdout.contains("prodmq is back") || again.stdout.contains("nothing stopped"), "{again}");
        is_repaired(&world);
    }
}

const STEPS: [&str; 10] = [
    "kubectl * --field-manager mqctl-recovery *",
    "kubectl * exec * prodmq-0 * <*<<'FLAGS'*",
    "kubectl * exec * prodmq-1 * <*<<'FLAGS'*",
    "kubectl * apply * <*\"replicas\":0*",
    "kubectl * delete * --grace-period 10 *",
    "kubectl * apply * <*prodmq-mqctl-reader-2*FLAGS*",
    "kubectl * apply * <*StatefulSet*\"replicas\":3*",
    "kubectl * exec * <*leaderless*",
    "kubectl * annotate statefulset * mqctl/recovery-",
    "kubectl * --field-manager mqctl-recovery * < {\"apiVersion\":\"v1\",\"kind\"*",
];

#[test]
fn killed_at_each_step_of_a_repair() {
    STEPS.iter().for_each(|call| killed_at(call, refused_step, &AUTO));
}

#[test]
fn a_repair_that_was_cut_short_is_finished_whatever_is_asked_for() {
    let again = ["recover", "prodmq", "--strategy", "together", "--yes"];
    killed_at(STEPS[4], refused_step, &again);
    killed_at(STEPS[5], refused_step, &again);
}

#[test]
fn pods_in_order_are_made_parallel_on_the_way() {
    fn in_order() -> World {
        let world = refused_step();
        let set = std::fs::read_to_string(world.path("cluster/statefulset.prodmq")).unwrap();
        world.write("cluster/statefulset.prodmq", &set.replace("Parallel", "OrderedReady"));
        world
    }
    killed_at("kubectl * delete statefulset * --cascade=orphan *", in_order, &AUTO);
    killed_at("kubectl * apply * <*StatefulSet*\"replicas\":3*", in_order, &AUTO);
}

#[test]
fn pods_that_are_held_back_start_with_the_others() {
    let world = refused_step();
    world.object("configmap.prodmq-hold", &objects::named("ConfigMap", "prodmq-hold"));
    world.run(&AUTO).ended(0);
    is_repaired(&world);
}

#[test]
fn a_helper_pod_that_fails_ends_the_repair_and_the_next_run_finishes_it() {
    let world = refused_step();
    let failed = json!({"kind": "Pod", "metadata": {"name": "prodmq-mqctl-reader-2"}, "status": {"phase": "Failed"}});
    world.rule("kubectl * get * json pod/prodmq-mqctl-reader-2", 0, &failed.to_string(), "");
    let run = world.run(&[&AUTO[..], &["--no-helper-pods"]].concat()).ended(1);
    let error: Vec<&str> = run.stderr.lines().skip_while(|line| !line.starts_with("error: ")).collect();
    assert_snapshot!(error.join("\n"), @"
    error: recover: the same feature flags on prodmq-2: the helper pod `prodmq-mqctl-reader-2` failed
    hint: kubectl --namespace rabbitmq logs prodmq-mqctl-reader-2   # what it said
    not reached: start all nodes, 3 nodes ready, login as user, a leader for every queue, the note of what is under way
    it can be finished: mqctl recover prodmq
    ");
    world.remove("rules/0/pattern");
    world.run(&AUTO).ended(0);
    is_repaired(&world);
}

/// Somebody has stopped everything since, in the hope of a cure: no node runs, and so many tables are on the old volumes.
fn all_stopped(tables: u32, booted: &str) -> World {
    let world = refused_step();
    for name in &PODS[..2] {
        world.remove(&format!("cluster/pod.{name}"));
        let probe = probe(name, &PODS, &[], "").replace("@@ clean", &format!("@@ tables\n{tables}\n\n@@ clean"));
        world.write(&format!("cluster/probe.{name}"), &probe);
    }
    let mut secret = objects::secret(objects::COOKIE, objects::PASSWORD);
    secret["metadata"]["annotations"]["mqctl/booted-tag"] = json!(booted);
    world.object("secret.prodmq-mqctl-credentials", &secret);
    world
}

fn emptied() -> World {
    all_stopped(0, "4.0.5-management")
}

#[test]
fn nodes_that_were_stopped_since_boot_on_khepri_too() {
    let world = emptied();
    let run = world.run(&AUTO).ended(0);
    is_repaired(&world);
    let laid = |call: &&crate::transcript::Recorded| call.stdin.contains("FLAGS");
    assert_eq!(run.work().into_iter().filter(laid).count(), 3, "through a helper pod each: {run}");
    killed_at(STEPS[4], emptied, &AUTO);
    killed_at("kubectl * apply * <*prodmq-mqctl-reader-0*FLAGS*", emptied, &AUTO);
    killed_at(STEPS[6], emptied, &AUTO);
}

#[test]
fn nodes_of_two_stores_are_left_alone_where_no_table_is_gone() {
    let refusal = |world: &World| {
        let run = world.run(&AUTO).ended(78);
        run.stderr.lines().skip_while(|line| !line.starts_with("error: ")).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!([refusal(&all_stopped(8, "4.0.5")), refusal(&all_stopped(0, "4.3.6"))].join("\n"), @"
    error: nothing that mqctl would propose helps here: the nodes' files belong to different metadata stores, and `repair` does not fit: no node is known to have lost its tables; nothing was changed
    hint: mqctl recover prodmq --evidence-only   # what was read, and kept
    hint: mqctl explain METADATA-LOST   # if a step to 4.3 was refused; copy the volumes before anything else
    error: which version ran before rabbitmq:4.3.6-management is not known; nothing was changed
    hint: kubectl --namespace rabbitmq set image statefulset/prodmq rabbitmq=IMAGE   # that of before; then again
    ");
}
