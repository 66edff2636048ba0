//! `mqctl doctor` where nothing is wrong, in situations that look like trouble: no finding above information, exit code 0.

use std::time::{Duration, Instant};

use lapin::options::{BasicConsumeOptions, BasicPublishOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Consumer};
use serde_json::{Value, json};

use crate::amqp::{Broker, Kind};
use crate::cluster::Namespace;
use crate::doctor::{codes, eval};
use crate::environment::{Helm, KHEPRI, MNESIA, OLD, image};
use crate::evidence::{cut, hold};
use crate::killed::{INSTALL, MESSAGES, with_messages};
use crate::recover::{AUTO, BOOT, ready};
use crate::runner::{Test, figure};
use crate::world::{NAME, World};

/// Three nodes, one after the other.
const LIMIT: Duration = Duration::from_secs(420);
/// Another image of what the cluster runs.
const SAME_SERIES: &str = "4.0.5";

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("healthy: clients and neighbours", Helm::Four, MNESIA, 3, clients_and_neighbours),
        test("healthy: restarts, changes and stops", Helm::Four, MNESIA, 3, restarts),
        test("healthy: one node, then three", Helm::Three, KHEPRI, 1, scaled),
        test("healthy: a slow boot", Helm::Four, MNESIA, 3, slow_boot),
        test("healthy: a slow boot, Khepri", Helm::Three, KHEPRI, 3, slow_boot),
        test("healthy: five nodes", Helm::Four, MNESIA, 5, |world, alarms| {
            with_messages(world);
            alarms.look(world, "five nodes");
        }),
        test("healthy: the first boot and one restart, Khepri", Helm::Four, KHEPRI, 3, first_boot),
        test("healthy: the first boot and one restart, 3.10", Helm::Three, OLD, 3, first_boot),
    ]
}

fn test(name: &'static str, helm: Helm, tag: &'static str, nodes: u32, body: fn(&mut World, &mut Alarms)) -> Test {
    let body = move || {
        let (mut world, mut alarms) = (World::new(name, helm, tag, nodes), Alarms::default());
        body(&mut world, &mut alarms);
        println!("       {} looks of the doctor, {} alarms", alarms.looks, alarms.told.len());
        assert!(alarms.told.is_empty(), "false alarms:\n{}", alarms.told.join("\n"));
    };
    Test::new(name, body).long()
}

/// What the doctor said where it had nothing to say: all of it is told at the end, as each look costs a real cluster.
#[derive(Default)]
struct Alarms {
    looks: usize,
    told: Vec<String>,
}

impl Alarms {
    fn look(&mut self, world: &World, situation: &str) {
        self.look_at(world, NAME, situation);
    }

    fn look_at(&mut self, world: &World, name: &str, situation: &str) {
        let ran = world.mqctl(&["doctor", name, "-o", "json"]);
        let found = ran.json();
        self.looks += 1;
        if ran.code != Some(0) || !codes(&found).is_empty() {
            self.told.push(format!("{situation}: exit {:?}, {:?}: {found:#}", ran.code, codes(&found)));
        }
    }

    /// Looks again and again until it is over, and once more then.
    #[track_caller]
    fn look_while(&mut self, world: &World, situation: &str, mut over: impl FnMut() -> bool) {
        let (begun, before) = (Instant::now(), self.looks);
        while !over() {
            assert!(begun.elapsed() < LIMIT, "{situation}: no end");
            self.look(world, situation);
        }
        assert!(self.looks > before, "{situation}: it was over before the doctor looked");
        self.look(world, &format!("{situation}, and over"));
    }
}

/// These pods were made anew since, and all pods are ready.
fn anew(namespace: &Namespace, before: &[(String, String, u64)], pods: &[&str]) -> bool {
    let seen = namespace.list("pods");
    let made_anew = |name: &&str| {
        let old = before.iter().find(|(pod, ..)| pod == name);
        let new = seen.iter().find(|pod| pod["metadata"]["name"] == **name);
        old.zip(new).is_some_and(|((_, uid, _), new)| new["metadata"]["uid"] != *uid.as_str())
    };
    seen.len() == before.len() && seen.iter().all(ready) && pods.iter().all(made_anew)
}

