//! The way from a Makefile, word for word, at a terminal: what its recipe made becomes mqctl's, lives through a delete and a
//! full stop, becomes three nodes, and moves to another chart. Every message is there at the end.

use std::os::unix::fs::symlink;
use std::time::Duration;

use crate::amqp::{Broker, Kind, messages};
use crate::environment::{Helm, MNESIA};
use crate::evidence::halt;
use crate::family::{CHARTS, Family};
use crate::from_release::values;
use crate::recover::in_order_of;
use crate::runner::Test;
use crate::shown::{Page, Stop};
use crate::tour::{PATIENCE, as_on_page, shell};
use crate::world::World;

const NAME: &str = "prodmq";
const PASSWORD: &str = "e2e0MakefilePassword0of32Letters";
const COOKIE: &str = "E2E0MAKEFILE0COOKIE0OF32LETTERS0";
const MESSAGES: usize = 1000;
/// Declared while prodmq-0 was away.
const LATE: &str = "e2e.late";
const BOOT: Duration = Duration::from_secs(300);
/// Long enough for what was declared last to be on the disks.
const FLUSHED: Duration = Duration::from_secs(15);

pub(crate) fn tests() -> Vec<Test> {
    let name = "makefile: the way from it";
    // Who has such a Makefile has had helm 3 for years.
    vec![Test::new(name, move || way(&World::new(name, Helm::Three, MNESIA, 2))).long()]
}

fn way(world: &World) {
    let page = Page::read("docs/from-a-makefile.md");
    std::fs::remove_dir_all(world.work().join("profiles")).expect("the world's profile");
    world.link_mqctl();
    make_install(world, &page);
    let broker = Broker::of(&world.namespace, "prodmq-1", PASSWORD);
    for kind in Kind::BOTH {
        broker.publish(kind, MESSAGES);
    }
    drop(broker);
    let mut down = false;
    for stop in page.stops() {
        if stop.command.starts_with("mqctl recover") && !std::mem::replace(&mut down, true) {
            full_stop(world);
        }
        if stop.command.starts_with("mqctl migrate") {
            grown(world);
        }
        walked(world, &stop);
    }
    assert_every_message_is_there(world);
}

/// What is beside the Makefile, and what its recipe makes of it.
fn make_install(world: &World, page: &Page) {
    let (work, namespace) = (world.work(), &world.namespace);
    std::fs::create_dir(work.join("charts")).expect("a folder");
    symlink(format!("{CHARTS}/stable-like"), work.join("charts/rabbitmq")).expect("a link");
    let mut values = values(Family::Stable);
    values["fullnameOverride"] = NAME.into();
    values.as_object_mut().expect("a mapping").remove("persistence");
    std::fs::write(work.join("values.yaml"), values.to_string()).expect("the values");
    let service = page.blocks("yaml").next().expect("a Service");
    std::fs::write(work.join("loadbalancer.yaml"), service).expect("the Service");
    namespace.kubectl(&["create", "namespace", &namespace.0]);
    let recipe = recipe(page, "install").replace("$(COOKIE)", COOKIE).replace("$(PASSWORD)", PASSWORD);
    World::run(&mut shell(world, &here(world, &format!("set -e\n{recipe}")))).expect(0);
    namespace.until("2 nodes of the Makefile's are ready", BOOT, |namespace| {
        namespace.object("statefulset", NAME)["status"]["readyReplicas"] == 2
    });
}

/// The lines below a target.
fn recipe(page: &Page, target: &str) -> String {
    let makefile = page.blocks("make").next().expect("a Makefile");
    let lines = makefile.lines().skip_while(|line| *line != format!("{target}:")).skip(1);
    lines.take_while(|line| line.starts_with(['\t', ' '])).collect::<Vec<_>>().join("\n")
}

/// The namespace alone is the test's own.
fn here(world: &World, command: &str) -> String {
    command.replace("--namespace rabbitmq", &format!("--namespace {}", world.namespace.0))
}

#[track_caller]
fn walked(world: &World, stop: &Stop) {
    let (seen, code) = stop.at_terminal(shell(world, &here(world, &stop.command)), PATIENCE);
    assert_eq!(code != 0, stop.is_refused(), "`{}` ended with {code}: {seen}", stop.command);
    for secret in [PASSWORD, COOKIE] {
        assert!(!seen.contains(secret), "`{}` shows a secret", stop.command);
    }
    let context = world.namespace.kubectl(&["config", "current-context"]);
    stop.assert_shown(&as_on_page(world, context.trim(), &seen));
}

/// prodmq-0 goes first; then prodmq-1 is cut, with what was declared in between. prodmq-0 waits for it, and is waited for.
fn full_stop(world: &World) {
    let (namespace, set) = (&world.namespace, in_order_of(world, NAME));
    namespace.kubectl(&["delete", "statefulset", NAME, "--cascade=orphan"]);
    namespace.kubectl(&["delete", "pod", "prodmq-0"]);
    Broker::of(namespace, "prodmq-1", PASSWORD).fill(LATE, Kind::Classic, MESSAGES, None);
    std::thread::sleep(FLUSHED);
    halt(world, &["prodmq-1".to_owned()]);
    namespace.apply(&[set]);
    namespace.until("prodmq-0 waits alone", BOOT, |namespace| {
        let log = namespace.command(&["logs", "prodmq-0", "--container", "rabbitmq"]).output().expect("kubectl starts");
        String::from_utf8_lossy(&log.stdout).contains("Waiting for Mnesia tables")
    });
    std::thread::sleep(FLUSHED);
    assert_eq!(namespace.list("pods").len(), 1, "prodmq-1 is not created");
}

/// The quorum queue has a member on the third node, as the section before the last has it.
fn grown(world: &World) {
    let members = world.namespace.shell("prodmq-0", "rabbitmqctl -q list_queues name members");
    assert!(members.lines().any(|line| line.starts_with("e2e.quorum") && line.contains("prodmq-2")), "{members}");
}

/// On the new side of the last section.
fn assert_every_message_is_there(world: &World) {
    let members = world.namespace.shell("prodmq-next-0", "rabbitmqctl -q list_queues name members");
    assert!(members.lines().any(|line| line.starts_with("e2e.quorum") && line.contains("prodmq-next-2")), "{members}");
    for old in ["service/prodmq-lb", "statefulset/prodmq"] {
        let (kind, name) = old.split_once('/').expect("two words");
        assert!(world.namespace.object(kind, name).is_null(), "{old} is gone");
    }
    let broker = Broker::of(&world.namespace, "prodmq-next-2", PASSWORD);
    for kind in Kind::BOTH {
        assert_eq!(broker.drain(kind), messages(kind, MESSAGES), "{kind:?}: each once, in order");
    }
    assert_eq!(broker.empty(LATE), messages(Kind::Classic, MESSAGES), "what only prodmq-1 knew");
}
