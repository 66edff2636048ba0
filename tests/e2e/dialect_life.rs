//! The whole life of a release by a chart of each family: install, messages, an upgrade that restarts every pod, a new
//! password, a new Erlang cookie, delete, install, and every message taken out again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::amqp::Kind;
use crate::dialects::{sized, test};
use crate::environment::{Helm, KHEPRI};
use crate::family::Family;
use crate::killed::{kill_after, with_messages};
use crate::recover::{PODS, drain, ready};
use crate::rotate::accepted;
use crate::runner::Test;
use crate::running::{Running, polled};
use crate::world::{NAME, World};

const PASSWORD: [&str; 5] = ["credentials", "rotate", NAME, "--yes", "-v"];
const COOKIE: [&str; 6] = ["credentials", "rotate", NAME, "--cookie", "--yes", "-v"];
/// Longer than a pod whose probe fails stays ready, with the suite's values.
const PROBED: Duration = Duration::from_secs(60);
/// What is said at the end of each step.
const STEPS_OF_1: [&str; 5] =
    ["kept in the Secret", "has the new password", "mq-0 restarted", "rewritten", "credentials written"];
const LOOK: Duration = Duration::from_secs(2);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("whole life", Helm::Three, Family::Stable, life).long(),
        test("whole life", Helm::Four, Family::Bitnami, life).long(),
        test("8: whole life", Helm::Three, Family::Bitnami8, life).long(),
        test("whole life", Helm::Four, Family::CloudPirates, life).long(),
        test("whole life", Helm::Three, Family::Groundhog2k, life).long(),
        test("whole life", Helm::Three, Family::Custom, life).long(),
        test("killed: rotation of the password", Helm::Four, Family::Stable, |world, family| {
            killed(world, family, &["mq-1 ", "has the new password"]);
        })
        .long(),
        sized(1, KHEPRI, "killed: rotation of the password of 1", Helm::Four, Family::Stable, |world, family| {
            killed(world, family, &STEPS_OF_1);
        })
        .long(),
        test("killed: rotation of the password", Helm::Three, Family::Bitnami, |world, family| {
            killed(world, family, &["kept in the Secret", "has the new password", "mq.secrets.yaml rewritten"]);
        })
        .long(),
    ]
}

/// What becomes of the pods when the password changes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pods {
    /// Their probes have it in a variable.
    Restart,
    Stay,
}

fn pods(family: Family) -> Pods {
    if family.restarts_for_a_password() { Pods::Restart } else { Pods::Stay }
}

fn life(world: &mut World, family: Family) {
    let first = with_messages(world);
    world.assert_healthy();
    world.mqctl(&["doctor", NAME]).expect(0);
    let set = world.namespace.object("statefulset", NAME);
    let policy = if family.line().is_some() { "OrderedReady" } else { "Parallel" };
    assert_eq!(set["spec"]["podManagementPolicy"], policy, "{set:#}");
    let again = world.mqctl(&["upgrade", NAME, "--yes"]).expect(0);
    assert!(again.stdout.contains("nothing to change"), "{}", again.said());
    upgraded(world, family);

    let second = rotated(world, family, &first);
    new_cookie(world, family);

    world.delete();
    world.install();
    world.assert_healthy();
    assert_eq!(world.credentials().agree().password(), second);
    drain(world, &second, &Kind::BOTH);
}

/// A variable more: every pod is made anew, one after the other.
fn upgraded(world: &mut World, family: Family) {
    let before = world.namespace.pods();
    let pointer = family.variables();
    let mut variables = world.profile.pointer(pointer).expect("those of the suite").clone();
    match variables.as_array_mut() {
        Some(list) => list.push(json!({"name": "ROUND", "value": "2"})),
        None => variables["ROUND"] = json!("2"),
    }
    world.wish(pointer, variables);
    world.mqctl(&["upgrade", NAME, "--yes", "-v"]).expect(0);
    assert_all_anew(&before, &world.namespace.pods());
    world.assert_healthy();
}

#[track_caller]
fn assert_all_anew(before: &[(String, String, u64)], after: &[(String, String, u64)]) {
    assert_eq!(before.len(), after.len(), "{before:?} {after:?}");
    for (old, new) in before.iter().zip(after) {
        assert!(old.0 == new.0 && old.1 != new.1, "{} was not made anew: {before:?} {after:?}", old.0);
    }
}

