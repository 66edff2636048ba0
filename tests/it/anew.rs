//! A StatefulSet made anew around its pods: what that is offered for, what it does, and what it cannot do.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::dialects::{locked, release, speak};
use crate::objects::{self, PODS};
use crate::recover::AUTO;
use crate::transcript::Transcript;
use crate::upgrade::{DEPLOYED, changed};
use crate::wizard::{at_terminal, to_the_end};
use crate::world::{PROFILE, World};

const RECREATE: [&str; 4] = ["upgrade", "prodmq", "--recreate-statefulset", "--yes"];

/// The profile wants more room than the volumes have.
pub fn larger() -> World {
    let world = changed(&DEPLOYED.replace("8Gi", "16Gi"));
    world.profile("prodmq", &format!("{PROFILE}storage: {{size: 16Gi}}\n"));
    world
}

/// The same of another chart: its pods shall be created all at once from now on.
fn at_once() -> World {
    let world = World::installed();
    speak(&world, "bitnami", ", podManagementPolicy: Parallel");
    world.object("release", &release("16.0.16"));
    let manifest = |policy: &str| {
        format!(
            "---\nkind: StatefulSet\nmetadata:\n  name: prodmq\nspec:\n  podManagementPolicy: {policy}\n  replicas: 3\n"
        )
    };
    world.write("cluster/manifest", &manifest("OrderedReady"));
    world.write("cluster/next", &json!({"manifest": manifest("Parallel")}).to_string());
    let mut set = objects::stateful_set(3, "");
    set["spec"]["podManagementPolicy"] = "OrderedReady".into();
    world.object("statefulset.prodmq", &set);
    world
}

#[track_caller]
fn refused(run: &Transcript) -> String {
    assert_eq!(run.code, Some(78), "{run}");
    run.changed_nothing();
    run.stderr.clone()
}

