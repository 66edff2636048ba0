//! Charts of two other families, whose pods come one after the other: install, the deadlock, and each way of a force boot.

use std::time::Duration;

use serde_json::{Value, json};

use crate::amqp::{Broker, Kind};
use crate::environment::{Helm, MNESIA};
use crate::evidence::halt;
use crate::killed::{MESSAGES, with_messages};
use crate::recover::{drain, in_order, users};
use crate::runner::Test;
use crate::world::{NAME, World};

const BOOT: Duration = Duration::from_secs(240);
/// Long enough for what was declared last to be on the disks.
const FLUSHED: Duration = Duration::from_secs(15);
pub(crate) const CHARTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts");

/// A small chart of the suite's own in the manner of a family.
#[derive(Clone, Copy)]
pub(crate) enum Family {
    Stable,
    Bitnami,
}

impl Family {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Bitnami => "bitnami",
        }
    }

    /// Where the nodes' folders are.
    fn base(self) -> &'static str {
        match self {
            Self::Stable => "/opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia",
            Self::Bitnami => "/opt/bitnami/rabbitmq/.rabbitmq/mnesia",
        }
    }

    /// Small VMs, and probes that see a ready node soon; the names are those of the rest of the suite.
    pub(crate) fn values(self) -> Value {
        let arguments = "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none";
        let env = [("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", arguments), ("RABBITMQ_CTL_ERL_ARGS", "+S 1:1 +sbwt none")];
        let mut values = json!({
            "fullnameOverride": NAME, "readinessProbe": {"initialDelaySeconds": 5, "periodSeconds": 10},
            "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        });
        match self {
            Self::Stable => {
                values["rabbitmq"] = json!({"env": env.into_iter().collect::<std::collections::BTreeMap<_, _>>()});
            }
            Self::Bitnami => {
                values["extraEnvVars"] = env.map(|(name, value)| json!({"name": name, "value": value})).into();
            }
        }
        values
    }
}

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = vec![
        test("install and an upgrade that is none", Helm::Three, Family::Stable, installed).long(),
        test("install and an upgrade that is none", Helm::Four, Family::Bitnami, installed).long(),
        test("a deadlock of pods in order", Helm::Three, Family::Stable, deadlock).long(),
        test("a deadlock of pods in order", Helm::Four, Family::Bitnami, deadlock).long(),
    ];
    tests.extend([
        test("force-boot: chart", Helm::Three, Family::Stable, |world, family| forced(world, family, "chart")).long(),
        test("force-boot: chart", Helm::Four, Family::Bitnami, |world, family| forced(world, family, "chart")).long(),
        test("force-boot: statefulset", Helm::Four, Family::Stable, |w, family| forced(w, family, "statefulset"))
            .long(),
        test("force-boot: statefulset", Helm::Four, Family::Bitnami, |w, family| forced(w, family, "statefulset"))
            .long(),
        test("force-boot: file", Helm::Four, Family::Stable, |world, family| forced(world, family, "file")).long(),
        test("force-boot: file", Helm::Four, Family::Bitnami, |world, family| forced(world, family, "file")).long(),
        test("force-boot: live", Helm::Four, Family::Stable, |world, family| forced(world, family, "live")).long(),
        test("force-boot: live", Helm::Four, Family::Bitnami, |world, family| forced(world, family, "live")).long(),
    ]);
    tests
}

pub(crate) fn test(what: &str, helm: Helm, family: Family, body: fn(&mut World, Family)) -> Test {
    let name = format!("dialects: {}: {what}", family.word());
    Test::new(name.clone(), move || {
        let mut world = World::new(&name, helm, MNESIA, 3);
        world.wish("/chart", json!({"ref": format!("{CHARTS}/{}-like", family.word())}));
        world.wish("/values", family.values());
        body(&mut world, family);
    })
}

fn installed(world: &mut World, _: Family) {
    let password = with_messages(world);
    world.assert_healthy();
    let again = world.mqctl(&["upgrade", NAME, "--yes"]).expect(0);
    assert!(again.stdout.contains("nothing to change"), "{}", again.said());
    drain(world, &password, &Kind::BOTH);
}

