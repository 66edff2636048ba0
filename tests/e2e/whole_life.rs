//! A release's whole life: init, inspect, plan, install, expose, four upgrades, delete, install, purge; with messages
//! that are counted after each step. Once as a person at a terminal who answers questions, once as a pipeline.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::amqp::{Broker, Kind, messages};
use crate::environment::{Helm, KHEPRI, MNESIA, OLD, image};
use crate::runner::Test;
use crate::terminal::at_terminal;
use crate::world::{NAME, World};

const MESSAGES: usize = 1000;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(Who::Person, Helm::Four, KHEPRI, 1).long(),
        test(Who::Person, Helm::Four, KHEPRI, 3).long(),
        test(Who::Pipeline, Helm::Three, MNESIA, 3).long(),
        test(Who::Pipeline, Helm::Four, OLD, 3).long(),
    ]
}

fn test(who: Who, helm: Helm, tag: &'static str, replicas: u32) -> Test {
    let version = tag.trim_end_matches("-management");
    let name = format!("whole life of {replicas} by a {who:?} {} {version}", helm.word()).to_lowercase();
    let world = move |name: &str| World::new(name, helm, tag, replicas);
    Test::new(name.clone(), move || Life { world: world(&name), who, tag, replicas }.whole())
}

/// Who types the commands.
#[derive(Clone, Copy, Debug)]
enum Who {
    Person,
    Pipeline,
}

struct Life {
    world: World,
    who: Who,
    tag: &'static str,
    /// At first; it grows by one.
    replicas: u32,
}

impl Life {
    fn whole(mut self) {
        self.init();
        self.world.mqctl(&["inspect", NAME]).expect(0);
        self.world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(2);
        self.changes(&["install", NAME]);
        self.nothing_is_left_to_do("install");
        let before = self.world.credentials().agree();
        let broker = Broker::of(&self.world.namespace, "mq-0", before.password());
        for kind in Kind::BOTH {
            broker.publish(kind, MESSAGES);
        }
        self.exposed();
        self.upgrades();
        self.changes(&["delete", NAME]);
        self.nothing_is_left_to_do("delete");
        self.changes(&["install", NAME]);
        self.all_messages_are_counted();
        assert_eq!(self.world.credentials().agree(), before, "no credential changed on the way");
        let broker = Broker::of(&self.world.namespace, "mq-1", before.password());
        for kind in Kind::BOTH {
            assert_eq!(broker.drain(kind), messages(kind, MESSAGES), "{kind:?}: each once, in order");
        }
        self.purge();
    }

    /// The suite's own profile makes way: what init writes is what is installed.
    fn init(&mut self) {
        let profile = self.profile();
        std::fs::remove_file(&profile).expect("the world's profile");
        let (namespace, image, replicas) = (self.world.namespace.0.clone(), image(), self.replicas.to_string());
        let image = ["--image-repository", image.as_str()];
        let flags = ["--namespace", &namespace, "--replicas", &replicas, "--size", "1Gi", "--image-tag", self.tag];
        match self.who {
            Who::Pipeline => drop(self.world.mqctl(&[&["init", NAME, "--yes"], &flags[..], &image].concat()).expect(0)),
            Who::Person => self.answers_init(&namespace, &image),
        }
        let written = mqctl::profile::load(&profile).expect("what init wrote");
        assert_eq!((written.namespace.as_str(), written.image.tag.as_str()), (namespace.as_str(), self.tag));
    }

    fn answers_init(&self, namespace: &str, image: &[&str]) {
        let [namespace, replicas, tag] =
            [namespace, &self.replicas.to_string(), self.tag].map(|text| format!("{text}\r"));
        at_terminal(
            &self.world,
            &[&["init", NAME], image].concat(),
            &[
                ("Kube context that this profile is for", "\r"),
                ("Namespace [rabbitmq]", &namespace),
                ("Nodes (an odd number) [3]", &replicas),
                ("StorageClass of the volumes", "\r"),
                ("Size of each node's volume [8Gi]", "1Gi\r"),
                ("Tag of the image [4.3.6-management]", &tag),
                ("First user of the broker [user]", "\r"),
                ("Go on?", "y\r"),
            ],
        );
    }

    fn profile(&self) -> PathBuf {
        self.world.work().join("profiles/mq.yaml")
    }

