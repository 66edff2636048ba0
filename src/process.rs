//! The one door for child processes. A `Call` is data and never contains a secret; `Tools` runs it.

use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use duct::{Expression, ReaderHandle};
use zeroize::Zeroizing;

use crate::definitions::Definitions;
use crate::error::Failure;
use crate::helm::record::Sealed;
use crate::outcome::Outcome;
use crate::plan::wait;
use crate::report;
use crate::secret::{Hole, Vault};

/// A program that mqctl starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    Helm,
    Kubectl,
    /// Asked whether a secrets file is under version control; nothing depends on it.
    Git,
    /// The source command of a secret, as the profile names it.
    Named(String),
}

impl Program {
    pub fn name(&self) -> &str {
        match self {
            Self::Helm => "helm",
            Self::Kubectl => "kubectl",
            Self::Git => "git",
            Self::Named(name) => name,
        }
    }
}

/// One run of one program. Prints as a line to paste.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub program: Program,
    pub args: Vec<String>,
    pub stdin: Stdin,
    /// Time after which the child is ended.
    pub limit: Duration,
}

/// What a child is fed: text with holes in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stdin(pub Vec<Part>);

/// A piece of standard input.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text(String),
    Hole(Hole),
    /// A secret as a text of JSON, with its quotes.
    Quoted(Hole),
    /// A file of definitions, as base64.
    Definitions(Definitions),
    /// A Secret object with one of helm's records in it.
    Sealed(Sealed),
}

impl Call {
    pub fn new<S: Into<String>>(program: Program, args: impl IntoIterator<Item = S>) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        Self { program, args, stdin: Stdin::default(), limit: Duration::from_secs(30) }
    }

    #[must_use]
    pub fn fed(mut self, parts: Vec<Part>) -> Self {
        self.stdin = Stdin(parts);
        self
    }

    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program.name())?;
        for arg in &self.args {
            write!(f, " {}", shell_words::quote(arg))?;
        }
        Ok(())
    }
}

impl fmt::Display for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(text) => f.write_str(text)?,
                Part::Hole(hole) | Part::Quoted(hole) => write!(f, "({})", hole.0)?,
                Part::Definitions(definitions) => write!(f, "({definitions})")?,
                Part::Sealed(object) => write!(f, "({object})")?,
            }
        }
        Ok(())
    }
}

impl Stdin {
    fn fill(&self, vault: &Vault) -> Result<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(Vec::new());
        for part in &self.0 {
            match part {
                Part::Text(text) => bytes.extend_from_slice(text.as_bytes()),
                Part::Hole(hole) => bytes.extend_from_slice(vault.fill(*hole)?.as_bytes()),
                Part::Quoted(hole) => bytes.extend_from_slice(vault.fill_quoted(*hole)?.as_bytes()),
                Part::Definitions(definitions) => bytes.extend_from_slice(definitions.read()?.base64().as_bytes()),
                Part::Sealed(object) => bytes.extend_from_slice(object.text().as_bytes()),
            }
        }
        Ok(bytes)
    }
}

/// What came back. Not printable: a Secret object may be in it.
pub struct Reply {
    /// The exit code; `None` where the child was ended by a signal or by its limit.
    pub code: Option<i32>,
    pub stdout: Zeroizing<String>,
    pub stderr: String,
    pub timed_out: bool,
}

impl Reply {
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }
}

/// The door. Holds what every child is given.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    /// Where the programs are looked for: the folders of PATH.
    pub path: Vec<PathBuf>,
    /// `-v`: each call and its time; `-vv`: what was fed to it as well, with holes instead of secrets.
    pub verbosity: u8,
    /// Variables that hold a secret of the profile: no child has a use for them.
    withheld: OnceLock<Vec<String>>,
}

impl Tools {
    pub fn new(path: Vec<PathBuf>, verbosity: u8) -> Self {
        Self { path, verbosity, withheld: OnceLock::new() }
    }

    /// Names the variables that no child may inherit; the first call decides.
    pub fn withhold(&self, variables: Vec<String>) {
        self.withheld.set(variables).ok();
    }

