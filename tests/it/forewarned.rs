//! What the doctor says of a release that runs: of helm's part in it, of its next stop, of what is being deleted.

use insta::assert_snapshot;
use mqctl::explain::Code;
use serde_json::{Value, json};

use crate::doctor::{DOCTOR, probed};
use crate::findings::{Change, at, boots, changed};
use crate::objects;
use crate::records;
use crate::scenarios::Scenario;

/// A check that a node passes only when it has booted.
fn check(seconds: u32) -> Value {
    let command = ["rabbitmq-diagnostics", "-q", "check_running"];
    json!({"exec": {"command": command}, "initialDelaySeconds": seconds, "periodSeconds": 10, "failureThreshold": 3})
}

fn broker(s: &mut Scenario) -> &mut Value {
    let readiness = check(10);
    let broker = &mut s.object("StatefulSet", "rmq")["spec"]["template"]["spec"]["containers"][0];
    broker["readinessProbe"] = readiness;
    broker
}

const IN_ORDER: Change = |s| {
    broker(s);
    s.object("StatefulSet", "rmq")["spec"]["podManagementPolicy"] = json!("OrderedReady");
};

const TROUBLE: [(&str, &str, Change, &[Code]); 14] = [
    ("pods in order", "healthy-mnesia", IN_ORDER, &[Code::BootMnesia]),
    ("pods in order, Khepri", "healthy-khepri", IN_ORDER, &[Code::KhepriLeader]),
    (
        "names of ready pods only",
        "healthy-mnesia",
        |s| {
            broker(s);
            s.object("Service", "rmq-headless")["spec"]["publishNotReadyAddresses"] = json!(false);
        },
        &[Code::Dns],
    ),
    (
        "a probe shorter than the wait for peers",
        "healthy-mnesia",
        |s| broker(s)["livenessProbe"] = check(120),
        &[Code::ProbeKill],
    ),
    (
        "ten seconds to stop",
        "healthy-mnesia",
        |s| s.object("StatefulSet", "rmq")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(10),
        &[Code::Grace],
    ),
    (
        "volumes that go with the StatefulSet",
        "healthy-mnesia",
        |s| {
            let policy = json!({"whenDeleted": "Delete", "whenScaled": "Retain"});
            s.object("StatefulSet", "rmq")["spec"]["persistentVolumeClaimRetentionPolicy"] = policy;
        },
        &[Code::Retention],
    ),
    (
        "less memory than a broker needs",
        "healthy-mnesia",
        |s| broker(s)["resources"] = json!({"limits": {"memory": "256Mi"}}),
        &[Code::Mem],
    ),
    (
        "a node is down: what the next stop comes to is no matter",
        "healthy-mnesia",
        |s| {
            IN_ORDER(s);
            boots(s, 2, 15);
        },
        &[],
    ),
    (
        "a pod stays after its time",
        "healthy-mnesia",
        |s| {
            let due = at(s, -300);
            s.silent(2);
            s.pod(2)["metadata"]["deletionTimestamp"] = json!(due);
        },
        &[Code::Terminating],
    ),
    (
        "a claim was deleted beneath its pod",
        "healthy-mnesia",
        |s| {
            let due = at(s, -5);
            s.object("PersistentVolumeClaim", "data-rmq-1")["metadata"]["deletionTimestamp"] = json!(due);
        },
        &[Code::Terminating],
    ),
    (
        "all claims go with the namespace",
        "healthy-mnesia",
        |s| {
            let due = at(s, -5);
            s.object("PersistentVolumeClaim", "data-rmq-1")["metadata"]["deletionTimestamp"] = json!(due);
            let ends = json!({"name": "rabbitmq", "deletionTimestamp": due});
            s.objects.push(json!({"kind": "Namespace", "metadata": ends}));
        },
        &[Code::Namespace],
    ),
    (
        "another chart's release",
        "healthy-mnesia",
        |s| s.release["chart"] = json!("rabbitmq-16.0.16"),
        &[Code::ReleaseTaken],
    ),
    (
        "two releases of one StatefulSet",
        "healthy-mnesia",
        |s| {
            s.object("StatefulSet", "rmq")["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "other"});
        },
        &[Code::Ownership],
    ),
    ("no release at all", "healthy-mnesia", |s| s.release = Value::Null, &[Code::Ownership]),
];

#[test]
fn each_is_found_and_nothing_else() {
    for (what, base, change, codes) in TROUBLE {
        let scenario = changed(base, change);
        assert_eq!(scenario.codes(), codes, "{what}\n{}", scenario.page());
    }
}

/// The sections that have a finding.
fn told(scenario: &Scenario) -> String {
    let page = scenario.page();
    let told = page.lines().skip(2).filter(|line| !line.contains(" √ "));
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_prevents_it_is_told() {
    assert_snapshot!(told(&changed("healthy-mnesia", IN_ORDER)), @"
    boot
      ‼ BOOT-MNESIA  the next full stop ends in a deadlock: rmq-0 waits for nodes that are created when it is ready; clients have no broker until somebody recovers it, and no message is lost by that
          StatefulSet/rmq
          fix:   the value of this chart that makes podManagementPolicy Parallel
          risk:  none
          see:   mqctl explain BOOT-MNESIA
    ");
    let short = changed("healthy-mnesia", |s| broker(s)["livenessProbe"] = check(120));
    assert_snapshot!(told(&short), @"
    boot
      ‼ PROBE-KILL  the livenessProbe kills a node 140 s after its start, and one that waits for its peers may need 300 s: killed again and again, it has more to recover each time
          StatefulSet/rmq
          fix:   the value of this chart that makes initialDelaySeconds of the livenessProbe 340
          risk:  none
          see:   mqctl explain PROBE-KILL
    ");
}

#[test]
fn what_is_deleted_and_stays() {
    let finalized = changed("healthy-mnesia", |s| {
        let due = at(s, -300);
        s.silent(2);
        s.pod(2)["metadata"]["deletionTimestamp"] = json!(due);
        s.pod(2)["metadata"]["finalizers"] = json!(["example.com/drain"]);
    });
    assert_snapshot!(told(&finalized), @"
    deletion
      × TERMINATING  rmq-2 should be gone, and is not
          its time to stop ended 5m 0s ago
          its finalizer: example.com/drain
          fix:   kubectl --namespace rabbitmq get pod rmq-2 --output yaml
          risk:  a finalizer's controller may still have something to save
          see:   mqctl explain TERMINATING
    ");
    let unreachable = changed("healthy-mnesia", |s| {
        let due = at(s, -300);
        s.silent(2);
        s.pod(2)["metadata"]["deletionTimestamp"] = json!(due);
        s.pod(2)["spec"]["nodeName"] = json!("machine-3");
    });
    assert_snapshot!(told(&unreachable), @"
    deletion
      × TERMINATING  rmq-2 should be gone, and is not
          its time to stop ended 5m 0s ago
          on machine machine-3
          fix:   kubectl get node machine-3
          risk:  deleted by force it may still run, as a second writer of its volume: only where its machine is off
          see:   mqctl explain TERMINATING
    ");
    let (_, base, claim, _) = TROUBLE[9];
    assert_snapshot!(told(&changed(base, claim)), @r#"
    deletion
      × TERMINATING  data-rmq-1 is deleted when rmq-1 stops, and its volume with it
          the claim was deleted at 2026-11-22T15:13:30Z; it waits for its pod
          fix:   kubectl patch persistentvolume pvc-28d9f632-e124-4399-973a-722b0756a07d --patch '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}'
          risk:  until then every restart of rmq-1 loses all that is on it
          see:   mqctl explain TERMINATING
    "#);
}

#[test]
fn whose_the_release_is() {
    let told_of = |n: usize| told(&changed(TROUBLE[n].1, TROUBLE[n].2));
    assert_snapshot!(told_of(11), @"
    client and helm
      × RELEASE-TAKEN  the release was made by chart `rabbitmq-16.0.16`, and the profile's is builtin 1.0.0
          helm: its last revision
          fix:   helm history rmq --namespace rabbitmq
          risk:  none by looking; to uninstall it may delete the only copy of cookie and password
          see:   mqctl explain RELEASE-TAKEN
    ");
    assert_snapshot!(told_of(12), @"
    client and helm
      ‼ OWNERSHIP  StatefulSet/rmq is by helm's marks of release `other`
          fix:   helm status other --namespace rabbitmq
          risk:  two releases that change one object take turns; delete neither before you know whose it is
          see:   mqctl explain OWNERSHIP
    ");
    assert_snapshot!(told_of(13), @"
    client and helm
      ‼ OWNERSHIP  StatefulSet/rmq, Service/rmq-headless are of no release of helm's
          fix:   mqctl install rmq --adopt-objects
          risk:  none: the plan shows what changes
          see:   mqctl explain OWNERSHIP
    ");
}

#[test]
fn who_is_at_work() {
    let scenario = changed("healthy-mnesia", |s| {
        s.lease = objects::lease_elsewhere(3600);
        s.lease["metadata"]["name"] = json!("rmq-mqctl");
    });
    assert_snapshot!(told(&scenario), @"
    client and helm
      i LOCKED  another mqctl is at work: ci@runner-1 (pid 77, upgrade), since 2026-11-22 12:03 UTC
          fix:   mqctl unlock rmq     should it hang
          risk:  none
          see:   mqctl explain LOCKED
    ");
}

/// One question to the API server more, as an API is named that was taken away; and helm's own list is not asked for.
#[test]
fn a_record_that_helm_cannot_use() {
    let world = probed(records::broken("deployed"));
    let run = world.run(&DOCTOR).ended(0);
    run.changed_nothing();
    let warned: Vec<&str> = run.stdout.lines().skip_while(|line| !line.contains("RECORD-API")).take(5).collect();
    assert_snapshot!(warned.join("\n"), @"
    ‼ RECORD-API  helm's record names PodDisruptionBudget/prodmq of policy/v1beta1, which this cluster does not serve
        helm: revision 4; it can neither upgrade nor uninstall with it
        fix:   mqctl upgrade prodmq --repair-record
        risk:  none this way; a `helm uninstall` fails, and leaves the release `uninstalling`
        see:   mqctl explain RECORD-API
    ");
    assert_eq!(run.calls.len(), 3 + 3 + 1, "{run}");
    assert!(!run.calls.iter().any(|call| call.program == "helm"), "{run}");
    let run = probed(records::broken("uninstalling")).run(&DOCTOR).ended(4);
    assert!(run.stdout.contains("× RECORD-API") && !run.stdout.contains("HELM-PENDING"), "{run}");
}

#[test]
fn a_record_that_is_well_costs_no_child_more() {
    let world = probed(records::whole());
    let run = world.run(&DOCTOR).ended(0);
    assert_eq!(run.calls.len(), 3 + 3, "{run}");
    assert!(!run.stdout.contains("RECORD-API") && !run.stdout.contains("OWNERSHIP"), "{run}");
    // Where helm keeps its records elsewhere, it is asked itself.
    let run = world.run_with(("HELM_DRIVER", "configmap"), &DOCTOR).ended(0);
    assert!(run.calls.len() == 6 && run.calls.iter().any(|call| call.program == "helm"), "{run}");
}
