//! The harness: a few tests at once, each test's seconds, and by name what is left out.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write as _;
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
    /// It measures times: nothing runs beside it.
    alone: bool,
    body: Box<dyn Fn() + Send + Sync>,
}

impl Test {
    pub(crate) fn new(name: impl Into<String>, body: impl Fn() + Send + Sync + 'static) -> Self {
        Self { name: name.into(), long: false, alone: false, body: Box::new(body) }
    }

    pub(crate) fn long(mut self) -> Self {
        self.long = true;
        self
    }

    pub(crate) fn alone(mut self) -> Self {
        self.alone = true;
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
    let (passed, chosen): (Vec<Test>, Vec<Test>) = {
        let names = passed_before();
        chosen.into_iter().partition(|test| names.contains(&test.name))
    };
    println!("{} end-to-end tests, {} at once", chosen.len(), environment::threads());
    if !passed.is_empty() {
        println!("passed in an earlier run, and not run again: {}", names(&passed));
    }
    if asked.words.is_empty() && !left_out.is_empty() {
        println!("left out, as MQCTL_E2E_ALL is not 1: {}", names(&left_out));
    }
    run(chosen)
}

fn names(tests: &[Test]) -> String {
    tests.iter().map(|test| test.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// A line each: the name, the seconds, the figures, with tabs between them.
fn passed_before() -> Vec<String> {
    let text = environment::passed().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    text.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned).collect()
}

fn remember(name: &str, seconds: f64, figures: &[String]) {
    let Some(path) = environment::passed() else { return };
    let file = File::options().create(true).append(true).open(&path);
    let line = format!("{name}\t{seconds:.0}\t{}", figures.join("; "));
    file.and_then(|mut file| writeln!(file, "{line}")).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

thread_local! {
    /// What the test of this thread has measured.
    static FIGURES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Says what a test has measured, and keeps it beside the test's name: `benches/matrix` shows it.
pub(crate) fn figure(text: String) {
    println!("       {text}");
    FIGURES.with_borrow_mut(|figures| figures.push(text));
}

fn run(tests: Vec<Test>) -> ExitCode {
    let begun = Instant::now();
    let count = tests.len();
    let failed = Mutex::new(Vec::new());
    let (alone, beside): (Vec<Test>, Vec<Test>) = tests.into_iter().partition(|test| test.alone);
    for (tests, threads) in [(alone, 1), (beside, environment::threads())] {
        let queue = Mutex::new(VecDeque::from(tests));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| work(&queue, &failed));
            }
        });
    }
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
        let figures = passes(&test);
        let (verdict, seconds) = (if figures.is_some() { "ok" } else { "FAILED" }, begun.elapsed().as_secs_f64());
        println!("{verdict:<6} {:<58} {seconds:>6.1} s", test.name);
        match figures {
            Some(figures) => remember(&test.name, seconds, &figures),
            None => failed.lock().expect("no worker dies").push(test.name),
        }
    }
}

/// In a thread of its own, so that what a panic says begins with the test's name; what it measured, where it passes.
fn passes(test: &Test) -> Option<Vec<String>> {
    let run = || catch_unwind(AssertUnwindSafe(&test.body)).ok().map(|()| FIGURES.take());
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(test.name.clone());
        thread.spawn_scoped(scope, run).expect("a thread").join().ok().flatten()
    })
}
