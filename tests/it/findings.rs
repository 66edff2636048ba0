//! What the doctor finds where one thing is changed in a recorded state, and nothing where that is no trouble.

use mqctl::diagnose;
use mqctl::explain::Code;
use serde_json::{Value, json};

use crate::scenarios::{Scenario, recorded};

type Change = fn(&mut Scenario);

fn changed(name: &str, change: Change) -> Scenario {
    let mut scenario = recorded(name);
    change(&mut scenario);
    scenario
}

fn at(scenario: &Scenario, seconds: i64) -> String {
    scenario.now.plus(seconds).to_string()
}

/// The pod's container runs for so many seconds and is not ready.
fn boots(scenario: &mut Scenario, n: usize, seconds: i64) {
    let began = at(scenario, -seconds);
    scenario.silent(n);
    scenario.pod(n)["metadata"]["creationTimestamp"] = json!(began);
    let status = &mut scenario.pod(n)["status"]["containerStatuses"][0];
    status["ready"] = json!(false);
    status["state"] = json!({"running": {"startedAt": began}});
}

fn waits(scenario: &mut Scenario, n: usize, reason: &str, message: &str) {
    scenario.silent(n);
    let status = &mut scenario.pod(n)["status"]["containerStatuses"][0];
    status["ready"] = json!(false);
    status["state"] = json!({"waiting": {"reason": reason, "message": message}});
}

fn unscheduled(scenario: &mut Scenario, n: usize, words: &str, seconds: i64) {
    scenario.silent(n);
    let created = at(scenario, -seconds);
    let pod = scenario.pod(n);
    pod["metadata"]["creationTimestamp"] = json!(created);
    pod["status"] = json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": words}]});
}

/// It waits for its peers' tables, so many seconds after its start.
fn waits_for_tables(scenario: &mut Scenario, n: usize, seconds: i64, left: u32) {
    boots(scenario, n, seconds);
    let time = at(scenario, -2).replace('T', " ").replace('Z', ".000000+00:00");
    scenario.logs[n] = format!("{time} [info] <0.1.0> Waiting for Mnesia tables for 30000 ms, {left} retries left");
}