    /// Refuses before the first call where a program is missing.
    ///
    /// # Errors
    /// The program is in no folder of PATH.
    #[expect(clippy::disallowed_methods, reason = "door: looks whether helm and kubectl are there")]
    pub fn require(&self, program: &Program) -> Result<()> {
        let name = program.name();
        if self.path.iter().any(|folder| folder.join(name).is_file()) {
            return Ok(());
        }
        let hint = match program {
            Program::Helm => "install helm 3.8 or later: https://helm.sh/docs/intro/install",
            _ => "install kubectl: https://kubernetes.io/docs/tasks/tools",
        };
        Err(Failure::new(Outcome::Unreachable, format!("`{name}` is not on PATH")).hint(hint).into())
    }

    /// Runs one call to its end or its limit.
    ///
    /// # Errors
    /// The program cannot be started, or a hole has nothing to fill it.
    #[expect(clippy::disallowed_methods, reason = "the door: the one place that starts processes, and times them")]
    pub fn run(&self, call: &Call, vault: &Vault) -> Result<Reply> {
        let begun = Instant::now();
        let expression = self.expression(call, vault)?;
        let child = expression.stdout_capture().start();
        let child = child.map_err(|e| not_started(&call.program, &e))?;
        let reply = if let Some(output) = child.wait_deadline(begun + call.limit)? {
            Reply {
                code: output.status.code(),
                stdout: Zeroizing::new(String::from_utf8_lossy(&output.stdout).into_owned()),
                // A server may repeat what it was sent.
                stderr: vault.mask(&String::from_utf8_lossy(&output.stderr)),
                timed_out: false,
            }
        } else {
            // A grandchild may hold the pipe open, so the end is not waited for.
            child.kill().ok();
            Reply { code: None, stdout: Zeroizing::default(), stderr: String::new(), timed_out: true }
        };
        self.tell(call, &reply, begun.elapsed());
        Ok(reply)
    }

    /// The child as every child is: fed by mqctl or not at all, in English, without the profile's secrets.
    #[expect(clippy::disallowed_methods, reason = "the door: the one place that starts processes")]
    fn expression(&self, call: &Call, vault: &Vault) -> Result<Expression> {
        let input = call.stdin.fill(vault)?;
        let expression = duct::cmd(call.program.name(), &call.args);
        // Closed unless used: a child never reads from the person's terminal or the pipeline's input.
        let expression =
            if input.is_empty() { expression.stdin_null() } else { expression.stdin_bytes(input.to_vec()) };
        let withheld = self.withheld.get().into_iter().flatten();
        let expression = withheld.fold(expression, |expression, name| expression.env_remove(name));
        Ok(expression.env("LC_ALL", "C").stderr_capture().unchecked())
    }

    /// Runs one call without a limit, and hands on each line that it prints, as it comes. The child is ended when
    /// nobody wants more lines or `stops` says so; it never outlives this.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn stream(
        &self,
        call: &Call,
        stops: &(dyn Fn() -> bool + Sync),
        each: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Reply> {
        if self.verbosity > 0 {
            report::say(&format!("+ {call}"));
        }
        let child = self.expression(call, &Vault::default())?.reader();
        let child = child.map_err(|e| not_started(&call.program, &e))?;
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // A child that is silent can only be ended from beside.
            scope.spawn(|| {
                while !ended.load(Ordering::SeqCst) {
                    wait::pause(Duration::from_millis(100), &|| ended.load(Ordering::SeqCst));
                    if stops() {
                        child.kill().ok();
                    }
                }
            });
            let wanted = each_line(&child, each);
            if wanted.is_break() {
                child.kill().ok();
            }
            ended.store(true, Ordering::SeqCst);
        });
        let output = child.try_wait()?;
        Ok(Reply {
            code: output.and_then(|output| output.status.code()),
            stdout: Zeroizing::default(),
            stderr: output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).unwrap_or_default(),
            timed_out: false,
        })
    }

    /// Runs calls side by side; the answers come in the order of the calls.
    pub fn run_all(&self, calls: &[Call], vault: &Vault) -> Vec<Result<Reply>> {
        std::thread::scope(|scope| {
            let started: Vec<_> = calls.iter().map(|call| scope.spawn(|| self.run(call, vault))).collect();
            started
                .into_iter()
                .map(|t| t.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread of mqctl died"))))
                .collect()
        })
    }

    fn tell(&self, call: &Call, reply: &Reply, took: Duration) {
        if self.verbosity == 0 {
            return;
        }
        let code = reply.code.map_or_else(|| "ended".to_owned(), |c| c.to_string());
        report::say(&format!("+ {call}   [{code}, {:.2} s]", took.as_secs_f64()));
        if self.verbosity > 1 && !call.stdin.0.is_empty() {
            report::say(&format!("  < {}", call.stdin));
        }
    }
}

