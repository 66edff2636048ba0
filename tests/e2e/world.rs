//! One test's world: a namespace, a home, a working folder with a profile, one helm first in PATH.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::Namespace;
use crate::environment::{Helm, KHEPRI, image};
use crate::running::{Ran, Running};

/// No command of mqctl needs as long on these small clusters, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(420);

/// The release's name, and the profile's.
pub(crate) const NAME: &str = "mq";

pub(crate) struct World {
    pub(crate) namespace: Namespace,
    pub(crate) profile: Value,
    /// Instead of the suite's own.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Brokers of 4.0 take Khepri as their metadata store once they are installed.
    pub(crate) migrates: bool,
    /// What clients had declared when a test kept it, to be compared afterwards.
    pub(crate) objects: RefCell<Option<BTreeSet<String>>>,
    folder: TempDir,
    helm: Helm,
    /// Verb and seconds of each command of mqctl.
    took: RefCell<Vec<String>>,
}

impl World {
    /// Nothing is in the cluster yet; the profile is on disk.
    pub(crate) fn new(test: &str, helm: Helm, tag: &str, replicas: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["bin", "home", "tmp", "work/profiles"] {
            std::fs::create_dir_all(folder.path().join(name)).expect("a folder in it");
        }
        std::os::unix::fs::symlink(helm.program(), folder.path().join("bin/helm")).expect("a link");
        let namespace = Namespace::new(test);
        let profile = profile(&namespace.0, tag, replicas);
        let (objects, took) = Default::default();
        let world = Self { namespace, profile, kubeconfig: None, migrates: false, objects, folder, helm, took };
        world.write_profile();
        world
    }

    /// Changes the profile on disk.
    pub(crate) fn wish(&mut self, pointer: &str, value: Value) {
        let (parent, key) = pointer.rsplit_once('/').expect("a JSON pointer");
        self.profile.pointer_mut(parent).expect("a section of the profile")[key] = value;
        self.write_profile();
    }

    fn write_profile(&self) {
        // JSON is YAML.
        std::fs::write(self.work().join("profiles/mq.yaml"), self.profile.to_string()).expect("the profile");
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn secrets_file(&self) -> PathBuf {
        self.work().join("profiles/mq.secrets.yaml")
    }

    /// Where mqctl lays out its own chart for helm.
    pub(crate) fn chart(&self) -> PathBuf {
        let folder = self.folder.path().join("home/.cache/mqctl/charts");
        let charts: Vec<PathBuf> =
            std::fs::read_dir(&folder).expect("the cache").map(|e| e.expect("an entry").path()).collect();
        assert_eq!(charts.len(), 1, "one chart, and nothing half done beside it: {charts:?}");
        charts[0].clone()
    }

    /// A program as a person of this world would start it.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let root = self.folder.path();
        let path = format!("{}:{}", root.join("bin").display(), std::env::var("PATH").unwrap_or_default());
        let foreign = |name: &String| name.starts_with("MQCTL_") || name.starts_with("XDG_") || name == "NO_COLOR";
        std::env::vars().map(|(name, _)| name).filter(foreign).for_each(|name| {
            command.env_remove(name);
        });
        command.env("PATH", path).env("HOME", root.join("home")).env("TMPDIR", root.join("tmp"));
        command.envs(self.kubeconfig.iter().map(|file| ("KUBECONFIG", file)));
        command.current_dir(self.work());
        command
    }

    /// Makes mqctl a program of this world's PATH, for a script.
    pub(crate) fn link_mqctl(&self) {
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_mqctl"), self.folder.path().join("bin/mqctl")).expect("a link");
    }

    /// Runs a program of this world's to its end.
    #[track_caller]
    pub(crate) fn run(command: &mut Command) -> Ran {
        Running::start(command).wait(LIMIT)
    }

