//! Charts of other families: the deadlock of pods in order, and each way of a force boot; a chart of no family.

use std::time::Duration;

use serde_json::{Value, json};

use crate::amqp::{Broker, Kind};
use crate::environment::{Helm, MNESIA, OLD};
use crate::evidence::halt;
use crate::killed::{MESSAGES, with_messages};
use crate::lost::assert_members_of_the_quorum_queue;
use crate::recover::{AUTO, CONFIRMED, NEWEST_FIRST, PODS, drain, in_order, users};
use crate::runner::Test;
use crate::world::{NAME, World};

const BOOT: Duration = Duration::from_secs(240);
/// Long enough for what was declared last to be on the disks.
const FLUSHED: Duration = Duration::from_secs(15);
/// Small VMs.
const SMALL: [(&str, &str); 2] = [
    ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"),
    ("RABBITMQ_CTL_ERL_ARGS", "+S 1:1 +sbwt none"),
];
pub(crate) const CHARTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts");

/// A small chart of the suite's own in the manner of a family.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Stable,
    Bitnami,
    /// Its keys and paths of before 9.0.0.
    Bitnami8,
    CloudPirates,
    Groundhog2k,
}

impl Family {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Bitnami | Self::Bitnami8 => "bitnami",
            Self::CloudPirates => "cloudpirates",
            Self::Groundhog2k => "groundhog2k",
        }
    }

    /// Where its chart is: that of an older version is the same but for its number.
    pub(crate) fn chart(self, world: &World) -> String {
        let newest = format!("{CHARTS}/{}-like", self.word());
        if !matches!(self, Self::Bitnami8) {
            return newest;
        }
        let older = world.root().join("bitnami-8").display().to_string();
        let copied = std::process::Command::new("cp").args(["-r", &newest, &older]).status().expect("cp starts");
        assert!(copied.success(), "{newest} is copied");
        let about = format!("{older}/Chart.yaml");
        let text = std::fs::read_to_string(&about).expect("its Chart.yaml").replace("16.0.16", "8.32.2");
        std::fs::write(about, text).expect("another version");
        older
    }

    /// The profile has to say by itself that the pods are created at once.
    pub(crate) fn wants_the_line(self) -> bool {
        matches!(self, Self::Stable)
    }

    /// Where the nodes' folders are.
    fn base(self) -> &'static str {
        match self {
            Self::Stable => "/opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia",
            Self::Bitnami => "/opt/bitnami/rabbitmq/.rabbitmq/mnesia",
            Self::Bitnami8 => "/bitnami/rabbitmq/mnesia",
            Self::CloudPirates | Self::Groundhog2k => "/var/lib/rabbitmq/mnesia",
        }
    }

    /// Small VMs, and probes that see a ready node soon; the names are those of the rest of the suite.
    pub(crate) fn values(self) -> Value {
        let env = SMALL;
        let mut values = json!({
            "fullnameOverride": NAME, "readinessProbe": {"initialDelaySeconds": 5, "periodSeconds": 10},
            "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        });
        let limit = "total_memory_available_override_value = 512MiB";
        match self {
            Self::Stable => {
                let env: std::collections::BTreeMap<_, _> = env.into_iter().collect();
                values["rabbitmq"] = json!({"env": env, "extraConfiguration": limit});
            }
            Self::Bitnami | Self::Bitnami8 | Self::CloudPirates => {
                values["extraEnvVars"] = listed(env);
                if self != Self::CloudPirates {
                    values["extraConfiguration"] = json!(limit);
                }
            }
            Self::Groundhog2k => {
                values["env"] = listed(env);
                values["startupProbe"] = json!({"initialDelaySeconds": 5, "periodSeconds": 5, "timeoutSeconds": 20});
                values["terminationGracePeriodSeconds"] = json!(40);
            }
        }
        values
    }
}

fn listed<const N: usize>(variables: [(&str, &str); N]) -> Value {
    variables.map(|(name, value)| json!({"name": name, "value": value})).into_iter().collect()
}

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = vec![
        test("a deadlock of pods in order", Helm::Four, Family::CloudPirates, deadlock).long(),
        test("a deadlock of pods in order", Helm::Three, Family::Groundhog2k, deadlock).long(),
        test("a deadlock of pods in order", Helm::Three, Family::Stable, deadlock).long(),
        test("a deadlock of pods in order", Helm::Four, Family::Bitnami, deadlock).long(),
        custom("by an existing Secret", Helm::Three, BY_SECRET).long(),
        custom("by values", Helm::Four, BY_VALUE).long(),
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
        test("force-boot: chart, which helps nobody", Helm::Four, Family::CloudPirates, refused).long(),
        test("force-boot: chart, which helps nobody", Helm::Three, Family::Groundhog2k, refused).long(),
        test("force-boot: statefulset", Helm::Four, Family::CloudPirates, |w, family| forced(w, family, "statefulset"))
            .long(),
        test("force-boot: statefulset", Helm::Three, Family::Groundhog2k, |w, family| forced(w, family, "statefulset"))
            .long(),
        test("force-boot: file", Helm::Three, Family::CloudPirates, |world, family| forced(world, family, "file"))
            .long(),
        test("force-boot: file", Helm::Four, Family::Groundhog2k, |world, family| forced(world, family, "file")).long(),
        test("8: force-boot: file", Helm::Three, Family::Bitnami8, |world, family| forced(world, family, "file"))
            .long(),
        test("force-boot: live", Helm::Four, Family::Stable, |world, family| forced(world, family, "live")).long(),
        test("force-boot: live", Helm::Four, Family::Bitnami, |world, family| forced(world, family, "live")).long(),
        of(OLD, "force-boot: chart, 3.10", Helm::Four, Family::Stable, |w, family| forced(w, family, "chart")).long(),
        of(OLD, "force-boot: file, 3.10", Helm::Three, Family::Bitnami, |w, family| forced(w, family, "file")).long(),
        test("newest-first", Helm::Four, Family::Bitnami, newest_first).long(),
        test("forget", Helm::Four, Family::Bitnami, forgotten).long(),
        test("forget", Helm::Four, Family::Stable, forgotten).long(),
    ]);
    tests
}

