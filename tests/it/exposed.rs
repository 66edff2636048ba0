//! A release that is exposed: its status, what install, delete and purge do to the Service, a kill, and every refusal.

use insta::assert_snapshot;
use serde_json::json;

use crate::expose::{BALANCER, live, with_profile};
use crate::objects;
use crate::world::World;

#[test]
fn it_is_taken_away_and_no_release_is_needed_for_it() {
    let world = World::installed();
    world.write("balancer", BALANCER);
    world.run(&["expose", "prodmq", "--yes", "--timeout", "1s"]).ended(0);
    world.run(&["delete", "prodmq", "--yes"]).ended(0);
    let run = world.run(&["expose", "prodmq", "--remove", "--yes"]).ended(0);
    assert_snapshot!(run, @r#"
    $ mqctl expose prodmq --remove --yes   [exit 0]
    stdout | no longer exposed. Again: mqctl expose prodmq
    stderr | test/rabbitmq/prodmq: expose: 1 to change, 0 to destroy
    stderr |    0.0s Service prodmq-external deleted
    1. reads helm list --filter '^prodmq$' --output json --deployed --failed --pending --uninstalling --uninstalled --superseded --namespace rabbitmq --kube-context test
    2. reads kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < (7 access reviews)
    3. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2
    4. CHANGES kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < {
      <   "apiVersion": "v1",
      <   "items": [
      <     {
      <       "apiVersion": "coordination.k8s.io/v1",
      <       "kind": "Lease",
      <       "metadata": {
      <         "annotations": {
      <           "mqctl/machine": "MACHINE",
      <           "mqctl/pid": "PID",
      <           "mqctl/started": "TICKS"
      <         },
      <         "labels": {
      <           "app.kubernetes.io/instance": "prodmq",
      <           "app.kubernetes.io/managed-by": "mqctl"
      <         },
      <         "name": "prodmq-mqctl",
      <         "namespace": "rabbitmq"
      <       },
      <       "spec": {
      <         "acquireTime": "NOW",
      <         "holderIdentity": "HOLDER",
      <         "leaseDurationSeconds": 45,
      <         "renewTime": "NOW"
      <       }
      <     }
      <   ],
      <   "kind": "List"
      < }
    5. CHANGES kubectl --context test --namespace rabbitmq delete --ignore-not-found '--wait=true' --timeout 2m service/prodmq-external
    6. CHANGES kubectl --context test --namespace rabbitmq delete --raw /apis/coordination.k8s.io/v1/namespaces/rabbitmq/leases/prodmq-mqctl --filename -
      < {
      <   "apiVersion": "v1",
      <   "kind": "DeleteOptions",
      <   "preconditions": {
      <     "resourceVersion": "1",
      <     "uid": "u1"
      <   }
      < }
    "#);
    let again = world.run(&["expose", "prodmq", "--remove"]).ended(0);
    again.changed_nothing();
    assert_snapshot!(again.words(), @r"
    $ mqctl expose prodmq --remove   [exit 0]
    test / rabbitmq / prodmq     nothing to remove: it is not exposed
    ");
}

#[test]
fn the_status_page_shows_the_way_in() {
    let line = |world: &World| {
        let run = world.run(&["status", "prodmq"]);
        run.stdout.lines().find(|line| line.contains("exposed")).unwrap_or_default().to_owned()
    };
    let world = World::installed();
    assert_eq!(line(&world), "");
    world.run(&["expose", "prodmq", "--source-range", "10.0.0.0/8", "--yes", "--timeout", "1s"]).ended(75);
    assert_eq!(line(&world), "  exposed       LoadBalancer, no address yet  (10.0.0.0/8)");
    let mut service = live(&world);
    service["status"] = json!({"loadBalancer": {"ingress": [{"ip": "192.168.1.39"}]}});
    world.object("service.prodmq-external", &service);
    assert_eq!(line(&world), "  exposed       LoadBalancer 192.168.1.39:5672  (10.0.0.0/8)");
    let exposed = &world.run(&["status", "prodmq", "-o", "json"]).ended(0).json()["exposed"];
    assert_eq!(exposed["connections"], json!(["amqp://user@192.168.1.39:5672"]));
    let world = with_profile(World::installed(), "{}");
    assert_eq!(line(&world), "  exposed       not yet: mqctl expose prodmq");
}

#[test]
fn the_profile_s_key_is_a_step_of_install() {
    let world = with_profile(World::with_secrets(), "{sourceRanges: [10.0.0.0/8]}");
    world.write("balancer", BALANCER);
    let run = world.run(&["install", "prodmq", "--yes", "--timeout", "1s"]).ended(0);
    assert_eq!(run.changing_verbs(), ["create", "upgrade", "apply", "annotate"]);
    assert_snapshot!(run.words(), @r"
    $ mqctl install prodmq --yes --timeout 1s   [exit 0]
    from outside: amqp://user@127.83.0.1:5672
    prodmq is ready.   amqp://user@prodmq.rabbitmq.svc:5672     mqctl status prodmq     mqctl credentials show prodmq
    test/rabbitmq/prodmq: install: 3 to change, 0 to destroy
       0.0s Secret prodmq-mqctl-credentials written
       0.0s helm release installed
       0.0s Service prodmq-external written
       0.0s prodmq-0 ready
       0.0s prodmq-1 ready
       0.0s prodmq-2 ready
       0.0s 3 nodes ready
       0.0s one cluster, no alarm, logged in as user
    warning: 127.83.0.1:5672 does not answer from 127.0.0.1: connection refused; try it from where its clients are
       0.0s address for clients outside
    ");
    world.run(&["install", "prodmq"]).ended(0).changed_nothing();
    world.run(&["expose", "prodmq"]).ended(0).changed_nothing();
    let mut service = live(&world);
    service["spec"]["publishNotReadyAddresses"] = json!(true);
    world.object("service.prodmq-external", &service);
    let run = world.run(&["plan", "prodmq", "--detailed-exitcode"]).ended(2);
    assert_snapshot!(run.words(), @r"
    $ mqctl plan prodmq --detailed-exitcode   [exit 2]
    test / rabbitmq / prodmq     builtin 1.0.0 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi default class

      1  changes   Service prodmq-external      brokers ready ones only instead of all
      2  waits     address for clients outside  up to 2m; then a connection through it
    ");
}

#[test]
fn a_delete_keeps_it_and_a_purge_takes_it() {
    let world = World::installed();
    world.write("balancer", BALANCER);
    world.run(&["expose", "prodmq", "--yes", "--timeout", "1s"]).ended(0);
    let before = live(&world);
    let run = world.run(&["delete", "prodmq", "--yes"]).ended(0);
    assert_snapshot!(run.stdout, @r"
    kept: the volumes data-prodmq-0, data-prodmq-1, data-prodmq-2, the Secret prodmq-mqctl-credentials, the Service prodmq-external, the profile
    back again, with every message: mqctl install prodmq     gone for good: mqctl delete prodmq --purge
    ");
    assert_eq!(live(&world), before);
    assert_snapshot!(world.run(&["status", "prodmq"]).ended(1).words(), @r"
    $ mqctl status prodmq   [exit 1]
    test / rabbitmq / prodmq     not installed     builtin 1.0.0 · RabbitMQ 4.3.6-management · no release
      kept volumes: data-prodmq-0, data-prodmq-1, data-prodmq-2
      kept Secret: prodmq-mqctl-credentials
      kept Service: prodmq-external
      install it: mqctl install prodmq
    ");
    let run = world.run(&["delete", "prodmq", "--purge", "--dry-run"]).ended(0);
    assert_snapshot!(run.words(), @r"
    $ mqctl delete prodmq --purge --dry-run   [exit 0]
    test / rabbitmq / prodmq     delete, and purge volumes, Secret and Service prodmq-external

      1  changes   Service prodmq-external          deleted: clients outside lose their way in, and its address is given up
      2  DESTROYS  3 volumes (24Gi)                 every message, queue, user and definition in them
      3  DESTROYS  Secret prodmq-mqctl-credentials  the secrets file beside the profile stays
    ");
    world.run(&["delete", "prodmq", "--purge", "--confirm", "prodmq"]).ended(0);
    assert!(!world.path("cluster/service.prodmq-external").exists());
}

/// SIGKILL, as a shell tells of it.
const KILLED: i32 = 128 + 9;

#[test]
fn killed_at_any_call_it_is_finished_by_the_next() {
    let verbs = [&["expose", "prodmq", "--yes", "--timeout", "1s"][..], &["expose", "prodmq", "--remove", "--yes"]];
    for (pattern, verb) in
        [("* apply *", verbs[0]), ("* get * service/prodmq-external pod/*", verbs[0]), ("* delete *", verbs[1])]
    {
        for moment in ["kill/before", "kill/after"] {
            let world = World::installed();
            world.write("balancer", BALANCER);
            if verb == verbs[1] {
                world.run(verbs[0]).ended(0);
            }
            world.write(moment, &format!("kubectl {pattern}\n"));
            let killed = world.run_to_the_last_child(verb);
            assert_eq!(killed.code, Some(KILLED), "{moment} {pattern}: nobody was killed\n{killed}");
            world.run(verb).ended(0);
            world.run(&verb[..if verb == verbs[1] { 3 } else { 2 }]).ended(0).changed_nothing();
        }
    }
}

#[test]
fn what_is_refused_changes_nothing() {
    let foreign = objects::named("Service", "prodmq-external");
    let world = World::installed();
    world.object("service.prodmq-external", &foreign);
    for args in [&["expose", "prodmq", "--yes"][..], &["expose", "prodmq", "--remove", "--yes"]] {
        let run = world.run(args).ended(78);
        run.changed_nothing();
        assert!(
            run.stderr.contains("the Service `prodmq-external` is there and is not mqctl's; nothing was changed"),
            "{run}"
        );
    }
    let world = with_profile(World::with_secrets(), "{type: NodePort}");
    world.object("service.prodmq-external", &foreign);
    world.run(&["install", "prodmq", "--yes"]).ended(78).changed_nothing();
    // A purge leaves it where it is.
    let world = World::installed();
    world.object("service.prodmq-external", &foreign);
    world.run(&["delete", "prodmq", "--purge", "--confirm", "prodmq"]).ended(0);
    assert!(world.path("cluster/service.prodmq-external").exists());
}

#[test]
fn each_refusal_in_its_words() {
    let refused = |world: World, args: &[&str], code: i32| {
        let run = world.run(&[&["expose", "prodmq"], args].concat()).ended(code);
        run.changed_nothing();
        run.words()
    };
    assert_snapshot!(refused(World::with_secrets(), &["--yes"], 78), @r"
    $ mqctl expose prodmq --yes   [exit 78]
    error: `prodmq` is not installed, so there is nothing to expose; nothing was changed
    hint: mqctl install prodmq
    ");
    assert_snapshot!(refused(World::installed(), &[], 64), @"
    $ mqctl expose prodmq   [exit 64]
    test/rabbitmq/prodmq: expose: 1 to change, 0 to destroy
    warning: `sourceRanges`: none, so whoever reaches the load balancer reaches the broker's login
    error: expose would change something, and there is nobody to ask; nothing was changed
    hint: see it first with --dry-run, then agree with --yes
    see: mqctl explain CONSENT
    ");
    assert_snapshot!(refused(World::installed(), &["--type", "NodePort", "--ip", "10.0.0.1"], 64), @r"
    $ mqctl expose prodmq --type NodePort --ip 10.0.0.1   [exit 64]
    error: `ip` is for a LoadBalancer, and a NodePort was asked for; nothing was changed
    hint: leave `ip` out, of the flags and of the profile's `expose`
    ");
    assert_snapshot!(refused(with_profile(World::installed(), "{sourceRanges: [10.0.0.0/8]}"), &["--type", "NodePort"], 64), @r"
    $ mqctl expose prodmq --type NodePort   [exit 64]
    error: `sourceRanges` is for a LoadBalancer, and a NodePort was asked for; nothing was changed
    hint: leave `sourceRanges` out, of the flags and of the profile's `expose`
    ");
    assert_snapshot!(refused(World::installed(), &["--port", "ampq"], 64), @r"
    $ mqctl expose prodmq --port ampq   [exit 64]
    error: invalid value 'ampq' for '--port <PORT>'
      [possible values: amqp, amqps, management, management-tls, prometheus, stream, streams, mqtt, mqtts, stomp, stomps, web-mqtt, web-stomp]

      tip: a similar value exists: 'amqp'

    For more information, try '--help'.
    ");
    assert_snapshot!(refused(World::installed(), &["--source-range", "10.0.0.1"], 64), @r"
    $ mqctl expose prodmq --source-range 10.0.0.1   [exit 64]
    error: invalid value '10.0.0.1' for '--source-range <NETWORK>': expected a network such as 192.168.0.0/16; one address alone ends in /32

    For more information, try '--help'.
    ");
    let world = World::installed();
    let denied = r#"{"spec":{"resourceAttributes":{"verb":"patch","resource":"services"}},"status":{"allowed":false}}"#;
    world.rule("kubectl * create *", 0, denied, "");
    assert_snapshot!(refused(world, &["--yes"], 77), @"
    $ mqctl expose prodmq --yes   [exit 77]
    error: not permitted in namespace `rabbitmq`: patch services; nothing was changed
    hint: kubectl auth can-i --list --namespace rabbitmq
    see: mqctl explain RIGHTS
    ");
}
