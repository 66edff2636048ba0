//! The way in from outside: a node port and a load balancer's address, drift, what a delete keeps and a purge takes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::environment::{Helm, KHEPRI, MNESIA};
use crate::runner::Test;
use crate::running::polled;
use crate::world::{NAME, World};

const SERVICE: &str = "mq-external";
/// Of the documentation's own networks: nobody has it.
const ADDRESS: &str = "192.0.2.39";
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("expose: node port, and what becomes of it", || {
            node_port(&World::new("expose node port", Helm::Four, KHEPRI, 1));
        })
        .long(),
        Test::new("expose: load balancer, by the profile", || {
            load_balancer(&mut World::new("expose load balancer", Helm::Three, MNESIA, 1));
        }),
    ]
}

fn service(world: &World) -> Value {
    world.namespace.object("service", SERVICE)
}

fn node_port(world: &World) {
    world.mqctl(&["expose", NAME, "--yes"]).expect(78).says(&["is not installed"]);
    world.assert_nothing_changed();
    world.install();
    let exposed = world.mqctl(&["expose", NAME, "--type", "NodePort", "--yes", "-o", "json"]).expect(0).json();
    let port = service(world)["spec"]["ports"][0]["nodePort"].as_u64().expect("a node port");
    assert_eq!(exposed["exposed"]["ports"], json!([{"name": "amqp", "port": port}]));
    assert_eq!(exposed["exposed"]["type"], "NodePort");
    what_is_changed_by_hand_is_taken_back(world);
    it_outlives_the_release(world, port);
    world.purge();
    assert!(service(world).is_null(), "a purge takes the Service");
}

/// Also a port that somebody else has added, which a server-side apply alone would leave.
fn what_is_changed_by_hand_is_taken_back(world: &World) {
    let again = ["expose", NAME, "--type", "NodePort"];
    let nothing = world.mqctl(&again).expect(0);
    assert!(nothing.stdout.contains("nothing to change"), "{}", nothing.said());
    let (before, port) = (service(world), json!({"name": "management", "port": 15672, "targetPort": 15672}));
    let patch = json!([
        {"op": "add", "path": "/spec/ports/-", "value": port},
        {"op": "add", "path": "/spec/publishNotReadyAddresses", "value": true},
    ]);
    world.namespace.kubectl(&["patch", "service", SERVICE, "--type", "json", "--patch", &patch.to_string()]);
    world.mqctl(&[&again[..], &["--yes"]].concat()).expect(0);
    let after = service(world);
    for field in ["/spec/ports", "/spec/selector", "/spec/type"] {
        assert_eq!(after.pointer(field), before.pointer(field), "{field}");
    }
    assert_ne!(after.pointer("/spec/publishNotReadyAddresses"), Some(&json!(true)));
    let nothing = world.mqctl(&again).expect(0);
    assert!(nothing.stdout.contains("nothing to change"), "{}", nothing.said());
}

fn it_outlives_the_release(world: &World, port: u64) {
    let uid = service(world)["metadata"]["uid"].clone();
    let deleted = world.delete();
    assert!(deleted.stdout.contains("the Service mq-external"), "{}", deleted.said());
    world.install();
    let after = service(world);
    assert_eq!((&after["metadata"]["uid"], &after["spec"]["ports"][0]["nodePort"]), (&uid, &json!(port)));
    let page = world.mqctl(&["status", NAME]).expect(0).stdout;
    assert!(page.contains("exposed       NodePort "), "{page}");
    world.mqctl(&["expose", NAME, "--remove", "--yes"]).expect(0);
    assert!(service(world).is_null(), "--remove takes the Service");
    world.mqctl(&["expose", NAME, "--type", "NodePort", "--yes"]).expect(0);
}

/// Where the cluster has no controller that gives load balancers their addresses, the test itself gives one.
fn load_balancer(world: &mut World) {
    world.install();
    world.wish("/expose", json!({"sourceRanges": ["10.0.0.0/8"], "annotations": {"e2e/kept": "yes"}}));
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(2);
    let mut running = world.start(&["install", NAME, "--yes", "--timeout", "60s"]);
    running.until_said("Service mq-external written", LIMIT);
    let mut given = || !service(world)["status"]["loadBalancer"]["ingress"].is_null();
    if !polled(Duration::from_secs(30), Duration::from_millis(200), &mut given) {
        let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": ADDRESS}]}}}).to_string();
        let patch = ["patch", "service", SERVICE, "--subresource", "status", "--type", "merge", "--patch", &status];
        world.namespace.kubectl(&patch);
    }
    let ran = running.wait(Duration::from_secs(120)).expect(0);
    let address = service(world)["status"]["loadBalancer"]["ingress"][0]["ip"].as_str().expect("an address").to_owned();
    assert!(ran.stdout.contains(&format!("from outside: amqp://user@{address}:5672")), "{}", ran.said());
    let page = world.mqctl(&["status", NAME]).expect(0).stdout;
    assert!(page.contains(&format!("exposed       LoadBalancer {address}:5672  (10.0.0.0/8)")), "{page}");
    let nothing = world.mqctl(&["install", NAME]).expect(0);
    assert!(nothing.stdout.contains("nothing to change"), "{}", nothing.said());
    // An annotation that is no longer wished goes.
    world.wish("/expose", json!({"sourceRanges": ["10.0.0.0/8"]}));
    world.mqctl(&["expose", NAME, "--yes"]).expect(0);
    assert!(service(world).pointer("/metadata/annotations/e2e~1kept").is_none(), "{:#}", service(world));
    world.purge();
    assert!(service(world).is_null(), "a purge takes the Service");
}