    /// Runs what changes the cluster, with the consent that it asks for.
    #[track_caller]
    fn changes(&self, args: &[&str]) {
        match self.who {
            Who::Person => drop(at_terminal(&self.world, args, &[("Go on?", "y\r")])),
            Who::Pipeline => drop(self.world.mqctl(&[args, &["--yes"]].concat()).expect(0)),
        }
    }

    fn purge(&self) {
        match self.who {
            Who::Person => {
                let name = format!("{NAME}\r");
                at_terminal(&self.world, &["delete", NAME, "--purge"], &[("Type the release's name to go on", &name)]);
            }
            Who::Pipeline => drop(self.world.purge()),
        }
        let left = self.world.namespace.names("pods,statefulsets,services,persistentvolumeclaims");
        assert_eq!(left, [""; 0], "after delete --purge");
        let again = self.world.mqctl(&["delete", NAME, "--purge"]).expect(0);
        assert!(again.stdout.contains("nothing to delete"), "{}", again.said());
    }

    /// The second run of a verb changes nothing and says so, without a question.
    #[track_caller]
    fn nothing_is_left_to_do(&self, verb: &str) {
        let (pods, releases) = (self.world.namespace.pods(), self.world.releases());
        let again = self.world.mqctl(&[verb, NAME]).expect(0);
        let words = if verb == "delete" { "nothing to delete" } else { "nothing to change" };
        assert!(again.stdout.contains(words), "{}", again.said());
        if verb != "delete" {
            self.world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
        }
        assert_eq!((self.world.namespace.pods(), self.world.releases()), (pods, releases), "pods and revision");
    }

    #[track_caller]
    fn all_messages_are_counted(&self) {
        assert_eq!(self.world.assert_healthy()["messages"]["ready"], 2 * MESSAGES);
    }

    fn exposed(&self) {
        let expose = ["expose", NAME, "--type", "NodePort"];
        self.changes(&expose);
        let again = self.world.mqctl(&expose).expect(0);
        assert!(again.stdout.contains("nothing to change"), "{}", again.said());
        self.all_messages_are_counted();
    }

    fn upgrades(&mut self) {
        self.upgraded("/values/podAnnotations", json!({"e2e/changed": "yes"}), &["e2e/changed"]);
        a_backup_is_kept(&self.world);
        self.a_resource_limit();
        self.one_more_replica();
        // As if somebody had built the image of the same version once more, under another tag.
        let version = self.tag.trim_end_matches("-management");
        self.upgraded("/image/tag", version.into(), &[&format!("{version}-management -> ")]);
    }

    /// One change: it is in the plan, it is made, every message stays, and nothing is left to do.
    #[track_caller]
    fn upgraded(&mut self, pointer: &str, value: Value, planned: &[&str]) {
        self.world.wish(pointer, value);
        let plan = self.world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(2);
        for words in planned {
            assert!(plan.stdout.contains(words), "`{words}` is not in the plan: {}", plan.said());
        }
        self.changes(&["upgrade", NAME]);
        self.all_messages_are_counted();
        self.nothing_is_left_to_do("upgrade");
    }

    fn a_resource_limit(&mut self) {
        let before = self.world.namespace.pods();
        let order = if self.replicas == 1 { "1 node restarted" } else { "mq-2, mq-1, mq-0: one by one" };
        let planned = ["limits.memory: 512Mi -> 600Mi", order, "save the definitions"];
        self.upgraded("/values/resources/limits/memory", "600Mi".into(), &planned);
        for (old, new) in before.iter().zip(self.world.namespace.pods()) {
            assert!(old.0 == new.0 && old.1 != new.1, "{} was not made anew", old.0);
        }
    }

    fn one_more_replica(&mut self) {
        let before = self.world.namespace.pods();
        let (now, next) = (self.replicas, self.replicas + 1);
        self.upgraded("/replicas", next.into(), &[&format!("spec.replicas: {now} -> {next}")]);
        assert_eq!(self.world.namespace.pods()[..before.len()], before, "the others go on");
    }
}

fn a_backup_is_kept(world: &World) {
    let folder = world.root().join("home/.local/state/mqctl/mq");
    let entries = std::fs::read_dir(folder).expect("backups");
    let files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let text = std::fs::read_to_string(&files[0]).expect("a backup");
    let saved: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(saved["queues"].as_array().map(Vec::len), Some(Kind::BOTH.len()), "{saved:#}");
}
