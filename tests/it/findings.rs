//! What the doctor finds where one thing is changed in a recorded state, and nothing where that is no trouble.

use mqctl::explain::Code;
use serde_json::{Value, json};

use crate::scenarios::{Scenario, recorded};

pub type Change = fn(&mut Scenario);

pub fn changed(name: &str, change: Change) -> Scenario {
    let mut scenario = recorded(name);
    change(&mut scenario);
    scenario
}

pub fn at(scenario: &Scenario, seconds: i64) -> String {
    scenario.now.plus(seconds).to_string()
}

/// The pod's container runs for so many seconds and is not ready.
pub fn boots(scenario: &mut Scenario, n: usize, seconds: i64) {
    let began = at(scenario, -seconds);
    scenario.silent(n);
    scenario.pod(n)["metadata"]["creationTimestamp"] = json!(began);
    let status = &mut scenario.pod(n)["status"]["containerStatuses"][0];
    status["ready"] = json!(false);
    status["state"] = json!({"running": {"startedAt": began}});
}

pub fn waits(scenario: &mut Scenario, n: usize, reason: &str, message: &str) {
    scenario.silent(n);
    let status = &mut scenario.pod(n)["status"]["containerStatuses"][0];
    status["ready"] = json!(false);
    status["state"] = json!({"waiting": {"reason": reason, "message": message}});
}

pub fn unscheduled(scenario: &mut Scenario, n: usize, words: &str, seconds: i64) {
    scenario.silent(n);
    let created = at(scenario, -seconds);
    let pod = scenario.pod(n);
    pod["metadata"]["creationTimestamp"] = json!(created);
    pod["status"] = json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": words}]});
}

/// It waits for its peers' tables, so many seconds after its start.
pub fn waits_for_tables(scenario: &mut Scenario, n: usize, seconds: i64, left: u32) {
    boots(scenario, n, seconds);
    let time = at(scenario, -2).replace('T', " ").replace('Z', ".000000+00:00");
    scenario.logs[n] = format!("{time} [info] <0.1.0> Waiting for Mnesia tables for 30000 ms, {left} retries left");
}

/// The kubelet ends the container, as one of its probes has failed.
pub fn killed(pod: &str, time: &str) -> Value {
    json!({"kind": "Event", "reason": "Killing", "lastTimestamp": time, "involvedObject": {"kind": "Pod", "name": pod},
        "message": "Container rabbitmq failed liveness probe, will be restarted"})
}

const NOT_INSTALLED: Change = |s| {
    s.objects.retain(|o| o["kind"] == "PersistentVolumeClaim");
    (0..3).for_each(|n| s.silent(n));
};

