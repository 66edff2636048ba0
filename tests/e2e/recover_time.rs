//! From the start of `mqctl recover` to the last ready container, beside the same cure by somebody who knows at once what
//! to do: the same cluster, the same stop, in turn, medians of three.

use std::time::Instant;

use crate::amqp::Kind;
use crate::cluster::Namespace;
use crate::doctor::eval;
use crate::environment::{Helm, KHEPRI, MNESIA, OLD};
use crate::killed::with_messages;
use crate::recover::{AUTO, BOOT, drain};
use crate::recover_killed::{at_once, deadlocked};
use crate::runner::{Test, figure};
use crate::world::{NAME, World};

const ROUNDS: usize = 3;
/// Nodes of Mnesia that start at once meet in the middle of their boots now and then: one fails, and its next start heals
/// it, twelve seconds later. By hand as by `recover`; such a round is told, and run again. Seen with RabbitMQ 4.0.5 in three
/// starts of eight, none of them by mqctl.
const TRIES: usize = 4;
/// The reading included, it may take so many times as long as each cure by hand.
const MOST: f64 = 1.15;

/// A deadlock of pods that are created in order.
#[derive(Clone, Copy)]
struct Deadlock {
    /// Who is cut with whom, one group after the other.
    cuts: &'static [&'static [u32]],
    by_hand: &'static [Cure],
}

const FIRST_IS_OLDER: Deadlock = Deadlock { cuts: &[&[0], &[1], &[2]], by_hand: &[Cure::Parallel] };
const TIE: Deadlock = Deadlock { cuts: &[&[0, 1, 2]], by_hand: &[Cure::Parallel, Cure::InPlace] };
const ON_KHEPRI: Deadlock = Deadlock { by_hand: &[Cure::Parallel], ..TIE };

/// A way out.
#[derive(Clone, Copy, Debug)]
enum Cure {
    Recover,
    /// The StatefulSet made anew as Parallel.
    Parallel,
    /// The pod that waits loads its own copy; the others are created one after the other then.
    InPlace,
}

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("recover time: the first pod is older", MNESIA, FIRST_IS_OLDER),
        test("recover time: the first pod is older, 3.10", OLD, FIRST_IS_OLDER),
        test("recover time: a tie on Khepri", KHEPRI, ON_KHEPRI),
        migrated("recover time: a tie, 4.0 on Khepri", ON_KHEPRI),
        test("recover time: a tie", MNESIA, TIE),
        test("recover time: a tie, 3.10", OLD, TIE),
    ]
}

fn test(name: &'static str, tag: &'static str, deadlock: Deadlock) -> Test {
    Test::new(name, move || compared(&World::new(name, Helm::Four, tag, 3), deadlock)).long().alone()
}

fn migrated(name: &'static str, deadlock: Deadlock) -> Test {
    let body = move || {
        let mut world = World::new(name, Helm::Four, MNESIA, 3);
        world.migrates = true;
        compared(&world, deadlock);
    };
    Test::new(name, body).long().alone()
}

fn compared(world: &World, deadlock: Deadlock) {
    let password = with_messages(world);
    let cures = [deadlock.by_hand, &[Cure::Recover]].concat();
    let mut seconds = vec![Vec::new(); cures.len()];
    for _ in 0..ROUNDS {
        for (cure, seconds) in cures.iter().zip(&mut seconds) {
            seconds.push(undisturbed(world, deadlock, *cure));
        }
    }
    world.assert_healthy();
    drain(world, &password, &Kind::BOTH);
    let medians: Vec<f64> = seconds.iter().map(|all| median(all)).collect();
    let (recover, by_hand) = medians.split_last().expect("a recovery");
    for ((cure, median), all) in cures.iter().zip(&medians).zip(&seconds) {
        let times = recover / median;
        figure(format!("{cure:?}: median {median:.1} s of {all:.1?}; recover takes {times:.2} times as long"));
    }
    assert!(by_hand.iter().all(|by_hand| *recover <= by_hand * MOST), "{cures:?}: {medians:.1?}");
}

/// The seconds of a cure in which no boot failed.
fn undisturbed(world: &World, deadlock: Deadlock, cure: Cure) -> f64 {
    for _ in 0..TRIES {
        deadlocked(world, deadlock.cuts);
        let before = world.namespace.pods();
        let seconds = cure.seconds(world);
        let undisturbed = |pod: &(String, String, u64)| pod.2 == 0 || before.contains(pod);
        if world.namespace.pods().iter().all(undisturbed) {
            return seconds;
        }
        figure(format!("{cure:?}: {seconds:.1} s with a boot that failed once; run again"));
    }
    panic!("a boot fails in each of {TRIES} rounds of {cure:?}");
}

fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// The API server tells it: who looks again and again takes time from the pods that boot.
fn all_ready(namespace: &Namespace) -> bool {
    let set = format!("statefulset/{NAME}");
    let told = ["wait", "--for=jsonpath={.status.readyReplicas}=3", &set, "--timeout=10s"];
    namespace.command(&told).output().expect("kubectl starts").status.success()
}

impl Cure {
    /// From its first command to the third ready container.
    #[track_caller]
    fn seconds(self, world: &World) -> f64 {
        match self {
            Self::Recover => recovered(world),
            Self::Parallel => parallel_anew(world),
            Self::InPlace => {
                let begun = Instant::now();
                eval(world, "mq-0", "rabbit_table:force_load().");
                world.namespace.until("3 pods are ready", BOOT, all_ready);
                begun.elapsed().as_secs_f64()
            }
        }
    }
}

/// What it asks the brokers afterwards is told, and no part of it.
#[track_caller]
fn recovered(world: &World) -> f64 {
    let begun = Instant::now();
    let mut run = world.start(&[&AUTO[..], &["-v"]].concat());
    world.namespace.until("3 pods are ready", BOOT, |namespace| {
        let failed = run.status().is_some_and(|status| !status.success());
        failed || all_ready(namespace)
    });
    let seconds = begun.elapsed().as_secs_f64();
    let ran = run.wait(BOOT).expect(0).says(&["StatefulSet mq is Parallel"]);
    println!("       recover: ready after {seconds:.1} s, and verified after {:.1} s", ran.took.as_secs_f64());
    let account =
        ran.stderr.lines().filter(|line| line.starts_with("+ ") || line.trim_start().starts_with(char::is_numeric));
    account.for_each(|line| println!("         {line}"));
    seconds
}

#[track_caller]
fn parallel_anew(world: &World) -> f64 {
    let set = at_once(world);
    let begun = Instant::now();
    world.namespace.kubectl(&["delete", "statefulset", NAME, "--cascade=orphan"]);
    world.namespace.kubectl(&["delete", "pod", "mq-0"]);
    let applied = Instant::now();
    world.namespace.apply(&[set]);
    world.namespace.until("3 pods are ready", BOOT, all_ready);
    let (whole, boot) = (begun.elapsed().as_secs_f64(), applied.elapsed().as_secs_f64());
    println!("       by hand: ready after {whole:.1} s, {boot:.1} s after the new StatefulSet");
    whole
}
