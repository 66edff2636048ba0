//! Charts of others: their values, names and labels; a recovery of one whose pods come in order; what it leaves to say.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::objects::{self, PODS};
use crate::recover::{AUTO, deadlock, khepri, stateful_set, story};
use crate::transcript::Transcript;
use crate::world::World;

pub const CHARTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts");

/// Its objects are called as the stand-in's are.
fn profile(chart: &str, more: &str) -> String {
    format!(
        "format: 1\nnamespace: rabbitmq\nchart: {{ref: ../charts/{chart}-like}}\n\
         image: {{repository: rabbitmq, tag: 4.3.6-management}}\nvalues: {{fullnameOverride: prodmq{more}}}\n"
    )
}

pub fn speak(world: &World, chart: &str, more: &str) {
    std::os::unix::fs::symlink(CHARTS, world.path("work/charts")).unwrap();
    world.profile("prodmq", &profile(chart, more));
}

/// Helm's record of such a chart.
pub fn release(version: &str) -> Value {
    let mut release = objects::release("deployed", "1");
    release["chart"] = format!("rabbitmq-{version}").into();
    release
}

fn headless() -> Value {
    json!({"kind": "Service", "metadata": {"name": "prodmq-headless"}, "spec": {"clusterIP": "None"}})
}

/// A deadlock of pods in order on this chart; `stable` names ready pods only.
pub fn locked(chart: &str, more: &str) -> World {
    let world = deadlock();
    speak(&world, chart, more);
    if chart == "stable" {
        world.object("service.prodmq-headless", &headless());
    }
    PODS.iter().for_each(|pod| khepri(&world, pod));
    world
}

fn without_files(run: &Transcript) -> String {
    run.to_string().lines().filter(|line| !line.starts_with("wrote ")).collect::<Vec<_>>().join("\n")
}

/// What helm is fed by an install on this chart.
fn values_of(chart: &str) -> String {
    let world = World::new();
    speak(&world, chart, "");
    let run = world.run(&["install", "prodmq", "--yes"]).ended(0);
    let call = run.calls.iter().find(|call| call.args.iter().any(|arg| arg == "--install")).unwrap();
    assert!(call.args.contains(&format!("profiles/../charts/{chart}-like")), "{run}");
    assert!(!run.wrote.iter().any(|file| file.contains("built-in chart")), "{run}");
    let values: Value = serde_json::from_str(&call.stdin).unwrap();
    values.to_string()
}

