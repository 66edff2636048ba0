//! Secrets that are lost on all sides come back from the cluster, or are made anew for the same volumes: every message stays.

use crate::amqp::{Broker, Kind, messages};
use crate::environment::{Helm, KHEPRI, MNESIA, OLD};
use crate::runner::Test;
use crate::world::{Credentials, NAME, World};

const MESSAGES: usize = 1000;
const INSTALL: [&str; 3] = ["install", NAME, "--yes"];
const ADOPT: [&str; 5] = ["credentials", "adopt", NAME, "--yes", "-vv"];
const ANEW: [&str; 6] = ["credentials", "adopt", NAME, "--new-password", "--yes", "-vv"];

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test(Helm::Four, KHEPRI, 1),
        test(Helm::Four, KHEPRI, 3).long(),
        test(Helm::Three, MNESIA, 3).long(),
        test(Helm::Three, OLD, 3).long(),
    ]
}

fn test(helm: Helm, tag: &'static str, replicas: u32) -> Test {
    let name = format!("adopt of {replicas} {} {}", helm.word(), tag.trim_end_matches("-management"));
    Test::new(name.clone(), move || adopted(&World::new(&name, helm, tag, replicas)))
}

fn adopted(world: &World) {
    world.install();
    let before = world.credentials().agree();
    publish(world, before.password());

    another_file_gives_way(world, &before);
    lost_while_the_brokers_run(world, &before);
    let now = forgotten_by_all(world);
    let now = lost_with_volumes_only(world, &now);
    assert_every_message_is_there(world, now.password());
}

fn publish(world: &World, password: &str) {
    let broker = Broker::of(&world.namespace, "mq-0", password);
    for kind in Kind::BOTH {
        broker.publish(kind, MESSAGES);
    }
}

fn another_file_gives_way(world: &World, before: &Credentials) {
    let file = world.secrets_file();
    let text = std::fs::read_to_string(&file).expect("the secrets file");
    let other = text.replace(before.password(), "another-password");
    std::fs::write(&file, &other).expect("the same file");
    world.mqctl(&INSTALL).expect(78).says(&["mqctl credentials adopt mq", "nothing was changed"]);
    adopt(world, &ADOPT, before);
    assert_settled(world);
    assert_eq!(&world.credentials().agree(), before);
    let folder = std::fs::read_dir(file.parent().expect("a folder")).expect("its entries");
    let copies: Vec<_> = folder.map(|e| e.expect("an entry").path()).filter(|p| name(p).starts_with("old-")).collect();
    let kept: Vec<String> = copies.iter().map(|copy| std::fs::read_to_string(copy).expect("a copy")).collect();
    assert_eq!(kept, [other], "the file is kept as it was");
}

fn name(path: &std::path::Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn lost_while_the_brokers_run(world: &World, before: &Credentials) {
    let pods = world.namespace.pods();
    lose_both(world);
    assert_refused(world, &INSTALL);
    adopt(world, &ADOPT, before);
    assert_eq!(&world.credentials().agree(), before, "what the brokers run with");
    assert_eq!(world.namespace.pods(), pods, "no pod was restarted");
    assert_settled(world);
}

/// Somebody changed the password and told nobody.
fn forgotten_by_all(world: &World) -> Credentials {
    lose_both(world);
    world.namespace.shell("mq-0", "rabbitmqctl -q change_password user told-nobody");
    assert_refused(world, &ADOPT);
    world.mqctl(&ANEW).expect(0);
    assert_settled(world);
    world.credentials().agree()
}

fn lost_with_volumes_only(world: &World, before: &Credentials) -> Credentials {
    world.delete();
    lose_both(world);
    assert_refused(world, &INSTALL);
    assert_refused(world, &ADOPT);
    adopt(world, &ANEW, before);
    world.install();
    assert_settled(world);
    let now = world.credentials().agree();
    assert!(now != *before && now.password() != before.password(), "nobody knew the old ones");
    let status = world.assert_healthy();
    assert_eq!(status["messages"]["ready"], 2 * MESSAGES, "{status:#}");
    now
}

fn lose_both(world: &World) {
    world.namespace.kubectl(&["delete", "secret", "mq-mqctl-credentials"]);
    std::fs::remove_file(world.secrets_file()).expect("the secrets file was there");
}

#[track_caller]
fn assert_refused(world: &World, args: &[&str]) {
    let pods = world.namespace.pods();
    world.mqctl(args).expect(78).says(&["mqctl credentials adopt mq", "nothing was changed"]);
    assert!(!world.secrets_file().exists(), "the secrets file was written");
    assert!(world.namespace.object("secret", "mq-mqctl-credentials").is_null(), "the Secret was written");
    assert_eq!(world.namespace.pods(), pods, "a pod was touched");
}

/// What it says at its loudest holds no secret.
#[track_caller]
fn adopt(world: &World, args: &[&str], secrets: &Credentials) {
    let ran = world.mqctl(args).expect(0);
    for key in ["erlangCookie", "password"] {
        let secret = secrets.profile[key]["value"].as_str().expect("a secret");
        assert!(!ran.everything().contains(secret), "the {key} was shown");
    }
}

#[track_caller]
fn assert_settled(world: &World) {
    world.assert_healthy();
    world.mqctl(&["credentials", "verify", NAME]).expect(0);
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(0);
}

/// Through another node than the one that they were published through, where there is one.
fn assert_every_message_is_there(world: &World, password: &str) {
    let last = world.profile["replicas"].as_u64().expect("replicas") - 1;
    let broker = Broker::of(&world.namespace, &format!("mq-{last}"), password);
    for kind in Kind::BOTH {
        assert_eq!(broker.drain(kind), messages(kind, MESSAGES), "{kind:?}: each once, in order");
    }
}
