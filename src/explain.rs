//! What a refusal or a finding means, offline: one page for each code. The pages are text files, as they are printed.

use std::fmt;

use clap::ValueEnum;
use serde_json::{Map, Value, json};

/// A stable name for something that goes wrong and has a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Code {
    #[value(name = "CRED-MISMATCH")]
    CredMismatch,
    #[value(name = "CRED-UNKNOWN")]
    CredUnknown,
    #[value(name = "VERSION-STEP")]
    VersionStep,
    #[value(name = "IMMUTABLE")]
    Immutable,
    #[value(name = "NOT-WHOLE")]
    NotWhole,
    #[value(name = "ROTATION")]
    Rotation,
    #[value(name = "STORAGE-CLASS")]
    StorageClass,
    #[value(name = "VOLUMES")]
    Volumes,
    #[value(name = "RELEASE-TAKEN")]
    ReleaseTaken,
    #[value(name = "FEWER-NODES")]
    FewerNodes,
    #[value(name = "USERNAME")]
    Username,
    #[value(name = "LOCKED")]
    Locked,
    #[value(name = "HELM-PENDING")]
    HelmPending,
    #[value(name = "RECORD-API")]
    RecordApi,
    #[value(name = "HELM-PASSWORDS")]
    HelmPasswords,
    #[value(name = "OWNERSHIP")]
    Ownership,
    #[value(name = "NOT-READY")]
    NotReady,
    #[value(name = "IMG")]
    Img,
    #[value(name = "UNSCHEDULABLE")]
    Unschedulable,
    #[value(name = "ADMISSION")]
    Admission,
    #[value(name = "NAMESPACE")]
    Namespace,
    #[value(name = "RIGHTS")]
    Rights,
    #[value(name = "UNREACHABLE")]
    Unreachable,
    #[value(name = "CONTEXT")]
    Context,
    #[value(name = "CONSENT")]
    Consent,
    #[value(name = "BOOT-MNESIA")]
    BootMnesia,
    #[value(name = "KHEPRI-LEADER")]
    KhepriLeader,
    #[value(name = "COOKIE")]
    Cookie,
    #[value(name = "CRED-PVC")]
    CredPvc,
    #[value(name = "SPLIT")]
    Split,
    #[value(name = "EMPTY-BROKER")]
    EmptyBroker,
    #[value(name = "METADATA-LOST")]
    MetadataLost,
    #[value(name = "INCONSISTENT")]
    Inconsistent,
    #[value(name = "FORCEBOOT-ON")]
    ForcebootOn,
    #[value(name = "PROBE-KILL")]
    ProbeKill,
    #[value(name = "PVC-PENDING")]
    PvcPending,
    #[value(name = "DNS")]
    Dns,
    #[value(name = "QQ-LEADERLESS")]
    QqLeaderless,
    #[value(name = "STOPPED-Q")]
    StoppedQ,
    #[value(name = "MEM")]
    Mem,
    #[value(name = "CLI-HUNG")]
    CliHung,
    #[value(name = "DISK-ALARM")]
    DiskAlarm,
    #[value(name = "EPHEMERAL")]
    Ephemeral,
    #[value(name = "TWO-NODES")]
    TwoNodes,
    #[value(name = "RETENTION")]
    Retention,
    #[value(name = "GRACE")]
    Grace,
    #[value(name = "PDB-DRAIN")]
    PdbDrain,
    #[value(name = "TERMINATING")]
    Terminating,
    #[value(name = "CONF-NOT-ROLLED")]
    ConfNotRolled,
    #[value(name = "DIST-OPEN")]
    DistOpen,
    #[value(name = "NOT-INSTALLED")]
    NotInstalled,
    #[value(name = "RECOVERY")]
    Recovery,
    #[value(name = "MIGRATION")]
    Migration,
}