    /// Starts mqctl.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(self.command(env!("CARGO_BIN_EXE_mqctl")).args(args))
    }

    /// Runs mqctl to its end.
    #[track_caller]
    pub(crate) fn mqctl(&self, args: &[&str]) -> Ran {
        let ran = self.start(args).wait(LIMIT);
        self.took.borrow_mut().push(format!("{} {:.1}", args[0], ran.took.as_secs_f64()));
        ran
    }

    /// Which metadata store its brokers have once it is installed.
    pub(crate) fn is_on_khepri(&self) -> bool {
        self.migrates || self.profile["image"]["tag"] == KHEPRI
    }

    #[track_caller]
    pub(crate) fn install(&self) -> Ran {
        let ran = self.mqctl(&["install", NAME, "--yes", "-vv"]).expect(0);
        if self.migrates {
            self.namespace.shell("mq-0", "rabbitmqctl enable_feature_flag --experimental khepri_db");
            let flags = self.namespace.shell("mq-2", "cat /var/lib/rabbitmq/mnesia/rabbit@mq-2*-feature_flags");
            assert!(flags.contains("khepri_db"), "{flags}");
        }
        ran
    }

    #[track_caller]
    pub(crate) fn delete(&self) -> Ran {
        self.mqctl(&["delete", NAME, "--yes", "-vv"]).expect(0)
    }

    #[track_caller]
    pub(crate) fn purge(&self) -> Ran {
        self.mqctl(&["delete", NAME, "--purge", "--confirm", NAME, "-vv"]).expect(0)
    }

    /// Runs this world's helm in its namespace, without the need to succeed.
    pub(crate) fn helm(&self, args: &[&str]) -> Ran {
        let program = self.folder.path().join("bin/helm");
        Running::start(self.command(program).args(args).args(["--namespace", &self.namespace.0])).wait(LIMIT)
    }

    pub(crate) fn helm_word(&self) -> &'static str {
        self.helm.word()
    }

    /// Status and revision of every release of the namespace, whatever its state.
    pub(crate) fn releases(&self) -> Vec<(String, String)> {
        let states = ["--deployed", "--failed", "--pending", "--uninstalling", "--uninstalled", "--superseded"];
        let listed = self.helm(&[&["list", "--output", "json"], &states[..]].concat()).expect(0).json();
        let text = |release: &Value, key: &str| release[key].as_str().expect("helm prints texts").to_owned();
        listed.as_array().expect("a list").iter().map(|r| (text(r, "status"), text(r, "revision"))).collect()
    }

    /// Cookie and password, fingerprint and text, as the profile's side and the cluster's Secret have them.
    #[track_caller]
    pub(crate) fn credentials(&self) -> Credentials {
        let shown = self.mqctl(&["credentials", "show", NAME, "--reveal", "--force", "-o", "json"]).expect(0).json();
        Credentials { profile: shown["profile"].clone(), cluster: shown["cluster"].clone() }
    }

    /// `status`, which must say healthy: every node asked by itself, all of them members of one cluster.
    #[track_caller]
    pub(crate) fn assert_healthy(&self) -> Value {
        let status = self.mqctl(&["status", NAME, "-o", "json"]).expect(0).json();
        assert_eq!(status["verdict"], "healthy", "{status:#}");
        assert_eq!(status["credentialsAgree"], true, "{status:#}");
        let replicas = self.profile["replicas"].as_u64().expect("the suite says how many");
        let nodes = status["nodes"].as_array().expect("nodes");
        assert_eq!(nodes.len() as u64, replicas, "{status:#}");
        let mut all: Vec<&Value> = nodes.iter().map(|node| &node["broker"]["node"]).collect();
        all.sort_by_key(|name| name.as_str());
        for node in nodes {
            for list in ["members", "up"] {
                let seen: Vec<&Value> = node["broker"][list].as_array().into_iter().flatten().collect();
                assert_eq!(seen, all, "`{list}` of {}: {status:#}", node["pod"]);
            }
            assert_eq!(node["broker"]["login"], true, "{status:#}");
        }
        let releases = self.releases();
        assert!(releases.len() == 1 && releases[0].0 == "deployed", "{releases:?}");
        status
    }

    /// A refusal must leave no trace: neither in the cluster nor beside the profile.
    #[track_caller]
    pub(crate) fn assert_nothing_changed(&self) {
        assert!(!self.namespace.exists(), "namespace {} was created", self.namespace.0);
        assert!(!self.secrets_file().exists(), "the secrets file was written");
    }
}

impl Drop for World {
    /// Where a test's time went.
    fn drop(&mut self) {
        println!("       {}: {}", self.namespace.0, self.took.borrow().join(", "));
    }
}

/// What `credentials show --reveal` says; printed nowhere but in a failed test, of a cluster that is gone then.
#[derive(Debug, PartialEq)]
pub(crate) struct Credentials {
    pub(crate) profile: Value,
    pub(crate) cluster: Value,
}

impl Credentials {
    pub(crate) fn password(&self) -> &str {
        self.profile["password"]["value"].as_str().expect("a password")
    }

    /// Both are there, and both sides have the same.
    #[track_caller]
    pub(crate) fn agree(self) -> Self {
        for key in ["erlangCookie", "password"] {
            assert!(self.profile[key]["value"].as_str().is_some_and(|text| text.len() == 32), "{self:?}");
            assert!(self.profile[key]["fingerprint"].as_str().is_some_and(|print| print.len() == 19), "{self:?}");
        }
        assert_eq!(self.profile, self.cluster);
        self
    }
}

/// Small pods whose idle schedulers do not spin: several clusters share two cores.
fn profile(namespace: &str, tag: &str, replicas: u32) -> Value {
    json!({
        "format": 1, "namespace": namespace, "replicas": replicas,
        "image": {"repository": image(), "tag": tag},
        "storage": {"size": "1Gi"},
        "values": {
            "erlangArguments": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
            "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        },
        "timeouts": {"install": "5m", "boot": "5m"},
    })
}
