//! The harness: a few tests at once, each test's seconds, and by name what is left out.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use crate::{cluster, environment};

/// One test. It fails by a panic.
pub(crate) struct Test {
    pub(crate) name: String,
    /// Part of the long matrix only.
    pub(crate) long: bool,
    body: Box<dyn Fn() + Send + Sync>,
}

impl Test {
    pub(crate) fn new(name: impl Into<String>, body: impl Fn() + Send + Sync + 'static) -> Self {
        Self { name: name.into(), long: false, body: Box::new(body) }
    }

    pub(crate) fn long(mut self) -> Self {
        self.long = true;
        self
    }
}

/// What the command line asks for.
struct Asked {
    list: bool,
    words: Vec<String>,
}

fn asked() -> Asked {
    let mut asked = Asked { list: false, words: Vec::new() };
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--list" => asked.list = true,
            // Nothing is captured here.
            "--nocapture" | "--no-capture" => {}
            flag if flag.starts_with('-') => panic!("`{flag}`: the end-to-end suite knows --list and parts of names"),
            word => asked.words.push(word.to_owned()),
        }
    }
    asked
}

/// Runs what is asked for: exit code 101 where a test failed, as cargo expects it.
pub(crate) fn main(tests: Vec<Test>) -> ExitCode {
    let asked = asked();
    if asked.list {
        for test in &tests {
            println!("{}{}", test.name, if test.long { "   (MQCTL_E2E_ALL=1)" } else { "" });
        }
        return ExitCode::SUCCESS;
    }
    // A test that is named runs, long or not.
    let wanted = |t: &Test| asked.words.iter().any(|w| t.name.contains(w.as_str()));
    let all = environment::all();
    let (chosen, left_out): (Vec<Test>, Vec<Test>) =
        tests.into_iter().partition(|t| if asked.words.is_empty() { all || !t.long } else { wanted(t) });
    assert!(!chosen.is_empty(), "no end-to-end test has one of {:?} in its name", asked.words);
    environment::check();
    println!("{} end-to-end tests, {} at once", chosen.len(), environment::threads());
    if asked.words.is_empty() && !left_out.is_empty() {
        let names: Vec<&str> = left_out.iter().map(|t| t.name.as_str()).collect();
        println!("left out, as MQCTL_E2E_ALL is not 1: {}", names.join(", "));
    }
    run(chosen)
}

fn run(tests: Vec<Test>) -> ExitCode {
    let begun = Instant::now();
    let count = tests.len();
    let queue = Mutex::new(VecDeque::from(tests));
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..environment::threads() {
            scope.spawn(|| work(&queue, &failed));
        }
    });
    let failed = failed.into_inner().expect("no worker dies");
    cluster::until_all_are_gone();
    let seconds = begun.elapsed().as_secs();
    println!("end to end: {} passed, {} failed, {seconds} s", count - failed.len(), failed.len());
    for name in &failed {
        println!("  FAILED {name}");
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

fn work(queue: &Mutex<VecDeque<Test>>, failed: &Mutex<Vec<String>>) {
    loop {
        let next = queue.lock().expect("no worker dies").pop_front();
        let Some(test) = next else { return };
        let begun = Instant::now();
        let passed = passes(&test);
        let verdict = if passed { "ok" } else { "FAILED" };
        println!("{verdict:<6} {:<58} {:>6.1} s", test.name, begun.elapsed().as_secs_f64());
        if !passed {
            failed.lock().expect("no worker dies").push(test.name);
        }
    }
}

/// In a thread of its own, so that what a panic says begins with the test's name.
fn passes(test: &Test) -> bool {
    let run = || catch_unwind(AssertUnwindSafe(&test.body)).is_ok();
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(test.name.clone());
        thread.spawn_scoped(scope, run).expect("a thread").join().unwrap_or(false)
    })
}
