//! `mqctl doctor`: one look, three children and one a pod, and what it says for people, programs and pipelines.

use insta::assert_snapshot;

use crate::objects::{self, COOKIE, PASSWORD, PODS};
use crate::world::{PROFILE, World};

pub const DOCTOR: [&str; 2] = ["doctor", "prodmq"];

/// What the probe prints beside a broker of 4.3 that runs, or waits.
pub fn probe(pod: &str, running: bool) -> String {
    let node = |pod: &str| format!("rabbit@{pod}.prodmq-headless.rabbitmq.svc.cluster.local");
    let mut answer = objects::answer(pod);
    answer["running"] = running.into();
    answer["login"] = true.into();
    answer["cookie"] = serde_json::Value::Null;
    format!(
        "\n@@ id\npod={pod} node={} now=1795345200\n\n@@ flags\n[khepri_db].\n\n@@ times\n1795337000 rabbit_serial\n\n\
        @@ cookie-mode\n600\n\n@@ vms\n900 1\n\n@@ vm\nasked {answer}\n\
        mqctl {{\"running\":{running},\"khepri\":true,\"version\":\"4.3.6\"}}\n\n@@ end\n",
        node(pod),
    )
}

fn healthy() -> World {
    probed(World::installed())
}

/// With what the probe of each node says, on a StatefulSet that has nothing to tell.
pub fn probed(world: World) -> World {
    let mut set = objects::stateful_set(3, "d");
    set["spec"]["podManagementPolicy"] = "Parallel".into();
    set["spec"]["volumeClaimTemplates"] = serde_json::json!([{"metadata": {"name": "data"}}]);
    world.object("statefulset.prodmq", &set);
    for pod in PODS {
        world.write(&format!("cluster/probe.{pod}"), &probe(pod, true));
        world.write(&format!("cluster/log.{pod}"), &format!("[pod/{pod}/rabbitmq] Server startup complete\n"));
    }
    world
}

/// The last pod has no image, so that quorum queues of two members have no leader.
fn without_image() -> World {
    let world = healthy();
    world.object("pod.prodmq-2", &objects::pod("prodmq-2", &objects::without_image()));
    world.write("cluster/probe.prodmq-2", "");
    let text =
        probe("prodmq-0", true).replace("\"login\":true", "\"login\":true,\"trouble\":{\"minority\":[\"orders\"]}");
    world.write("cluster/probe.prodmq-0", &text);
    world
}