pub(crate) fn test(what: &str, helm: Helm, family: Family, body: fn(&mut World, Family)) -> Test {
    of(MNESIA, what, helm, family, body)
}

fn of(tag: &'static str, what: &str, helm: Helm, family: Family, body: fn(&mut World, Family)) -> Test {
    sized(3, tag, what, helm, family, body)
}

pub(crate) fn sized(
    nodes: u32,
    tag: &'static str,
    what: &str,
    helm: Helm,
    family: Family,
    body: fn(&mut World, Family),
) -> Test {
    let name = format!("dialects: {}: {what}", family.word());
    Test::new(name.clone(), move || {
        let mut world = World::new(&name, helm, tag, nodes);
        let chart = family.chart(&world);
        world.wish("/chart", json!({"ref": chart}));
        world.wish("/values", family.values());
        body(&mut world, family);
    })
}

/// The values by which the chart of no family is told its secrets.
pub(crate) const BY_SECRET: [(&str, &str); 2] = [("passwordSecret", "login.secret"), ("cookieSecret", "login.secret")];
const BY_VALUE: [(&str, &str); 2] = [("password", "login.password"), ("erlangCookie", "login.cookie")];

/// A chart of no family, whose profile describes it.
fn custom(how: &str, helm: Helm, secrets: [(&'static str, &'static str); 2]) -> Test {
    let name = format!("dialects: custom: {how}");
    Test::new(name.clone(), move || {
        let mut world = World::new(&name, helm, MNESIA, 3);
        world.wish("/chart", custom_chart(&secrets));
        world.wish("/values", custom_values());
        lives_on(&mut world);
    })
}

/// What a profile says of the suite's own chart of no family.
pub(crate) fn custom_chart(secrets: &[(&str, &str)]) -> Value {
    let mut description = json!({
        "statefulSet": NAME, "clientService": format!("{NAME}-clients"), "headlessService": format!("{NAME}-nodes"),
        "claimTemplate": "mq-data", "container": "broker", "volumePath": "/data", "dataPath": "/data/nodes",
        "podLabels": {"app": "mq", "release": NAME}, "releaseLabel": "release",
        "keys": {
            "replicas": "nodes", "image": "image", "storageClass": "disk.class", "storageSize": "disk.size",
            "username": "login.name", "forceBoot": "recovery.force", "podManagementPolicy": "pods.policy",
        },
        "secretKeys": {"username": "broker-user", "password": "broker-password", "erlangCookie": "broker-cookie"},
    });
    for (key, value) in secrets {
        description["keys"][key] = json!(value);
    }
    json!({"ref": format!("{CHARTS}/custom-like"), "version": "1.2.0", "dialect": "custom", "custom": description})
}

pub(crate) fn custom_values() -> Value {
    json!({
        "name": NAME, "env": SMALL.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "readinessProbe": {"initialDelaySeconds": 5, "periodSeconds": 10},
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
    })
}

