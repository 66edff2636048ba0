//! The first upgrade of a release that plain helm made: the pods take both secrets from mqctl's Secret, and the chart's own
//! is kept until none of them refers to it.

use insta::assert_snapshot;
use serde_json::json;

use crate::objects::{COOKIE, PASSWORD};
use crate::plain_helm::{Family, bitnami, plain, stable, text};
use crate::secrets::nowhere;
use crate::transcript::Transcript;
use crate::world::World;

const MINE: &str = "prodmq-mqctl-credentials";
const UPGRADE: [&str; 3] = ["upgrade", "prodmq", "--yes"];

/// Taken over, and the next revision of the chart is what helm would make of it.
fn taken_over(family: &Family) -> World {
    let world = plain(family);
    let chart = format!("./charts/{}-like", family.chart);
    world.run(&["init", "prodmq", "--from-release", "prodmq", "--chart", &chart, "--yes"]).ended(0);
    world.write("cluster/next", &json!({"manifest": family.manifest(MINE)}).to_string());
    // What the upgrade puts into the cluster.
    let mut set = family.stateful_set(MINE);
    set["metadata"]["generation"] = 2.into();
    set["status"] = json!({"observedGeneration": 2, "updatedReplicas": 3, "readyReplicas": 3});
    world.chart("statefulset.prodmq", &set);
    let release = |revision: &str| {
        let mut release = crate::dialects::release(family.version);
        release["revision"] = revision.into();
        release
    };
    world.chart("release", &release("REVISION"));
    world
}

