//! A recovery that is killed with SIGKILL, with whatever child it has, after each step of each rung, and run again until
//! one run comes to its end: healthy, no switch left on, no note, and every message that the rung does not lose.

use std::time::Duration;

use serde_json::{Value, json};

use crate::dialects;
use crate::doctor::{DOCTOR, assert_cause, codes};
use crate::environment::{Helm, KHEPRI, MNESIA};
use crate::evidence::{cut, hold};
use crate::family::Family;
use crate::killed::with_messages;
use crate::lost::{assert_members_of_the_quorum_queue, lose_volume};
use crate::recover::{
    AUTO, BOOT, CONFIRMED, NEWEST_FIRST, assert_back, in_order, no_pod_is_left, prepared, ready, users,
};
use crate::repair::{assert_repaired, refused};
use crate::runner::{Test, figure};
use crate::running::{Ran, polled};
use crate::world::{NAME, World};

/// One step; the longest wait for pods that boot.
const STEP: Duration = Duration::from_secs(300);
/// A step is seen soon after its end, and looking takes little from the pods that boot.
const PAUSE: Duration = Duration::from_millis(20);
/// More runs than any rung has steps: each of them came further than those before.
const RUNS: usize = 30;

const ALONE: [&str; 7] = ["recover", NAME, "--strategy", "khepri-standalone", "--confirm", NAME, "-v"];
const FORCE: [&str; 9] = ["recover", NAME, "--strategy", "force-boot", "--node", "mq-2", "--confirm", NAME, "-v"];
const LIVE: [&str; 9] = ["force-boot", NAME, "--node", "mq-2", "--via", "live", "--confirm", NAME, "-v"];
const FILE: [&str; 9] = ["force-boot", NAME, "--node", "mq-2", "--via", "file", "--confirm", NAME, "-v"];
const STATEFULSET: [&str; 9] = ["force-boot", NAME, "--node", "mq-2", "--via", "statefulset", "--confirm", NAME, "-v"];
const CHART: [&str; 9] = ["force-boot", NAME, "--node", "mq-2", "--via", "chart", "--confirm", NAME, "-v"];

/// A rung of the ladder, the stop that it is for, and what has to be there afterwards.
#[derive(Clone, Copy)]
struct Rung {
    name: &'static str,
    tag: &'static str,
    /// As the plan's headline has it.
    plan: &'static str,
    args: &'static [&'static str],
    /// Stops the cluster, and says the password.
    stop: fn(&World) -> String,
    back: fn(&World, &str),
}

pub(crate) fn tests() -> Vec<Test> {
    let mut tests: Vec<Test> = gentle().into_iter().chain(forced()).map(test).collect();
    tests.extend([
        dialects::test("force-boot, chart, killed at each step", Helm::Four, Family::Bitnami, by_chart).long(),
        dialects::test("force-boot, chart, killed at each step", Helm::Three, Family::Stable, by_chart).long(),
        dialects::test("newest-first, killed at each step", Helm::Four, Family::Stable, by_ordinals).long(),
    ]);
    tests
}

/// Those that `recover` proposes.
fn gentle() -> [Rung; 7] {
    let (mnesia, newest_first) = (MNESIA, "recover (newest-first)");
    [
        Rung {
            name: "together",
            tag: mnesia,
            plan: "recover (together)",
            args: &AUTO,
            stop: older_first,
            back: assert_back,
        },
        Rung {
            name: "together, Khepri",
            tag: KHEPRI,
            plan: "recover (together)",
            args: &AUTO,
            stop: at_one_moment,
            back: assert_back,
        },
        Rung { name: "newest-first", tag: mnesia, plan: newest_first, args: &NEWEST_FIRST, stop: prepared, back: late },
        Rung { name: "forget", tag: mnesia, plan: "recover (forget)", args: &CONFIRMED, stop: one_lost, back: members },
        Rung {
            name: "forget beside running nodes",
            tag: mnesia,
            plan: "recover (forget)",
            args: &CONFIRMED,
            stop: began_anew,
            back: members,
        },
        Rung {
            name: "khepri-standalone, by name",
            tag: KHEPRI,
            plan: "recover (khepri-standalone)",
            args: &ALONE,
            stop: two_lost,
            back: members,
        },
        Rung {
            name: "repair",
            tag: mnesia,
            plan: "recover (repair)",
            args: &AUTO,
            stop: refused,
            back: assert_repaired,
        },
    ]
}

fn forced() -> [Rung; 4] {
    let (mnesia, forced) = (MNESIA, "force-boot (force-boot)");
    [
        Rung {
            name: "force-boot, by recover",
            tag: mnesia,
            plan: "recover (force-boot)",
            args: &FORCE,
            stop: prepared,
            back: late,
        },
        Rung { name: "force-boot, live", tag: mnesia, plan: forced, args: &LIVE, stop: prepared, back: late },
        Rung { name: "force-boot, file", tag: mnesia, plan: forced, args: &FILE, stop: prepared, back: late },
        Rung {
            name: "force-boot, statefulset",
            tag: mnesia,
            plan: forced,
            args: &STATEFULSET,
            stop: prepared,
            back: late,
        },
    ]
}