const HEALTHY: [(&str, &str, Change); 22] = [
    ("three nodes, Mnesia", "healthy-mnesia", |_| ()),
    ("three nodes, Khepri", "healthy-khepri", |_| ()),
    ("one node", "healthy-mnesia", |s| {
        s.replicas = 1;
        s.object("StatefulSet", "rmq")["spec"]["replicas"] = json!(1);
        let only = "rabbit@rmq-0.rmq-headless.rabbitmq.svc.cluster.local";
        s.probes[0] = s.probes[0].replace(
            "[\"rabbit@rmq-0.rmq-headless.rabbitmq.svc.cluster.local\",\"rabbit@rmq-1.rmq-headless.rabbitmq.svc.cluster.local\",\"rabbit@rmq-2.rmq-headless.rabbitmq.svc.cluster.local\"]",
            &format!("[\"{only}\"]"),
        );
    }),
    ("no log can be read", "healthy-mnesia", |s| s.logs = vec![String::new(); 3]),
    ("just installed: pods are being placed", "healthy-mnesia", |s| {
        (0..3).for_each(|n| {
            unscheduled(s, n, "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.", 4)
        });
        s.object("PersistentVolumeClaim", "data-rmq-0")["status"]["phase"] = json!("Pending");
    }),
    ("just installed: containers are made", "healthy-mnesia", |s| {
        let created = at(s, -6);
        for n in 0..3 {
            waits(s, n, "ContainerCreating", "");
            s.pod(n)["metadata"]["creationTimestamp"] = json!(created);
        }
    }),
    ("just installed: all boot", "healthy-khepri", |s| (0..3).for_each(|n| boots(s, n, 8))),
    ("just installed: the first one is alone yet", "healthy-mnesia", |s| {
        (1..3).for_each(|n| boots(s, n, 12));
        s.answers("\"queues\":7", "\"queues\":0");
    }),
    ("a slow boot recovers queues", "healthy-mnesia", |s| {
        boots(s, 2, 900);
        s.logs[2] =
            "2026-11-22 15:00:00.000000+00:00 [info] <0.1.0> Recovering 90000 queues of type rabbit_classic_queue"
                .into();
    }),
    ("a full restart, Mnesia, first line of the wait", "healthy-mnesia", |s| {
        (0..3).for_each(|n| waits_for_tables(s, n, 20, 9))
    }),
    ("a full restart, Mnesia, a peer's image is still pulled", "healthy-mnesia", |s| {
        (0..2).for_each(|n| waits_for_tables(s, n, 100, 6));
        waits(s, 2, "ContainerCreating", "");
        let created = at(s, -100);
        s.pod(2)["metadata"]["creationTimestamp"] = json!(created);
    }),
    ("a full restart, Khepri, before the leader", "healthy-khepri", |s| {
        for n in 0..3 {
            boots(s, n, 25);
            s.logs[n] =
                "2026-11-22 15:00:00.000000+00:00 [info] <0.1.0> starting Ra system: coordination in directory: /x"
                    .into();
        }
    }),
    ("a rolling restart: one stops", "healthy-mnesia", |s| {
        let now = at(s, 0);
        s.silent(2);
        s.pod(2)["metadata"]["deletionTimestamp"] = json!(now);
        s.answers("\"down\":{}", "\"down\":{\"cq2\":\"rabbit@rmq-2.h\"}");
    }),
    ("a rolling restart: one boots", "healthy-mnesia", |s| {
        boots(s, 1, 15);
        s.answers("\"minority\":[]", "\"minority\":[\"two\"]");
    }),
    ("a rolling restart: two revisions", "healthy-mnesia", |s| {
        s.object("StatefulSet", "rmq")["status"]["updateRevision"] = json!("rmq-new");
        boots(s, 2, 30);
    }),
    ("upgraded a moment ago: two revisions, all ready", "healthy-mnesia", |s| {
        s.object("StatefulSet", "rmq")["status"]["updateRevision"] = json!("rmq-new");
        let began = at(s, -40);
        s.pod(2)["status"]["containerStatuses"][0]["state"] = json!({"running": {"startedAt": began}});
    }),
    ("a helm is at work", "healthy-mnesia", |s| {
        let updated = at(s, -60).replace('T', " ").replace('Z', ".5 +0000 UTC");
        s.release = json!({"revision": "2", "status": "pending-upgrade", "chart": "c", "updated": updated});
    }),
    ("an alarm was raised and cleared", "healthy-mnesia", |s| {
        s.logs[0].push_str("\n2026-11-22 15:00:00.0+00:00 [warning] <0.1.0> memory resource limit alarm set on node 'rabbit@rmq-0'.\n2026-11-22 15:00:09.0+00:00 [warning] <0.1.0> memory resource limit alarm cleared on node 'rabbit@rmq-0'.");
    }),
    ("a restart long ago", "healthy-mnesia", |s| {
        let status = &mut s.pod(0)["status"]["containerStatuses"][0];
        status["restartCount"] = json!(1);
        status["lastState"] =
            json!({"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": "2026-11-20T00:00:00Z"}});
    }),
    ("a command runs in a container", "healthy-mnesia", |s| s.answers("300 1\n", "300 1\n12 977\n")),
    ("force boot on Khepri has no effect", "healthy-khepri", |s| {
        s.answers("@@ clean", "1795358244 force_load\n@@ clean")
    }),
    ("a broker is slow to answer", "healthy-mnesia", |s| s.probes[1].clear()),
];

#[test]
fn a_healthy_release_has_no_finding() {
    for (what, base, change) in HEALTHY {
        let scenario = changed(base, change);
        assert_eq!(scenario.codes(), [], "{what}\n{}", scenario.page());
    }
}

const NOT_INSTALLED: Change = |s| {
    s.objects.retain(|o| o["kind"] == "PersistentVolumeClaim");
    (0..3).for_each(|n| s.silent(n));
};

const TROUBLE: [(&str, &str, Change, &[Code]); 26] = [
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
        "a withdrawn image in the cache",
        "healthy-mnesia",
        |s| {
            s.pod(0)["spec"]["containers"][0]["image"] = json!("docker.io/bitnami/rabbitmq:3.13.7");
        },
        &[Code::Img],
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
            for n in 0..3 {
                boots(s, n, 200);
                s.probes[n] = probes[n].replace("\"running\":true", "\"running\":false");
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
            status["lastState"] = json!({"terminated": {"exitCode": 137, "reason": "Error",
            "startedAt": "2026-11-22T15:00:00Z", "finishedAt": "2026-11-22T15:03:00Z"}});
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
            s.probes[2] =
                s.probes[2].replace("\"up\":[\"rabbit@rmq-0.rmq-headless.rabbitmq.svc.cluster.local\",", "\"up\":[");
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
fn every_code_of_a_rule_is_found_in_a_recorded_state_or_a_changed_one() {
    let all: Vec<Code> = TROUBLE.iter().flat_map(|(_, _, _, codes)| codes.iter().copied()).collect();
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
    assert!(diagnose::rules::RULES.len() <= all.len() + recorded.len());
}
