//! `mqctl upgrade` and the plan of a change: what is compared, what is refused beforehand, in which order it is done.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::objects::{self, PODS};
use crate::transcript::Transcript;
use crate::world::{PROFILE, World};

const UPGRADE: [&str; 3] = ["upgrade", "prodmq", "--yes"];

/// What helm has deployed, as far as these tests go.
pub const DEPLOYED: &str = "---
kind: ConfigMap
metadata: {name: prodmq-config}
data: {20-cluster.conf: cluster_formation.target_cluster_size_hint = 3, 90-configuration.conf: \"heartbeat = 60\\nauth_ldap.dn_lookup_bind.password = old\\n\"}
---
kind: StatefulSet
metadata: {name: prodmq}
spec:
  replicas: 3
  template:
    spec:
      terminationGracePeriodSeconds: 600
      containers:
        - {name: rabbitmq, resources: {limits: {memory: 512Mi}}, volumeMounts: [{name: data, mountPath: /var/lib/rabbitmq}]}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {resources: {requests: {storage: 8Gi}}}}]
---
kind: PodDisruptionBudget
metadata: {name: prodmq}
spec: {maxUnavailable: 1}
";

/// Installed and healthy; the profile has another value now, and helm would render this.
pub fn changed(new: &str) -> World {
    let world = World::installed();
    world.profile("prodmq", &format!("{PROFILE}values: {{podLabels: {{a: b}}}}\n"));
    world.write("cluster/manifest", DEPLOYED);
    world.object("next", &json!({"manifest": new}));
    world
}

pub fn more_memory() -> World {
    changed(&DEPLOYED.replace("512Mi", "1Gi").replace("heartbeat = 60", "heartbeat = 30").replace("= old", "= new"))
}