fn test(rung: Rung) -> Test {
    let name = format!("recover killed at each step: {}", rung.name);
    let body = move |name: &str| {
        let world = World::new(name, Helm::Four, rung.tag, 3);
        let password = (rung.stop)(&world);
        to_its_end(&world, rung.args, rung.plan);
        (rung.back)(&world, &password);
        assert_no_finding(&world);
    };
    Test::new(name.clone(), move || body(&name)).long()
}

/// Each run is killed after the first step that none before it came to.
#[track_caller]
fn to_its_end(world: &World, args: &[&str], plan: &str) {
    let mut runs = Runs::default();
    while runs.one_more(world, args) {
        assert!(runs.killed_after.len() < RUNS, "no end: {:#?}", runs.killed_after);
    }
    figure(format!("killed {} times, after: {}", runs.killed_after.len(), runs.killed_after.join(", ")));
    assert!(runs.said.iter().any(|seen| seen.contains(plan)), "another rung than `{plan}`:\n{}", runs.said.join("\n"));
    let most = runs.said.iter().map(|plan| changing(plan)).max().unwrap_or_default();
    assert!(most > 0 && runs.killed_after.len() >= most, "{most} steps change something: {:#?}", runs.killed_after);
}

/// What the runs came to.
#[derive(Default)]
struct Runs {
    /// The words at the end of each step after which one was killed.
    killed_after: Vec<String>,
    /// On stderr, with their plans.
    said: Vec<String>,
}

impl Runs {
    /// Whether it was killed; else it has come to its end.
    #[track_caller]
    fn one_more(&mut self, world: &World, args: &[&str]) -> bool {
        let mut run = world.start(args);
        let mut further = None;
        polled(STEP, PAUSE, &mut || {
            further = self.further(&run.stderr());
            further.is_some() || run.status().is_some()
        });
        if further.is_some() {
            run.signal("KILL");
        }
        let ran = run.wait(Duration::from_secs(20));
        self.said.push(ran.stderr.clone());
        if ran.signal != Some(9) {
            self.assert_ended(ran);
            return false;
        }
        self.killed_after.extend(further);
        self.assert_noted(world);
        true
    }

    /// The first step that no other run was killed after.
    fn further(&self, stderr: &str) -> Option<String> {
        let known = |step: &&str| self.killed_after.iter().any(|known| known == step);
        ended_steps(stderr).find(|step| !known(step)).map(str::to_owned)
    }

    fn is_over(&self) -> bool {
        self.killed_after.last().is_some_and(|step| step == "nothing is under way any more")
    }

    /// Who forces a boot where nothing is left to do is told so; anybody else is served.
    #[track_caller]
    fn assert_ended(&self, ran: Ran) {
        if self.is_over() && ran.code == Some(78) {
            ran.says(&["nothing stopped"])
        } else {
            ran.expect(0)
        };
    }

    /// From the note on everybody can see what is under way, until all of it is done.
    #[track_caller]
    fn assert_noted(&self, world: &World) {
        let notes = |step: &String| step.contains("what is under way");
        if self.is_over() || !self.killed_after.iter().any(notes) {
            return;
        }
        let evidence = world.namespace.object("configmap", "mq-mqctl-evidence");
        assert!(!evidence["data"]["recovery.json"].is_null(), "after {:?}: {evidence:#}", self.killed_after);
        for page in ["doctor", "status"] {
            let ran = world.mqctl(&[page, NAME]);
            assert!(ran.stdout.contains("mqctl recover"), "after {:?}: {}", self.killed_after, ran.said());
        }
    }
}

/// The words that are said at the end of each step: `  12.3s mq-2 released`.
fn ended_steps(stderr: &str) -> impl Iterator<Item = &str> {
    stderr.lines().filter_map(told).filter(|words| is_step(words))
}

/// A line of the account, without its time.
fn told(line: &str) -> Option<&str> {
    let (time, words) = line.trim_start().split_once(' ')?;
    time.strip_suffix('s')?.parse::<f64>().ok().map(|_| words)
}

/// Other lines of the account say where a pod stands, or what was met within a step.
fn is_step(words: &str) -> bool {
    let has = |list: &[&str]| list.iter().any(|part| words.contains(part));
    if words.starts_with("mq-") {
        return has(&["released", "held back", "started", "made anew", "starts with", "goes on alone", "forgotten"]);
    }
    !has(&["succeeded at try", "the API server", " queue, ", " queues, "])
}