fn clients_and_neighbours(world: &mut World, alarms: &mut Alarms) {
    world.install();
    alarms.look(world, "just installed");
    let password = world.credentials().agree().password().to_owned();
    clients(world, alarms, &Broker::of(&world.namespace, "mq-0", &password));

    let rabbitmqctl = |args: &str| world.namespace.shell("mq-0", &format!("rabbitmqctl -q {args}"));
    rabbitmqctl("set_policy limits '^e2e' '{\"max-length\":100000}'");
    alarms.look(world, "a policy");
    rabbitmqctl("add_user colleague a-colleague-s-password");
    rabbitmqctl("set_permissions colleague '.*' '.*' '.*'");
    alarms.look(world, "a user added by hand");
    neighbours(world, alarms);
    foreign_changes(world, alarms);
}

/// Queues, consumers, and an alarm that has come and gone.
fn clients(world: &World, alarms: &mut Alarms, broker: &Broker) {
    for kind in Kind::BOTH {
        broker.publish(kind, MESSAGES);
    }
    let stream = "rabbit_amqqueue:declare(rabbit_misc:r(<<\"/\">>, queue, <<\"e2e.stream\">>), true, false, \
        [{<<\"x-queue-type\">>, longstr, <<\"stream\">>}], none, <<\"e2e\">>).";
    eval(world, "mq-0", stream);
    alarms.look(world, "queues of each type, with messages");
    broker.session(async |channel| {
        let consumer = takes_and_stops(channel).await?;
        alarms.look(world, "a consumer that has stopped acknowledging");
        drop(consumer);
        Ok(())
    });
    alarms.look(world, "a consumer that is gone");
    broker.drain(Kind::Classic);
    alarms.look(world, "a queue without messages");
    broker.session(async |channel| {
        is_blocked_for_a_while(world, channel).await?;
        world.mqctl(&["doctor", NAME, "--wait", "--timeout", "2m"]).expect(0);
        alarms.look(world, "an alarm cleared, and a connection that is blocked no more");
        Ok(())
    });
}

/// It lives for as long as what is returned.
async fn takes_and_stops(channel: &Channel) -> lapin::Result<Consumer> {
    channel.basic_qos(5, BasicQosOptions::default()).await?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    channel.basic_consume("e2e.quorum".into(), "stopped".into(), options, arguments).await
}

/// A broker blocks a connection when it publishes.
async fn is_blocked_for_a_while(world: &World, channel: &Channel) -> lapin::Result<()> {
    eval(world, "mq-0", "vm_memory_monitor:set_vm_memory_high_watermark(0.000001).");
    let mut states = String::new();
    for _ in 0..20 {
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        drop(channel.basic_publish("".into(), "e2e.classic".into(), options, b"late", properties).await?);
        tokio::time::sleep(Duration::from_secs(1)).await;
        states = world.namespace.shell("mq-0", "rabbitmqctl -q list_connections state");
        if states.contains("blocked") {
            eval(world, "mq-0", "vm_memory_monitor:set_vm_memory_high_watermark(0.6).");
            return Ok(());
        }
    }
    panic!("no connection is blocked: {states}");
}

/// In the same namespace.
fn neighbours(world: &World, alarms: &mut Alarms) {
    let container = json!({
        "name": "toolbox", "image": format!("{}:{MNESIA}", image()), "command": ["sleep", "infinity"],
        "resources": {"limits": {"memory": "64Mi"}},
    });
    let spec = json!({"terminationGracePeriodSeconds": 1, "containers": [container]});
    world.namespace.apply(&[json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "toolbox"}, "spec": spec})]);
    world.namespace.until("the toolbox runs", BOOT, |namespace| ready(&namespace.object("pod", "toolbox")));
    alarms.look(world, "a maintenance pod");

    let mut profile = world.profile.clone();
    profile["replicas"] = json!(1);
    std::fs::write(world.work().join("profiles/other.yaml"), profile.to_string()).expect("another profile");
    world.mqctl(&["install", "other", "--yes"]).expect(0);
    alarms.look(world, "another release beside it");
    alarms.look_at(world, "other", "this release beside another");
}

