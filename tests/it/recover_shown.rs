//! What `mqctl recover` shows and refuses, without a change beyond the evidence that is kept.

use insta::assert_snapshot;

use crate::dialects::speak;
use crate::objects::{self, COOKIE, PASSWORD, PODS};
use crate::recover::{AUTO, blank, deadlock, story, trap};
use crate::world::World;

#[test]
fn what_the_evidence_speaks_against_is_refused() {
    for strategy in ["together", "forget", "khepri-standalone", "force-boot", "repair"] {
        let world = trap();
        let run = world.run(&["recover", "prodmq", "--strategy", strategy, "--confirm", "prodmq"]).ended(78);
        assert_eq!(run.changing_verbs(), ["apply"], "the evidence is kept, and nothing else done: {run}");
        assert!(run.stderr.contains(&format!("error: {strategy} is refused: ")), "{run}");
    }
}

#[test]
fn where_nothing_is_allowed_the_last_resort_is_named() {
    let world = trap();
    PODS.iter().for_each(|pod| blank(&world, pod));
    let told = |args: &[&str]| {
        let run = world.run(args).ended(78);
        run.stderr.lines().skip_while(|line| !line.starts_with("error: ")).collect::<Vec<_>>().join("\n")
    };
    let forced = ["force-boot", "prodmq", "--node", "prodmq-2", "--confirm", "prodmq"];
    assert_snapshot!([told(&AUTO), told(&forced)].join("\n"), @"
    error: nothing that mqctl would propose helps here: no volume has anything on it: there is nothing to recover; nothing was changed
    hint: mqctl recover prodmq --evidence-only   # what was read, and kept
    hint: mqctl delete prodmq --purge && mqctl install prodmq   # the last resort: loses all messages, and all queues and users but those of the profile's `definitions:`
    error: force-boot is refused: no volume has anything on it: there is nothing to recover; nothing was changed
    hint: mqctl delete prodmq --purge && mqctl install prodmq   # the last resort: loses all messages, and all queues and users but those of the profile's `definitions:`
    ");
}

#[test]
fn what_may_be_there_still_is_not_given_up() {
    let world = trap();
    PODS[1..].iter().for_each(|pod| blank(&world, pod));
    world.rule("*exec*prodmq-0*", 1, "", "error: unable to upgrade connection");
    world.rule("*create*", 1, "", "Error from server (Forbidden): pods is forbidden");
    let run = world.run(&AUTO).ended(78);
    assert!(run.stderr.contains("no volume that could be read has anything on it"), "{run}");
    assert!(!run.stderr.contains("--purge"), "{run}");
}

#[test]
fn without_anybody_to_ask_the_ladder_is_shown_and_nothing_done() {
    let run = trap().run(&["recover", "prodmq"]).ended(64);
    assert_eq!(run.changing_verbs(), ["apply"], "the evidence is kept: {run}");
    assert_snapshot!(story(&run), @r#"
    what can be done
      1   start prodmq-1 and prodmq-2 first, then the others   loses nothing that prodmq-1 knew   about 60 s   recommended
      -   together            refused: loads the copy of prodmq-0: what was declared after it stopped would be lost
      -   forget              refused: no member's volume is lost
      -   force-boot          refused: prodmq-1 and prodmq-2 tie: `newest-first` starts both; or name one with --node
      -   khepri-standalone   refused: the metadata is in Mnesia
      -   repair              refused: no node serves clients without its metadata

       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    error: which way? there is nobody to ask; nothing was started or stopped
    hint: mqctl recover prodmq --strategy auto --yes
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (ConfigMap "prodmq-mqctl-evidence")
    "#);
}

#[test]
fn a_dry_run_changes_nothing() {
    let run = trap().run(&["recover", "prodmq", "--dry-run"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.stdout, @"
    test / rabbitmq / prodmq     recover (newest-first)

      1  changes   ConfigMap prodmq-mqctl-evidence           what is under way, and the StatefulSet as it will be
      2  changes   hold back prodmq-0                        at the start gate, by ConfigMap prodmq-hold
      3  changes   release prodmq-1                          in place, as soon as it waits: it loads its own copy
      4  waits     clients are served by prodmq-1, prodmq-2
      5  changes   open the start gate                       ConfigMap prodmq-hold is deleted
      6  waits     3 nodes ready                             up to 10m
      7  reads     login as user                             members, alarms, cookie, by the brokers' own word
      8  reads     a leader for every queue                  each is asked itself
      9  changes   the note of what is under way             taken away again
    ");
}

#[test]
fn the_plan_as_a_script() {
    let run = trap().run(&["recover", "prodmq", "--strategy", "auto", "--as-script"]).ended(0);
    assert_eq!(run.changing_verbs(), ["apply"], "the evidence is kept: {run}");
    assert_snapshot!(run.stdout, @r#"
    #!/bin/sh
    # test/rabbitmq/prodmq: recover (newest-first)
    # Made for what was seen at that moment: run it soon, from top to bottom, and stop where a command fails.
    set -eu

    # 1. changes ConfigMap prodmq-mqctl-evidence: what is under way, and the StatefulSet as it will be
    kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name <<'END'
    {"apiVersion":"v1","data":{"recovery.json":"{\"strategy\":\"newest-first\",\"way\":{\"first\":[\"prodmq-1\",\"prodmq-2\"],\"lost\":[],\"strangers\":[]},\"statefulSet\":{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"metadata\":{\"annotations\":{\"mqctl/values\":\"d\"},\"name\":\"prodmq\"},\"spec\":{\"podManagementPolicy\":\"Parallel\",\"replicas\":3,\"template\":{\"spec\":{\"containers\":[{\"image\":\"rabbitmq:4.0.5-management\",\"name\":\"rabbitmq\"}],\"initContainers\":[{\"name\":\"start-gate\"}]}},\"updateStrategy\":{\"type\":\"RollingUpdate\"}}},\"byChart\":false,\"copies\":false}"},"kind":"ConfigMap","metadata":{"labels":{"app.kubernetes.io/instance":"prodmq","app.kubernetes.io/managed-by":"mqctl"},"name":"prodmq-mqctl-evidence"}}
    END
    kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite 'mqctl/recovery=newest-first' || true   # whatever comes of it

    # 2. changes hold back prodmq-0: at the start gate, by ConfigMap prodmq-hold
    kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name <<'END'
    {"apiVersion":"v1","data":{"pods":"prodmq-0\n"},"kind":"ConfigMap","metadata":{"labels":{"app.kubernetes.io/instance":"prodmq","app.kubernetes.io/managed-by":"mqctl"},"name":"prodmq-hold"}}
    END
    kubectl --context test --namespace rabbitmq delete --ignore-not-found --grace-period 10 '--wait=true' --timeout 2m pod/prodmq-0

    # 3. changes release prodmq-1: in place, as soon as it waits: it loads its own copy
    until kubectl --context test --namespace rabbitmq logs prodmq-1 --container rabbitmq --tail 400 | grep -qE 'Waiting for Mnesia tables|startup complete'; do sleep 1; done
    until kubectl --context test --namespace rabbitmq logs prodmq-2 --container rabbitmq --tail 400 | grep -qE 'Waiting for Mnesia tables|startup complete'; do sleep 1; done
    kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval <<'END'
    case rabbit:is_running() of true -> runs; false -> case catch rabbit_khepri:is_enabled() of true -> exit(khepri); _ -> ok = rabbit_table:force_load() end end.
    END

    # 4. waits clients are served by prodmq-1, prodmq-2
    until kubectl --context test --namespace rabbitmq get pod/prodmq-1 pod/prodmq-2 >/dev/null 2>&1; do sleep 1; done
    kubectl --context test --namespace rabbitmq wait --for=condition=Ready pod/prodmq-1 pod/prodmq-2 --timeout=600s

    # 5. changes open the start gate: ConfigMap prodmq-hold is deleted
    kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m configmap/prodmq-hold
    kubectl --context test --namespace rabbitmq exec prodmq-0 --container start-gate -- touch /tmp/go || true   # whatever comes of it

    # 6. waits 3 nodes ready: up to 10m
    until kubectl --context test --namespace rabbitmq get pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 >/dev/null 2>&1; do sleep 1; done
    kubectl --context test --namespace rabbitmq wait --for=condition=Ready pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 --timeout=600s

    # 7. reads login as user: members, alarms, cookie, by the brokers' own word
    kubectl --context test --namespace rabbitmq exec prodmq-0 --container rabbitmq -- timeout -k 2 60 rabbitmqctl cluster_status
    kubectl --context test --namespace rabbitmq exec prodmq-1 --container rabbitmq -- timeout -k 2 60 rabbitmqctl cluster_status
    kubectl --context test --namespace rabbitmq exec prodmq-2 --container rabbitmq -- timeout -k 2 60 rabbitmqctl cluster_status

    # 8. reads a leader for every queue: each is asked itself
    kubectl --context test --namespace rabbitmq exec prodmq-1 --container rabbitmq -- timeout -k 2 60 rabbitmqctl list_queues name state leader messages

    # 9. changes the note of what is under way: taken away again
    kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name <<'END'
    {"apiVersion":"v1","kind":"ConfigMap","metadata":{"labels":{"app.kubernetes.io/instance":"prodmq","app.kubernetes.io/managed-by":"mqctl"},"name":"prodmq-mqctl-evidence"}}
    END
    "#);
}

#[test]
fn no_secret_is_in_a_script_a_note_or_the_conversation() {
    let world = trap();
    let script = world.run(&["recover", "prodmq", "--strategy", "auto", "--as-script"]).ended(0);
    let run = world.run(&[&AUTO[..], &["-vv"]].concat()).ended(0);
    for text in [script.to_string(), run.stdout.clone(), run.stderr.clone()] {
        for canary in [COOKIE, PASSWORD, &objects::base64(COOKIE), &objects::base64(PASSWORD)] {
            assert!(!text.contains(canary), "{text}");
        }
    }
}

#[test]
fn rights_that_are_missing_are_named() {
    let world = trap();
    let denied =
        r#"{"spec":{"resourceAttributes":{"verb":"delete","resource":"statefulsets"}},"status":{"allowed":false}}"#;
    world.rule("*create*SelfSubjectAccessReview*", 0, denied, "");
    let run = world.run(&AUTO).ended(77);
    run.changed_nothing();
    assert!(run.stderr.contains("delete statefulsets"), "{run}");
}

/// Only an install can make it; it starts all nodes together.
#[test]
fn a_release_that_is_not_there_is_installed_not_recovered() {
    let without_set = |world: World| {
        world.remove("cluster/statefulset.prodmq");
        PODS.iter().for_each(|pod| drop(std::fs::remove_file(world.path(&format!("cluster/pod.{pod}")))));
        let run = world.run(&AUTO).ended(78);
        run.stderr.lines().skip_while(|line| !line.starts_with("error: ")).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(without_set(deadlock()), @"
    error: there is no StatefulSet `prodmq`, and none is kept; nothing was changed
    hint: mqctl install prodmq   # makes it, and starts all nodes together
    ");
    assert_snapshot!(without_set(trap()), @r"
    error: there is no StatefulSet `prodmq`, and none is kept, and an install loads the copy of prodmq-0: what was declared after it stopped would be lost; nothing was changed
    hint: printf '%s\n' prodmq-0 prodmq-1 prodmq-2 | kubectl --namespace rabbitmq create configmap prodmq-hold --from-file=pods=/dev/stdin   # no node starts
    hint: mqctl install prodmq --timeout 1m; mqctl recover prodmq   # it finds them held back, and starts the newest first
    ");
    let other = trap();
    speak(&other, "bitnami", "");
    assert_snapshot!(without_set(other), @"
    error: there is no StatefulSet `prodmq`, and none is kept, and an install loads the copy of prodmq-0: what was declared after it stopped would be lost; nothing was changed
    hint: values: {podManagementPolicy: OrderedReady}   # in the profile: then only prodmq-0 starts
    hint: mqctl install prodmq --timeout 1m; mqctl recover prodmq
    ");
}