#[test]
fn an_install_tells_each_chart_in_its_own_keys() {
    assert_snapshot!(values_of("stable"), @r#"{"fullnameOverride":"prodmq","image":{"registry":"docker.io","repository":"library/rabbitmq","tag":"4.3.6-management"},"livenessProbe":{"initialDelaySeconds":600},"persistence":{"size":"8Gi"},"rabbitmq":{"existingErlangSecret":"prodmq-mqctl-credentials","existingPasswordSecret":"prodmq-mqctl-credentials","username":"user"},"replicas":3}"#);
    assert_snapshot!(values_of("cloudpirates"), @r#"{"auth":{"existingSecret":"prodmq-mqctl-credentials","username":"user"},"fullnameOverride":"prodmq","image":{"registry":"docker.io","repository":"library/rabbitmq","tag":"4.3.6-management"},"livenessProbe":{"initialDelaySeconds":600},"peerDiscoveryK8sPlugin":{"enabled":true},"persistence":{"size":"8Gi"},"replicaCount":3}"#);
    assert_snapshot!(values_of("groundhog2k"), @r#"{"authentication":{"erlangCookie":{"secretKey":"erlang-cookie"},"existingSecret":"prodmq-mqctl-credentials","password":{"secretKey":"password"},"user":{"secretKey":"username"}},"fullnameOverride":"prodmq","image":{"registry":"docker.io","repository":"library/rabbitmq","tag":"4.3.6-management"},"k8sPeerDiscoveryPlugin":{"enabled":true},"podManagementPolicy":"Parallel","replicaCount":3,"startupProbe":{"failureThreshold":75},"storage":{"requestedSize":"8Gi"},"terminationGracePeriodSeconds":120}"#);
    assert_snapshot!(values_of("bitnami"), @r#"{"auth":{"existingErlangSecret":"prodmq-mqctl-credentials","existingPasswordSecret":"prodmq-mqctl-credentials","username":"user"},"fullnameOverride":"prodmq","global":{"security":{"allowInsecureImages":true}},"image":{"registry":"docker.io","repository":"library/rabbitmq","tag":"4.3.6-management"},"livenessProbe":{"initialDelaySeconds":600},"persistence":{"size":"8Gi"},"podManagementPolicy":"Parallel","replicaCount":3,"resourcesPreset":"none"}"#);
}

#[test]
fn the_objects_of_stable_carry_its_own_label() {
    let world = World::new();
    speak(&world, "stable", "");
    let run = world.run(&["install", "prodmq", "--yes"]).ended(0);
    let looks = run.calls.iter().filter(|call| call.args.iter().any(|arg| arg == "--selector"));
    let labels: Vec<&String> =
        looks.map(|call| &call.args[call.args.iter().position(|a| a == "--selector").unwrap() + 1]).collect();
    assert!(!labels.is_empty() && labels.iter().all(|label| *label == "release=prodmq"), "{labels:?}");
    let secret = std::fs::read_to_string(world.path("cluster/secret.prodmq-mqctl-credentials")).unwrap();
    assert!(secret.contains("\"release\":\"prodmq\"") && secret.contains("\"app.kubernetes.io/instance\":\"prodmq\""));
}

#[test]
fn what_a_profile_comes_to_on_another_chart() {
    let world = World::new();
    speak(&world, "bitnami", "");
    world.rule("helm template *", 1, "", "Error: not here");
    let run = world.run(&["inspect", "prodmq"]).ended(65);
    assert_snapshot!(without_files(&run), @r#"
    $ mqctl inspect prodmq   [exit 65]
    stdout | test / rabbitmq / prodmq
    stdout | 
    stdout | field                                 value                             from                        passed as
    stdout | release                               prodmq                            derived: file's name        release
    stdout | namespace                             rabbitmq                          line 2                      --namespace
    stdout | context                               test                              derived: kubeconfig         --kube-context
    stdout | protected                             false                             default                     not passed
    stdout | chart.ref                             profiles/../charts/bitnami-like   line 3                      chart
    stdout | chart.version                         16.0.16                           derived: chart              not passed
    stdout | chart.dialect                         bitnami                           derived: chart              not passed
    stdout | image.repository                      rabbitmq                          line 4                      values
    stdout | image.tag                             4.3.6-management                  line 4                      values
    stdout | replicas                              3                                 default                     values
    stdout | storage.class                         (the cluster's default)           default                     values
    stdout | storage.size                          8Gi                               default                     values
    stdout | credentials.username                  user                              default                     values
    stdout | credentials.password                  -                                 Secret, or generated        not passed: Secret
    stdout | credentials.erlangCookie              -                                 Secret, or generated        not passed: Secret
    stdout | timeouts.install                      10m                               default                     --timeout
    stdout | timeouts.boot                         10m                               default                     not passed
    stdout | expose                                -                                 default                     not passed
    stdout | definitions                           -                                 default                     not passed: broker
    stdout | values.fullnameOverride               prodmq                            line 5                      values
    stdout | image.registry                        docker.io                         derived: image.repository   values
    stdout | auth.existingPasswordSecret           prodmq-mqctl-credentials          derived: release            values
    stdout | auth.existingErlangSecret             prodmq-mqctl-credentials          derived: release            values
    stdout | global.security.allowInsecureImages   true                              derived: image.repository   values
    stdout | podManagementPolicy                   Parallel                          mqctl, see below            values
    stdout | livenessProbe.initialDelaySeconds     600                               mqctl, see below            values
    stdout | resourcesPreset                       none                              mqctl, see below            values
    stdout | 
    stdout | profile   profiles/prodmq.yaml
    stdout | chart     bitnami rabbitmq-16.0.16
    stdout | image     rabbitmq:4.3.6-management
    stdout | 
    stdout | set against the chart's own defaults, unless `values:` says otherwise
    stdout | podManagementPolicy: Parallel            pods in order wait for each other for ever after a full stop
    stdout | livenessProbe.initialDelaySeconds: 600   a node may wait 300 s for its peers, and the default kills it after 270
    stdout | resourcesPreset: none                    the default limits a node to 384Mi of memory; set `resources` under `values`
    stdout | 
    stdout | objects, by mqctl's own table of names: helm template refused the values
    stdout | Service                 by helm         prodmq, prodmq-headless
    stdout | StatefulSet             by helm         prodmq
    stdout | Secret                  by mqctl        prodmq-mqctl-credentials
    stdout | Pod                     by Kubernetes   prodmq-0, prodmq-1, prodmq-2
    stdout | PersistentVolumeClaim   by Kubernetes   data-prodmq-0, data-prodmq-1, data-prodmq-2
    stderr | error: profiles/prodmq.yaml: an install would fail: `helm template`: not here
    stderr | hint: helm show values profiles/../charts/bitnami-like   # what can stand under `values:`
    1. reads helm template prodmq profiles/../charts/bitnami-like --values - --namespace rabbitmq --kube-context test
      < {
      <   "auth": {
      <     "existingErlangSecret": "prodmq-mqctl-credentials",
      <     "existingPasswordSecret": "prodmq-mqctl-credentials",
      <     "username": "user"
      <   },
      <   "fullnameOverride": "prodmq",
      <   "global": {
      <     "security": {
      <       "allowInsecureImages": true
      <     }
      <   },
      <   "image": {
      <     "registry": "docker.io",
      <     "repository": "library/rabbitmq",
      <     "tag": "4.3.6-management"
      <   },
      <   "livenessProbe": {
      <     "initialDelaySeconds": 600
      <   },
      <   "persistence": {
      <     "size": "8Gi"
      <   },
      <   "podManagementPolicy": "Parallel",
      <   "replicaCount": 3,
      <   "resourcesPreset": "none"
      < }
    "#);
}

#[test]
fn an_upgrade_without_a_change_is_none() {
    let world = World::installed();
    speak(&world, "bitnami", "");
    world.object("release", &release("16.0.16"));
    let run = world.run(&["upgrade", "prodmq", "--yes"]).ended(0);
    run.changed_nothing();
    assert!(run.stdout.contains("nothing to change (revision 1, 3 nodes ready)"), "{run}");
}

#[test]
fn a_deadlock_of_stable_is_cured_and_the_line_told() {
    let world = locked("stable", "");
    assert_snapshot!(story(&world.run(&AUTO).ended(0)), @r#"
    prodmq is back.   mqctl status prodmq
    the StatefulSet is Parallel now; keep it so: add to profiles/prodmq.yaml
        values: {podManagementPolicy: Parallel}
    what can be done
      1   start all together   loses nothing   about 30 s   recommended
      -   newest-first        refused: on Khepri any majority decides, whoever stopped last
      -   forget              refused: on Khepri a blank member joins again by itself
      -   force-boot          refused: on Khepri a force boot does nothing, and says success: take `together`
      -   khepri-standalone   refused: a majority of volumes is left, and boots by itself: take `together`
      -   repair              refused: no node serves clients without its metadata

       0.0s evidence kept in ConfigMap prodmq-mqctl-evidence
    test/rabbitmq/prodmq: recover: 4 to change, 0 to destroy
       0.0s Service prodmq-headless names pods that are not ready too
       0.0s noted in ConfigMap prodmq-mqctl-evidence what is under way
       0.0s StatefulSet prodmq is Parallel
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s all nodes agree, logged in as user
       0.0s 37 queues, each with a leader, 1204 messages
       0.0s queues asked
       0.0s nothing is under way any more
    kubectl create '--validate=false' --filename - --output json (2 pods that read volumes)
    kubectl delete --ignore-not-found '--wait=true' --timeout 2m pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    kubectl apply --server-side --force-conflicts --field-manager mqctl --filename - --output name (ConfigMap "prodmq-mqctl-evidence")
    kubectl patch service prodmq-headless --field-manager mqctl --type merge --patch '{"spec":{"publishNotReadyAddresses":true}}'
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name (ConfigMap "prodmq-mqctl-evidence": "together", first [])
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=together'
    kubectl delete statefulset prodmq '--cascade=orphan' --ignore-not-found
    kubectl delete --ignore-not-found --grace-period 10 '--wait=true' --timeout 2m pod/prodmq-0
    kubectl apply --server-side --force-conflicts --field-manager helm --filename - (StatefulSet: "Parallel", 3 replicas, ordinals null, update {"type":"RollingUpdate"})
    kubectl annotate statefulset prodmq --overwrite 'mqctl/recovery=together'
    kubectl annotate statefulset prodmq --overwrite mqctl/recovery-
    kubectl apply --server-side --force-conflicts --field-manager mqctl-recovery --filename - --output name { "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "labels": { "app.kubernetes.io/instance": "prodmq", "app.kubernetes.io/managed-by": "mqctl" }, "name": "prodmq-mqctl-evidence" } }
    "#);
}

/// Where mqctl itself takes care of it, nothing has to be added to the profile.
#[test]
fn names_that_are_published_stay_so() {
    let run = locked("bitnami", "").run(&AUTO).ended(0);
    assert!(!story(&run).contains("publishNotReadyAddresses"), "{run}");
    assert!(!run.stdout.contains("keep it so"), "{run}");
    let other_tag = locked("bitnami", "");
    let latest = profile("bitnami", "").replace("4.3.6-management", "latest");
    other_tag.profile("prodmq", &latest);
    let run = other_tag.run(&AUTO).ended(0);
    let line = "add to profiles/prodmq.yaml\n    values: {podManagementPolicy: Parallel}";
    assert!(run.stdout.contains(line), "nobody knows which broker that is: {run}");
}

#[test]
fn who_has_the_line_is_told_nothing() {
    let run = locked("stable", ", podManagementPolicy: Parallel").run(&AUTO).ended(0);
    assert!(!run.stdout.contains("keep it so"), "{run}");
}

/// The StatefulSet as a recovery has left it.
pub fn drifted(more: &str) -> World {
    let world = World::installed();
    speak(&world, "stable", more);
    world.object("release", &release("6.18.2"));
    let mut set = stateful_set("Parallel", false);
    set["status"]["readyReplicas"] = 3.into();
    world.object("statefulset.prodmq", &set);
    world
}

#[test]
fn an_upgrade_that_would_be_refused_half_way_is_refused_before() {
    for verb in ["upgrade", "plan"] {
        let run = drifted("").run(&[verb, "prodmq"]).ended(78);
        run.changed_nothing();
        assert_eq!(
            run.stderr,
            "error: StatefulSet `prodmq` is Parallel, and the profile wants OrderedReady: Kubernetes keeps this field for ever; nothing was changed\n\
             hint: values: {podManagementPolicy: Parallel}   # in the profile\nsee: mqctl explain IMMUTABLE\n"
        );
    }
}

#[test]
fn the_drift_is_shown_until_the_line_is_there() {
    let drift = "the StatefulSet is Parallel, the profile wants OrderedReady: values: {podManagementPolicy: Parallel}   # in the profile";
    let status = |more: &str| drifted(more).run(&["status", "prodmq"]).stdout;
    assert!(status("").contains(drift), "{}", status(""));
    assert!(!status(", podManagementPolicy: Parallel").contains("OrderedReady"));
    let listed = |more: &str| drifted(more).run(&["status", "prodmq", "-o", "json"]).json()["drift"].clone();
    let policy =
        |listed: &Value| listed.as_array().unwrap().iter().find(|one| one["kind"] == "podManagementPolicy").cloned();
    let there = policy(&listed("")).unwrap();
    assert_eq!((&there["wished"], &there["found"]), (&json!("OrderedReady"), &json!("Parallel")));
    assert_eq!(there["fix"], "values: {podManagementPolicy: Parallel}");
    assert_eq!(policy(&listed(", podManagementPolicy: Parallel")), None);
    let doctor = |more: &str| drifted(more).run(&["doctor", "prodmq"]).stdout;
    let found = doctor("");
    assert!(found.contains("IMMUTABLE") && found.contains("values: {podManagementPolicy: Parallel}"), "{found}");
    assert!(!doctor(", podManagementPolicy: Parallel").contains("IMMUTABLE"));
}

/// Helm's last revision says `OrderedReady`, the cluster says `Parallel` already.
#[test]
fn with_the_line_helm_s_record_is_put_right() {
    let world = drifted(", podManagementPolicy: Parallel");
    let manifest = |policy: &str| {
        format!(
            "---\nkind: StatefulSet\nmetadata:\n  name: prodmq\nspec:\n  podManagementPolicy: {policy}\n  replicas: 3\n"
        )
    };
    world.write("cluster/manifest", &manifest("OrderedReady"));
    world.write("cluster/next", &json!({"manifest": manifest("Parallel")}).to_string());
    let run = world.run(&["upgrade", "prodmq", "--dry-run"]).ended(0);
    assert!(run.stdout.contains("spec.podManagementPolicy: OrderedReady -> Parallel"), "{run}");
}
