//! `mqctl credentials adopt` on a release of plain helm's: both secrets are in the Secret that the chart made.

use insta::assert_snapshot;

use crate::dialects::speak;
use crate::objects::{self, COOKIE, PASSWORD};
use crate::plain_helm::{Family, SECRET, bitnami, plain, stable, text};
use crate::secrets::nowhere;
use crate::world::{SECRETS_FILE, World};

/// A profile by hand.
fn by_hand(family: &Family) -> World {
    let world = plain(family);
    world.remove("work/charts");
    speak(&world, family.chart, "");
    world
}

#[test]
fn credentials_alone_come_from_the_chart_s_own_secret() {
    for family in [stable(), bitnami()] {
        let world = by_hand(&family);
        let dry = world.run(&["credentials", "adopt", "prodmq", "--dry-run"]).ended(0);
        let said = "prodmq.secrets.yaml              Erlang cookie and password from Secret prodmq\n";
        assert!(dry.stdout.contains(said), "{dry}");
        let run = world.run(&["credentials", "adopt", "prodmq", "--yes", "-vv"]).ended(0);
        for secret in [PASSWORD, COOKIE] {
            nowhere(secret, &run);
            assert!(
                text(&world, SECRETS_FILE).contains(secret) && text(&world, SECRET).contains(&objects::base64(secret))
            );
        }
        world.run(&["credentials", "verify", "prodmq"]).ended(0);
        world.run(&["credentials", "adopt", "prodmq", "--yes"]).ended(0).changed_nothing();
    }
}

/// Nothing is there but the Secret, which some charts leave behind; no broker runs that could prove it.
#[test]
fn a_secret_that_outlived_its_release_is_adopted_unproven() {
    let world = by_hand(&stable());
    // Somebody's file of another life is no match for it.
    world.secrets_file("ANOTHERCOOKIE", "another-password");
    let gone = ["release", "statefulset.prodmq", "pod.prodmq-0", "pod.prodmq-1", "pod.prodmq-2"];
    gone.iter().for_each(|file| world.remove(&format!("cluster/{file}")));
    let run = world.run(&["credentials", "adopt", "prodmq", "--yes"]).ended(0);
    assert!(text(&world, SECRETS_FILE).contains(PASSWORD) && text(&world, SECRETS_FILE).contains(COOKIE), "{run}");
    assert_snapshot!(run.words(), @"
    $ mqctl credentials adopt prodmq --yes   [exit 0]
    adopted; no broker has booted yet.     mqctl install prodmq     boots them
    test/rabbitmq/prodmq: credentials adopt: 2 to change, 0 to destroy
    warning: no broker has booted: what is adopted is proven when one has
    warning: nobody noted which RabbitMQ wrote the volumes: `image.tag` 4.3.6-management has to be that version
       0.0s prodmq.secrets.yaml written
       0.0s Secret prodmq-mqctl-credentials written
    ");
}
