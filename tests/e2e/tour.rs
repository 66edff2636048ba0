//! The tour of the README, word for word, at a terminal: from an empty folder to an empty namespace.

use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use crate::environment::{Helm, KHEPRI, image};
use crate::runner::Test;
use crate::shown::{CONTEXT, HOME, stops};
use crate::world::World;

/// Three nodes that restart one after the other, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(420);

pub(crate) fn tests() -> Vec<Test> {
    vec![test(Helm::Four), test(Helm::Three).long()]
}

fn test(helm: Helm) -> Test {
    let name = format!("tour of the README {}", helm.word());
    Test::new(name.clone(), move || tour(&World::new(&name, helm, KHEPRI, 3)))
}

fn tour(world: &World) {
    // The suite's own profile makes way: the tour begins in an empty folder.
    std::fs::remove_dir_all(world.work().join("profiles")).expect("the world's profile");
    world.link_mqctl();
    let context = world.namespace.kubectl(&["config", "current-context"]);
    for stop in stops() {
        if stop.command.starts_with("mqctl inspect") {
            take_image_of_suite(world);
        }
        let (seen, code) = stop.at_terminal(shell(world, &stop.command), PATIENCE);
        assert_eq!(code, 0, "`{}`: {seen}", stop.command);
        stop.assert_shown(&as_on_page(world, context.trim(), &seen));
    }
    let left = world.namespace.names("pods,statefulsets,services,persistentvolumeclaims");
    assert_eq!(left, [""; 0], "after the tour");
}

/// A person's shell. The namespace alone is the test's own.
pub(crate) fn shell(world: &World, command: &str) -> Command {
    let mut shell = world.command("sh");
    shell.args(["-c", command]).env("MQCTL_NAMESPACE", &world.namespace.0).env("TERM", "xterm").env_remove("CI");
    shell
}

/// On a cluster that has the image under another name.
fn take_image_of_suite(world: &World) {
    if image() == "rabbitmq" {
        return;
    }
    let profile = world.work().join("profiles/prodmq.yaml");
    let mut profile = std::fs::OpenOptions::new().append(true).open(profile).expect("what init wrote");
    writeln!(profile, "image: {{repository: {}}}", image()).expect("a line more");
}

pub(crate) fn as_on_page(world: &World, context: &str, seen: &str) -> String {
    let home = world.root().join("home");
    let seen = seen.replace(&world.namespace.0, "rabbitmq").replace(&*home.to_string_lossy(), HOME);
    seen.replace(&format!("{context} / "), &format!("{CONTEXT} / "))
}
