//! Made-up input for everything that mqctl reads from outside: profiles, logs, and the JSON of kubectl, helm and brokers.
//!
//! `tests/fuzz INPUTS` builds and runs it. Each reader gets mutations of real texts: of their bytes, their lines and
//! words, or their JSON values. Nothing may panic, take more than a second, or give an answer that contradicts itself.
//! What does is written to a file, which belongs into `tests/fuzzing/corpus/READER`: all of those are read first.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may do what the product must not, and ends by a panic that says why"
)]

mod mutate;
mod readers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mutate::Mutator;
use readers::{READERS, Reader};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzzing");

/// More than any real input takes, also on a machine with other work to do.
const SLOW: Duration = Duration::from_secs(1);

/// Inputs that a thread makes before it looks whether enough were made.
const BATCH: usize = 100;

fn main() -> ExitCode {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "30000".to_owned());
    let Ok(inputs) = argument.replace(['_', ','], "").parse::<usize>() else {
        println!("`{argument}` is no number of inputs");
        return ExitCode::from(64);
    };
    let seed = std::env::var("MQCTL_FUZZ_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("MQCTL_FUZZ_SEED={seed} makes the same inputs again");
    std::panic::set_hook(Box::new(|_| {}));
    let good = READERS.iter().filter(|reader| Run::new(reader, inputs / reader.share, seed).passes()).count();
    if good == READERS.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One reader and all its inputs.
struct Run {
    reader: &'static Reader,
    inputs: usize,
    seed: u64,
    seeds: Vec<Vec<u8>>,
    made: AtomicUsize,
    accepted: AtomicUsize,
    broken: AtomicBool,
    found: Mutex<Vec<(String, Vec<u8>)>>,
}

impl Run {
    fn new(reader: &'static Reader, inputs: usize, seed: u64) -> Self {
        let (made, accepted) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (broken, found) = (AtomicBool::new(false), Mutex::default());
        Self { reader, inputs, seed, seeds: seeds(reader), made, accepted, broken, found }
    }

    /// Reads the corpus, then what is made up; says how many, how fast, and what was found.
    fn passes(&self) -> bool {
        self.seeds.iter().for_each(|input| self.read(input));
        let begun = Instant::now();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for number in 0..threads {
                scope.spawn(move || self.work(number));
            }
        });
        let (made, seconds) = (self.made.load(Ordering::SeqCst), begun.elapsed().as_secs_f64());
        let name = self.reader.name;
        let percent = self.accepted.load(Ordering::SeqCst) * 100 / (made + self.seeds.len()).max(1);
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let speed = made as f64 / seconds.max(0.001);
        println!(
            "{name:<8} {made:>9} inputs in {seconds:>6.1} s on {threads} threads: {speed:>7.0}/s, {percent} % accepted"
        );
        self.report()
    }

    fn work(&self, number: usize) {
        // Each thread makes others, and the same ones in the next run with this seed.
        let number = u64::try_from(number).unwrap_or_default();
        let mut mutator = Mutator::new(self.seed.wrapping_add(number), &self.seeds, self.reader.words);
        while self.made.fetch_add(BATCH, Ordering::SeqCst) + BATCH <= self.inputs && !self.broken.load(Ordering::SeqCst)
        {
            for _ in 0..BATCH {
                self.read(&mutator.next());
            }
        }
        self.made.fetch_sub(BATCH, Ordering::SeqCst);
    }

    fn read(&self, input: &[u8]) {
        let begun = Instant::now();
        let read = catch_unwind(AssertUnwindSafe(|| (self.reader.read)(input)));
        let complaint = match read {
            Ok(accepted) => {
                self.accepted.fetch_add(usize::from(accepted), Ordering::Relaxed);
                // Twice, as a busy machine may take any thread its time once.
                let slow = begun.elapsed() > SLOW && self.is_slow(input);
                slow.then(|| format!("takes more than {} s", SLOW.as_secs()))
            }
            Err(panic) => Some(words(panic.as_ref())),
        };
        if let Some(complaint) = complaint {
            let mut found = self.found.lock().unwrap();
            found.push((complaint, input.to_vec()));
            self.broken.store(found.len() > 20, Ordering::SeqCst);
        }
    }

    fn is_slow(&self, input: &[u8]) -> bool {
        let begun = Instant::now();
        (self.reader.read)(input);
        begun.elapsed() > SLOW
    }

    fn report(&self) -> bool {
        let found = self.found.lock().unwrap();
        for (number, (complaint, input)) in found.iter().enumerate() {
            let folder = Path::new(HERE).join("../../target/fuzz-found");
            std::fs::create_dir_all(&folder).unwrap();
            let file = folder.join(format!("{}-{number}", self.reader.name));
            std::fs::write(&file, input).unwrap();
            println!("  {complaint}\n    {}", file.display());
        }
        found.is_empty()
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// The reader's own texts, and everything that once broke it.
fn seeds(reader: &Reader) -> Vec<Vec<u8>> {
    let folder = Path::new(HERE).join("corpus").join(reader.name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let corpus = files.iter().map(|file| std::fs::read(file).unwrap());
    reader.texts.iter().map(|text| text.as_bytes().to_vec()).chain(corpus).collect()
}