/// The steps of the plan that is shown, without those that only read: `  3  changes   open the start gate   …`.
fn changing(stderr: &str) -> usize {
    let changes = |line: &&str| {
        let mut words = line.split_whitespace();
        let number = words.next().is_some_and(|word| word.parse::<usize>().is_ok());
        number && words.next().is_some_and(|word| ["keeps", "changes", "DESTROYS"].contains(&word))
    };
    stderr.lines().filter(changes).count()
}

/// A switch that was left on would be one.
#[track_caller]
fn assert_no_finding(world: &World) {
    let found = world.mqctl(&DOCTOR).expect(0).json();
    assert_eq!(codes(&found), [""; 0], "{found:#}");
}

/// The release's StatefulSet again, with pods that are created all at once.
pub(crate) fn at_once(world: &World) -> Value {
    let mut set = in_order(world);
    set["spec"]["podManagementPolicy"] = json!("Parallel");
    set
}

/// Makes the StatefulSet anew around its pods where these are created in order: all of them are to be cut and held.
fn made_parallel(world: &World) {
    if world.namespace.object("statefulset", NAME)["spec"]["podManagementPolicy"] != "Parallel" {
        let set = at_once(world);
        world.namespace.kubectl(&["delete", "statefulset", NAME, "--cascade=orphan"]);
        world.namespace.apply(&[set]);
    }
}

/// All nodes are cut in this order, and no pod is left; then pods are created in order, and the first one waits for those
/// that are not.
pub(crate) fn deadlocked(world: &World, cuts: &[&[u32]]) {
    made_parallel(world);
    let set = in_order(world);
    hold(world);
    for nodes in cuts {
        cut(world, nodes);
    }
    no_pod_is_left(world);
    world.namespace.apply(&[set]);
    world.namespace.until("mq-0 waits", BOOT, |namespace| {
        let log = namespace.command(&["logs", "mq-0", "--container", "rabbitmq"]).output().expect("kubectl starts");
        let log = String::from_utf8_lossy(&log.stdout).into_owned();
        // Khepri waits without a word.
        let of_khepri = || log.matches("starting Ra system: coordination").count() > 1;
        if world.is_on_khepri() { of_khepri() } else { log.contains("Waiting for Mnesia tables") }
    });
    let pods = world.namespace.list("pods");
    assert!(pods.len() == 1 && !ready(&pods[0]), "it waits for pods that are not created: {pods:#?}");
}

/// The pod that Kubernetes makes first is not among those that stopped last.
fn older_first(world: &World) -> String {
    let password = with_messages(world);
    deadlocked(world, &[&[0], &[1], &[2]]);
    password
}

fn at_one_moment(world: &World) -> String {
    let password = with_messages(world);
    deadlocked(world, &[&[0, 1, 2]]);
    password
}

/// mq-2 lost its volume, and serves clients as an empty broker.
fn began_anew(world: &World) -> String {
    let password = with_messages(world);
    world.namespace.kubectl(&["delete", "persistentvolumeclaim", "data-mq-2", "--wait=false"]);
    world.namespace.kubectl(&["delete", "pod", "mq-2", "--force", "--grace-period", "0"]);
    assert_cause(world, "EMPTY-BROKER");
    password
}

fn one_lost(world: &World) -> String {
    let password = with_messages(world);
    hold(world);
    cut(world, &[2, 0, 1]);
    lose_volume(world, 2);
    password
}

fn two_lost(world: &World) -> String {
    let password = with_messages(world);
    hold(world);
    cut(world, &[0, 1, 2]);
    for n in [1, 2] {
        lose_volume(world, n);
    }
    password
}

fn late(world: &World, password: &str) {
    assert!(users(world).contains("late"), "the user that mq-0 did not know");
    let set = world.namespace.object("statefulset", NAME);
    assert_eq!(set["spec"]["updateStrategy"]["type"], "RollingUpdate");
    assert_back(world, password);
}

fn members(world: &World, password: &str) {
    assert_members_of_the_quorum_queue(world);
    assert_back(world, password);
}

/// helm's own revisions are made on the way.
fn by_chart(world: &mut World, family: Family) {
    let (password, mut set) = dialects::prepared(world);
    set["spec"]["replicas"] = json!(0);
    world.namespace.apply(&[set]);
    to_its_end(world, &CHART, "force-boot (force-boot)");
    let values = world.helm(&["get", "values", NAME, "--output", "json"]).expect(0).json();
    assert!(values["forceBoot"].is_null() && values["clustering"].is_null(), "{values:#}");
    dialects::assert_back(world, family, &password);
    assert_no_finding(world);
}

/// No start gate: who is held back is left out of the StatefulSet.
fn by_ordinals(world: &mut World, family: Family) {
    let (password, mut set) = dialects::prepared(world);
    set["spec"]["replicas"] = json!(0);
    world.namespace.apply(&[set]);
    to_its_end(world, &NEWEST_FIRST, "recover (newest-first)");
    dialects::assert_back(world, family, &password);
    assert_no_finding(world);
}