fn foreign_changes(world: &World, alarms: &mut Alarms) {
    for object in ["persistentvolumeclaim/data-mq-0", "pod/mq-0", "statefulset/mq", "service/mq"] {
        world.namespace.kubectl(&["label", object, "team=blue"]);
    }
    alarms.look(world, "labels of somebody's");
    let larger = json!({"spec": {"resources": {"requests": {"storage": "2Gi"}}}}).to_string();
    world.namespace.kubectl(&["patch", "persistentvolumeclaim", "data-mq-1", "--patch", &larger]);
    alarms.look(world, "a volume claim that was grown");
}

fn restarts(world: &mut World, alarms: &mut Alarms) {
    with_messages(world);
    one_pod_anew(world, alarms);
    let before = world.namespace.pods();
    world.namespace.kubectl(&["rollout", "restart", "statefulset/mq"]);
    let all: Vec<&str> = before.iter().map(|(pod, ..)| pod.as_str()).collect();
    alarms.look_while(world, "a rolling restart", || anew(&world.namespace, &before, &all));

    world.mqctl(&["credentials", "rotate", NAME, "--yes"]).expect(0);
    alarms.look(world, "a new password");
    world.mqctl(&["credentials", "rotate", NAME, "--cookie", "--yes"]).expect(0);
    alarms.look(world, "a new Erlang cookie");
    world.wish("/values/resources/requests/cpu", json!("60m"));
    world.wish("/image/tag", json!(SAME_SERIES));
    let mut upgrade = world.start(&["upgrade", NAME, "--yes"]);
    upgrade.until_said("helm release upgraded", BOOT);
    alarms.look_while(world, "an upgrade to another image", || upgrade.status().is_some());
    upgrade.wait(BOOT).expect(0);

    hold(world);
    cut(world, &[0, 1, 2]);
    world.mqctl(&AUTO).expect(0);
    alarms.look(world, "a recovery");
    world.delete();
    world.install();
    alarms.look(world, "installed again over its volumes");
}

/// All nodes start again with a tenth of a core each: that takes minutes.
fn slow_boot(world: &mut World, alarms: &mut Alarms) {
    with_messages(world);
    let scale = |replicas: &str| world.namespace.kubectl(&["scale", "statefulset", NAME, "--replicas", replicas]);
    scale("0");
    world.namespace.until("all nodes are stopped", BOOT, |namespace| namespace.list("pods").is_empty());
    let slow = ["set", "resources", "statefulset", NAME, "--containers", "rabbitmq", "--limits", "cpu=100m"];
    world.namespace.kubectl(&slow);
    scale("3");
    let begun = Instant::now();
    alarms.look_while(world, "a slow boot", || {
        // The doctor's own questions take their time of the same tenth.
        std::thread::sleep(Duration::from_secs(5));
        let pods = world.namespace.list("pods");
        pods.len() == 3 && pods.iter().all(ready)
    });
    figure(format!("booted after {} s", begun.elapsed().as_secs()));
}

/// As after an eviction.
fn one_pod_anew(world: &World, alarms: &mut Alarms) {
    let before = world.namespace.pods();
    world.namespace.kubectl(&["delete", "pod", "mq-1", "--wait=false"]);
    alarms.look_while(world, "a pod that boots", || anew(&world.namespace, &before, &["mq-1"]));
}

fn scaled(world: &mut World, alarms: &mut Alarms) {
    with_messages(world);
    alarms.look(world, "one node");
    world.wish("/replicas", json!(3));
    world.mqctl(&["upgrade", NAME, "--yes"]).expect(0);
    alarms.look(world, "one node that became three");
    let status: Value = world.assert_healthy();
    assert_eq!(status["nodes"].as_array().map(Vec::len), Some(3), "{status:#}");
}

fn first_boot(world: &mut World, alarms: &mut Alarms) {
    let mut install = world.start(&INSTALL);
    install.until_said("helm release installed", BOOT);
    alarms.look_while(world, "the first boot", || install.status().is_some());
    install.wait(BOOT).expect(0);
    let password = world.credentials().agree().password().to_owned();
    let broker = Broker::of(&world.namespace, "mq-0", &password);
    for kind in Kind::BOTH {
        broker.publish(kind, MESSAGES);
    }
    one_pod_anew(world, alarms);
}
