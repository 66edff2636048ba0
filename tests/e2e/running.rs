//! A program that runs in a process group of its own, its lines as they come, and how it ended.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks at a condition. Small, as what a look costs here is next to nothing.
const PAUSE: Duration = Duration::from_millis(5);

/// Awaits a condition of this process's own.
pub(crate) fn becomes(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    polled(limit, PAUSE, &mut condition)
}

/// Asks until yes or the limit.
pub(crate) fn polled(limit: Duration, pause: Duration, condition: &mut dyn FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(pause);
    }
    true
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Ran {
    /// Both outputs, for what a failed assertion says.
    pub(crate) fn said(&self) -> String {
        let end = self.code.map_or_else(|| format!("signal {:?}", self.signal), |c| format!("exit {c}"));
        let (stdout, stderr) = (excerpt(&self.stdout), excerpt(&self.stderr));
        format!("{end} after {:.1} s\n--- stdout\n{stdout}--- stderr\n{stderr}", self.took.as_secs_f64())
    }

    /// Both outputs, whole.
    pub(crate) fn everything(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.said());
        self
    }

    /// Asserts that stderr holds these words.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "`{word}` is not in what it said: {}", self.said());
        }
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("the answer is no JSON ({e}): {}", self.said()))
    }
}

/// What was fed to children at `-vv` fills pages: the last lines, without their tails.
fn excerpt(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let last = lines.iter().skip(lines.len().saturating_sub(60));
    last.map(|line| line.chars().take(400).chain(['\n']).collect::<String>()).collect()
}

type Text = Arc<Mutex<String>>;

/// A program that runs.
pub(crate) struct Running {
    child: Child,
    begun: Instant,
    stdout: Text,
    stderr: Text,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    /// Starts it in a process group of its own, as a shell starts a job.
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        let (stdout, stderr) = (Text::default(), Text::default());
        let readers = vec![
            collect(child.stdout.take().expect("piped"), &stdout),
            collect(child.stderr.take().expect("piped"), &stderr),
        ];
        Self { child, begun: Instant::now(), stdout, stderr, readers }
    }

    pub(crate) fn group(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.lock().expect("readers do not die").clone()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().expect("readers do not die").clone()
    }

    /// Waits until stderr says this. Fails where the program ends without a word of it.
    #[track_caller]
    pub(crate) fn until_said(&mut self, words: &str, limit: Duration) {
        becomes(limit, || self.stderr().contains(words) || self.status().is_some());
        // The last line may be on its way here when the program has ended.
        let said = becomes(Duration::from_secs(1), || self.stderr().contains(words));
        assert!(said, "it never said `{words}`:\n{}", self.stderr());
    }

    pub(crate) fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Sends a signal to the whole group, as a terminal or the kernel's end of a session does.
    pub(crate) fn signal(&self, name: &str) {
        // Without `unsafe` there is no kill(2) in the standard library; the shell has it built in.
        let script = format!("kill -{name} -{}", self.group());
        Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status().expect("sh runs");
    }

    /// Ends this one process and leaves its children alone, as a mistaken `kill -9` or the out-of-memory killer does.
    pub(crate) fn kill_alone(&mut self) {
        self.child.kill().expect("a child can be killed");
    }

    /// Waits for the end; past the limit everything is killed and the test fails.
    #[track_caller]
    pub(crate) fn wait(mut self, limit: Duration) -> Ran {
        let mut status = None;
        let ended = becomes(limit, || {
            status = self.status();
            status.is_some()
        });
        if !ended {
            self.signal("KILL");
            panic!("it did not end within {} s:\n{}{}", limit.as_secs(), self.stdout(), self.stderr());
        }
        let (took, status) = (self.begun.elapsed(), status.expect("it ended"));
        self.readers.drain(..).for_each(|reader| reader.join().expect("readers do not die"));
        Ran { code: status.code(), signal: status.signal(), stdout: self.stdout(), stderr: self.stderr(), took }
    }
}

impl Drop for Running {
    /// Also when a test fails: nothing that it started outlives it.
    fn drop(&mut self) {
        if self.status().is_none() {
            self.signal("KILL");
            self.child.wait().ok();
        }
    }
}

fn collect(from: impl Read + Send + 'static, into: &Text) -> JoinHandle<()> {
    let into = Arc::clone(into);
    std::thread::spawn(move || {
        let mut reader = BufReader::new(from);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            into.lock().expect("readers do not die").push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}