/// No probe fails for long enough to matter, then or later, and no node is away beside another.
pub(crate) fn rotated(world: &World, family: Family, old: &str) -> String {
    let before = world.namespace.pods();
    let watch = Watched::start(world);
    let said = world.mqctl(&PASSWORD).expect(0);
    stay_ready(world);
    let after = world.namespace.pods();
    watch.assert_one_at_a_time(pods(family));
    match pods(family) {
        Pods::Restart => {
            assert_all_anew(&before, &after);
            assert!(after.iter().all(|(_, _, restarts)| *restarts == 0), "no probe killed a container: {after:?}");
            assert!(said.everything().contains("probes of this chart log in"), "{}", said.said());
        }
        Pods::Stay => assert_eq!(after, before, "no pod was touched"),
    }
    let new = world.credentials().agree().password().to_owned();
    assert_ne!(new, old);
    assert_eq!([accepted(world, old), accepted(world, &new)], ["false", "true"]);
    settled(world);
    new
}

fn size(world: &World) -> usize {
    usize::try_from(world.profile["replicas"].as_u64().expect("the suite says how many")).expect("a few")
}

#[track_caller]
fn stay_ready(world: &World) {
    let fell = |pods: Vec<serde_json::Value>| pods.len() != size(world) || !pods.iter().all(ready);
    let unready = polled(PROBED, LOOK, &mut || fell(world.namespace.list("pods")));
    assert!(!unready, "a pod's probe failed: {:?}", world.namespace.pods());
}

fn settled(world: &World) {
    world.assert_healthy();
    world.mqctl(&["credentials", "verify", NAME]).expect(0);
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
}

fn new_cookie(world: &World, family: Family) {
    if family == Family::Groundhog2k {
        world.mqctl(&COOKIE).expect(64).says(&["lays the Erlang cookie on a volume once", "nothing was changed"]);
        return;
    }
    let before = world.credentials().agree();
    world.mqctl(&COOKIE).expect(0);
    let after = world.credentials().agree();
    assert!(after != before && after.password() == before.password());
    settled(world);
}

/// Each round is cut short one step later, and finished by the same command; then one is, and all nodes are stopped.
fn killed(world: &mut World, family: Family, steps: &[&str]) {
    let mut last = with_messages(world);
    for words in steps {
        let watch = (size(world) > 1).then(|| Watched::start(world));
        kill_after(world, &PASSWORD, words);
        world.mqctl(&PASSWORD).expect(0);
        settled(world);
        if let Some(watch) = watch {
            watch.assert_one_at_a_time(pods(family));
        }
        let now = world.credentials().agree().password().to_owned();
        assert_ne!(now, last, "{words}");
        last = now;
    }
    stay_ready(world);
    kill_after(world, &PASSWORD, steps[1]);
    world.delete();
    world.mqctl(&["install", NAME, "--yes"]).expect(78).says(&["finish it: mqctl credentials rotate mq"]);
    let told = world.mqctl(&PASSWORD).expect(0);
    assert!(told.stdout.contains("boot the nodes, and they are told: mqctl install mq"), "{}", told.said());
    world.install();
    settled(world);
    let now = world.credentials().agree().password().to_owned();
    assert_ne!(now, last);
    drain(world, &now, &Kind::BOTH);
}

/// What each pod was like at each change of one of them.
struct Watched(Running);

/// Name, uid, the beginning of an end, ready, running.
const LINE: &str = concat!(
    "jsonpath={.metadata.name}|{.metadata.uid}|{.metadata.deletionTimestamp}|",
    r#"{.status.containerStatuses[0].ready}|{.status.containerStatuses[0].state.running.startedAt}{"\n"}"#
);

impl Watched {
    fn start(world: &World) -> Self {
        Self(Running::start(&mut world.namespace.command(&["get", "pods", "--watch", "--output", LINE])))
    }

    /// At every moment all nodes but one run, and one at least serves clients.
    #[track_caller]
    fn assert_one_at_a_time(self, pods: Pods) {
        self.0.signal("TERM");
        let seen = self.0.wait(Duration::from_secs(20)).stdout;
        let mut now: BTreeMap<&str, [bool; 2]> = BTreeMap::new();
        let mut least = PODS.len();
        for line in seen.lines() {
            let fields: Vec<&str> = line.split('|').collect();
            let [name, _, ends, ready, runs] = fields[..] else { panic!("{line}") };
            now.insert(name, [!runs.is_empty() && ends.is_empty(), ready == "true"]);
            if now.len() == PODS.len() {
                let count = |what: usize| now.values().filter(|pod| pod[what]).count();
                assert!(count(0) + 1 >= PODS.len() && count(1) > 0, "at `{line}` in\n{seen}");
                least = least.min(count(1));
            }
        }
        assert!(pods == Pods::Restart || least == PODS.len(), "a pod was not ready in\n{seen}");
    }
}