#[test]
fn what_can_be_made_anew_is_offered() {
    for verb in ["upgrade", "install", "plan"] {
        let words = refused(&at_once().run(&[verb, "prodmq"]));
        assert!(words.contains("mqctl upgrade prodmq --recreate-statefulset"), "{verb}: {words}");
    }
    assert_snapshot!(refused(&at_once().run(&["upgrade", "prodmq", "--yes"])), @"
    error: StatefulSet `prodmq` cannot change spec.podManagementPolicy from OrderedReady to Parallel: Kubernetes keeps this field for ever; nothing was changed
    hint: mqctl upgrade prodmq --recreate-statefulset   # made anew around its pods, which stay with their volumes
    hint: or put the value back in the profile
    see: mqctl explain IMMUTABLE
    ");
    assert_snapshot!(refused(&larger().run(&["upgrade", "prodmq", "--yes"])), @"
    error: StatefulSet `prodmq` cannot change spec.volumeClaimTemplates[data].spec.resources.requests.storage from 8Gi to 16Gi: Kubernetes keeps this field for ever; nothing was changed
    hint: mqctl upgrade prodmq --recreate-statefulset   # made anew around its pods, which stay with their volumes
    hint: or put the value back in the profile
    see: mqctl explain IMMUTABLE
    ");
}

#[test]
fn the_plan_says_what_the_difference_means() {
    let plan = |world: World| world.run(&["upgrade", "prodmq", "--recreate-statefulset", "--dry-run"]).ended(0);
    let policy = plan(at_once());
    policy.changed_nothing();
    assert_snapshot!(policy.stdout, @"
    test / rabbitmq / prodmq     bitnami rabbitmq-16.0.16 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi default class

      1  changes   StatefulSet prodmq  taken away from its pods, for helm to make it anew around them: pods and volumes stay
                   podManagementPolicy: no pod restarts by it; it counts from the next start of all pods on
      2  changes   helm upgrade        1 object changed
                   ~ StatefulSet/prodmq
                       spec.podManagementPolicy: OrderedReady -> Parallel
                   livenessProbe.initialDelaySeconds: 600   a node may wait 300 s for its peers, and the default kills it after 270
                   resourcesPreset: none                    the default limits a node to 384Mi of memory; set `resources` under `values`
      3  waits     3 nodes booted      up to 10m
      4  reads     login as user       members, alarms, cookie, by the brokers' own word
    ");
    let size = plan(larger());
    size.changed_nothing();
    assert_snapshot!(size.stdout, @"
    test / rabbitmq / prodmq     builtin 1.0.0 · RabbitMQ 4.3.6-management · 3 nodes · 16Gi default class

      1  changes   grow 3 volumes      8Gi -> 16Gi: data-prodmq-0, data-prodmq-1, data-prodmq-2; clients see nothing of it
      2  changes   StatefulSet prodmq  taken away from its pods, for helm to make it anew around them: pods and volumes stay
                   storage: claims that come later have the new size, too
      3  changes   helm upgrade        1 object changed
                   ~ StatefulSet/prodmq
                       spec.volumeClaimTemplates[data].spec.resources.requests.storage: 8Gi -> 16Gi
      4  waits     3 nodes booted      up to 10m
      5  reads     login as user       members, alarms, cookie, by the brokers' own word
    ");
}

/// The calls that do it, with what is fed to them in few words.
fn calls(run: &Transcript) -> String {
    let call = |call: &&crate::transcript::Recorded| {
        let words: Vec<&String> = call.args.iter().skip(4).filter(|arg| !arg.contains("timeout")).collect();
        let kept = if call.stdin.contains("stateful-set.json") { " <StatefulSet kept>" } else { "" };
        format!("{} {}{kept}", call.program, shell_words::join(words))
    };
    run.work().iter().map(call).collect::<Vec<_>>().join("\n")
}

#[test]
fn volumes_grow_first_and_the_pods_stay() {
    let world = larger();
    let pods = || PODS.map(|pod| std::fs::read(world.path(&format!("cluster/pod.{pod}"))).unwrap());
    let before = pods();
    let run = world.run(&RECREATE).ended(0);
    assert_snapshot!(run.stderr, @"
    test/rabbitmq/prodmq: upgrade: 3 to change, 0 to destroy
       0.0s data-prodmq-0, data-prodmq-1, data-prodmq-2 grown to 16Gi
       0.0s StatefulSet prodmq taken away from its pods; kept in ConfigMap prodmq-mqctl-evidence
       0.0s helm release upgraded
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s one cluster, no alarm, logged in as user
    ");
    let verbs = run.changing_verbs();
    assert_eq!(verbs, ["patch", "apply", "delete", "upgrade", "apply"], "{run}");
    assert_snapshot!(calls(&run), @r#"
    kubectl patch persistentvolumeclaim data-prodmq-0 data-prodmq-1 data-prodmq-2 --patch '{"spec":{"resources":{"requests":{"storage":"16Gi"}}}}'
    kubectl apply --server-side --force-conflicts --field-manager mqctl-upgrade --filename - --output name <StatefulSet kept>
    kubectl delete statefulset prodmq '--cascade=orphan' --ignore-not-found
    helm --values - --history-max 10 600s --namespace rabbitmq --kube-context test
    kubectl apply --server-side --force-conflicts --field-manager mqctl-upgrade --filename - --output name
    "#);
    assert_eq!(pods(), before, "no pod was touched");
    let kept = run.work()[1].stdin.clone();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    let set: Value = serde_json::from_str(kept["data"]["stateful-set.json"].as_str().unwrap()).unwrap();
    assert_eq!((&set["kind"], &set["spec"]["replicas"]), (&"StatefulSet".into(), &3.into()));
    let claim = std::fs::read_to_string(world.path("cluster/persistentvolumeclaim.data-prodmq-2")).unwrap();
    assert!(claim.contains("\"storage\":\"16Gi\""), "{claim}");
    world.write("cluster/manifest", &DEPLOYED.replace("8Gi", "16Gi"));
    world.run(&RECREATE).ended(0).changed_nothing();
}

#[test]
fn claims_that_are_large_enough_are_left_alone() {
    let world = larger();
    for pod in ["prodmq-0", "prodmq-2"] {
        let mut claim = objects::claim(&format!("data-{pod}"));
        claim["spec"]["resources"]["requests"]["storage"] = "16Gi".into();
        world.object(&format!("persistentvolumeclaim.data-{pod}"), &claim);
    }
    let run = world.run(&RECREATE).ended(0);
    let patch = run.work()[0].clone();
    assert!(patch.args.contains(&"data-prodmq-1".to_owned()), "{run}");
    assert!(!patch.args.contains(&"data-prodmq-0".to_owned()), "{run}");
}

#[test]
fn killed_at_any_call_it_is_finished_by_the_same_command() {
    let patterns = [
        "kubectl * patch persistentvolumeclaim *Gi\"}}}}",
        "kubectl * apply * <*stateful-set.json*",
        "kubectl * delete statefulset *",
        "helm upgrade * --timeout *",
        "kubectl * apply *mqctl-upgrade* < {\"apiVersion\":\"v1\",\"kind\"*",
    ];
    for pattern in patterns {
        for moment in ["kill/before", "kill/after"] {
            let world = larger();
            world.write(moment, &format!("{pattern}\n"));
            world.run_to_the_last_child(&RECREATE).ended(128 + 9);
            let run = world.run(&RECREATE).ended(0);
            assert!(world.path("cluster/statefulset.prodmq").exists(), "{moment} {pattern}: {run}");
            for pod in PODS {
                let file = format!("cluster/persistentvolumeclaim.data-{pod}");
                let claim = std::fs::read_to_string(world.path(&file)).unwrap();
                assert!(claim.contains("16Gi"), "{moment} {pattern}: {claim}");
            }
        }
    }
}

/// The StatefulSet is away, helm has begun and not ended, and its manifest is kept.
fn cut_short() -> World {
    let world = larger();
    world.write("kill/after", "kubectl * delete statefulset *\n");
    world.run_to_the_last_child(&RECREATE).ended(128 + 9);
    world
}

#[test]
fn helm_cut_short_in_it_does_not_go_back_to_the_old_one() {
    let world = cut_short();
    world.object("release", &objects::release("pending-upgrade", "2"));
    let run = world.run(&RECREATE).ended(0);
    assert_eq!(run.changing_verbs(), ["delete", "upgrade", "apply"], "{run}");
    assert!(run.work()[0].args.contains(&"secret/sh.helm.release.v1.prodmq.v2".to_owned()), "{run}");
    let world = cut_short();
    world.object("release", &objects::release("pending-upgrade", "2"));
    let run = world.run(&["unlock", "prodmq", "--yes"]).ended(0);
    assert_eq!(run.changing_verbs(), ["delete"], "{run}");
}

#[test]
fn an_install_finishes_it_as_well() {
    let page = cut_short().run(&["status", "prodmq"]).ended(1).stdout;
    assert!(page.contains("its StatefulSet is gone, its pods are there: mqctl install prodmq"), "{page}");
    let run = cut_short().run(&["install", "prodmq", "--yes"]).ended(0);
    assert!(run.changing_verbs().contains(&"upgrade"), "{run}");
}

/// All nodes have stopped meanwhile, and there is no StatefulSet.
fn stopped_without_set(kept: bool) -> World {
    let world = locked("bitnami", "");
    let file = world.path("cluster/statefulset.prodmq");
    let mut set: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    // As it is kept: without what the API server adds.
    set.as_object_mut().unwrap().remove("status");
    set["metadata"].as_object_mut().unwrap().remove("generation");
    world.remove("cluster/statefulset.prodmq");
    let data = if kept { json!({"stateful-set.json": set.to_string()}) } else { json!({}) };
    let object = json!({"kind": "ConfigMap", "metadata": {"name": "prodmq-mqctl-evidence"}, "data": data});
    world.object("configmap.prodmq-mqctl-evidence", &object);
    world
}

#[test]
fn a_recovery_takes_the_stateful_set_that_is_kept() {
    let run = stopped_without_set(false).run(&AUTO).ended(78);
    assert!(run.stderr.contains("none is kept"), "{run}");
    let run = stopped_without_set(true).run(&AUTO).ended(0);
    let made = run.work().iter().any(|call| call.verb() == "apply" && call.stdin.contains("\"kind\":\"StatefulSet\""));
    assert!(made, "{run}");
}

#[test]
fn what_volumes_cannot_become_is_refused_with_the_way_out() {
    let smaller = changed(&DEPLOYED.replace("8Gi", "4Gi"));
    smaller.profile("prodmq", &format!("{PROFILE}storage: {{size: 4Gi}}\n"));
    assert_snapshot!(refused(&smaller.run(&RECREATE)), @"
    error: `storage.size`: `data-prodmq-0` is 8Gi, not 4Gi, and no volume shrinks; nothing was changed
    hint: put `storage` back in the profile to what the volumes are
    hint: mqctl init prodmq-new --size 4Gi   # a release beside it: mqctl explain VOLUMES says how
    see: mqctl explain VOLUMES
    ");
    let class = changed(&DEPLOYED.replace("spec: {resources", "spec: {storageClassName: fast, resources"));
    class.profile("prodmq", &format!("{PROFILE}storage: {{class: fast}}\n"));
    class.object("storageclass.fast", &objects::named("StorageClass", "fast"));
    assert_snapshot!(refused(&class.run(&RECREATE)), @"
    error: `storage.class`: the volumes are of the default, and no volume moves to another class (fast); nothing was changed
    hint: put `storage` back in the profile to what the volumes are
    hint: mqctl init prodmq-new --storage-class fast   # a release beside it: mqctl explain VOLUMES says how
    see: mqctl explain VOLUMES
    ");
    let fixed = larger();
    let words = "Error from server (Forbidden): persistentvolumeclaims \"data-prodmq-0\" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
    fixed.rule("kubectl * patch persistentvolumeclaim * --dry-run=server", 1, "", words);
    assert_snapshot!(refused(&fixed.run(&RECREATE)), @"
    error: `storage.size`: the StorageClass `standard` of `data-prodmq-0` lets no volume grow (allowVolumeExpansion); nothing was changed
    hint: put `storage` back in the profile to what the volumes are
    hint: mqctl init prodmq-new --size 16Gi   # a release beside it: mqctl explain VOLUMES says how
    see: mqctl explain VOLUMES
    ");
}

#[test]
fn what_would_not_be_the_same_pods_or_volumes_is_not_made_anew() {
    for new in [
        DEPLOYED.replace("replicas: 3", "replicas: 3\n  serviceName: other"),
        DEPLOYED.replace("metadata: {name: data}", "metadata: {name: other}"),
        DEPLOYED.split("  volumeClaimTemplates").next().unwrap().to_owned(),
    ] {
        let words = refused(&changed(&new).run(&RECREATE));
        assert!(words.contains("put the value back in the profile: made anew"), "{words}");
    }
}

#[test]
fn fields_of_others_are_taken_back_from_what_is_there_to_stay() {
    let world = larger();
    world.write(
        "cluster/conflicts",
        "error: Apply failed with 1 conflict: conflict with \"kubectl-patch\" using v1: .data.x\n",
    );
    let run = world.run(&RECREATE).ended(0);
    let taken: Value = serde_json::from_str(&run.work()[0].stdin).unwrap();
    let kinds: Vec<&Value> = taken["items"].as_array().unwrap().iter().map(|object| &object["kind"]).collect();
    assert_eq!(kinds, ["ConfigMap", "PodDisruptionBudget"], "{run}");
    let tried = run.calls.iter().filter(|call| call.args.contains(&"--force-conflicts=true".to_owned()));
    assert!(tried.clone().all(|call| call.stdin.contains("StatefulSet")) && tried.count() == 1, "{run}");
}

#[test]
fn rights_that_it_needs_are_missed_only_where_it_is_done() {
    let denied =
        r#"{"spec":{"resourceAttributes":{"verb":"delete","resource":"statefulsets"}},"status":{"allowed":false}}"#;
    let world = larger();
    world.rule("kubectl * create * <*SelfSubjectAccessReview*", 0, denied, "");
    let run = world.run(&RECREATE).ended(77);
    run.changed_nothing();
    assert!(run.stderr.contains("delete statefulsets"), "{run}");
    let world = crate::upgrade::more_memory();
    world.rule("kubectl * create * <*SelfSubjectAccessReview*", 0, denied, "");
    world.run(&RECREATE).ended(0);
}

#[test]
fn at_a_terminal_it_is_offered_in_the_plan() {
    let world = at_once();
    let mut session = at_terminal(&world, &["upgrade", "prodmq"]);
    let page = session.exp_string("Go on?").unwrap();
    assert!(page.contains("taken away from its pods"), "{page}");
    session.send_line("n").unwrap();
    assert_eq!(to_the_end(session).1, 1);
    assert_eq!(world.calls().iter().filter(|call| !call.reads()).count(), 0);
}