fn without_calls(run: &Transcript) -> String {
    run.words().lines().filter(|line| !line.contains("saved to")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_plan_says_what_changes_and_why() {
    assert_snapshot!(taken_over(&stable()).run(&["plan", "prodmq"]).ended(0).stdout, @"
    test / rabbitmq / prodmq     stable rabbitmq-6.18.2 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi default class

      1  reads     save the definitions  to ~/home/.local/state/mqctl/prodmq/DATE.json; messages are not in it
      2  changes   keep Secret prodmq    for pods that restart before they are replaced
      3  changes   helm upgrade          1 object changed, 1 object removed
                   ~ StatefulSet/prodmq
                       spec.template.spec.containers[rabbitmq].env[RABBITMQ_DEFAULT_PASS].valueFrom.secretKeyRef.name: prodmq -> prodmq-mqctl-credentials
                       spec.template.spec.containers[rabbitmq].env[RABBITMQ_ERL_COOKIE].valueFrom.secretKeyRef.name: prodmq -> prodmq-mqctl-credentials
                   - Secret/prodmq
                   livenessProbe.initialDelaySeconds: 600   a node may wait 300 s for its peers, and the default kills it after 270
                   the pods take cookie and password from Secret prodmq-mqctl-credentials, no longer from prodmq: they restart for that
      4  waits     3 nodes restarted     prodmq-2, prodmq-1, prodmq-0: one by one, whatever needs it; about 1m30s
      5  reads     login as user         members, alarms, cookie, by the brokers' own word
      6  changes   delete Secret prodmq  the chart's own: no pod refers to it any more

    forecast: what this comes to, and what prevents it
      EPHEMERAL  no volume is at /opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia: each pod that restarts comes back empty, without its messages, queues and users
                 fix: values: {persistence: {enabled: true}}
      GRACE      a node has 30 s to stop and is killed then: messages that were not confirmed are lost, and its next boot takes longer
                 fix: no value of this chart changes it; a chart with terminationGracePeriodSeconds of 120 or more does
      PDB-DRAIN  no disruption budget: a drain of machines may stop all nodes at once, and clients have no broker
                 fix: kubectl --namespace rabbitmq create poddisruptionbudget prodmq --selector  --max-unavailable 1
    ");
    let run = taken_over(&bitnami()).run(&["plan", "prodmq", "--detailed-exitcode", "-vv"]).ended(2);
    assert!(run.stdout.contains("delete Secret prodmq"), "{run}");
    [PASSWORD, COOKIE].iter().for_each(|secret| nowhere(secret, &run));
}

/// Helm 4 applies what it has made server-side, and stops at what others manage by now.
#[test]
fn what_was_changed_beside_helm_4_is_taken_back_first() {
    let world = taken_over(&stable());
    world.write(
        "cluster/conflicts",
        "error: Apply failed with 1 conflict: conflict with \"kubectl-patch\" using v1: .data.x\n",
    );
    let run = world.run(&["plan", "prodmq"]).ended(0);
    let order = ["save the definitions", "take back 1 field", "keep Secret prodmq", "helm upgrade"];
    let places = order.map(|step| run.stdout.find(step).unwrap_or_else(|| panic!("{step}: {run}")));
    assert!(places.is_sorted(), "{run}");
}

#[test]
fn the_chart_s_secret_goes_when_no_pod_refers_to_it() {
    let world = taken_over(&stable());
    let run = world.run(&UPGRADE).ended(0);
    [PASSWORD, COOKIE].iter().for_each(|secret| nowhere(secret, &run));
    assert_snapshot!(without_calls(&run), @"
    $ mqctl upgrade prodmq --yes   [exit 0]
    prodmq is ready.   amqp://user@prodmq.rabbitmq.svc:5672     mqctl status prodmq     mqctl credentials show prodmq
    test/rabbitmq/prodmq: upgrade: 3 to change, 0 to destroy
    forecast: EPHEMERAL: no volume is at /opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia: each pod that restarts comes back empty, without its messages, queues and users; fix: values: {persistence: {enabled: true}}
    forecast: GRACE: a node has 30 s to stop and is killed then: messages that were not confirmed are lost, and its next boot takes longer; fix: no value of this chart changes it; a chart with terminationGracePeriodSeconds of 120 or more does
    forecast: PDB-DRAIN: no disruption budget: a drain of machines may stop all nodes at once, and clients have no broker; fix: kubectl --namespace rabbitmq create poddisruptionbudget prodmq --selector  --max-unavailable 1
       0.0s Secret prodmq kept
       0.0s helm release upgraded
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s one cluster, no alarm, logged in as user
       0.0s Secret prodmq deleted
    ");
    let lines: Vec<String> =
        run.work().iter().map(|call| call.to_string().lines().next().unwrap().to_owned()).collect();
    assert_snapshot!(lines.join("\n"), @"
    kubectl --context test --namespace rabbitmq annotate secret prodmq-mqctl-credentials --overwrite 'mqctl/outgoing-secrets=prodmq'
    kubectl --context test --namespace rabbitmq annotate secret prodmq --overwrite 'helm.sh/resource-policy=keep'
    helm upgrade --install prodmq profiles/../charts/stable-like --values - --history-max 10 --timeout 600s --namespace rabbitmq --kube-context test
    kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m secret/prodmq
    kubectl --context test --namespace rabbitmq annotate secret prodmq-mqctl-credentials mqctl/outgoing-secrets-
    ");
    assert!(!world.path("cluster/secret.prodmq").exists(), "{run}");
    assert!(!text(&world, &format!("cluster/secret.{MINE}")).contains("outgoing"), "{run}");
    world.write("cluster/manifest", &stable().manifest(MINE));
    world.run(&UPGRADE).ended(0).changed_nothing();
}

/// Killed between helm and the end: whoever goes on lets the Secret go.
#[test]
fn an_upgrade_that_was_cut_short_lets_it_go_in_the_end() {
    for (moment, pattern) in [
        ("kill/before", "kubectl * annotate secret prodmq --overwrite helm.sh*"),
        ("kill/after", "kubectl * annotate secret prodmq --overwrite helm.sh*"),
        ("kill/after", "helm upgrade *--timeout*"),
        ("kill/before", "kubectl * delete *"),
        ("kill/after", "kubectl * delete *"),
    ] {
        let world = taken_over(&stable());
        world.write(moment, &format!("{pattern}\n"));
        assert_eq!(world.run_to_the_last_child(&UPGRADE).code, Some(128 + 9), "{moment} {pattern}");
        let upgraded = text(&world, "cluster/statefulset.prodmq").contains(MINE);
        if upgraded {
            world.write("cluster/manifest", &stable().manifest(MINE));
        }
        let run = world.run(&UPGRADE).ended(0);
        assert!(!world.path("cluster/secret.prodmq").exists(), "{moment} {pattern}\n{run}");
        world.write("cluster/manifest", &stable().manifest(MINE));
        world.run(&UPGRADE).ended(0).changed_nothing();
    }
}

/// Where the release took both from a Secret of somebody's, nothing of it goes.
#[test]
fn a_secret_that_is_none_of_the_chart_s_stays() {
    let family = stable();
    let world = taken_over(&family);
    world.write("cluster/manifest", &family.manifest("mine"));
    let run = world.run(&["plan", "prodmq"]).ended(0);
    assert!(
        !run.stdout.contains("delete Secret")
            && run.stdout.contains("secretKeyRef.name: mine -> prodmq-mqctl-credentials"),
        "{run}"
    );
}

/// Helm leaves alone what its manifest says so of.
#[test]
fn a_secret_that_the_chart_keeps_stays() {
    let world = taken_over(&stable());
    let kept = text(&world, "cluster/manifest")
        .replace("\"annotations\":{", "\"annotations\":{\"helm.sh/resource-policy\":\"keep\",");
    world.write("cluster/manifest", &kept);
    let run = world.run(&["plan", "prodmq"]).ended(0);
    assert!(!run.stdout.contains("Secret prodmq,") && !run.stdout.contains("- Secret/prodmq"), "{run}");
}
