//! A step to 4.3 that is refused, and takes the metadata of a Mnesia cluster away; `mqctl recover` brings all of it back.

use crate::amqp::Kind;
use crate::doctor::assert_cause;
use crate::environment::{Helm, KHEPRI, MNESIA, image};
use crate::killed::with_messages;
use crate::recover::{AUTO, drain};
use crate::runner::Test;
use crate::world::{NAME, World};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("repair: a refused step to 4.3", |world| {
            world.mqctl(&AUTO).expect(0);
        }),
        test("repair: a refused step to 4.3, the image set back by hand", |world| {
            set_image(world, MNESIA);
            world.mqctl(&AUTO).expect(0);
        }),
    ]
}

fn test(name: &'static str, repair: fn(&World)) -> Test {
    let body = move || {
        let world = World::new(name, Helm::Four, MNESIA, 3);
        let password = refused(&world);
        repair(&world);
        assert_repaired(&world, &password);
    };
    Test::new(name, body).long()
}

fn set_image(world: &World, tag: &str) {
    let container = format!("rabbitmq={}:{tag}", image());
    world.namespace.kubectl(&["set", "image", "statefulset/mq", &container]);
}

/// Two nodes go on without users and queues, beside a pod that comes and goes.
pub(crate) fn refused(world: &World) -> String {
    let password = with_messages(world);
    set_image(world, KHEPRI);
    assert_cause(world, "METADATA-LOST");
    let page = world.mqctl(&["recover", NAME]).expect(64);
    assert!(page.stderr.contains("take `repair`"), "{}", page.said());
    password
}

/// The version of before, on Khepri, with every message.
#[track_caller]
pub(crate) fn assert_repaired(world: &World, password: &str) {
    world.assert_healthy();
    let set = world.namespace.object("statefulset", NAME);
    for list in ["containers", "initContainers"] {
        let used = set["spec"]["template"]["spec"][list][0]["image"].as_str().unwrap_or_default();
        assert!(used.ends_with(MNESIA), "{list}: {used}");
    }
    assert!(set["metadata"]["annotations"]["mqctl/recovery"].is_null(), "{set:#}");
    let evidence = world.namespace.object("configmap", "mq-mqctl-evidence");
    assert!(evidence["data"]["recovery.json"].is_null(), "{evidence:#}");
    for pod in ["mq-0", "mq-1", "mq-2"] {
        let enabled = world.namespace.shell(pod, "rabbitmqctl eval 'rabbit_khepri:is_enabled().'");
        assert!(enabled.contains("true"), "{pod} has its metadata in Khepri: {enabled}");
    }
    drain(world, password, &Kind::BOTH);
    // helm meets no foreign field, and has nothing to do.
    world.mqctl(&["upgrade", NAME, "--yes"]).expect(0);
}
