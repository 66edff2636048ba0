//! Looks at the arguments and the environment of a process group's members, as often as it can.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// What was seen of a process group.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) looks: usize,
    /// Each program with its arguments, once.
    pub(crate) programs: BTreeSet<String>,
    /// Where a needle was, as `cmdline of …` or `environ of …`.
    pub(crate) hits: BTreeSet<String>,
}

/// A thread that looks until it is told to stop.
pub(crate) struct Watcher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Watcher {
    pub(crate) fn of(group: u32, needles: &[String]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, needles) = (Arc::clone(&stop), needles.to_vec());
        let thread = std::thread::spawn(move || {
            let mut seen = Seen::default();
            while !told.load(Ordering::SeqCst) {
                look(group, &needles, &mut seen);
                seen.looks += 1;
            }
            seen
        });
        Self { stop, thread }
    }

    pub(crate) fn finish(self) -> Seen {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().expect("the watcher does not die")
    }
}

/// Whether a helm with this verb is a member of the group.
pub(crate) fn runs(group: u32, verb: &str) -> bool {
    let entries = std::fs::read_dir("/proc").expect("Linux");
    let is_it = |path: &Path| {
        let arguments = text(&path.join("cmdline"));
        group_of(path) == Some(group) && arguments.split(' ').nth(1) == Some(verb)
    };
    entries.flatten().any(|entry| is_it(&entry.path()))
}

fn look(group: u32, needles: &[String], seen: &mut Seen) {
    let entries = std::fs::read_dir("/proc").expect("Linux");
    for entry in entries.flatten() {
        let path = entry.path();
        if group_of(&path) != Some(group) {
            continue;
        }
        let [arguments, environment] = ["cmdline", "environ"].map(|file| text(&path.join(file)));
        for (what, text) in [("cmdline", &arguments), ("environ", &environment)] {
            if needles.iter().any(|needle| text.contains(needle.as_str())) {
                seen.hits.insert(format!("{what} of {arguments}"));
            }
        }
        seen.programs.insert(arguments);
    }
}

/// Field 5 of `stat`, counted behind the program's name, which may hold blanks itself (proc(5)).
fn group_of(process: &Path) -> Option<u32> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

/// NUL ends each argument and variable. A process that is gone has none.
fn text(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}
