//! The cluster as kubectl shows it, one namespace of it: what tests compare mqctl's words with.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::running::polled;

/// Between two looks: a kubectl costs a tenth of a second of a core.
const PAUSE: Duration = Duration::from_millis(500);

/// Two worlds of one test, and two tests of one name, never share a namespace.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// A namespace that a test has for itself. It is removed at the end, also of a test that failed.
pub(crate) struct Namespace(pub(crate) String);

impl Namespace {
    /// A namespace's name; mqctl creates it.
    pub(crate) fn new(test: &str) -> Self {
        let fits = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let test: String = test.chars().map(fits).take(40).collect();
        let words: Vec<&str> = test.split('-').filter(|word| !word.is_empty()).collect();
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        Self(format!("e2e-{}-{}-{number}", words.join("-"), std::process::id()))
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command.args(["--namespace", &self.0]).args(args).stdin(Stdio::null());
        command
    }

    /// What kubectl printed; the test fails where kubectl did.
    #[track_caller]
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        let output = self.command(args).output().expect("kubectl starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {args:?} failed: {stderr}");
        String::from_utf8(output.stdout).expect("kubectl prints UTF-8")
    }

    /// Creates or changes objects.
    pub(crate) fn apply(&self, objects: &[Value]) {
        let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects});
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("objects.json");
        std::fs::write(&file, list.to_string()).expect("a file in it");
        self.kubectl(&["apply", "--filename", &file.display().to_string()]);
    }

    /// One object, or null.
    pub(crate) fn object(&self, kind: &str, name: &str) -> Value {
        let text = self.kubectl(&["get", kind, name, "--ignore-not-found", "--output", "json"]);
        if text.trim().is_empty() { Value::Null } else { serde_json::from_str(&text).expect("kubectl prints JSON") }
    }

    /// All objects of some kinds.
    #[track_caller]
    pub(crate) fn list(&self, kinds: &str) -> Vec<Value> {
        let text = self.kubectl(&["get", kinds, "--output", "json"]);
        let list: Value = serde_json::from_str(&text).expect("kubectl prints JSON");
        list["items"].as_array().cloned().expect("kubectl prints a list")
    }

    pub(crate) fn names(&self, kinds: &str) -> Vec<String> {
        let text = self.kubectl(&["get", kinds, "--output", "name"]);
        let mut names: Vec<String> = text.lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    pub(crate) fn exists(&self) -> bool {
        !self.kubectl(&["get", "namespace", &self.0, "--ignore-not-found", "--output", "name"]).trim().is_empty()
    }

    /// The pods' names with uid and restarts: equal before and after means that none was touched.
    pub(crate) fn pods(&self) -> Vec<(String, String, u64)> {
        let text = |pod: &Value, path: &str| pod.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let restarts = |pod: &Value| pod.pointer("/status/containerStatuses/0/restartCount").and_then(Value::as_u64);
        let one = |p: &Value| (text(p, "/metadata/name"), text(p, "/metadata/uid"), restarts(p).unwrap_or(0));
        let mut pods: Vec<_> = self.list("pods").iter().map(one).collect();
        pods.sort();
        pods
    }

    /// Runs a shell script in a broker's container.
    #[track_caller]
    pub(crate) fn shell(&self, pod: &str, script: &str) -> String {
        self.kubectl(&["exec", pod, "--", "sh", "-c", script])
    }

    /// Awaits a condition of the cluster and returns how long it took.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, limit: Duration, mut condition: impl FnMut(&Self) -> bool) -> Duration {
        let begun = Instant::now();
        let came = polled(limit, PAUSE, &mut || condition(self));
        assert!(came, "not within {} s: {what}\n{}", limit.as_secs(), self.picture());
        begun.elapsed()
    }

    /// For a failed test: what is there.
    fn picture(&self) -> String {
        let get = |args: &[&str]| self.command(args).output().map(|o| o.stdout).unwrap_or_default();
        let pods = get(&["get", "pods,statefulsets,persistentvolumeclaims", "--output", "wide"]);
        String::from_utf8_lossy(&pods).into_owned()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- {} when the test failed\n{}", self.0, self.picture());
        }
        let quietly = |args: &[&str]| self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        // First the namespace, so that no controller makes new pods; then the pods without their long grace.
        quietly(&["delete", "namespace", &self.0, "--ignore-not-found", "--wait=false"]);
        quietly(&["delete", "pods", "--all", "--grace-period", "1", "--wait=false"]);
    }
}

/// At the end of a run: nothing of it is left in the cluster. Not awaited after each test, as it takes only time.
pub(crate) fn until_all_are_gone() {
    let mine = format!("-{}-", std::process::id());
    let left = || {
        let output = Command::new("kubectl").args(["get", "namespaces", "--output", "name"]).output();
        let names = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
        let names = names.lines().filter(|n| n.starts_with("namespace/e2e-") && n.contains(&mine));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let gone = polled(Duration::from_secs(180), PAUSE, &mut || left().is_empty());
    assert!(gone, "namespaces that do not go away: {:?}", left());
}
