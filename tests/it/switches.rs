//! Switches of a force boot that were left on: what the doctor says, from which sign.

use insta::assert_snapshot;
use mqctl::recover::strategy::{Strategy, Way};
use mqctl::recover::under_way::UnderWay;
use serde_json::{Value, json};

use crate::findings::changed;
use crate::scenarios::Scenario;

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
    let noted =
        UnderWay { strategy: Strategy::ForceBoot, way: Way::default(), stateful_set: json!({}), by_chart: false };
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