/// Through an upgrade that is none, one that restarts every pod, a delete and an install.
fn lives_on(world: &mut World) {
    let password = with_messages(world);
    world.assert_healthy();
    let again = world.mqctl(&["upgrade", NAME, "--yes"]).expect(0);
    assert!(again.stdout.contains("nothing to change"), "{}", again.said());
    world.wish("/values/configuration", json!("vm_memory_high_watermark.relative = 0.5"));
    world.mqctl(&["upgrade", NAME, "--yes", "-vv"]).expect(0);
    world.assert_healthy();
    world.delete();
    world.mqctl(&["install", NAME, "--yes", "-vv"]).expect(0);
    assert_eq!(world.credentials().agree().password(), password);
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

#[track_caller]
pub(crate) fn assert_back(world: &mut World, family: Family, password: &str) {
    assert!(users(world).contains("late"), "the user that mq-0 did not know");
    assert_whole(world, family, password);
}

/// Every message is there, nothing of a recovery is left, and with the line that was told helm has its say again.
#[track_caller]
fn assert_whole(world: &mut World, family: Family, password: &str) {
    world.assert_healthy();
    drain(world, password, &Kind::BOTH);
    let set = world.namespace.object("statefulset", NAME);
    let spec = &set["spec"];
    assert_eq!((&spec["podManagementPolicy"], &spec["replicas"]), (&json!("Parallel"), &json!(3)));
    assert_eq!(spec["updateStrategy"]["type"], "RollingUpdate");
    assert!(set["metadata"]["annotations"]["mqctl/recovery"].is_null() && spec["ordinals"].is_null(), "{set:#}");
    if family.wants_the_line() {
        let status = world.mqctl(&["status", NAME]).expect(0);
        assert!(status.stdout.contains("the profile wants OrderedReady"), "{}", status.said());
        world.mqctl(&["upgrade", NAME, "--yes"]).expect(78).says(&["values: {podManagementPolicy: Parallel}"]);
        world.wish("/values/podManagementPolicy", json!("Parallel"));
    }
    world.mqctl(&["upgrade", NAME, "--yes"]).expect(0);
    let status = world.mqctl(&["status", NAME]).expect(0);
    assert!(!status.stdout.contains("OrderedReady"), "{}", status.said());
    world.assert_healthy();
}

/// mq-0 has stopped first, and waits for pods that are not created before it is ready.
fn deadlock(world: &mut World, family: Family) {
    let (password, set) = prepared(world);
    world.namespace.apply(&[set]);
    world.namespace.until("mq-0 waits alone", BOOT, |namespace| {
        let log = namespace.command(&["logs", "mq-0", "--container", "rabbitmq"]).output().expect("kubectl starts");
        String::from_utf8_lossy(&log.stdout).contains("Waiting for Mnesia tables")
    });
    std::thread::sleep(FLUSHED);
    assert_eq!(world.namespace.list("pods").len(), 1, "the others are not created");
    let ran = world.mqctl(&["recover", NAME, "--strategy", "auto", "--yes", "-v"]).expect(0);
    let told = ran.stdout.contains("    values: {podManagementPolicy: Parallel}");
    assert_eq!(told, family.wants_the_line(), "{}", ran.said());
    assert_back(world, family, &password);
}

/// The reason is told, and nothing of the release is touched.
fn refused(world: &mut World, family: Family) {
    world.install();
    let before = world.releases();
    let args = ["force-boot", NAME, "--node", "mq-2", "--via", "chart", "--confirm", NAME];
    world.mqctl(&args).expect(64).says(&[family.word(), "nothing was changed", "--via live"]);
    assert_eq!(world.releases(), before);
    world.assert_healthy();
}

fn forced(world: &mut World, family: Family, via: &str) {
    let (password, mut set) = prepared(world);
    set["spec"]["replicas"] = json!(0);
    world.namespace.apply(&[set]);
    world.mqctl(&["force-boot", NAME, "--node", "mq-2", "--via", via, "--confirm", NAME, "-v"]).expect(0);
    assert_forced(world, family, &password);
}

/// Every switch is off again.
#[track_caller]
pub(crate) fn assert_forced(world: &mut World, family: Family, password: &str) {
    for pod in PODS {
        let left = world.namespace.shell(pod, &format!("find {} -name force_load", family.base()));
        assert_eq!(left.trim(), "", "no switch is left on {pod}");
    }
    let set = world.namespace.object("statefulset", NAME).to_string();
    let on = ["mqctl-forced", "\"name\":\"RABBITMQ_FORCE_BOOT\",\"value\":\"yes\""];
    assert!(!on.iter().any(|switch| set.contains(switch)), "{set}");
    let values = world.helm(&["get", "values", NAME, "--output", "json"]).expect(0).json();
    assert!(values["forceBoot"].is_null() && values["clustering"].is_null(), "{values:#}");
    assert_back(world, family, password);
}

/// No start gate: who is held back is left out of the StatefulSet.
fn newest_first(world: &mut World, family: Family) {
    let (password, mut set) = prepared(world);
    set["spec"]["replicas"] = json!(0);
    world.namespace.apply(&[set]);
    world.mqctl(&NEWEST_FIRST).expect(0).says(&["from ordinal 1 on"]);
    assert_back(world, family, &password);
}

/// mq-1 stopped last, and mq-2 has lost its volume since.
fn forgotten(world: &mut World, family: Family) {
    let password = with_messages(world);
    let mut set = in_order(world);
    world.namespace.kubectl(&["delete", "statefulset", NAME, "--cascade=orphan"]);
    for pod in ["mq-2", "mq-0", "mq-1"] {
        halt(world, &[pod.to_owned()]);
    }
    world.namespace.kubectl(&["delete", "persistentvolumeclaim", "data-mq-2"]);
    set["spec"]["replicas"] = json!(0);
    world.namespace.apply(&[set]);
    world.mqctl(&AUTO).expect(64).says(&["this destroys data", "classic queues of mq-2"]);
    world.mqctl(&CONFIRMED).expect(0).says(&["from ordinal 1 on"]);
    assert_members_of_the_quorum_queue(world);
    assert_whole(world, family, &password);
}
