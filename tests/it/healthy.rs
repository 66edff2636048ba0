//! Situations that are no trouble, however they look: the doctor finds nothing above information.

use serde_json::json;

use crate::findings::{Change, at, boots, changed, unscheduled, waits, waits_for_tables};
use crate::objects::lease_elsewhere;

const HEALTHY: [(&str, &str, Change); 29] = [
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
            unscheduled(s, n, "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.", 4);
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
    ("just installed, slowly: others join the first one while all are asked", "healthy-mnesia", |s| {
        let answer = s.probes[1].clone();
        (1..3).for_each(|n| boots(s, n, 200));
        s.probes[1] = answer;
        s.logs[1] = "2026-11-22 15:00:00.000000+00:00 [info] <0.1.0> Peer discovery: configured backend".into();
        let last = [1, 2].map(|n| format!(",\"rabbit@rmq-{n}.rmq-headless.rabbitmq.svc.cluster.local\"")).concat();
        assert!(s.probes[0].contains(&last));
        s.probes[0] = s.probes[0].replace(&last, "");
        s.answers("\"queues\":7", "\"queues\":0");
    }),
    ("a slow boot recovers queues", "healthy-mnesia", |s| {
        boots(s, 2, 900);
        s.logs[2] =
            "2026-11-22 15:00:00.000000+00:00 [info] <0.1.0> Recovering 90000 queues of type rabbit_classic_queue"
                .into();
    }),
    ("one ends while all are asked, one after the other", "healthy-mnesia", |s| {
        let first = "\"up\":[\"rabbit@rmq-0.rmq-headless.rabbitmq.svc.cluster.local\",";
        assert!(s.probes[2].contains(first));
        s.probes[2] = s.probes[2].replace(first, "\"up\":[");
    }),
    ("one joins while all are asked, one after the other", "healthy-mnesia", |s| {
        let answer = s.probes[2].clone();
        boots(s, 2, 200);
        s.probes[2] = answer;
        s.logs[2] = "2026-11-22 15:00:00.000000+00:00 [info] <0.1.0> Peer discovery: configured backend".into();
        let last = ",\"rabbit@rmq-2.rmq-headless.rabbitmq.svc.cluster.local\"";
        s.probes[..2].iter_mut().for_each(|probe| *probe = probe.replace(last, ""));
    }),
    ("a full restart, Mnesia, first line of the wait", "healthy-mnesia", |s| {
        (0..3).for_each(|n| waits_for_tables(s, n, 20, 9));
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
    ("a restart, Khepri, where the VM itself took more than a minute to start", "healthy-khepri", |s| {
        let probe = s.probes[1].replace("\"running\":true", "\"running\":false");
        boots(s, 1, 100);
        s.probes[1] = probe;
        let time = at(s, -20).replace('T', " ").replace('Z', ".000000+00:00");
        s.logs[1] = format!("{time} [info] <0.1.0> starting Ra system: coordination in directory: /x");
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
        s.release =
            json!({"revision": "2", "status": "pending-upgrade", "chart": "mqctl-rabbitmq-1.0.0", "updated": updated});
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
        s.answers("@@ clean", "1795358244 force_load\n@@ clean");
    }),
    ("a pod stops, and has seconds left", "healthy-mnesia", |s| {
        s.silent(2);
        let due = at(s, 30);
        s.pod(2)["metadata"]["deletionTimestamp"] = json!(due);
    }),
    ("a pod has stopped late, a moment ago", "healthy-mnesia", |s| {
        s.silent(2);
        let due = at(s, -20);
        s.pod(2)["metadata"]["deletionTimestamp"] = json!(due);
    }),
    ("another mqctl is at work", "healthy-mnesia", |s| {
        s.lease = lease_elsewhere(3600);
        s.lease["metadata"]["name"] = json!("rmq-mqctl");
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