/// Late queues, messages and a user are made while mq-0 is away; then the others are cut together. No pod is left, and
/// no StatefulSet: here it is, as it was.
pub(crate) fn prepared(world: &World) -> (String, Value) {
    world.install();
    let password = world.credentials().agree().password().to_owned();
    let set = in_order(world);
    world.namespace.kubectl(&["delete", "statefulset", NAME, "--cascade=orphan"]);
    world.namespace.kubectl(&["delete", "pod", "mq-0"]);
    let broker = Broker::of(&world.namespace, "mq-2", &password);
    for kind in Kind::BOTH {
        broker.publish(kind, MESSAGES);
    }
    world.namespace.shell("mq-2", "rabbitmqctl add_user late late-password");
    std::thread::sleep(FLUSHED);
    halt(world, &["mq-1", "mq-2"].map(str::to_owned));
    (password, set)
}

/// Every message is there, nothing of a recovery is left, and with the line that was told helm has its say again.
#[track_caller]
pub(crate) fn assert_back(world: &mut World, password: &str) {
    world.assert_healthy();
    assert!(users(world).contains("late"), "the user that mq-0 did not know");
    drain(world, password, &Kind::BOTH);
    let set = world.namespace.object("statefulset", NAME);
    let spec = &set["spec"];
    assert_eq!((&spec["podManagementPolicy"], &spec["replicas"]), (&json!("Parallel"), &json!(3)));
    assert_eq!(spec["updateStrategy"]["type"], "RollingUpdate");
    assert!(set["metadata"]["annotations"]["mqctl/recovery"].is_null() && spec["ordinals"].is_null(), "{set:#}");
    let status = world.mqctl(&["status", NAME]).expect(0);
    assert!(status.stdout.contains("the profile wants OrderedReady"), "{}", status.said());
    world.mqctl(&["upgrade", NAME, "--yes"]).expect(78).says(&["values: {podManagementPolicy: Parallel}"]);
    world.wish("/values/podManagementPolicy", json!("Parallel"));
    world.mqctl(&["upgrade", NAME, "--yes"]).expect(0);
    let status = world.mqctl(&["status", NAME]).expect(0);
    assert!(!status.stdout.contains("OrderedReady"), "{}", status.said());
    world.assert_healthy();
}

/// mq-0 has stopped first, and waits for pods that are not created before it is ready.
fn deadlock(world: &mut World, _: Family) {
    let (password, set) = prepared(world);
    world.namespace.apply(&[set]);
    world.namespace.until("mq-0 waits alone", BOOT, |namespace| {
        let log = namespace.command(&["logs", "mq-0", "--container", "rabbitmq"]).output().expect("kubectl starts");
        String::from_utf8_lossy(&log.stdout).contains("Waiting for Mnesia tables")
    });
    std::thread::sleep(FLUSHED);
    assert_eq!(world.namespace.list("pods").len(), 1, "the others are not created");
    let ran = world.mqctl(&["recover", NAME, "--strategy", "auto", "--yes", "-v"]).expect(0);
    assert!(ran.stdout.contains("    values: {podManagementPolicy: Parallel}"), "{}", ran.said());
    assert_back(world, &password);
}

fn forced(world: &mut World, family: Family, via: &str) {
    let (password, mut set) = prepared(world);
    set["spec"]["replicas"] = json!(0);
    world.namespace.apply(&[set]);
    world.mqctl(&["force-boot", NAME, "--node", "mq-2", "--via", via, "--confirm", NAME, "-v"]).expect(0);
    for pod in ["mq-0", "mq-1", "mq-2"] {
        let left = world.namespace.shell(pod, &format!("find {} -name force_load", family.base()));
        assert_eq!(left.trim(), "", "no switch is left on {pod}");
    }
    let set = world.namespace.object("statefulset", NAME).to_string();
    let on = ["mqctl-forced", "\"name\":\"RABBITMQ_FORCE_BOOT\",\"value\":\"yes\""];
    assert!(!on.iter().any(|switch| set.contains(switch)), "{set}");
    let values = world.helm(&["get", "values", NAME, "--output", "json"]).expect(0).json();
    assert!(values["forceBoot"].is_null() && values["clustering"].is_null(), "{values:#}");
    assert_back(world, &password);
}
