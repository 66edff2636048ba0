//! What the doctor finds in recorded states of real clusters, and that it finds nothing in healthy ones.

use std::path::Path;

use mqctl::cluster::{Observed, Target};
use mqctl::diagnose::finding::Severity;
use mqctl::diagnose::gather::{Heard, Said};
use mqctl::diagnose::page::{Page, Wish};
use mqctl::diagnose::picture::{Material, Picture};
use mqctl::explain::Code;
use mqctl::profile::{self, Profile};
use mqctl::recover::moment::Moment;
use mqctl::secret::Vault;
use mqctl::{chart, diagnose};
use serde_json::{Value, json};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/doctor");

/// A recorded state, in which a test may change something.
pub struct Scenario {
    pub objects: Vec<Value>,
    pub release: Value,
    pub now: Moment,
    pub replicas: usize,
    /// In the order of the pods.
    pub probes: Vec<String>,
    pub logs: Vec<String>,
    pub previous: Vec<String>,
    /// What the API server says of pods that are not there.
    pub lease: Value,
}

pub fn recorded(name: &str) -> Scenario {
    let folder = Path::new(FOLDER).join(name);
    let text = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_default();
    let each = |ending: &str| (0..3).map(|n| text(&format!("rmq-{n}.{ending}"))).collect();
    Scenario {
        objects: serde_json::from_str(&text("objects.json")).unwrap(),
        release: json!({"revision": "1", "status": "deployed", "chart": "mqctl-rabbitmq-1.0.0", "updated": "2026-11-22 14:00:00.1 +0000 UTC"}),
        now: Moment::read(text("now").trim()).unwrap(),
        replicas: 3,
        probes: each("probe"),
        logs: each("log"),
        previous: each("previous"),
        lease: Value::Null,
    }
}

fn lines(logs: &[String]) -> String {
    let of_pod = |(n, log): (usize, &String)| -> String {
        let prefix = format!("[pod/rmq-{n}/rabbitmq] ");
        log.lines().flat_map(|line| [&prefix, line, "\n"]).collect()
    };
    logs.iter().enumerate().map(of_pod).collect()
}

impl Scenario {
    fn profile(&self) -> Profile {
        let text = format!("format: 1\nnamespace: rabbitmq\nreplicas: {}\n", self.replicas);
        profile::read(&text, Path::new("profiles/rmq.yaml")).unwrap()
    }

    /// The object of this kind and name, to be changed.
    pub fn object(&mut self, kind: &str, name: &str) -> &mut Value {
        let is = |o: &&mut Value| o["kind"] == kind && o["metadata"]["name"] == name;
        self.objects.iter_mut().find(is).unwrap()
    }

    pub fn pod(&mut self, n: usize) -> &mut Value {
        self.object("Pod", &format!("rmq-{n}"))
    }

    pub fn without(&mut self, kind: &str, name: &str) {
        self.objects.retain(|o| !(o["kind"] == kind && o["metadata"]["name"] == name));
    }

    /// A pod that is not there, and is silent.
    pub fn gone(&mut self, n: usize) {
        self.without("Pod", &format!("rmq-{n}"));
        self.silent(n);
    }

    pub fn silent(&mut self, n: usize) {
        for texts in [&mut self.probes, &mut self.logs, &mut self.previous] {
            texts[n].clear();
        }
    }

    pub fn answers(&mut self, replace: &str, with: &str) {
        assert!(self.probes.iter().any(|probe| probe.contains(replace)), "{replace}");
        self.probes.iter_mut().for_each(|probe| *probe = probe.replace(replace, with));
    }

    pub fn picture(&self) -> Picture {
        let profile = self.profile();
        let names = chart::names(&profile);
        let objects: Vec<Value> = self.objects.iter().chain([&self.lease]).filter(|o| !o.is_null()).cloned().collect();
        let said =
            |text: &String| Said { text: text.clone(), complaint: "`kubectl exec`: no such container".to_owned() };
        let heard = Heard {
            logs: [lines(&self.logs), lines(&self.previous)],
            unread_logs: None,
            probes: self.probes.iter().take(self.replicas).map(|text| Some(said(text))).collect(),
        };
        let release = serde_json::from_value(self.release.clone()).ok();
        let observed = Observed { release, ..Observed::of(&objects, &names) };
        Picture::of(Material { observed, objects, heard, now: self.now }, &profile, &names, &Vault::default())
    }

    pub fn page(&self) -> String {
        let target = Target {
            kubeconfig: None,
            context: Some("test".into()),
            namespace: "rabbitmq".into(),
            release: "rmq".into(),
            stateful_set: "rmq".into(),
            label: chart::INSTANCE.to_owned(),
            pods: String::new(),
            container: chart::CONTAINER.to_owned(),
        };
        let picture = self.picture();
        Page::of(&target, &picture, &Wish::default()).to_text()
    }

    /// What is found above information, with the consequences as well.
    pub fn codes(&self) -> Vec<Code> {
        let found = diagnose::rules::findings(&self.picture());
        let serious = found.into_iter().filter(|(_, finding)| finding.severity > Severity::Information);
        serious.map(|(_, finding)| finding.code).collect()
    }
}

#[test]
fn every_recorded_trouble() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for entry in std::fs::read_dir(FOLDER).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            insta::assert_snapshot!(format!("doctor-{name}"), recorded(&name).page());
        }
    });
}