const TROUBLE: [(&str, &str, Change, &[Code]); 31] = [
    ("no StatefulSet", "healthy-mnesia", NOT_INSTALLED, &[Code::NotInstalled]),
    ("helm was killed", "healthy-mnesia", |s| s.release["status"] = json!("pending-upgrade"), &[Code::HelmPending]),
    (
        "two nodes",
        "healthy-mnesia",
        |s| {
            s.object("StatefulSet", "rmq")["spec"]["replicas"] = json!(2);
        },
        &[Code::TwoNodes],
    ),
    (
        "the namespace ends",
        "healthy-mnesia",
        |s| {
            let ends = json!({"name": "rabbitmq", "deletionTimestamp": "2026-11-22T15:00:00Z"});
            s.objects.push(json!({"kind": "Namespace", "metadata": ends}));
        },
        &[Code::Namespace],
    ),
    (
        "a change that was not rolled",
        "healthy-mnesia",
        |s| {
            s.object("StatefulSet", "rmq")["status"]["updateRevision"] = json!("rmq-new");
            s.now = s.now.plus(600);
        },
        &[Code::ConfNotRolled],
    ),
    (
        "a quota refuses a pod",
        "healthy-mnesia",
        |s| {
            s.gone(2);
            s.objects.push(json!({"kind": "Event", "reason": "FailedCreate", "lastTimestamp": "2026-11-22T15:00:00Z",
            "message": "create Pod rmq-2 in StatefulSet rmq failed error: pods \"rmq-2\" is forbidden: exceeded quota: small"}));
        },
        &[Code::Admission],
    ),
    (
        "the headless Service is gone, and nodes run on",
        "healthy-mnesia",
        |s| s.without("Service", "rmq-headless"),
        &[Code::Dns],
    ),
    (
        "the headless Service is gone: who waits finds nobody",
        "mnesia-two-wait-for-the-third",
        |s| s.without("Service", "rmq-headless"),
        &[Code::Dns, Code::BootMnesia],
    ),
    (
        "the headless Service selects other pods: who waits finds nobody",
        "mnesia-two-wait-for-the-third",
        |s| s.object("Service", "rmq-headless")["spec"] = json!({"selector": {"app": "nobody"}}),
        &[Code::Dns, Code::BootMnesia],
    ),
    (
        "no volume",
        "healthy-mnesia",
        |s| {
            unscheduled(s, 2, "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.", 90);
            s.object("PersistentVolumeClaim", "data-rmq-2")["status"]["phase"] = json!("Pending");
        },
        &[Code::PvcPending],
    ),
    (
        "no place",
        "healthy-mnesia",
        |s| unscheduled(s, 2, "0/3 nodes are available: 3 Insufficient memory.", 90),
        &[Code::Unschedulable],
    ),
    (
        "no volumes at all",
        "healthy-mnesia",
        |s| {
            s.object("StatefulSet", "rmq")["spec"]["volumeClaimTemplates"] = Value::Null;
        },
        &[Code::Ephemeral],
    ),
    ("no image", "healthy-mnesia", |s| waits(s, 2, "ImagePullBackOff", "not found"), &[Code::Img]),
    (
        "no image for three pods",
        "healthy-mnesia",
        |s| (0..3).for_each(|n| waits(s, n, "ImagePullBackOff", "not found")),
        &[Code::Img],
    ),
    (
        "a withdrawn image in the cache",
        "healthy-mnesia",
        |s| {
            s.pod(0)["spec"]["containers"][0]["image"] = json!("docker.io/bitnami/rabbitmq:3.13.7");
        },
        &[Code::Img],
    ),
    (
        "a full volume ends the boot",
        "healthy-mnesia",
        |s| {
            boots(s, 2, 300);
            s.logs[2] = "[error] <0.234.0>     reason: {bad_return_value,{badmatch,{error,enospc}}}".into();
        },
        &[Code::DiskAlarm],
    ),
    (
        "a cookie file that others may read",
        "healthy-mnesia",
        |s| s.answers("@@ cookie-mode\n600", "@@ cookie-mode\n660"),
        &[Code::Cookie; 3],
    ),
    (
        "a cookie file that ends the node",
        "healthy-mnesia",
        |s| {
            boots(s, 2, 300);
            s.logs[2] = "Cookie file /var/lib/rabbitmq/.erlang.cookie must be accessible by owner only".into();
        },
        &[Code::Cookie],
    ),
    (
        "the next start reads another cookie",
        "healthy-mnesia",
        |s| {
            s.answers("\"cookieFile\":\"e7e67c3955e2", "\"cookieFile\":\"000000000000");
        },
        &[Code::Cookie],
    ),
    (
        "all wait for each other",
        "healthy-mnesia",
        |s| (0..3).for_each(|n| waits_for_tables(s, n, 130, 5)),
        &[Code::BootMnesia],
    ),
    (
        "one waits for a lost volume",
        "healthy-mnesia",
        |s| {
            (0..2).for_each(|n| waits_for_tables(s, n, 200, 3));
            s.probes[0] = recorded("healthy-mnesia").probes[0].replace("\"running\":true", "\"running\":false");
            s.gone(2);
            s.without("PersistentVolumeClaim", "data-rmq-2");
        },
        &[Code::BootMnesia, Code::NotReady],
    ),
    (
        "Khepri, all wait",
        "healthy-khepri",
        |s| {
            let probes = s.probes.clone();
            for (n, probe) in probes.iter().enumerate() {
                boots(s, n, 200);
                s.probes[n] = probe.replace("\"running\":true", "\"running\":false");
                s.logs[n] =
                    "2026-11-22 15:00:00.0+00:00 [info] <0.1.0> starting Ra system: coordination in directory: /x"
                        .into();
            }
        },
        &[Code::KhepriLeader],
    ),
    (
        "names that cannot be found",
        "healthy-mnesia",
        |s| {
            boots(s, 2, 300);
            s.pod(2)["status"]["containerStatuses"][0]["restartCount"] = json!(5);
            s.logs[2] = "ERROR: epmd error for host rmq-0.rmq-headless.rabbitmq.svc.cluster.local: nxdomain (non-existing domain)".into();
        },
        &[Code::Dns],
    ),
    (
        "force boot left on",
        "healthy-mnesia",
        |s| {
            s.probes[1] = s.probes[1].replace("@@ clean", "1795358244 force_load\n@@ clean");
        },
        &[Code::ForcebootOn],
    ),
    (
        "a probe that kills",
        "healthy-mnesia",
        |s| {
            boots(s, 2, 40);
            s.pod(2)["spec"]["containers"][0]["livenessProbe"] = json!({"periodSeconds": 30});
            let status = &mut s.pod(2)["status"]["containerStatuses"][0];
            status["restartCount"] = json!(4);
            status["lastState"] = json!({"terminated": {"exitCode": 0, "reason": "Completed",
            "startedAt": "2026-11-22T15:00:00Z", "finishedAt": "2026-11-22T15:03:00Z"}});
            s.objects.push(killed("rmq-2", "2026-11-22T15:02:40Z"));
        },
        &[Code::ProbeKill],
    ),
    (
        "two clusters",
        "healthy-mnesia",
        |s| {
            let node = |n: u32| format!("\"rabbit@rmq-{n}.rmq-headless.rabbitmq.svc.cluster.local\"");
            let all = [node(0), node(1), node(2)].join(",");
            s.probes[2] = s.probes[2].replace(&all, &node(2));
        },
        &[Code::Split],
    ),
    (
        "members that do not see each other",
        "healthy-mnesia",
        |s| {
            let node = |n: u32| format!("\"rabbit@rmq-{n}.rmq-headless.rabbitmq.svc.cluster.local\"");
            let up =
                |nodes: &[u32]| format!("\"up\":[{}]", nodes.iter().map(|n| node(*n)).collect::<Vec<_>>().join(","));
            for (n, seen) in [(0, [0, 1]), (2, [1, 2])] {
                let answer = s.probes[n].replace(&up(&[0, 1, 2]), &up(&seen));
                assert_ne!(answer, s.probes[n]);
                s.probes[n] = answer;
            }
        },
        &[Code::Split],
    ),
    (
        "killed for want of memory",
        "healthy-mnesia",
        |s| {
            let at = at(s, -300);
            let status = &mut s.pod(0)["status"]["containerStatuses"][0];
            status["restartCount"] = json!(1);
            status["lastState"] = json!({"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": at}});
        },
        &[Code::Mem],
    ),
    (
        "a broker that counts on the machine's memory",
        "healthy-mnesia",
        |s| {
            s.probes[0] = s.probes[0].replace("\"memoryLimit\":429496729", "\"memoryLimit\":8589934592");
        },
        &[Code::Mem],
    ),
    (
        "no member knows a leader",
        "healthy-mnesia",
        |s| s.answers("\"unled\":{}", "\"unled\":{\"qq\":3}"),
        &[Code::QqLeaderless],
    ),
    (
        "a queue of a node that runs is down",
        "healthy-mnesia",
        |s| {
            s.answers("\"down\":{}", "\"down\":{\"cq2\":\"rabbit@rmq-2.h\"}");
        },
        &[Code::StoppedQ],
    ),
];

