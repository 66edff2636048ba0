//! What mqctl sets against the defaults of other people's charts, said in plan and inspection; and what differs between the
//! families beside keys: names, claims, a force boot that helps or not.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::dialects::{release, speak};
use crate::objects::{self, PODS};
use crate::recover::{AUTO, deadlock, khepri, stateful_set, story};
use crate::transcript::Transcript;
use crate::upgrade::DEPLOYED;
use crate::world::World;

fn plan(chart: &str, tag: &str, more: &str) -> Transcript {
    let world = World::new();
    speak(&world, chart, more);
    let file = world.path("work/profiles/prodmq.yaml");
    let text = std::fs::read_to_string(&file).unwrap().replace("4.3.6-management", tag);
    std::fs::write(file, text).unwrap();
    let run = world.run(&["plan", "prodmq"]).ended(0);
    run.changed_nothing();
    run
}

#[test]
fn a_plan_says_what_is_set_against_the_defaults() {
    assert_snapshot!(plan("cloudpirates", "4.0.5-management", "").stdout, @"
    test / rabbitmq / prodmq     cloudpirates rabbitmq-0.21.18 · RabbitMQ 4.0.5-management · 3 nodes · 8Gi default class

      1  changes   Secret prodmq-mqctl-credentials  Erlang cookie and password: generated, 32 characters; namespace rabbitmq is created
      2  changes   prodmq.secrets.yaml              Erlang cookie and password: as in the Secret, mode 0600
      3  changes   helm install                     1 StatefulSet, 2 Services, and what else the chart has
                   peerDiscoveryK8sPlugin.enabled: true                without it each pod is a broker of its own
                   serviceAccount.automountServiceAccountToken: true   a broker before 4.1 asks the API server for its peers, and does not boot without the token
                   livenessProbe.initialDelaySeconds: 600              a node may wait 300 s for its peers, and the default kills it after 180
      4  waits     3 nodes booted                   up to 10m
      5  reads     login as user                    members, alarms, cookie, by the brokers' own word
    ");
    assert_snapshot!(plan("groundhog2k", "4.3.6-management", "").stdout, @"
    test / rabbitmq / prodmq     groundhog2k rabbitmq-2.3.6 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi default class

      1  changes   Secret prodmq-mqctl-credentials  Erlang cookie and password: generated, 32 characters; namespace rabbitmq is created
      2  changes   prodmq.secrets.yaml              Erlang cookie and password: as in the Secret, mode 0600
      3  changes   helm install                     1 StatefulSet, 2 Services, and what else the chart has
                   podManagementPolicy: Parallel          pods in order wait for each other for ever after a full stop
                   k8sPeerDiscoveryPlugin.enabled: true   without it each pod is a broker of its own
                   startupProbe.failureThreshold: 75      a node may wait 300 s for its peers, and the default kills it then
                   terminationGracePeriodSeconds: 120     a node that others need waits for their copies before it stops: 50 s by default
      4  waits     3 nodes booted                   up to 10m
      5  reads     login as user                    members, alarms, cookie, by the brokers' own word
    ");
    assert_snapshot!(plan("bitnami", "4.1.3", ", resources: {limits: {memory: 1Gi}}").stdout, @"
    test / rabbitmq / prodmq     bitnami rabbitmq-16.0.16 · RabbitMQ 4.1.3 · 3 nodes · 8Gi default class

      1  changes   Secret prodmq-mqctl-credentials  Erlang cookie and password: generated, 32 characters; namespace rabbitmq is created
      2  changes   prodmq.secrets.yaml              Erlang cookie and password: as in the Secret, mode 0600
      3  changes   helm install                     1 StatefulSet, 2 Services, and what else the chart has
                   podManagementPolicy: Parallel            pods in order wait for each other for ever after a full stop
                   livenessProbe.initialDelaySeconds: 600   a node may wait 300 s for its peers, and the default kills it after 270
      4  waits     3 nodes booted                   up to 10m
      5  reads     login as user                    members, alarms, cookie, by the brokers' own word
    ");
}

#[test]
fn what_the_profile_says_itself_is_no_correction() {
    let run = plan("groundhog2k", "4.3.6", ", podManagementPolicy: OrderedReady, startupProbe: {failureThreshold: 40}");
    assert!(!run.stdout.contains("podManagementPolicy") && !run.stdout.contains("failureThreshold"), "{run}");
    assert!(run.stdout.contains("k8sPeerDiscoveryPlugin.enabled: true"), "{run}");
}

#[test]
fn an_inspection_says_it_too() {
    let world = World::new();
    speak(&world, "groundhog2k", "");
    let run = world.run(&["inspect", "prodmq"]).ended(0);
    let told = run.stdout.lines().skip_while(|line| !line.starts_with("image.registry"));
    let told: Vec<&str> = told.take_while(|line| !line.starts_with("objects")).collect();
    assert_snapshot!(told.join("\n"), @"
    image.registry                          docker.io                          derived: image.repository   values
    authentication.existingSecret           prodmq-mqctl-credentials           derived: release            values
    authentication.user.secretKey           username                           derived: mqctl's Secret     values
    authentication.password.secretKey       password                           derived: mqctl's Secret     values
    authentication.erlangCookie.secretKey   erlang-cookie                      derived: mqctl's Secret     values
    podManagementPolicy                     Parallel                           mqctl, see below            values
    k8sPeerDiscoveryPlugin.enabled          true                               mqctl, see below            values
    startupProbe.failureThreshold           75                                 mqctl, see below            values
    terminationGracePeriodSeconds           120                                mqctl, see below            values

    profile   profiles/prodmq.yaml
    chart     groundhog2k rabbitmq-2.3.6
    image     rabbitmq:4.3.6-management

    set against the chart's own defaults, unless `values:` says otherwise
    podManagementPolicy: Parallel          pods in order wait for each other for ever after a full stop
    k8sPeerDiscoveryPlugin.enabled: true   without it each pod is a broker of its own
    startupProbe.failureThreshold: 75      a node may wait 300 s for its peers, and the default kills it then
    terminationGracePeriodSeconds: 120     a node that others need waits for their copies before it stops: 50 s by default
    ");
    let fields = world.run(&["inspect", "prodmq", "-o", "json"]).json()["fields"].clone();
    let field = |path: &str| fields.as_array().unwrap().iter().find(|field| field["path"] == path).unwrap().clone();
    let from = &field("startupProbe.failureThreshold")["from"];
    assert_eq!(from["kind"], "correction");
    assert!(from["message"].as_str().unwrap().contains("300 s"), "{from}");
    assert_eq!(field("credentials.username")["passedAs"], json!({"kind": "secret"}));
}

/// Installed by the family's chart, and in order as a plain helm would have made it.
fn in_order(chart: &str) -> World {
    let world = World::installed();
    speak(&world, chart, "");
    world.object("release", &release("1.0.0"));
    let mut set = stateful_set("OrderedReady", false);
    set["status"]["readyReplicas"] = 3.into();
    world.object("statefulset.prodmq", &set);
    world
}

/// What helm is asked to render for the next revision.
fn rendered(run: &Transcript) -> Value {
    let render = run.calls.iter().find(|call| call.stdin.contains("fullnameOverride")).unwrap();
    serde_json::from_str(&render.stdin).unwrap()
}

#[test]
fn a_stateful_set_in_order_stays_so() {
    for (chart, policy) in
        [("bitnami", Value::Null), ("groundhog2k", Value::Null), ("cloudpirates", json!("OrderedReady"))]
    {
        let run = in_order(chart).run(&["upgrade", "prodmq", "--dry-run"]).ended(0);
        assert_eq!(rendered(&run)["podManagementPolicy"], policy, "{run}");
        run.changed_nothing();
    }
}

#[test]
fn a_node_without_a_hook_stops_whatever_needs_it() {
    for (chart, order) in [
        ("cloudpirates", "prodmq-2, prodmq-1, prodmq-0: one by one, whatever needs it; about 1m30s"),
        ("groundhog2k", "prodmq-2, prodmq-1, prodmq-0: one by one, each when no quorum needs it; about 1m30s"),
    ] {
        let world = in_order(chart);
        world.write("cluster/manifest", DEPLOYED);
        world.object("next", &json!({"manifest": DEPLOYED.replace("512Mi", "1Gi")}));
        let run = world.run(&["upgrade", "prodmq", "--dry-run"]).ended(0);
        assert!(run.stdout.contains(order), "{run}");
    }
}

#[test]
fn a_force_boot_by_the_chart_is_refused_where_it_cannot_help() {
    for (chart, why) in [
        ("cloudpirates", "a chart of `cloudpirates` has no value for a force boot"),
        (
            "groundhog2k",
            "a chart of `groundhog2k` forces a boot by a hook beside the server: too late for the start that waits, and one that \
             fails kills the pod",
        ),
    ] {
        let world = deadlock();
        speak(&world, chart, "");
        let args = ["force-boot", "prodmq", "--node", "prodmq-2", "--via", "chart", "--confirm", "prodmq"];
        let run = world.run(&args).ended(64);
        assert!(run.calls.is_empty(), "{run}");
        assert_eq!(
            run.stderr,
            format!("error: {why}; nothing was changed\nhint: mqctl force-boot prodmq --via live\n")
        );
    }
}

#[test]
fn a_cookie_that_would_reach_no_node_is_not_rotated() {
    let world = in_order("groundhog2k");
    let run = world.run(&["credentials", "rotate", "prodmq", "--cookie", "--confirm", "prodmq"]).ended(64);
    assert!(run.calls.is_empty(), "{run}");
    assert_eq!(
        run.stderr,
        "error: a chart of `groundhog2k` lays the Erlang cookie on a volume once: a new one reaches no node; nothing was changed\n\
         hint: mqctl credentials rotate prodmq   # the password can be changed\n"
    );
}

/// Its claims and its headless Service have names of their own.
#[test]
fn a_deadlock_of_groundhog2k_is_cured() {
    let world = deadlock();
    speak(&world, "groundhog2k", "");
    for pod in PODS {
        let claim = format!("rabbitmq-volume-{pod}");
        world.remove(&format!("cluster/persistentvolumeclaim.data-{pod}"));
        world.object(&format!("persistentvolumeclaim.{claim}"), &objects::claim(&claim));
        khepri(&world, pod);
    }
    let headless = json!({"kind": "Service", "metadata": {"name": "prodmq-internal"}, "spec": {"clusterIP": "None"}});
    world.object("service.prodmq-internal", &headless);
    let run = world.run(&AUTO).ended(0);
    let read: Vec<&str> =
        run.calls.iter().map(|call| call.stdin.as_str()).filter(|text| text.contains("claimName")).collect();
    assert!(read.iter().any(|pods| pods.contains("rabbitmq-volume-prodmq-1")), "{run}");
    let story = story(&run);
    assert!(story.contains("kubectl patch service prodmq-internal"), "{story}");
    assert!(story.contains("(StatefulSet: \"Parallel\", 3 replicas"), "{story}");
    assert!(!run.stdout.contains("keep it so"), "{run}");
}
