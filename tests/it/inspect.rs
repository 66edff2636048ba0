//! `mqctl inspect`: what a profile comes to, with no call of kubectl and no secret.

use insta::assert_snapshot;
use serde_json::json;

use crate::objects;
use crate::transcript::Transcript;
use crate::world::{PROFILE, World};

/// Neither a cluster nor a secret is touched; the unpacked chart may be laid out.
#[track_caller]
fn looked_only(run: &Transcript) {
    assert!(run.calls.iter().all(|call| call.program == "helm" && call.verb() == "template"), "{run}");
    assert!(run.wrote.iter().all(|file| file.contains(".cache")), "{run}");
    for secret in [objects::COOKIE, objects::PASSWORD] {
        assert!(!run.to_string().contains(secret), "{run}");
    }
}

/// Without the digest of the values, which holds that of the chart.
fn steady(world: &World, text: &str) -> String {
    text.replace(&world.digest(), "0123456789abcdef")
}

#[test]
fn a_whole_profile_on_one_page() {
    let world = World::with_secrets();
    world.profile("prodmq", &format!("{PROFILE}replicas: 5\nstorage:\n  class: fast\nvalues:\n  service: {{type: NodePort}}\n  configuration: |\n    vm_memory_high_watermark.relative = 0.5\n"));
    let run = world.run(&["inspect", "prodmq", "-vv"]).ended(0);
    looked_only(&run);
    let run = world.run(&["inspect", "prodmq"]).ended(0);
    assert_snapshot!(steady(&world, &run.to_string()), @r#"
    $ mqctl inspect prodmq   [exit 0]
    stdout | test / rabbitmq / prodmq
    stdout | 
    stdout | field                        value                              from                   passed as
    stdout | release                      prodmq                             derived: file's name   release
    stdout | namespace                    rabbitmq                           line 2                 --namespace
    stdout | context                      test                               derived: kubeconfig    --kube-context
    stdout | protected                    false                              default                not passed
    stdout | chart.ref                    builtin                            default                chart
    stdout | image.repository             rabbitmq                           default                values
    stdout | image.tag                    4.3.6-management                   default                values
    stdout | replicas                     5                                  line 3                 values
    stdout | storage.class                fast                               line 5                 values
    stdout | storage.size                 8Gi                                default                values
    stdout | credentials.username         user                               default                not passed: Secret
    stdout | credentials.password         sha256:0cbf130646e2                prodmq.secrets.yaml    not passed: Secret
    stdout | credentials.erlangCookie     sha256:e79a60fa4346                prodmq.secrets.yaml    not passed: Secret
    stdout | timeouts.install             10m                                default                --timeout
    stdout | timeouts.boot                10m                                default                not passed
    stdout | expose                       -                                  default                not passed
    stdout | definitions                  -                                  default                not passed: broker
    stdout | values.configuration         "vm_memory_high_watermark.relat…   line 8                 values
    stdout | values.service.type          NodePort                           line 7                 values
    stdout | credentials.existingSecret   prodmq-mqctl-credentials           derived: release       values
    stdout | annotations.mqctl/values     0123456789abcdef                   derived: all values    values
    stdout | 
    stdout | profile   profiles/prodmq.yaml
    stdout | chart     builtin 1.0.0, digest CHART
    stdout | image     rabbitmq:4.3.6-management
    stdout | 
    stdout | objects, as helm template renders them
    stdout | PodDisruptionBudget     by helm         prodmq
    stdout | ServiceAccount          by helm         prodmq
    stdout | ConfigMap               by helm         prodmq-config
    stdout | Service                 by helm         prodmq, prodmq-headless
    stdout | StatefulSet             by helm         prodmq
    stdout | Secret                  by mqctl        prodmq-mqctl-credentials
    stdout | Pod                     by Kubernetes   prodmq-0, prodmq-1, prodmq-2, prodmq-3, prodmq-4
    stdout | PersistentVolumeClaim   by Kubernetes   data-prodmq-0, data-prodmq-1, data-prodmq-2, data-prodmq-3, data-prodmq-4
    1. reads helm template prodmq '~/home/.cache/mqctl/charts/builtin-1.0.0-CHART' --values - --namespace rabbitmq --kube-context test
      < {
      <   "annotations": {
      <     "mqctl/values": "VALUES"
      <   },
      <   "configuration": "vm_memory_high_watermark.relative = 0.5\n",
      <   "credentials": {
      <     "existingSecret": "prodmq-mqctl-credentials"
      <   },
      <   "image": {
      <     "repository": "rabbitmq",
      <     "tag": "4.3.6-management"
      <   },
      <   "replicas": 5,
      <   "service": {
      <     "type": "NodePort"
      <   },
      <   "storage": {
      <     "class": "fast",
      <     "size": "8Gi"
      <   }
      < }
    "#);
}

#[test]
fn the_smallest_profile_without_helm_and_kubectl() {
    let world = World::new();
    ["bin/kubectl", "bin/helm"].iter().for_each(|file| world.remove(file));
    let run = world.run(&["inspect", "prodmq", "-n", "shop", "--context", "other"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(steady(&world, &run.words()), @"
    $ mqctl inspect prodmq -n shop --context other   [exit 0]
    other / shop / prodmq

    field                        value                      from                   passed as
    release                      prodmq                     derived: file's name   release
    namespace                    shop                       --namespace            --namespace
    context                      other                      --context              --kube-context
    protected                    false                      default                not passed
    chart.ref                    builtin                    default                chart
    image.repository             rabbitmq                   default                values
    image.tag                    4.3.6-management           default                values
    replicas                     3                          default                values
    storage.class                (the cluster's default)    default                values
    storage.size                 8Gi                        default                values
    credentials.username         user                       default                not passed: Secret
    credentials.password         -                          Secret, or generated   not passed: Secret
    credentials.erlangCookie     -                          Secret, or generated   not passed: Secret
    timeouts.install             10m                        default                --timeout
    timeouts.boot                10m                        default                not passed
    expose                       -                          default                not passed
    definitions                  -                          default                not passed: broker
    credentials.existingSecret   prodmq-mqctl-credentials   derived: release       values
    annotations.mqctl/values     0123456789abcdef           derived: all values    values

    profile   profiles/prodmq.yaml
    chart     builtin 1.0.0, digest CHART
    image     rabbitmq:4.3.6-management

    objects, by mqctl's own table of names: helm is not on PATH
    PodDisruptionBudget     by helm         prodmq
    ServiceAccount          by helm         prodmq
    ConfigMap               by helm         prodmq-config
    Service                 by helm         prodmq, prodmq-headless
    StatefulSet             by helm         prodmq
    Secret                  by mqctl        prodmq-mqctl-credentials
    Pod                     by Kubernetes   prodmq-0, prodmq-1, prodmq-2
    PersistentVolumeClaim   by Kubernetes   data-prodmq-0, data-prodmq-1, data-prodmq-2
    ");
}

#[test]
fn the_table_of_names_and_helm_say_the_same() {
    let world = World::new();
    let rendered = world.run(&["inspect", "prodmq", "-o", "json"]).ended(0).json();
    world.remove("bin/helm");
    let named = world.run(&["inspect", "prodmq", "-o", "json"]).ended(0).json();
    assert_eq!((&rendered["rendered"], &named["rendered"]), (&json!(true), &json!(false)));
    assert_eq!(rendered["objects"], named["objects"]);
}

#[test]
fn as_json() {
    let world = World::with_secrets();
    let run = world.run(&["inspect", "prodmq", "-o", "json"]).ended(0);
    looked_only(&run);
    let page = run.json();
    assert_eq!((&page["apiVersion"], &page["kind"]), (&json!("mqctl/v1"), &json!("Inspection")));
    let field =
        |path: &str| page["fields"].as_array().unwrap().iter().find(|field| field["path"] == path).unwrap().clone();
    assert_eq!(field("namespace")["from"], json!({"kind": "profile", "line": 2}));
    assert_eq!(field("replicas")["from"], json!({"kind": "default"}));
    assert_eq!(field("replicas")["passedAs"], json!({"kind": "value", "path": "replicas"}));
    assert!(field("credentials.password")["value"].as_str().unwrap().starts_with("sha256:"), "{page:#}");
    assert_eq!(page["values"]["storage"]["size"], "8Gi");
    assert_eq!(page["objects"][0], json!({"kind": "PodDisruptionBudget", "name": "prodmq", "madeBy": "helm"}));
}

#[test]
fn sources_are_named_and_not_asked() {
    let world = World::new();
    let sources = "{password: {env: PASSWORD}, erlangCookie: {command: [no-such-program]}}";
    world.profile("prodmq", &format!("{PROFILE}credentials: {sources}\n"));
    let run = world.run_with(("PASSWORD", objects::PASSWORD), &["inspect", "prodmq"]).ended(0);
    looked_only(&run);
    assert!(run.stdout.contains("$PASSWORD") && run.stdout.contains("command `no-such-program`"), "{run}");
}

#[test]
fn values_that_helm_refuses() {
    let world = World::new();
    world.profile("prodmq", &format!("{PROFILE}values: {{nosuch: 1}}\n"));
    let words = "Error: values don't meet the specifications of the schema(s) in the following chart(s):\nmqctl-rabbitmq:\n- at '': additional properties 'nosuch' not allowed\n";
    world.rule("helm template *", 1, "", words);
    let run = world.run(&["inspect", "prodmq"]).ended(65);
    looked_only(&run);
    assert_snapshot!(run.stderr, @r"
    error: profiles/prodmq.yaml: an install would fail: `helm template`: - at '': additional properties 'nosuch' not allowed
    hint: mqctl inspect --chart   # what can stand under `values:`
    ");
    assert!(run.stdout.contains("objects, by mqctl's own table of names: helm template refused the values"), "{run}");
}

#[test]
fn the_chart_itself() {
    let world = World::new();
    let run = world.run(&["inspect", "--chart"]).ended(0);
    run.changed_nothing();
    assert!(run.calls.is_empty(), "{run}");
    let values = include_str!("../../src/chart/builtin/values.yaml");
    assert_eq!(run.stdout, format!("# builtin 1.0.0, digest CHART\n{values}"));
    let json = world.run(&["inspect", "--chart", "-o", "json"]).ended(0).json();
    assert_eq!(json["chart"], json!({"ref": "builtin", "version": "1.0.0", "digest": "CHART"}));
    assert_eq!(json["valuesYaml"], values);
}

#[test]
fn what_cannot_be_inspected() {
    let world = World::new();
    let run = world.run(&["inspect", "prodmp"]).ended(65);
    assert!(run.stderr.contains("hint: did you mean `prodmq`?"), "{run}");
    world.run(&["inspect"]).ended(64).changed_nothing();
    world.profile("prodmq", "format: 1\n");
    world.run(&["inspect", "prodmq"]).ended(65).changed_nothing();
}
