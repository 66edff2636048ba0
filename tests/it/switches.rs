//! Switches of a force boot that were left on, and containers that were killed: what the doctor says, from which sign.

use insta::assert_snapshot;
use mqctl::explain::Code;
use mqctl::recover::strategy::{Strategy, Way};
use mqctl::recover::under_way::UnderWay;
use serde_json::{Value, json};

use crate::findings::{boots, changed, killed};
use crate::objects::{self, PODS};
use crate::scenarios::Scenario;
use crate::world::World;

/// The broker's container in the StatefulSet.
fn template(scenario: &mut Scenario) -> &mut Value {
    &mut scenario.object("StatefulSet", "rmq")["spec"]["template"]["spec"]["containers"][0]
}

/// The lines of the finding.
fn told(scenario: &Scenario) -> String {
    let page = scenario.page();
    let lines =
        page.lines().skip_while(|line| !line.contains("FORCEBOOT-ON")).take_while(|line| line.starts_with("  "));
    lines.collect::<Vec<_>>().join("\n")
}

const STABLE: &str = "if [ -d \"$RABBITMQ_MNESIA_BASE/$RABBITMQ_NODENAME\" ]; then rabbitmqctl force_boot; fi\n\
    exec docker-entrypoint.sh rabbitmq-server";

#[test]
fn the_chart_s_switch_is_seen_in_the_stateful_set() {
    let stable = changed("healthy-mnesia", |s| template(s)["command"] = json!(["sh", "-ec", STABLE]));
    assert_snapshot!(told(&stable), @r"
    ‼ FORCEBOOT-ON  rmq-0, rmq-1, rmq-2 load their own copies when they start next, whatever the others have
        the switch in the StatefulSet
        fix:   take the switch out of the values, then: mqctl upgrade rmq
        risk:  none; left on, what others declared since is lost
        see:   mqctl explain FORCEBOOT-ON
    ");
    let bitnami = |value: &str| {
        let mut scenario = changed("healthy-mnesia", |s| template(s)["args"] = json!(["sh", "-ec", STABLE]));
        template(&mut scenario)["env"] = json!([{"name": "RABBITMQ_FORCE_BOOT", "value": value}]);
        scenario
    };
    assert_eq!(told(&bitnami("yes")), told(&stable));
    assert_eq!(bitnami("no").codes(), [], "its image asks the variable");
}

/// As `force-boot --via statefulset` leaves the command, for one of the pods.
fn by_us(scenario: &mut Scenario) {
    let forced = "if [ \"$(hostname)\" = rmq-1 ] && ! [ -e /tmp/mqctl-forced ]; then rabbitmqctl force_boot \
        && touch /tmp/mqctl-forced; fi; exec \"$@\"";
    template(scenario)["command"] = json!(["sh", "-c", forced, "sh", "docker-entrypoint.sh", "rabbitmq-server"]);
}

#[test]
fn whoever_was_cut_short_is_to_be_finished() {
    let mut scenario = changed("healthy-mnesia", by_us);
    let noted = UnderWay {
        strategy: Strategy::ForceBoot,
        way: Way::default(),
        stateful_set: json!({}),
        by_chart: false,
        copies: false,
    };
    scenario.objects.push(noted.object("rmq-mqctl-evidence", "rmq"));
    assert_snapshot!(told(&scenario), @r"
    ‼ FORCEBOOT-ON  rmq-1 loads its own copy at its next start, whatever the others have
        the switch in the StatefulSet
        force-boot was cut short
        fix:   mqctl recover rmq
        risk:  none; left on, what others declared since is lost
        see:   mqctl explain FORCEBOOT-ON
    ");
}

/// rmq-2 boots for the fifth time, and its container ended so.
fn again(scenario: &mut Scenario, exit_code: i64) {
    boots(scenario, 2, 40);
    scenario.pod(2)["spec"]["containers"][0]["livenessProbe"] = json!({"periodSeconds": 30});
    let status = &mut scenario.pod(2)["status"]["containerStatuses"][0];
    status["restartCount"] = json!(4);
    status["lastState"] = json!({"terminated": {"exitCode": exit_code, "reason": "Error",
        "startedAt": "2026-11-22T15:00:00Z", "finishedAt": "2026-11-22T15:03:00Z"}});
}

#[test]
fn an_exit_code_alone_is_no_probe() {
    let codes = |exit_code: i64, event: Option<Value>| {
        let mut scenario = changed("healthy-mnesia", |_| ());
        again(&mut scenario, exit_code);
        scenario.objects.extend(event);
        scenario.codes()
    };
    let at = |time: &str| Some(killed("rmq-2", time));
    assert_eq!(codes(0, at("2026-11-22T15:02:40Z")), [Code::ProbeKill], "it obeyed");
    assert_eq!(codes(137, at("2026-11-22T15:02:40Z")), [Code::ProbeKill], "it was too slow");
    assert_eq!(codes(137, None), [Code::NotReady], "who killed it is not known");
    assert_eq!(codes(137, at("2026-11-22T14:59:00Z")), [Code::NotReady], "that was the container before");
    assert_eq!(codes(143, Some(killed("rmq-1", "2026-11-22T15:02:40Z"))), [Code::NotReady], "that was another pod");
    let mut stopped = killed("rmq-2", "2026-11-22T15:02:40Z");
    stopped["message"] = json!("Stopping container rabbitmq");
    assert_eq!(codes(143, Some(stopped)), [Code::NotReady]);
}

#[test]
fn events_are_read_where_a_container_starts_again_and_again() {
    let world = World::installed();
    let mut pod = objects::pod("prodmq-2", &objects::running(false));
    let status = &mut pod["status"]["containerStatuses"][0];
    status["restartCount"] = json!(3);
    status["lastState"] = json!({"terminated": {"exitCode": 0, "reason": "Completed",
        "startedAt": "2026-11-22T08:50:00Z", "finishedAt": "2026-11-22T08:54:30Z"}});
    world.object("pod.prodmq-2", &pod);
    world.object("event.1", &killed("prodmq-2", "2026-11-22T08:54:25Z"));
    let run = world.run(&["doctor", "prodmq"]).ended(4);
    run.changed_nothing();
    assert_snapshot!(run.stdout.lines().skip_while(|line| !line.contains("PROBE-KILL")).take(6).collect::<Vec<_>>().join("\n"), @r"
    × PROBE-KILL  prodmq-2 is killed by its livenessProbe before it has booted
        kubelet: Container rabbitmq failed liveness probe, will be restarted
        exit code 0 after 4m 30s, 3 restarts
        fix:   give the livenessProbe longer than the boot takes, then: mqctl upgrade prodmq
        risk:  none; each kill makes the next boot longer
        see:   mqctl explain PROBE-KILL
    ");
    let events = run.calls.iter().filter(|call| call.args.iter().any(|arg| arg == "events")).count();
    assert_eq!((events, run.calls.len()), (1, 3 + PODS.len() + 2), "{run}");
}