impl Code {
    /// Every code, in the order of the list.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// The whole page, without a line break at its end.
    pub fn page(self) -> &'static str {
        let text = match self {
            Self::CredMismatch => include_str!("explain/CRED-MISMATCH.txt"),
            Self::CredUnknown => include_str!("explain/CRED-UNKNOWN.txt"),
            Self::VersionStep => include_str!("explain/VERSION-STEP.txt"),
            Self::Immutable => include_str!("explain/IMMUTABLE.txt"),
            Self::NotWhole => include_str!("explain/NOT-WHOLE.txt"),
            Self::Rotation => include_str!("explain/ROTATION.txt"),
            Self::StorageClass => include_str!("explain/STORAGE-CLASS.txt"),
            Self::Volumes => include_str!("explain/VOLUMES.txt"),
            Self::ReleaseTaken => include_str!("explain/RELEASE-TAKEN.txt"),
            Self::FewerNodes => include_str!("explain/FEWER-NODES.txt"),
            Self::Username => include_str!("explain/USERNAME.txt"),
            Self::Locked => include_str!("explain/LOCKED.txt"),
            Self::HelmPending => include_str!("explain/HELM-PENDING.txt"),
            Self::RecordApi => include_str!("explain/RECORD-API.txt"),
            Self::HelmPasswords => include_str!("explain/HELM-PASSWORDS.txt"),
            Self::Ownership => include_str!("explain/OWNERSHIP.txt"),
            Self::NotReady => include_str!("explain/NOT-READY.txt"),
            Self::Img => include_str!("explain/IMG.txt"),
            Self::Unschedulable => include_str!("explain/UNSCHEDULABLE.txt"),
            Self::Admission => include_str!("explain/ADMISSION.txt"),
            Self::Namespace => include_str!("explain/NAMESPACE.txt"),
            Self::Rights => include_str!("explain/RIGHTS.txt"),
            Self::Unreachable => include_str!("explain/UNREACHABLE.txt"),
            Self::Context => include_str!("explain/CONTEXT.txt"),
            Self::Consent => include_str!("explain/CONSENT.txt"),
            Self::BootMnesia => include_str!("explain/BOOT-MNESIA.txt"),
            Self::KhepriLeader => include_str!("explain/KHEPRI-LEADER.txt"),
            Self::Cookie => include_str!("explain/COOKIE.txt"),
            Self::CredPvc => include_str!("explain/CRED-PVC.txt"),
            Self::Split => include_str!("explain/SPLIT.txt"),
            Self::EmptyBroker => include_str!("explain/EMPTY-BROKER.txt"),
            Self::MetadataLost => include_str!("explain/METADATA-LOST.txt"),
            Self::Inconsistent => include_str!("explain/INCONSISTENT.txt"),
            Self::ForcebootOn => include_str!("explain/FORCEBOOT-ON.txt"),
            Self::ProbeKill => include_str!("explain/PROBE-KILL.txt"),
            Self::PvcPending => include_str!("explain/PVC-PENDING.txt"),
            Self::Dns => include_str!("explain/DNS.txt"),
            Self::QqLeaderless => include_str!("explain/QQ-LEADERLESS.txt"),
            Self::StoppedQ => include_str!("explain/STOPPED-Q.txt"),
            Self::Mem => include_str!("explain/MEM.txt"),
            Self::CliHung => include_str!("explain/CLI-HUNG.txt"),
            Self::DiskAlarm => include_str!("explain/DISK-ALARM.txt"),
            Self::Ephemeral => include_str!("explain/EPHEMERAL.txt"),
            Self::TwoNodes => include_str!("explain/TWO-NODES.txt"),
            Self::Retention => include_str!("explain/RETENTION.txt"),
            Self::Grace => include_str!("explain/GRACE.txt"),
            Self::PdbDrain => include_str!("explain/PDB-DRAIN.txt"),
            Self::Terminating => include_str!("explain/TERMINATING.txt"),
            Self::ConfNotRolled => include_str!("explain/CONF-NOT-ROLLED.txt"),
            Self::DistOpen => include_str!("explain/DIST-OPEN.txt"),
            Self::NotInstalled => include_str!("explain/NOT-INSTALLED.txt"),
            Self::Recovery => include_str!("explain/RECOVERY.txt"),
            Self::Migration => include_str!("explain/MIGRATION.txt"),
        };
        text.trim_end()
    }

    /// The code itself and, two blanks after it, what it means in one line.
    fn headline(self) -> (&'static str, &'static str) {
        let first = self.page().split('\n').next().unwrap_or_default();
        first.split_once("  ").unwrap_or((first, ""))
    }

    pub fn as_str(self) -> &'static str {
        self.headline().0
    }

    /// What it means, in one line.
    pub fn title(self) -> &'static str {
        self.headline().1
    }

    /// The page for programs: a key for each section.
    pub fn to_json(self) -> Value {
        let section = |(heading, key): (&str, &str)| (key.to_owned(), json!(self.section(heading)));
        let sections: Map<String, Value> = SECTIONS.into_iter().map(section).collect();
        json!({
            "apiVersion": "mqctl/v1", "kind": "Explanation", "code": self.as_str(), "title": self.title(),
            "sections": sections,
        })
    }

    /// The lines below a heading, without the page's own indentation.
    fn section(self, heading: &str) -> String {
        let below = self.page().lines().skip_while(|line| *line != heading).skip(1);
        let lines: Vec<&str> =
            below.take_while(|line| !line.is_empty()).map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
        lines.join("\n")
    }
}

/// The headings of every page, and what they are called in JSON.
const SECTIONS: [(&str, &str); 5] = [
    ("What it means", "meaning"),
    ("How mqctl knows", "evidence"),
    ("Why it matters", "risk"),
    ("What to do", "remedy"),
    ("Source", "source"),
];

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_is_that_of_its_code() {
        for code in Code::all() {
            assert_eq!(code.to_possible_value().unwrap().get_name(), code.as_str());
            assert!(!code.title().is_empty() && !code.title().ends_with('.'), "{code}");
        }
    }

    #[test]
    fn each_page_has_all_sections_in_order_and_nothing_else() {
        for code in Code::all() {
            let headings: Vec<&str> =
                code.page().lines().skip(1).filter(|line| !line.is_empty() && !line.starts_with("  ")).collect();
            assert_eq!(headings, SECTIONS.map(|(heading, _)| heading), "{code}");
            assert!(SECTIONS.iter().all(|(heading, _)| !code.section(heading).is_empty()), "{code}");
        }
    }

    #[test]
    fn each_page_fits_a_screen() {
        for code in Code::all() {
            let lines: Vec<&str> = code.page().lines().collect();
            let wide: Vec<&&str> = lines.iter().filter(|line| line.chars().count() > 100).collect();
            assert!(lines.len() <= 40 && wide.is_empty(), "{code}: {} lines, {wide:?}", lines.len());
        }
    }

    #[test]
    fn a_section_loses_the_page_s_indentation() {
        assert!(Code::Consent.section("What to do").contains("\n  mqctl install prodmq --dry-run\n"));
    }
}
