//! What a run of mqctl did, as a reader would want to see it: one text, one assertion.

use std::fmt;
use std::path::Path;

use serde_json::Value;

/// One run: what was typed, what came back, which children were started, which files were written.
pub struct Transcript {
    pub line: String,
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// In the order of their starts; neighbouring reads, which may run side by side, are sorted.
    pub calls: Vec<Recorded>,
    /// Files that are new or other than before.
    pub wrote: Vec<String>,
}

/// One child, as the stand-in recorded it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recorded {
    pub program: String,
    pub args: Vec<String>,
    pub stdin: String,
}

/// The words of helm, kubectl and git that change nothing.
const READS: [&str; 9] = ["list", "history", "get", "exec", "logs", "version", "ls-files", "template", "show"];

impl Recorded {
    pub fn read(folder: &Path) -> Self {
        let text = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
        let args = text("args").lines().map(str::to_owned).collect();
        Self { program: text("program").trim().to_owned(), args, stdin: text("stdin") }
    }

    /// `apply`, `list`, …: the first word that is no global flag.
    pub fn verb(&self) -> &str {
        let mut args = self.args.iter();
        loop {
            match args.next().map(String::as_str) {
                Some("--kubeconfig" | "--context" | "--namespace" | "-C") => drop(args.next()),
                Some(verb) => return verb,
                None => return "",
            }
        }
    }

    pub fn reads(&self) -> bool {
        let tells = ["change_password", "import_raw", "src-uri", "parameters:clear"]
            .iter()
            .any(|word| self.stdin.contains(word));
        if tells || self.args.iter().any(|arg| arg == "enable_feature_flag") {
            return false;
        }
        if self.acts_on_a_node() {
            return false;
        }
        READS.contains(&self.verb()) || self.reviews() || self.args.iter().any(|arg| arg.starts_with("--dry-run"))
    }

    /// What a recovery does inside a container.
    fn acts_on_a_node(&self) -> bool {
        let fed = [
            "rabbit_table:force_load",
            "touch \"$dir/force_load\"",
            "rm -f \"$dir/force_load\"",
            "kill -TERM 1",
            "force_all_queues_shrink",
            "<<'FLAGS'",
        ];
        let words = ["force_standalone_khepri_boot", "forget_cluster_node", "rabbitmq-queues", "touch"];
        fed.iter().any(|text| self.stdin.contains(text))
            || words.iter().any(|word| self.args.iter().any(|arg| arg == word))
    }

    /// Asks what the person may do: `create`, and nobody stores it.
    fn reviews(&self) -> bool {
        self.stdin.contains("\"kind\":\"SelfSubjectAccessReview\"")
    }

    /// Changes the Lease and nothing else.
    pub fn is_about_the_lease(&self) -> bool {
        let removes = self.verb() == "delete" && self.args.iter().any(|arg| arg == "--raw");
        let renews = self.verb() == "patch" && self.args.iter().any(|arg| arg == "lease");
        let creates = self.stdin.contains("\"kind\":\"Lease\"") && !self.stdin.contains("\"kind\":\"Secret\"");
        removes || renews || creates
    }

    /// The longest stdin is told by what it is.
    fn fed(&self) -> String {
        if self.stdin.starts_with("T = fun") {
            return "(the question to a broker)".to_owned();
        }
        if self.stdin.starts_with("Nodes = fun") {
            return "(the question for the queues)".to_owned();
        }
        if self.stdin.starts_with("User = ") {
            return "(the census)".to_owned();
        }
        if self.stdin.starts_with("H = fun") {
            return "(the shovels)".to_owned();
        }
        if self.stdin.starts_with("pod=") {
            return "(the probe)".to_owned();
        }
        let Ok(json) = serde_json::from_str::<Value>(&self.stdin) else { return self.stdin.clone() };
        if self.stdin.contains("recovery.json") {
            let note: Value = serde_json::from_str(json["data"]["recovery.json"].as_str().unwrap()).unwrap();
            return format!(
                "(ConfigMap {}: {}, first {})",
                json["metadata"]["name"], note["strategy"], note["way"]["first"]
            );
        }
        if json["kind"] == "StatefulSet" {
            let spec = &json["spec"];
            return format!(
                "(StatefulSet: {}, {} replicas, ordinals {}, update {})",
                spec["podManagementPolicy"], spec["replicas"], spec["ordinals"], spec["updateStrategy"]
            );
        }
        if self.stdin.contains("evidence.json") {
            return format!("(ConfigMap {})", json["metadata"]["name"]);
        }
        if json["kind"] == "Pod" {
            let (spec, name) = (&json["spec"], json["metadata"]["name"].as_str().unwrap());
            let claim = spec["volumes"][0]["persistentVolumeClaim"]["claimName"].as_str().unwrap();
            return format!("(pod {name} on {claim}) {}", spec["containers"][0]["command"][4].as_str().unwrap());
        }
        match json["items"].as_array() {
            Some(items) if self.stdin.contains("mqctl/reader") => format!("({} pods that read volumes)", items.len()),
            Some(items) if self.reviews() => format!("({} access reviews)", items.len()),
            _ => serde_json::to_string_pretty(&json).unwrap(),
        }
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.program, shell_words::join(&self.args))?;
        for line in self.fed().lines() {
            write!(f, "\n  < {line}")?;
        }
        Ok(())
    }
}

/// Sorts each run of reads; changes keep their places.
pub fn in_order(mut calls: Vec<Recorded>) -> Vec<Recorded> {
    calls.chunk_by_mut(|a, b| a.reads() && b.reads()).for_each(<[Recorded]>::sort);
    calls
}

impl Transcript {
    pub fn changes(&self) -> Vec<&Recorded> {
        self.calls.iter().filter(|call| !call.reads()).collect()
    }

    /// Those that are the plan's: without what takes, renews and gives back the Lease.
    pub fn work(&self) -> Vec<&Recorded> {
        self.calls.iter().filter(|call| !call.reads() && !call.is_about_the_lease()).collect()
    }

    /// The verbs of the calls that do a plan's work, in order.
    pub fn changing_verbs(&self) -> Vec<&str> {
        self.work().iter().map(|call| call.verb()).collect()
    }

    /// Refused before anything was done: no child that changes the cluster, no file.
    #[track_caller]
    pub fn changed_nothing(&self) {
        // The built-in chart in the cache is there for helm to read.
        let wrote = self.wrote.iter().any(|file| !file.starts_with("home/.cache/"));
        assert!(self.changes().is_empty() && !wrote, "something was changed:\n{self}");
    }

    #[track_caller]
    pub fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// What is said without what is done: for refusals.
    pub fn words(&self) -> String {
        let mut text = format!("$ {}   [exit {}]\n", self.line, self.code.unwrap());
        text.push_str(&self.stdout);
        text.push_str(&self.stderr);
        text
    }

    /// The answer as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self}"))
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or_else(|| "a signal".to_owned(), |code| format!("exit {code}"));
        writeln!(f, "$ {}   [{code}]", self.line)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            text.lines().try_for_each(|line| writeln!(f, "{name} | {line}").map(drop))?;
        }
        for (number, call) in self.calls.iter().enumerate() {
            writeln!(f, "{}. {} {call}", number + 1, if call.reads() { "reads" } else { "CHANGES" })?;
        }
        self.wrote.iter().try_for_each(|file| writeln!(f, "wrote {file}"))
    }
}
