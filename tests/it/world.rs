//! A world for one run: a home, a working folder, and stand-ins for helm and kubectl with a small cluster behind them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::objects;
use crate::transcript::{Recorded, Transcript, in_order};

pub struct World {
    root: TempDir,
    /// The built-in chart's digest, which differs from build to build; to take it once is enough.
    chart: String,
}

/// The profile of every test that wants no other.
pub const PROFILE: &str = "format: 1\nnamespace: rabbitmq\n";

const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/stand-in.sh");
/// What it reads from beside it.
const PARTS: [(&str, &str); 6] = [
    ("broker.sh", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/broker.sh")),
    ("helm.sh", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/helm.sh")),
    ("lease.sh", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/lease.sh")),
    ("migrate.sh", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/migrate.sh")),
    ("recovery.sh", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/recovery.sh")),
    ("pod-log.sh", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/pod-log.sh")),
];

/// Making a world.
impl World {
    /// An empty cluster, the profile `prodmq`, and no secret anywhere.
    pub fn new() -> Self {
        let world = Self { root: tempfile::tempdir().unwrap(), chart: mqctl::chart::builtin_digest() };
        for folder in ["home", "work/profiles", "bin", "calls", "rules", "cluster", "chart", "kill"] {
            fs::create_dir_all(world.path(folder)).unwrap();
        }
        ["helm", "kubectl"].iter().for_each(|name| world.program(name));
        for (name, part) in PARTS {
            symlink(part, world.path(name)).unwrap();
        }
        world.write("home/kubeconfig", "apiVersion: v1\nkind: Config\ncurrent-context: test\n");
        world.profile("prodmq", PROFILE);
        world.object("storageclass.standard", &objects::named("StorageClass", "standard"));
        world.chart("release", &objects::release("deployed", "REVISION"));
        world.chart("statefulset.prodmq", &objects::stateful_set(3, "DIGEST"));
        ["prodmq", "prodmq-headless"].iter().for_each(|name| {
            world.chart(&format!("service.{name}"), &objects::named("Service", name));
        });
        objects::PODS.iter().for_each(|pod| world.chart_pod(pod));
        world
    }

    fn chart_pod(&self, pod: &str) {
        self.chart(&format!("pod.{pod}"), &objects::pod(pod, &objects::running(true)));
        self.chart(&format!("answer.{pod}"), &objects::answer(pod));
        let claim = format!("data-{pod}");
        self.chart(&format!("persistentvolumeclaim.{claim}"), &objects::claim(&claim));
    }

    /// The same with both canaries in the secrets file.
    pub fn with_secrets() -> Self {
        let world = Self::new();
        world.secrets_file(objects::COOKIE, objects::PASSWORD);
        world
    }

    /// Installed and healthy, with the canaries, by exactly the profile that is there.
    pub fn installed() -> Self {
        let world = Self::with_secrets();
        world.object("namespace.rabbitmq", &objects::named("Namespace", "rabbitmq"));
        world.object("secret.prodmq-mqctl-credentials", &objects::secret(objects::COOKIE, objects::PASSWORD));
        for (file, bytes) in world.files_below("chart") {
            let text = String::from_utf8(bytes).unwrap();
            let text = text.replace("REVISION", "1").replace("DIGEST", &world.digest());
            fs::write(world.path("cluster").join(file.strip_prefix("chart/").unwrap()), text).unwrap();
        }
        world
    }

    /// What a release of the world's profile carries in its annotation.
    pub fn digest(&self) -> String {
        let profile = mqctl::profile::load(&self.path("work/profiles/prodmq.yaml")).unwrap();
        mqctl::chart::values(&profile)["annotations"]["mqctl/values"].as_str().unwrap().to_owned()
    }

    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.path().join(inside)
    }

    /// A stand-in under one more name.
    pub fn program(&self, name: &str) {
        symlink(STAND_IN, self.path("bin").join(name)).unwrap();
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    pub fn profile(&self, name: &str, text: &str) {
        self.write(&format!("work/profiles/{name}.yaml"), text);
    }

    pub fn secrets_file(&self, cookie: &str, password: &str) {
        self.write(SECRETS_FILE, &format!("erlangCookie: \"{cookie}\"\npassword: \"{password}\"\n"));
        fs::set_permissions(self.path(SECRETS_FILE), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// An object that is in the cluster: `kind.name`.
    pub fn object(&self, file: &str, object: &Value) {
        self.write(&format!("cluster/{file}"), &object.to_string());
    }

    /// An object that `helm upgrade` puts into the cluster.
    pub fn chart(&self, file: &str, object: &Value) {
        self.write(&format!("chart/{file}"), &object.to_string());
    }

    pub fn remove(&self, file: &str) {
        fs::remove_file(self.path(file)).unwrap();
    }

    /// The next calls that fit the pattern fail so; those after them do not.
    pub fn fails(&self, pattern: &str, times: usize, stderr: &str) {
        let number = fs::read_dir(self.path("rules")).unwrap().count();
        self.rule(pattern, 1, "", stderr);
        self.write(&format!("rules/{number}/times"), &format!("{times}\n"));
    }

    /// The next call that fits the pattern is answered so; those after it are not.
    pub fn once(&self, pattern: &str, stdout: &str) {
        let number = fs::read_dir(self.path("rules")).unwrap().count();
        self.rule(pattern, 0, stdout, "");
        self.write(&format!("rules/{number}/times"), "1\n");
    }

    /// Calls that fit the pattern are answered so, whatever the cluster holds.
    pub fn rule(&self, pattern: &str, code: i32, stdout: &str, stderr: &str) {
        let number = fs::read_dir(self.path("rules")).unwrap().count();
        let rule = format!("rules/{number}");
        fs::create_dir(self.path(&rule)).unwrap();
        for (file, text) in [("pattern", pattern), ("code", &code.to_string()), ("stdout", stdout), ("stderr", stderr)]
        {
            self.write(&format!("{rule}/{file}"), &format!("{text}\n"));
        }
    }
}

pub const SECRETS_FILE: &str = "work/profiles/prodmq.secrets.yaml";

/// Running mqctl in it.
impl World {
    /// The program with this world around it, and nothing else; at a terminal it would have it as stdin.
    pub fn command(&self, args: &[&str]) -> Command {
        self.surround(Command::new(env!("CARGO_BIN_EXE_mqctl")), args)
    }

    /// A shell with this world around it, in which `$0` is mqctl and `$@` its arguments.
    pub fn shell(&self, script: &str, args: &[&str]) -> Command {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script, env!("CARGO_BIN_EXE_mqctl")]);
        self.surround(shell, args)
    }

    fn surround(&self, mut command: Command, args: &[&str]) -> Command {
        command.args(args).env_clear().current_dir(self.path("work"));
        command.env("PATH", self.path("bin")).env("HOME", self.path("home"));
        command.env("KUBECONFIG", self.path("home/kubeconfig")).env("TERM", "xterm");
        command
    }

    pub fn run(&self, args: &[&str]) -> Transcript {
        self.transcribe(args, &mut self.command(args))
    }

    /// With a variable in the environment as well.
    pub fn run_with(&self, variable: (&str, &str), args: &[&str]) -> Transcript {
        self.transcribe(args, self.command(args).env(variable.0, variable.1))
    }

    /// Runs until mqctl and every child that outlives it are gone: all of them hold the pipe that is read to its end.
    pub fn run_to_the_last_child(&self, args: &[&str]) -> Transcript {
        self.transcribe(args, &mut self.shell("\"$0\" \"$@\" 9>&1 >/dev/null", args))
    }

    /// Runs to its end, and says what happened since the last transcript.
    pub fn transcribe(&self, args: &[&str], command: &mut Command) -> Transcript {
        let before = self.files();
        let output = command.stdin(Stdio::null()).output().unwrap();
        let transcript = Transcript {
            line: format!("mqctl {}", shell_words::join(args)),
            code: output.status.code(),
            stdout: self.steady(&output.stdout),
            stderr: self.steady(&output.stderr),
            calls: self.calls(),
            wrote: self.wrote_since(&before),
        };
        let unforeseen = fs::read_to_string(self.path("unforeseen")).unwrap_or_default();
        assert!(unforeseen.is_empty(), "the stand-in did not foresee {unforeseen}\n{transcript}");
        transcript
    }

    /// The calls since the last look.
    pub fn calls(&self) -> Vec<Recorded> {
        let folder = self.path("calls");
        let count = fs::read_dir(&folder).unwrap().count();
        let call = |number: usize| self.steady_call(Recorded::read(&folder.join(number.to_string())));
        let calls = (1..=count).map(call).collect();
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        in_order(calls)
    }

    fn steady_call(&self, call: Recorded) -> Recorded {
        let steady = |text: &String| self.steady(text.as_bytes());
        Recorded { args: call.args.iter().map(steady).collect(), stdin: steady(&call.stdin), ..call }
    }

    /// Without what differs from run to run and from build to build.
    fn steady(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes).replace(&*self.root.path().to_string_lossy(), "~");
        let text = text.replace(&self.chart, "CHART");
        let steady = |line| without_date(&without_unsteady(&without_time(line)));
        let lines: Vec<String> = text.split('\n').map(steady).collect();
        lines.join("\n")
    }
}

/// What stands in JSON and is another one in each run: the digest of the values, which holds that of the chart, and what
/// the Lease says of its holder.
const UNSTEADY: [(&str, &str); 7] = [
    ("mqctl/values", "VALUES"),
    ("mqctl/machine", "MACHINE"),
    ("mqctl/pid", "PID"),
    ("mqctl/started", "TICKS"),
    ("holderIdentity", "HOLDER"),
    ("acquireTime", "NOW"),
    ("renewTime", "NOW"),
];

fn without_unsteady(line: &str) -> String {
    UNSTEADY.iter().fold(line.to_owned(), |line, (key, word)| {
        let before = format!("\"{key}\":\"");
        match line.split_once(&before).and_then(|(head, tail)| Some((head, tail.split_once('"')?.1))) {
            Some((head, tail)) => format!("{head}{before}{word}\"{tail}"),
            None => line,
        }
    })
}

/// A backup is named after the second that it was made in.
fn without_date(line: &str) -> String {
    match line.split_once("state/mqctl/prodmq/").and_then(|(head, tail)| Some((head, tail.split_once("Z.json")?.1))) {
        Some((head, tail)) => format!("{head}state/mqctl/prodmq/DATE.json{tail}"),
        None => line.to_owned(),
    }
}

/// `    0.2s Secret written` loses its time.
fn without_time(line: &str) -> String {
    let trimmed = line.trim_start();
    let Some((time, rest)) = trimmed.split_once("s ") else { return line.to_owned() };
    let is_time = time.contains('.') && time.parse::<f64>().is_ok();
    if is_time && line.starts_with(' ') { format!("   0.0s {rest}") } else { line.to_owned() }
}

/// Looking at its files.
impl World {
    /// Everything that mqctl could have written: its home and its working folder.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = self.files_below("home");
        files.extend(self.files_below("work"));
        files
    }

    pub fn files_below(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.path(folder), self.root.path(), &mut files);
        files
    }

    /// With their modes; the many files of the chart are told as one.
    fn wrote_since(&self, before: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
        let new = self.files().into_iter().filter(|(file, bytes)| before.get(file) != Some(bytes));
        let mut wrote: Vec<String> = new.map(|(file, _)| self.in_words(&file)).collect();
        wrote.dedup();
        wrote
    }

    fn in_words(&self, file: &str) -> String {
        if file.contains(".cache/mqctl/charts/builtin-") {
            return "home/.cache/mqctl/charts (the built-in chart)".to_owned();
        }
        let mode = fs::metadata(self.path(file)).unwrap().permissions().mode() & 0o777;
        format!("{file} ({mode:o})")
    }
}

fn collect(folder: &Path, root: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, root, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}