/// Until the child has closed its output or a line is the last that is wanted.
fn each_line(child: &ReaderHandle, each: &mut dyn FnMut(&str) -> ControlFlow<()>) -> ControlFlow<()> {
    let mut output = BufReader::new(child);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        each(String::from_utf8_lossy(&line).trim_end_matches('\n'))?;
        line.clear();
    }
    ControlFlow::Continue(())
}

fn not_started(program: &Program, error: &std::io::Error) -> Failure {
    let outcome = Outcome::Unreachable;
    if error.kind() == std::io::ErrorKind::NotFound {
        return Failure::new(outcome, format!("`{}` is not on PATH", program.name()));
    }
    Failure::new(outcome, format!("cannot start `{}`: {error}", program.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Name, Secret};

    fn tools() -> Tools {
        Tools::default()
    }

    #[test]
    fn a_hole_is_filled_on_stdin_only() {
        let mut vault = Vault::default();
        vault.put(Name::Password, Secret::new("canary").unwrap());
        let call = Call::new(Program::Named("cat".into()), Vec::<String>::new())
            .fed(vec![Part::Text("p=".into()), Part::Hole(Hole(Name::Password))]);
        assert_eq!(*tools().run(&call, &vault).unwrap().stdout, "p=Y2FuYXJ5");
        assert_eq!(format!("{} < {}", call, call.stdin), "cat < p=(password)");
    }

    #[test]
    fn a_child_is_ended_at_its_limit() {
        let call = Call::new(Program::Named("sleep".into()), ["60"]).within(Duration::from_millis(50));
        assert!(tools().run(&call, &Vault::default()).unwrap().timed_out);
    }

    #[test]
    fn a_silent_child_is_ended_as_soon_as_nobody_wants_it() {
        let call = Call::new(Program::Named("sh".into()), ["-c", "echo one; echo two; exec sleep 60"]);
        let mut lines = Vec::new();
        let heard = AtomicBool::new(false);
        let reply = tools().stream(&call, &|| heard.load(Ordering::SeqCst), &mut |line| {
            lines.push(line.to_owned());
            heard.store(lines.len() == 2, Ordering::SeqCst);
            ControlFlow::Continue(())
        });
        assert_eq!((lines, reply.unwrap().code), (vec!["one".to_owned(), "two".to_owned()], None));
    }

    #[test]
    fn the_last_wanted_line_ends_the_child_and_its_words_are_kept() {
        let tools = tools();
        let call = Call::new(Program::Named("sh".into()), ["-c", "echo one; exec sleep 60"]);
        assert_eq!(tools.stream(&call, &|| false, &mut |_| ControlFlow::Break(())).unwrap().code, None);
        let call = Call::new(Program::Named("sh".into()), ["-c", "echo no >&2; exit 3"]);
        let reply = tools.stream(&call, &|| false, &mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!((reply.code, reply.stderr.as_str()), (Some(3), "no\n"));
    }

    #[test]
    fn an_empty_hole_starts_nothing() {
        let call =
            Call::new(Program::Named("no-such-program".into()), [""]).fed(vec![Part::Hole(Hole(Name::Password))]);
        let Err(error) = tools().run(&call, &Vault::default()) else { panic!("it ran") };
        assert!(error.to_string().contains("the password was needed"), "{error}");
    }
}