#[test]
fn each_trouble_is_found_and_nothing_else() {
    for (what, base, change, codes) in TROUBLE {
        let scenario = changed(base, change);
        assert_eq!(scenario.codes(), codes, "{what}\n{}", scenario.page());
    }
}

#[test]
fn other_codes_are_found_in_recorded_states() {
    let recorded: Vec<Code> = [
        "empty-broker-beside-the-cluster",
        "metadata-taken-away-by-a-refused-step",
        "replaced-node-is-still-a-member",
        "hung-commands-had-it-killed",
        "memory-and-disk-alarms",
        "password-differs-from-the-volumes",
        "refused-feature-flags",
    ]
    .into_iter()
    .flat_map(|name| recorded(name).codes())
    .collect();
    for code in [
        Code::EmptyBroker,
        Code::MetadataLost,
        Code::Inconsistent,
        Code::CliHung,
        Code::DiskAlarm,
        Code::CredPvc,
        Code::NotReady,
    ] {
        assert!(recorded.contains(&code), "{code}");
    }
}

#[test]
fn a_withdrawn_image_is_a_reason_to_move_while_brokers_run() {
    let image = |s: &mut Scenario, n: usize| {
        s.pod(n)["spec"]["containers"][0]["image"] = json!("docker.io/bitnami/rabbitmq:3.13.7");
    };
    let mut cached = recorded("healthy-mnesia");
    image(&mut cached, 0);
    assert!(cached.page().contains(" --to-chart builtin"), "{}", cached.page());
    let mut gone = recorded("healthy-mnesia");
    for n in 0..3 {
        image(&mut gone, n);
        waits(&mut gone, n, "ImagePullBackOff", "Back-off pulling image");
    }
    assert!(
        !gone.page().contains("mqctl migrate") && gone.page().contains("a registry that has it"),
        "{}",
        gone.page()
    );
}