#[test]
fn a_healthy_release_in_three_children_and_one_a_pod() {
    let run = healthy().run(&DOCTOR).ended(0);
    run.changed_nothing();
    assert_snapshot!(run, @"
    $ mqctl doctor prodmq   [exit 0]
    stdout | test / rabbitmq / prodmq     nothing wrong · 3 of 3 nodes run
    stdout | 
    stdout | client and helm        √ 5 checks
    stdout | release                √ 6 checks
    stdout | admission              √ 1 check
    stdout | scheduling, volumes    √ 3 checks
    stdout | image                  √ 2 checks
    stdout | container start        √ 5 checks
    stdout | boot                   √ 8 checks
    stdout | cluster                √ 2 checks
    stdout | broker                 √ 4 checks
    stdout | access                 √ 1 check
    stdout | deletion               √ 3 checks
    1. reads helm list --filter '^prodmq$' --output json --deployed --failed --pending --uninstalling --uninstalled --superseded --namespace rabbitmq --kube-context test
    2. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    3. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    4. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 50 sh -s
      < (the probe)
    5. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2 configmap/prodmq-mqctl-evidence configmap/prodmq-hold pod/prodmq-mqctl-reader-0 pod/prodmq-mqctl-reader-1 pod/prodmq-mqctl-reader-2
    6. reads kubectl --context test --namespace rabbitmq logs --selector 'app.kubernetes.io/instance=prodmq,app.kubernetes.io/name=rabbitmq' --container rabbitmq --prefix --ignore-errors --tail 400
    ");
}

#[test]
fn a_restart_long_ago_costs_no_child_more() {
    let restarted = |ready: bool| {
        let world = healthy();
        let mut status = objects::running(ready);
        status["containerStatuses"][0]["restartCount"] = 3.into();
        world.object("pod.prodmq-1", &objects::pod("prodmq-1", &status));
        world.run(&DOCTOR)
    };
    let run = restarted(true).ended(0);
    assert_eq!(run.calls.len(), 6, "{run}");
    let run = restarted(false);
    assert_eq!(run.calls.len(), 8, "its log before and the events are read: {run}");
}

#[test]
fn the_cause_and_what_follows_from_it() {
    let run = without_image().run(&DOCTOR).ended(4);
    run.changed_nothing();
    assert_snapshot!(run.words(), @r#"
    $ mqctl doctor prodmq   [exit 4]
    test / rabbitmq / prodmq     errors 1, warnings 0 · 2 of 3 nodes run

    client and helm        √ 5 checks
    release                √ 6 checks
    admission              √ 1 check
    scheduling, volumes    √ 3 checks
    image
      × IMG  prodmq-2 cannot get its image rabbitmq:4.3.6-management
          image: ImagePullBackOff: Back-off pulling image "rabbitmq:9.9.9"
          so also: QQ-LEADERLESS 1 quorum queue has no leader
          fix:   put `image` right in the profile, then: mqctl install prodmq
          risk:  none
          see:   mqctl explain IMG
    container start        √ 5 checks
    boot                   √ 8 checks
    cluster                √ 2 checks
    broker                 √ 4 checks
    access                 √ 1 check
    deletion               √ 3 checks
    "#);
}

/// Its peers are there, and it waits for them as if they were down.
fn without_names() -> World {
    let world = healthy();
    let address = |pod: &str, ready: bool| {
        let mut status = objects::running(ready);
        status["podIP"] = format!("10.42.0.{}", &pod[7..]).into();
        world.object(&format!("pod.{pod}"), &objects::pod(pod, &status));
    };
    PODS.iter().for_each(|pod| address(pod, *pod != "prodmq-2"));
    let mut service = serde_json::json!({"kind": "Service", "metadata": {"name": "prodmq-headless"}});
    service["spec"] = serde_json::json!({"clusterIP": "None", "publishNotReadyAddresses": true});
    world.object("service.prodmq-headless", &service);
    let host = |pod: &str| format!("{pod}.prodmq-headless.rabbitmq.svc.cluster.local");
    let names = format!("@@ names\n{}\n{}\n\n@@ end", host("prodmq-0"), host("prodmq-3"));
    world.write("cluster/probe.prodmq-2", &probe("prodmq-2", false).replace("@@ end", &names));
    world
}

#[test]
fn a_node_that_finds_no_address_for_a_peer_that_is_there() {
    let run = without_names().run(&DOCTOR).ended(4);
    assert_snapshot!(run.words(), @"
    $ mqctl doctor prodmq   [exit 4]
    test / rabbitmq / prodmq     errors 1, warnings 0 · 2 of 3 nodes run

    client and helm        √ 5 checks
    release                √ 6 checks
    admission              √ 1 check
    scheduling, volumes    √ 3 checks
    image                  √ 2 checks
    container start
      × DNS  prodmq-2 finds no address for its peers
          prodmq-2 cannot turn the name of prodmq-0 into 10.42.0.0, which its pod has
          fix:   kubectl --namespace kube-system get pods --selector k8s-app=kube-dns --output wide
          risk:  none: nodes go on by themselves once they find each other
          see:   mqctl explain DNS
    boot                   √ 8 checks
    cluster                √ 2 checks
    broker                 √ 4 checks
    access                 √ 1 check
    deletion               √ 3 checks
    ");
}

#[test]
fn findings_for_programs() {
    let json = without_image().run(&[&DOCTOR[..], &["-o", "json"]].concat()).ended(4).json();
    assert_eq!((&json["kind"], &json["healthy"]), (&"Findings".into(), &false.into()));
    assert_snapshot!(serde_json::to_string_pretty(&json["findings"]).unwrap(), @r#"
    [
      {
        "code": "IMG",
        "consequences": [
          {
            "code": "QQ-LEADERLESS",
            "fix": "bring the missing nodes back: mqctl status prodmq",
            "forecast": false,
            "message": "1 quorum queue has no leader",
            "proof": [
              "orders"
            ],
            "risk": "none by waiting; to delete such a queue loses its messages",
            "severity": "error",
            "subjects": [
              "orders"
            ]
          }
        ],
        "fix": "put `image` right in the profile, then: mqctl install prodmq",
        "forecast": false,
        "layer": "image",
        "message": "prodmq-2 cannot get its image rabbitmq:4.3.6-management",
        "proof": [
          "image: ImagePullBackOff: Back-off pulling image \"rabbitmq:9.9.9\""
        ],
        "risk": "none",
        "severity": "error",
        "subjects": [
          "prodmq-2"
        ]
      }
    ]
    "#);
}

#[test]
fn findings_for_a_pipeline() {
    let run = without_image().run_with(("GITHUB_ACTIONS", "true"), &DOCTOR).ended(4);
    assert_snapshot!(run.stderr, @"::error title=IMG::prodmq-2 cannot get its image rabbitmq:4.3.6-management; fix: put `image` right in the profile, then: mqctl install prodmq");
}

#[test]
fn what_is_not_wanted_is_left_out() {
    let world = without_image();
    world.run(&[&DOCTOR[..], &["--only", "SPLIT"]].concat()).ended(0);
    let run = world.run(&[&DOCTOR[..], &["--suppress", "IMG"]].concat()).ended(4);
    assert!(run.stdout.contains("× QQ-LEADERLESS") && !run.stdout.contains("IMG"), "{run}");
    let run = world.run(&[&DOCTOR[..], &["--only", "NONSENSE"]].concat()).ended(64);
    run.changed_nothing();
}

#[test]
fn warnings_fail_only_where_that_is_wished() {
    let world = healthy();
    let text = std::fs::read_to_string(world.path("cluster/statefulset.prodmq")).unwrap();
    world.write("cluster/statefulset.prodmq", &text.replace("\"replicas\":3", "\"replicas\":4"));
    let run = world.run(&DOCTOR).ended(0);
    assert!(run.stdout.contains("‼ TWO-NODES"), "{run}");
    world.run(&[&DOCTOR[..], &["--detailed-exitcode"]].concat()).ended(2);
    world.run(&[&DOCTOR[..], &["--fail-on", "warning"]].concat()).ended(4);
}

#[test]
fn waiting_ends_at_the_limit_or_when_all_is_well() {
    healthy().run(&[&DOCTOR[..], &["--wait"]].concat()).ended(0);
    let run = without_image().run(&[&DOCTOR[..], &["--wait", "--timeout", "1s"]].concat()).ended(4);
    assert!(run.stdout.contains("× IMG"), "{run}");
}

#[test]
fn no_secret_is_shown() {
    let world = healthy();
    world.write("cluster/log.prodmq-0", &format!("[pod/prodmq-0/rabbitmq] cookie {COOKIE}, password {PASSWORD}\n"));
    world.object("pod.prodmq-0", &objects::pod("prodmq-0", &objects::running(false)));
    world.write("cluster/probe.prodmq-0", "");
    let run = world.run(&[&DOCTOR[..], &["-vv", "--timeout", "5s"]].concat());
    assert!(run.stdout.contains("cookie (Erlang cookie), password (password)"), "{run}");
    for text in [&run.stdout, &run.stderr, &run.calls.iter().map(|call| call.args.join(" ")).collect()] {
        for canary in [COOKIE, PASSWORD, &objects::base64(COOKIE), &objects::base64(PASSWORD)] {
            assert!(!text.contains(canary), "{text}");
        }
    }
}

#[test]
fn nothing_is_installed() {
    let run = World::with_secrets().run(&DOCTOR).ended(4);
    run.changed_nothing();
    assert!(run.stdout.contains("× NOT-INSTALLED  it is not installed"), "{run}");
}

#[test]
fn a_cluster_that_cannot_be_asked() {
    let world = healthy();
    world.rule("kubectl * get *", 1, "", "Unable to connect to the server: i/o timeout");
    let run = world.run(&DOCTOR).ended(69);
    run.changed_nothing();
    assert_snapshot!(run.stderr, @r"
    error: `kubectl get`: Unable to connect to the server: i/o timeout
    hint: kubectl cluster-info   # does the API server answer?
    see: mqctl explain UNREACHABLE
    ");
    world.profile("prodmq", &format!("{PROFILE}context: prod-eu1\n"));
    world.run(&[&DOCTOR[..], &["--context", "test"]].concat()).ended(78).changed_nothing();
}
