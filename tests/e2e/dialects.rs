//! Charts of other families: the deadlock of pods in order, and each way of a force boot; a chart of no family.

use std::time::Duration;

use serde_json::{Value, json};

use crate::amqp::{Broker, Kind};
use crate::doctor::assert_error;
use crate::environment::{Helm, MNESIA, OLD};
use crate::evidence::halt;
use crate::family::{BY_VALUE, Family, custom_chart};
use crate::killed::{MESSAGES, with_messages};
use crate::lost::assert_members_of_the_quorum_queue;
use crate::recover::{AUTO, CONFIRMED, NEWEST_FIRST, PODS, drain, in_order, users};
use crate::runner::Test;
use crate::world::{NAME, World};

const BOOT: Duration = Duration::from_secs(240);
/// Long enough for what was declared last to be on the disks.
const FLUSHED: Duration = Duration::from_secs(15);

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = vec![
        test("a deadlock of pods in order", Helm::Four, Family::CloudPirates, deadlock).long(),
        test("a deadlock of pods in order", Helm::Three, Family::Groundhog2k, deadlock).long(),
        test("a deadlock of pods in order", Helm::Three, Family::Stable, deadlock).long(),
        test("a deadlock of pods in order", Helm::Four, Family::Bitnami, deadlock).long(),
        test("8: a deadlock of pods in order", Helm::Four, Family::Bitnami8, deadlock).long(),
        test("a deadlock of pods in order", Helm::Four, Family::Custom, deadlock).long(),
        by_values("secrets by values", Helm::Four).long(),
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
        test("force-boot: chart", Helm::Three, Family::Custom, |world, family| forced(world, family, "chart")).long(),
        test("force-boot: statefulset", Helm::Four, Family::Custom, |w, family| forced(w, family, "statefulset"))
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
        family.wish(&mut world);
        body(&mut world, family);
    })
}

/// A chart of no family that takes no Secret.
fn by_values(how: &str, helm: Helm) -> Test {
    test(how, helm, Family::Custom, |world, _| {
        world.wish("/chart", custom_chart(&BY_VALUE));
        lives_on(world);
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
    if let Some((line, pointer, value)) = family.line() {
        let status = world.mqctl(&["status", NAME]).expect(0);
        assert!(status.stdout.contains("the profile wants OrderedReady"), "{}", status.said());
        world.mqctl(&["upgrade", NAME, "--yes"]).expect(78).says(&[line]);
        world.wish(pointer, value);
    }
    world.mqctl(&["upgrade", NAME, "--yes"]).expect(0);
    let status = world.mqctl(&["status", NAME]).expect(0);
    assert!(!status.stdout.contains("OrderedReady"), "{}", status.said());
    world.assert_healthy();
    world.mqctl(&["doctor", NAME]).expect(0);
}

/// mq-0 has stopped first, and waits for pods that are not created before it is ready.
fn deadlock(world: &mut World, family: Family) {
    let (password, set) = prepared(world);
    world.namespace.apply(&[set]);
    world.namespace.until("mq-0 waits alone", BOOT, |namespace| {
        let log = namespace.command(&["logs", "mq-0"]).output().expect("kubectl starts");
        String::from_utf8_lossy(&log.stdout).contains("Waiting for Mnesia tables")
    });
    std::thread::sleep(FLUSHED);
    assert_eq!(world.namespace.list("pods").len(), 1, "the others are not created");
    assert_error(world, "BOOT-MNESIA");
    let ran = world.mqctl(&["recover", NAME, "--strategy", "auto", "--yes", "-v"]).expect(0);
    match family.line() {
        Some((line, ..)) => assert!(ran.stdout.contains(&format!("    {line}")), "{}", ran.said()),
        None => assert!(!ran.stdout.contains("    values: "), "{}", ran.said()),
    }
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
    let variable = |name: &str, value: &str| format!("\"name\":\"{name}\",\"value\":\"{value}\"");
    let on = ["mqctl-forced".to_owned(), variable("RABBITMQ_FORCE_BOOT", "yes"), variable("FORCE", "true")];
    assert!(!on.iter().any(|switch| set.contains(switch.as_str())), "{set}");
    let values = world.helm(&["get", "values", NAME, "--output", "json"]).expect(0).json();
    let sections = ["forceBoot", "clustering", "recovery"];
    assert!(sections.iter().all(|section| values[*section].is_null()), "{values:#}");
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
