//! mqctl killed by SIGKILL at each of its calls, and run again: the same end, the same credentials.

use crate::objects::PODS;
use crate::transcript::Transcript;
use crate::world::{SECRETS_FILE, World};

/// Every call of an install, and of a delete, as patterns.
const INSTALL: [&str; 8] = [
    "helm list*",
    "kubectl * create *",
    "kubectl * create * <*Lease*Secret*",
    "kubectl * delete --raw *",
    "helm upgrade *",
    "kubectl * get statefulsets*",
    "kubectl * annotate *",
    "kubectl * exec *",
];
const DELETE: [&str; 6] = [
    "kubectl * annotate *",
    "kubectl * --replicas 2",
    "kubectl * --replicas 0",
    "helm uninstall *",
    "kubectl * delete * persistentvolumeclaim/*",
    "kubectl * delete * secret/*",
];

/// How a shell tells of SIGKILL.
const KILLED: i32 = 128 + 9;

/// Kills at the call before and after it did its work, each in a world of its own.
fn killed_at(pattern: &str, world: fn() -> World, args: &[&str], then: impl Fn(&World)) {
    for moment in ["kill/before", "kill/after"] {
        let world = world();
        world.write(moment, &format!("{pattern}\n"));
        let killed = world.run_to_the_last_child(args);
        assert_eq!(killed.code, Some(KILLED), "{moment} {pattern}: nobody was killed\n{killed}");
        then(&world);
    }
}

fn secret_in_cluster(world: &World) -> String {
    std::fs::read_to_string(world.path("cluster/secret.prodmq-mqctl-credentials")).unwrap()
}

/// Whatever was there of secrets before the second run is what is there after it.
fn finishes_the_install(world: &World) {
    let before = std::fs::read_to_string(world.path(SECRETS_FILE)).unwrap_or_default();
    let run: Transcript = world.run(&["install", "prodmq", "--yes"]).ended(0);
    let after = std::fs::read_to_string(world.path(SECRETS_FILE)).unwrap();
    assert!(after.starts_with(&before), "the secrets file was rewritten\n{run}");
    for line in after.lines().filter(|line| !line.starts_with('#')) {
        let secret = line.split('"').nth(1).unwrap();
        assert!(secret_in_cluster(world).contains(&crate::objects::base64(secret)), "{run}");
    }
    world.run(&["install", "prodmq"]).ended(0).changed_nothing();
    world.run(&["status", "prodmq"]).ended(0);
}

#[test]
fn an_install_killed_at_any_call_is_finished_by_the_next() {
    for pattern in INSTALL {
        killed_at(pattern, World::new, &["install", "prodmq", "--yes"], finishes_the_install);
    }
}

#[test]
fn a_delete_killed_at_any_call_is_finished_by_the_next() {
    for pattern in DELETE {
        let purge = ["delete", "prodmq", "--purge", "--confirm", "prodmq"];
        killed_at(pattern, World::installed, &purge, |world| {
            world.run(&purge).ended(0);
            let left = world.files_below("cluster");
            for object in ["release", "statefulset.prodmq", "secret.prodmq-mqctl-credentials"] {
                assert!(!left.contains_key(&format!("cluster/{object}")), "{object} is left");
            }
            for pod in PODS {
                assert!(!left.contains_key(&format!("cluster/persistentvolumeclaim.data-{pod}")), "{pod}'s volume");
            }
            world.run(&purge).ended(0).changed_nothing();
        });
    }
}

#[test]
fn a_delete_killed_at_any_call_can_be_taken_back_by_an_install() {
    for pattern in &DELETE[..4] {
        killed_at(pattern, World::installed, &["delete", "prodmq", "--yes"], |world| {
            finishes_the_install(world);
            for (file, bytes) in world.files_below("cluster") {
                let text = String::from_utf8(bytes).unwrap();
                assert!(!text.contains("mqctl/stopping"), "{file} is still told to stop after {pattern}: {text}");
            }
        });
    }
}
