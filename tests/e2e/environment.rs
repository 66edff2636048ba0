//! What the suite is given: read once, and refused in a sentence where something is missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which helm a test drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Helm {
    Three,
    Four,
}

impl Helm {
    fn variable(self) -> &'static str {
        match self {
            Self::Three => "MQCTL_E2E_HELM3",
            Self::Four => "MQCTL_E2E_HELM4",
        }
    }

    fn major(self) -> &'static str {
        match self {
            Self::Three => "v3.",
            Self::Four => "v4.",
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Three => "helm3",
            Self::Four => "helm4",
        }
    }

    pub(crate) fn program(self) -> PathBuf {
        let name = self.variable();
        let path = std::env::var_os(name)
            .unwrap_or_else(|| panic!("{name} is not set: it is the path of a helm {}x", self.major()));
        std::fs::canonicalize(&path).unwrap_or_else(|e| panic!("{name}={}: {e}", Path::new(&path).display()))
    }
}

/// The images of the suite: their tags are the same in the official repository.
pub(crate) const OLD: &str = "3.10.8-management";
pub(crate) const MNESIA: &str = "4.0.5-management";
pub(crate) const KHEPRI: &str = "4.3.6-management";

pub(crate) fn image() -> String {
    std::env::var("MQCTL_E2E_IMAGE").unwrap_or_else(|_| "rabbitmq".to_owned())
}

pub(crate) fn all() -> bool {
    std::env::var("MQCTL_E2E_ALL").is_ok_and(|value| value == "1")
}

/// The file with the names of tests that have passed; what passes is added to it, and not run again.
pub(crate) fn passed() -> Option<PathBuf> {
    std::env::var_os("MQCTL_E2E_PASSED").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Tests at once. Two of three pods each are what two cores carry.
pub(crate) fn threads() -> usize {
    match std::env::var("RUST_TEST_THREADS") {
        Ok(text) => text.parse().ok().filter(|&n| n > 0).unwrap_or_else(|| panic!("RUST_TEST_THREADS={text}")),
        Err(_) => 2,
    }
}

/// The suite cannot run without any of these, so it says so before the first test.
pub(crate) fn check() {
    let kubeconfig = std::env::var("KUBECONFIG").unwrap_or_default();
    assert!(!kubeconfig.is_empty(), "KUBECONFIG is not set: the end-to-end suite needs a cluster (tests/cluster/up)");
    for helm in [Helm::Three, Helm::Four] {
        let said = output(Command::new(helm.program()).args(["version", "--short"]));
        assert!(said.starts_with(helm.major()), "{} is no helm {}x: it says {said}", helm.variable(), helm.major());
    }
    let nodes = output(Command::new("kubectl").args(["get", "nodes", "--output", "name", "--request-timeout", "10s"]));
    assert!(!nodes.trim().is_empty(), "the cluster of KUBECONFIG={kubeconfig} has no node");
}

fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed: {stderr}");
    stdout.into_owned()
}