#[test]
fn the_plan_of_a_change_says_what_it_does_to_objects_and_pods() {
    let run = more_memory().run(&["plan", "prodmq", "--detailed-exitcode"]).ended(2);
    run.changed_nothing();
    assert_snapshot!(run.stdout, @"
    test / rabbitmq / prodmq     builtin 1.0.0 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi default class

      1  reads     save the definitions  to ~/home/.local/state/mqctl/prodmq/DATE.json; messages are not in it
      2  changes   helm upgrade          2 objects changed
                   ~ ConfigMap/prodmq-config
                       data.90-configuration.conf: - heartbeat = 60
                       data.90-configuration.conf: - auth_ldap.dn_lookup_bind.password = (masked)
                       data.90-configuration.conf: + heartbeat = 30
                       data.90-configuration.conf: + auth_ldap.dn_lookup_bind.password = (masked)
                   ~ StatefulSet/prodmq
                       spec.template.spec.containers[rabbitmq].resources.limits.memory: 512Mi -> 1Gi
      3  waits     3 nodes restarted     prodmq-2, prodmq-1, prodmq-0: one by one, each when no quorum needs it; about 1m30s
      4  reads     login as user         members, alarms, cookie, by the brokers' own word
    ");
    assert_eq!(
        run.calls.len(),
        3 + 2 + PODS.len() + 2,
        "list, get, review; both manifests and a broker each; two opinions\n{run}"
    );
}

#[test]
fn the_definitions_are_saved_before_helm_comes() {
    let world = more_memory();
    let run = world.run(&UPGRADE).ended(0);
    assert_snapshot!(run.stderr, @"
    test/rabbitmq/prodmq: upgrade: 1 to change, 0 to destroy
       0.0s definitions saved to ~/home/.local/state/mqctl/prodmq/DATE.json
       0.0s helm release upgraded
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s one cluster, no alarm, logged in as user
    ");
    let saved = run.wrote.iter().find(|file| file.contains(".local/state/mqctl/prodmq/")).unwrap();
    assert!(saved.ends_with("Z.json (600)"), "{saved}");
    world.run(&UPGRADE).ended(0).changed_nothing();
}

#[test]
fn stable_feature_flags_are_enabled_last_and_only_when_asked_for() {
    let run = more_memory().run(&["upgrade", "prodmq", "--yes", "--enable-feature-flags"]).ended(0);
    assert_eq!(run.changing_verbs(), ["upgrade", "exec"], "{run}");
    assert!(run.work().last().unwrap().args.ends_with(&["enable_feature_flag".into(), "all".into()]), "{run}");
    // Without a change: where there are any.
    let world = World::installed();
    brokers_say(&world, &json!({"flagsOff": []}));
    world.run(&["upgrade", "prodmq", "--enable-feature-flags"]).ended(0).changed_nothing();
    brokers_say(&world, &json!({"flagsOff": ["khepri_db"]}));
    let run = world.run(&["upgrade", "prodmq", "--yes", "--enable-feature-flags"]).ended(0);
    assert_eq!(run.changing_verbs(), ["exec"], "{run}");
}

#[test]
fn what_others_changed_is_named_and_taken_back() {
    let world = more_memory();
    world.write(
        "cluster/conflicts",
        "error: Apply failed with 1 conflict: conflict with \"kubectl-patch\" using apps/v1: .spec.replicas\n",
    );
    assert_snapshot!(world.run(&["plan", "prodmq"]).ended(0).stdout.lines().skip(2).take(5).collect::<Vec<_>>().join("\n"), @"
    1  reads     save the definitions  to ~/home/.local/state/mqctl/prodmq/DATE.json; messages are not in it
    2  changes   take back 1 field     changed beside helm; the profile's value comes back
                 .spec.replicas  (changed by kubectl-patch)
    3  changes   helm upgrade          2 objects changed
                 ~ ConfigMap/prodmq-config
    ");
    let run = world.run(&UPGRADE).ended(0);
    assert_eq!(run.changing_verbs(), ["apply", "upgrade"], "{run}");
    assert!(run.work()[0].args.contains(&"--force-conflicts".to_owned()), "{run}");
    let list: Value = serde_json::from_str(&run.work()[0].stdin).unwrap();
    let owner = &list["items"][1]["metadata"]["annotations"]["meta.helm.sh/release-name"];
    assert_eq!(owner, "prodmq", "without helm's marks the objects would lose them");
}

#[track_caller]
fn refused(run: &Transcript, code: i32) -> String {
    assert_eq!(run.code, Some(code), "{run}");
    run.changed_nothing();
    run.words()
}

#[test]
fn what_kubernetes_would_refuse_half_way_is_refused_at_once() {
    let storage = changed(&DEPLOYED.replace("8Gi", "16Gi"));
    for verb in ["upgrade", "install"] {
        assert!(refused(&storage.run(&[verb, "prodmq", "--yes"]), 78).contains("spec.volumeClaimTemplates"));
    }
    assert_snapshot!(refused(&storage.run(&UPGRADE), 78), @"
    $ mqctl upgrade prodmq --yes   [exit 78]
    error: StatefulSet `prodmq` cannot change spec.volumeClaimTemplates[data].spec.resources.requests.storage from 8Gi to 16Gi: Kubernetes keeps this field for ever; nothing was changed
    hint: mqctl upgrade prodmq --recreate-statefulset   # made anew around its pods, which stay with their volumes
    hint: or put the value back in the profile
    see: mqctl explain IMMUTABLE
    ");
    let invalid = more_memory();
    invalid.write("cluster/conflicts", "The StatefulSet \"prodmq\" is invalid: spec.template.spec.containers[0].resources.requests: Invalid value: \"2Gi\": must be less than or equal to memory limit of 1Gi\n");
    assert_snapshot!(refused(&invalid.run(&UPGRADE), 65), @r#"
    $ mqctl upgrade prodmq --yes   [exit 65]
    error: the API server refuses it: The StatefulSet "prodmq" is invalid: spec.template.spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi; nothing was changed
    "#);
}

#[test]
fn what_does_not_render_is_refused_in_the_chart_s_words() {
    let world = more_memory();
    world.rule(
        "helm upgrade *--dry-run*",
        1,
        "",
        "Error: values don't meet the specifications of the schema(s)\n- at '/podLabels': got string, want object",
    );
    assert_snapshot!(refused(&world.run(&UPGRADE), 65), @"
    $ mqctl upgrade prodmq --yes   [exit 65]
    error: `helm upgrade --dry-run`: - at '/podLabels': got string, want object; nothing was changed
    ");
}

/// The same release with brokers that say this of themselves.
fn brokers_say(world: &World, change: &Value) {
    PODS.iter().for_each(|pod| broker_says(world, pod, change));
}

fn broker_says(world: &World, pod: &str, change: &Value) {
    let mut answer = objects::answer(pod);
    answer.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    world.object(&format!("answer.{pod}"), &answer);
}

/// A release of one image whose profile asks for another.
fn from_to(from: &str, to: &str, said: &Value) -> World {
    let world = changed(DEPLOYED);
    let secret = objects::secret(objects::COOKIE, objects::PASSWORD).to_string();
    world.write("cluster/secret.prodmq-mqctl-credentials", &secret.replace(mqctl::profile::Image::TAG, from));
    world.profile("prodmq", &format!("{PROFILE}image: {{tag: {to}}}\n"));
    brokers_say(&world, said);
    world
}

#[test]
fn version_steps_that_rabbitmq_does_not_take() {
    let mnesia = json!({"version": "4.0.5", "khepri": false, "flagsOff": []});
    assert_snapshot!(refused(&from_to("4.0.5-management", "4.3.6-management", &mnesia).run(&UPGRADE), 78), @"
    $ mqctl upgrade prodmq --yes   [exit 78]
    error: `image.tag`: from 4.0.5-management to 4.3.6-management: this cluster keeps its metadata in Mnesia, and 4.3 would take them away while every pod stays Ready; nothing was changed
    hint: mqctl upgrade prodmq --to 4.3   # says the way
    see: mqctl explain VERSION-STEP
    ");
    let khepri = json!({"version": "4.0.5", "khepri": true, "flagsOff": []});
    assert_snapshot!(refused(&from_to("4.0.5-management", "4.3.6-management", &khepri).run(&UPGRADE), 78), @"
    $ mqctl upgrade prodmq --yes   [exit 78]
    error: `image.tag`: from 4.0.5-management to 4.3.6-management: not in one step; by way of 4.2, then 4.3; nothing was changed
    hint: mqctl upgrade prodmq --to 4.3   # says the way
    see: mqctl explain VERSION-STEP
    ");
    let flags = json!({"version": "4.0.5", "khepri": false, "flagsOff": ["rabbitmq_4.0.0"]});
    assert_snapshot!(refused(&from_to("4.0.5", "4.2.1", &flags).run(&UPGRADE), 78), @"
    $ mqctl upgrade prodmq --yes   [exit 78]
    error: `image.tag`: from 4.0.5 to 4.2.1: stable feature flags are not enabled: rabbitmq_4.0.0; nothing was changed
    hint: kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- rabbitmqctl enable_feature_flag all
    see: mqctl explain VERSION-STEP
    ");
    assert_snapshot!(refused(&from_to("4.0.5", "3.13.7", &khepri).run(&UPGRADE), 78), @"
    $ mqctl upgrade prodmq --yes   [exit 78]
    error: `image.tag`: from 4.0.5 to 3.13.7: RabbitMQ does not go back to an older series; nothing was changed
    hint: image: {tag: 4.0.5}   # in the profile
    see: mqctl explain VERSION-STEP
    ");
    assert!(refused(&from_to("4.0.5", "latest", &khepri).run(&UPGRADE), 78).contains("cannot be told"));
}

/// A step of version from 4.0 that was cut short when the pod with the highest number had booted on 4.1.
fn half_way(wished: &str) -> World {
    let world = from_to("4.0.5-management", wished, &json!({"version": "4.0.5", "khepri": false, "flagsOff": []}));
    let secret = std::fs::read_to_string(world.path("cluster/secret.prodmq-mqctl-credentials")).unwrap();
    let intended = secret.replace(r#"image-tag":"4.0.5"#, r#"image-tag":"4.1.2"#);
    world.write("cluster/secret.prodmq-mqctl-credentials", &intended);
    broker_says(&world, "prodmq-2", &json!({"version": "4.1.2", "khepri": false, "flagsOff": ["rabbitmq_4.1.0"]}));
    world
}

#[test]
fn after_half_a_step_no_broker_goes_back() {
    let world = half_way("4.0.5-management");
    assert_snapshot!(refused(&world.run(&UPGRADE), 78), @r"
    $ mqctl upgrade prodmq --yes   [exit 78]
    error: `image.tag`: to 4.0.5-management while `prodmq-0` runs 4.0.5, `prodmq-1` runs 4.0.5, `prodmq-2` runs 4.1.2: RabbitMQ does not go back to an older series; nothing was changed
    hint: image: {tag: 4.1.2-management}   # in the profile
    see: mqctl explain VERSION-STEP
    ");
    for verb in ["install", "plan"] {
        assert!(refused(&world.run(&[verb, "prodmq"]), 78).contains("`prodmq-2` runs 4.1.2"), "{verb}");
    }
    // Helm itself was cut short in it: what the brokers run decides all the same.
    world.object("release", &objects::release("pending-upgrade", "2"));
    assert!(refused(&world.run(&UPGRADE), 78).contains("does not go back"));
    let page = half_way("4.1.2-management").run(&["status", "prodmq"]).ended(0).stdout;
    assert!(page.contains("RabbitMQ 4.0.5 and 4.1.2 (Mnesia)"), "{page}");
    // The newer pod has never booted: its volume is as the older version left it.
    let world = half_way("4.0.5-management");
    world.object("pod.prodmq-2", &objects::pod("prodmq-2", &objects::without_image()));
    assert_eq!(world.run(&UPGRADE).ended(0).changing_verbs()[..2], ["apply", "upgrade"]);
}

#[test]
fn half_a_step_is_finished_and_not_overtaken() {
    for status in ["deployed", "pending-upgrade"] {
        let world = half_way("4.1.2-management");
        world.object("release", &objects::release(status, "2"));
        let run = world.run(&UPGRADE).ended(0);
        assert!(run.changing_verbs().contains(&"upgrade"), "{status}: {run}");
    }
    assert_snapshot!(refused(&half_way("4.3.6-management").run(&UPGRADE), 78), @r"
    $ mqctl upgrade prodmq --yes   [exit 78]
    error: `image.tag`: to 4.3.6-management while `prodmq-0` runs 4.0.5, `prodmq-1` runs 4.0.5, `prodmq-2` runs 4.1.2: this cluster keeps its metadata in Mnesia, and 4.3 would take them away while every pod stays Ready; nothing was changed
    hint: mqctl upgrade prodmq --to 4.3   # says the way
    see: mqctl explain VERSION-STEP
    ");
    let world = half_way("4.3.6-management");
    brokers_say(&world, &json!({"version": "4.2.1", "khepri": true, "flagsOff": []}));
    broker_says(&world, "prodmq-1", &json!({"version": "4.2.1", "khepri": false}));
    assert!(refused(&world.run(&UPGRADE), 78).contains("keeps its metadata in Mnesia"));
}

#[test]
fn a_step_that_rabbitmq_takes() {
    let ready = json!({"version": "4.2.1", "khepri": true, "flagsOff": []});
    let run = from_to("4.2.1", "4.3.6", &ready).run(&UPGRADE).ended(0);
    assert_eq!(run.changing_verbs(), ["apply", "upgrade", "annotate"], "{run}");
    let install = from_to("4.2.1", "4.3.6", &ready).run(&["install", "prodmq", "--yes"]);
    assert!(refused(&install, 78).contains("mqctl upgrade prodmq"), "{install}");
}

#[test]
fn a_cluster_that_is_not_whole_is_not_restarted() {
    let world = more_memory();
    brokers_say(&world, &json!({"up": ["rabbit@a", "rabbit@b"]}));
    assert_snapshot!(refused(&world.run(&UPGRADE), 78), @"
    $ mqctl upgrade prodmq --yes   [exit 78]
    error: `prodmq-0` sees 2 of 3 members; an upgrade restarts node after node, and needs all the others; nothing was changed
    hint: mqctl status prodmq
    see: mqctl explain NOT-WHOLE
    ");
    brokers_say(&world, &json!({"alarms": ["memory"]}));
    assert!(refused(&world.run(&UPGRADE), 78).contains("`prodmq-0` has an alarm: memory"));
    // A step to another version needs every node's word.
    let silent = from_to("4.2.1", "4.3.6", &json!({"version": "4.2.1", "khepri": true}));
    silent.remove("cluster/answer.prodmq-1");
    assert!(refused(&silent.run(&UPGRADE), 78).contains("not every node answers"));
}

#[test]
fn what_is_not_there_is_not_upgraded() {
    assert_snapshot!(refused(&World::with_secrets().run(&UPGRADE), 78), @"
    $ mqctl upgrade prodmq --yes   [exit 78]
    error: there is no release `prodmq` in namespace `rabbitmq`; nothing was changed
    hint: mqctl install prodmq
    ");
}

#[test]
fn the_way_to_another_version() {
    let world = from_to("3.10.8-management", "3.10.8-management", &json!({}));
    assert_snapshot!(world.run(&["upgrade", "prodmq", "--to", "4.3"]).ended(0).stdout, @"
    RabbitMQ 3.10 now
      -> 3.11   every stable feature flag enabled before it
      -> 3.12   every stable feature flag enabled before it
      -> 3.13   every stable feature flag enabled before it
      -> 4.2   every stable feature flag enabled before it
      -> 4.3   every stable feature flag enabled before it, and its metadata must be in Khepri (flag khepri_db)
    for each: `image.tag` in the profile, then mqctl upgrade prodmq --enable-feature-flags
    ");
    let json = world.run(&["upgrade", "prodmq", "--to", "4.0.5", "-o", "json"]).ended(0).json();
    assert_eq!(json["path"], json!(["3.11", "3.12", "3.13", "4.0"]));
    refused(&world.run(&["upgrade", "prodmq", "--to", "3.9"]), 78);
    refused(&world.run(&["upgrade", "prodmq", "--to", "latest"]), 64);
}
