//! `mqctl migrate`: the plan, what is moved by which calls, what holds it up, what comes after SIGKILL, the end of the old one.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::dialects::{release, speak};
use crate::objects::{self, COOKIE, PASSWORD, base64};
use crate::transcript::Transcript;
use crate::world::World;

pub const MOVE: [&str; 5] = ["migrate", "prodmq", "--to-chart", "builtin", "--yes"];
pub const RETIRE: [&str; 4] = ["migrate", "prodmq", "--retire", "--yes"];
const NEW_PODS: [&str; 3] = ["prodmq-next-0", "prodmq-next-1", "prodmq-next-2"];
pub const QUEUES: [(&str, &str); 2] = [("orders", "quorum"), ("bills", "classic")];

/// What a broker says of its cluster; `counts` are ready messages, queue by queue.
pub fn census(queues: &[(&str, &str)], counts: &[u64]) -> Value {
    let queue = |((name, kind), count): (&(&str, &str), &u64)| json!({"vhost": base64("/"), "name": base64(name), "type": kind, "ready": count, "unacked": 0});
    let queues: Vec<Value> = queues.iter().zip(counts).map(queue).collect();
    json!({
        "version": "4.3.6", "queues": queues, "passing": 0, "clients": [], "plugins": ["rabbitmq_management"],
        "mover": false, "shovels": [], "links": 0,
    })
}

fn with_shovels(mut census: Value) -> Value {
    census["shovels"] = QUEUES.iter().map(|(name, _)| json!(base64(&format!("mqctl-migrate-{name}")))).collect();
    census
}

/// Of an old side that nothing is left in, but for the user of the shovels.
pub fn emptied() -> Value {
    let mut census = census(&QUEUES, &[0, 0]);
    census["mover"] = true.into();
    census
}

pub fn with_clients(mut census: Value, count: usize) -> Value {
    let client = |n| json!({"host": base64(&format!("10.1.2.{n}")), "port": 4711, "user": base64("shop")});
    census["clients"] = (1..=count).map(client).collect();
    census
}

/// What helm puts into the cluster for the new release.
fn next(world: &World) {
    std::fs::create_dir(world.path("chart-next")).unwrap();
    let put = |file: &str, object: &Value| world.write(&format!("chart-next/{file}"), &object.to_string());
    let mut release = objects::release("deployed", "REVISION");
    release["name"] = "prodmq-next".into();
    put("release-next", &release);
    let mut set = objects::stateful_set(3, "DIGEST");
    set["metadata"]["name"] = "prodmq-next".into();
    put("statefulset.prodmq-next", &set);
    for service in ["prodmq-next", "prodmq-next-headless"] {
        put(&format!("service.{service}"), &objects::named("Service", service));
    }
    for pod in NEW_PODS {
        put(&format!("pod.{pod}"), &objects::pod(pod, &objects::running(true)));
        put(&format!("answer.{pod}"), &objects::answer(pod));
        put(&format!("persistentvolumeclaim.data-{pod}"), &objects::claim(&format!("data-{pod}")));
    }
}

/// prodmq on the chart of a vendor, with 10,000 messages in two queues; whatever is done has its effect at once.
pub fn leaving() -> World {
    let world = World::installed();
    speak(&world, "bitnami", "");
    world.object("release", &release("16.0.16"));
    to_be_left(&world);
    world
}

/// The same of a release that is there already.
pub fn to_be_left(world: &World) {
    next(world);
    let definition = |(name, kind): &(&str, &str)| json!({"name": name, "vhost": "/", "type": kind});
    let queues: Vec<Value> = QUEUES.iter().map(definition).collect();
    world.object("definitions.json", &json!({"users": [{"name": "user"}, {"name": "shop"}], "queues": queues}));
    world.object("census.prodmq", &census(&QUEUES, &[6000, 4000]));
    world.object("census.prodmq-next", &census(&[], &[]));
    world.object("prodmq-next.imported", &census(&QUEUES, &[0, 0]));
    world.object("prodmq.moved", &census(&QUEUES, &[0, 0]));
    world.object("prodmq-next.moved", &with_shovels(census(&QUEUES, &[6000, 4000])));
    world.object("prodmq-next.free", &census(&QUEUES, &[6000, 4000]));
}

/// Everything is moved, and clients of the old one are connected still.
pub fn with_a_client() -> World {
    let world = leaving();
    world.object("census.prodmq", &with_clients(census(&QUEUES, &[6000, 4000]), 7));
    world.object("prodmq.moved", &with_clients(census(&QUEUES, &[0, 0]), 7));
    world
}

/// Moved to the end.
pub fn moved() -> World {
    let world = leaving();
    world.run(&MOVE).ended(0);
    world
}

/// Neither password nor cookie, nor the address that has the password in it, is an argument or a word to anybody.
#[track_caller]
pub fn without_secrets(run: &Transcript) {
    let hex = PASSWORD.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    for call in &run.calls {
        let args = call.args.join(" ");
        for secret in [PASSWORD, COOKIE, &base64(PASSWORD), &base64(COOKIE), &hex] {
            assert!(!args.contains(secret), "{call}");
        }
    }
    for secret in [PASSWORD, COOKIE, &base64(PASSWORD), &hex] {
        assert!(!run.words().contains(secret), "{run}");
    }
}

fn said(run: &Transcript) -> String {
    run.words().replace("~/home/.local/state", "~/.local/state")
}

#[test]
fn the_plan_says_why_not_in_place_and_what_becomes_of_messages() {
    let world = leaving();
    let run = world.run(&["migrate", "prodmq", "--to-chart", "builtin", "--dry-run"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(said(&run), @"
    $ mqctl migrate prodmq --to-chart builtin --dry-run   [exit 0]
    test / rabbitmq / prodmq-next     takes over from prodmq, side by side: builtin 1.0.0 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi default class

      1  reads     count both sides                      prodmq: 2 queues, 10000 messages, 0 clients
      2  changes   profiles/.gitignore                   *.secrets.yaml stays out of version control
      3  changes   profiles/prodmq-next.yaml             new: every field with a comment, defaults commented out
      4  changes   Secret prodmq-next-mqctl-credentials  cookie and password from prodmq-next.secrets.yaml
      5  changes   prodmq-next.secrets.yaml              Erlang cookie and password: taken from the Secret in the cluster, mode 0600
      6  changes   helm install                          1 StatefulSet, 2 Services, 1 ConfigMap, 1 PodDisruptionBudget, 1 ServiceAccount
      7  waits     3 nodes booted                        up to 10m
      8  reads     login as user                         members, alarms, cookie, by the brokers' own word
      9  changes   mark prodmq                           its messages go to prodmq-next: a plain delete is refused until they have
     10  changes   import definitions                    users, queues, policies, bindings of prodmq; kept in ~/.local/state/mqctl/prodmq/DATE.json
     11  changes   2 shovels                             one a queue, on prodmq-next; each message leaves prodmq when it is confirmed
                   they log in to prodmq as mqctl-migrate, who may read queues and nothing else
     12  waits     messages moved                        up to 10m; then both sides are counted
     13  changes   take the shovels away                 with their user; only when no client is connected to prodmq any more

    side by side  the volumes of prodmq are of no use to the new chart: data on the volume (the volume itself) would be mnesia, user id 1001 would be 999
    costs         room for 3 nodes more, each with a volume of 8Gi, until prodmq is retired
    clients       stay with prodmq and are served; point them to amqp://user@prodmq-next.rabbitmq.svc:5672 when all is moved, consumers first
    way back      prodmq runs until --retire, and its volumes stay (mqctl install prodmq); what has moved is in prodmq-next alone
    ");
}

#[test]
fn all_messages_are_moved_and_counted() {
    let world = leaving();
    let run = world.run(&MOVE).ended(0);
    without_secrets(&run);
    assert_snapshot!(said(&run), @"
    $ mqctl migrate prodmq --to-chart builtin --yes   [exit 0]
    prodmq-next has every message of prodmq.   amqp://user@prodmq-next.rabbitmq.svc:5672
    stops the old one, whose volumes stay: mqctl migrate prodmq --retire
    test/rabbitmq/prodmq-next: migrate: 9 to change, 0 to destroy
       0.0s before: prodmq has 2 queues with 10000 messages, prodmq-next has 0 queues with 0 messages
       0.0s prodmq counted
       0.0s profiles/.gitignore written
       0.0s profiles/prodmq-next.yaml written
       0.0s Secret prodmq-next-mqctl-credentials written
       0.0s prodmq-next.secrets.yaml written
       0.0s helm release installed
       0.0s prodmq-next-0 ready
       0.0s prodmq-next-1 ready
       0.0s prodmq-next-2 ready
       0.0s 3 nodes ready
       0.0s one cluster, no alarm, logged in as user
       0.0s prodmq marked
       0.0s definitions imported and read back
       0.0s 2 shovels set
       0.0s 0 messages left of 10000
       0.0s now: prodmq has 2 queues with 0 messages, prodmq-next has 2 queues with 10000 messages
       0.0s nothing is left in prodmq
       0.0s shovels taken away
    ");
    let (kept, wrote): (Vec<&String>, Vec<&String>) =
        run.wrote.iter().partition(|file| file.contains("/state/mqctl/prodmq/"));
    assert!(kept.len() == 1 && kept[0].ends_with("(600)"), "the old definitions, for nobody else: {kept:?}");
    assert_snapshot!(wrote.into_iter().map(String::as_str).collect::<Vec<_>>().join("
"), @"
    home/.cache/mqctl/charts (the built-in chart)
    work/profiles/.gitignore (644)
    work/profiles/prodmq-next.secrets.yaml (600)
    work/profiles/prodmq-next.yaml (644)
    ");
    let done: Vec<String> = run.work().iter().map(|call| call.to_string().lines().next().unwrap().to_owned()).collect();
    assert_snapshot!(done.join("\n"), @"
    kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
    helm upgrade --install prodmq-next '~/home/.cache/mqctl/charts/builtin-1.0.0-CHART' --values - --history-max 10 --timeout 600s --namespace rabbitmq --kube-context test
    kubectl --context test --namespace rabbitmq annotate secret prodmq-next-mqctl-credentials --overwrite 'mqctl/booted-tag=4.3.6-management'
    kubectl --context test --namespace rabbitmq annotate statefulset prodmq --overwrite 'mqctl/migration=prodmq-next'
    kubectl --context test --namespace rabbitmq exec --stdin prodmq-next-0 --container rabbitmq -- timeout -k 2 600 rabbitmqctl eval
    kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
    kubectl --context test --namespace rabbitmq exec --stdin prodmq-next-0 --container rabbitmq -- timeout -k 2 120 rabbitmqctl eval
    kubectl --context test --namespace rabbitmq exec --stdin prodmq-next-0 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
    ");
    let shovels = run.calls.iter().find(|call| call.stdin.contains("src-uri")).unwrap();
    assert!(shovels.args.contains(&"prodmq-next-0".to_owned()), "they run on the new side: {shovels}");
    for words in ["@prodmq.rabbitmq.svc:5672/", &base64(PASSWORD), &format!("{{\"Lw==\",\"{}\"}}", base64("orders"))] {
        assert!(shovels.stdin.contains(words), "{words}");
    }
    let secrets = std::fs::read_to_string(world.path("work/profiles/prodmq-next.secrets.yaml")).unwrap();
    assert!(secrets.contains(COOKIE) && secrets.contains(PASSWORD), "the same secrets as before");
    let again = world.run(&MOVE).ended(0);
    again.changed_nothing();
    assert_snapshot!(said(&again), @"
    $ mqctl migrate prodmq --to-chart builtin --yes   [exit 0]
    test / rabbitmq / prodmq-next     nothing to move: prodmq has no message and no client.   mqctl migrate prodmq --retire
    ");
}

#[test]
fn the_new_profile_says_what_the_old_one_says_on_the_other_chart() {
    let world = moved();
    let text = std::fs::read_to_string(world.path("work/profiles/prodmq-next.yaml")).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert_snapshot!(lines.join("\n"), @"
    format: 1                            # of this file
    namespace: rabbitmq                  # is created if it is not there
    chart:                               # which chart is installed
      ref: builtin                       # builtin is the one inside mqctl: mqctl inspect --chart
    image:                               # what the broker runs
      repository: rabbitmq               # without its tag; for the built-in chart laid out like the official one
      tag: 4.3.6-management              # its version; the built-in chart takes 3.10 to 4.3
    replicas: 3                          # nodes, 1 to 9; take an odd number
    storage:                             # the volume of each node
      size: 8Gi                          # 64Mi or more
    credentials:                         # sources only; no password belongs here
      username: user                     # the broker's first user
    values:                              # anything else for the chart: mqctl inspect --chart
      plugins:
      - rabbitmq_management
      - rabbitmq_prometheus
      - rabbitmq_shovel
    ");
    world.run(&["status", "prodmq-next"]).ended(0);
    world.run(&["plan", "prodmq-next", "--detailed-exitcode"]).ended(0);
}

#[test]
fn the_report_has_both_sides() {
    let report = leaving().run(&[&MOVE[..], &["-o", "json"]].concat()).ended(0).json();
    let side = |queues: u64, messages: u64| json!({"queues": queues, "messages": messages});
    assert_eq!(report["moved"]["before"], json!({"old": side(2, 10_000), "new": side(0, 0)}));
    assert_eq!(report["moved"]["after"], json!({"old": side(2, 0), "new": side(2, 10_000)}));
}

#[test]
fn each_chart_that_is_kept_runs_the_shovels() {
    for chart in ["cloudpirates", "groundhog2k"] {
        let world = leaving();
        let to = format!("./charts/{chart}-like");
        let run = world.run(&["migrate", "prodmq", "--to-chart", &to, "--dry-run"]).ended(0);
        assert!(run.stdout.contains("2 shovels") && run.stdout.contains(&format!("side by side: {chart} ")), "{run}");
        world.run(&["migrate", "prodmq", "--to-chart", &to, "--yes", "--timeout", "2s"]);
        let text = std::fs::read_to_string(world.path("work/profiles/prodmq-next.yaml")).unwrap();
        assert!(text.contains("- rabbitmq_shovel") && text.contains(&format!("ref: ../charts/{chart}-like")), "{text}");
    }
}

#[test]
fn what_is_missing_on_the_new_side_is_partly_done() {
    let world = leaving();
    world.object("prodmq-next.moved", &with_shovels(census(&QUEUES[..1], &[6000])));
    let run = world.run(&MOVE).ended(3);
    assert_snapshot!(run.stderr, @"
    test/rabbitmq/prodmq-next: migrate: 9 to change, 0 to destroy
       0.0s before: prodmq has 2 queues with 10000 messages, prodmq-next has 0 queues with 0 messages
       0.0s prodmq counted
       0.0s profiles/.gitignore written
       0.0s profiles/prodmq-next.yaml written
       0.0s Secret prodmq-next-mqctl-credentials written
       0.0s prodmq-next.secrets.yaml written
       0.0s helm release installed
       0.0s prodmq-next-0 ready
       0.0s prodmq-next-1 ready
       0.0s prodmq-next-2 ready
       0.0s 3 nodes ready
       0.0s one cluster, no alarm, logged in as user
       0.0s prodmq marked
       0.0s definitions imported and read back
       0.0s 2 shovels set
       0.0s 0 messages left of 10000
       0.0s now: prodmq has 2 queues with 0 messages, prodmq-next has 1 queue with 6000 messages
       0.0s nothing is left in prodmq
       0.0s shovels taken away
    warning: 1 queue missing on the new side: / bills
    warning: 10000 messages before, 6000 now
    ");
    let world = leaving();
    world.object("prodmq-next.moved", &with_shovels(census(&QUEUES, &[6000, 3999])));
    let run = world.run(&MOVE).ended(3);
    assert!(run.stderr.contains("warning: 10000 messages before, 9999 now"), "{run}");
    let served = leaving();
    served.object("prodmq-next.moved", &with_clients(with_shovels(census(&QUEUES, &[6000, 3999])), 1));
    served.run(&MOVE).ended(0);
}

#[test]
fn streams_and_what_does_not_last_are_named_beforehand() {
    let world = leaving();
    let mut old = census(&[("orders", "quorum"), ("audit", "stream")], &[3, 0]);
    (old["passing"], old["links"]) = (json!(12), json!(1));
    world.object("census.prodmq", &old);
    let run = world.run(&["migrate", "prodmq", "--to-chart", "builtin", "--dry-run"]).ended(0);
    let warnings: Vec<&str> = run.stdout.lines().filter(|line| line.starts_with("warning: ")).collect();
    assert_snapshot!(warnings.join("\n"), @"
    warning: streams are not moved: / audit; have their readers read to the end in prodmq, or publish anew to the same streams in prodmq-next
    warning: 12 messages in queues that are not durable, or a client's own, are not moved
    warning: shovels and federation upstreams of prodmq (1) are imported too, and run on both sides from then on
    ");
    assert!(run.stdout.contains("1 shovel "), "{run}");
}

#[test]
fn as_long_as_clients_are_connected_the_shovels_stay() {
    let world = with_a_client();
    let run = world.run(&MOVE).ended(75);
    assert!(!run.calls.iter().any(|call| call.stdin.contains("parameters:clear")), "{run}");
    assert_snapshot!(run.stderr, @"
    test/rabbitmq/prodmq-next: migrate: 9 to change, 0 to destroy
       0.0s before: prodmq has 2 queues with 10000 messages, prodmq-next has 0 queues with 0 messages
       0.0s prodmq counted
       0.0s profiles/.gitignore written
       0.0s profiles/prodmq-next.yaml written
       0.0s Secret prodmq-next-mqctl-credentials written
       0.0s prodmq-next.secrets.yaml written
       0.0s helm release installed
       0.0s prodmq-next-0 ready
       0.0s prodmq-next-1 ready
       0.0s prodmq-next-2 ready
       0.0s 3 nodes ready
       0.0s one cluster, no alarm, logged in as user
       0.0s prodmq marked
       0.0s definitions imported and read back
       0.0s 2 shovels set
       0.0s 0 messages left of 10000
       0.0s now: prodmq has 2 queues with 0 messages, prodmq-next has 2 queues with 10000 messages
       0.0s nothing is left in prodmq
    error: migrate: take the shovels away: every message of `prodmq` is in `prodmq-next`, and 7 clients are connected to the old one still: 10.1.2.1:4711 (user shop), 10.1.2.2:4711 (user shop), 10.1.2.3:4711 (user shop), 10.1.2.4:4711 (user shop), 10.1.2.5:4711 (user shop), …; the shovels stay, and move what is published there
    hint: point them to amqp://user@prodmq-next.rabbitmq.svc:5672, then run the same command again
    see: mqctl explain MIGRATION
    ");
    let refused = world.run(&RETIRE).ended(78);
    refused.changed_nothing();
    assert_snapshot!(refused.words(), @"
    $ mqctl migrate prodmq --retire --yes   [exit 78]
    error: 7 clients are connected to `prodmq`: 10.1.2.1:4711 (user shop), 10.1.2.2:4711 (user shop), 10.1.2.3:4711 (user shop), 10.1.2.4:4711 (user shop), 10.1.2.5:4711 (user shop), …; it stays, and nothing was changed
    hint: mqctl migrate prodmq   # moves what is left
    hint: point its clients to amqp://user@prodmq-next.rabbitmq.svc:5672
    see: mqctl explain MIGRATION
    ");
    // They have gone over.
    world.object("census.prodmq", &census(&QUEUES, &[0, 0]));
    let run = world.run(&MOVE).ended(0);
    assert_eq!(run.stdout.matches("has every message of prodmq").count(), 1, "{run}");
    assert!(!run.calls.iter().any(|call| call.stdin.contains("src-uri")), "those that are there stay: {run}");
}

#[test]
fn the_wait_for_the_last_message_has_an_end() {
    let world = leaving();
    world.object("prodmq.moved", &census(&QUEUES, &[0, 17]));
    let run = world.run(&[&MOVE[..], &["--timeout", "1s"]].concat()).ended(75);
    assert_snapshot!(run.stderr, @"
    test/rabbitmq/prodmq-next: migrate: 9 to change, 0 to destroy
       0.0s before: prodmq has 2 queues with 10000 messages, prodmq-next has 0 queues with 0 messages
       0.0s prodmq counted
       0.0s profiles/.gitignore written
       0.0s profiles/prodmq-next.yaml written
       0.0s Secret prodmq-next-mqctl-credentials written
       0.0s prodmq-next.secrets.yaml written
       0.0s helm release installed
       0.0s prodmq-next-0 ready
       0.0s prodmq-next-1 ready
       0.0s prodmq-next-2 ready
       0.0s 3 nodes ready
       0.0s one cluster, no alarm, logged in as user
       0.0s prodmq marked
       0.0s definitions imported and read back
       0.0s 2 shovels set
       0.0s 17 messages left of 10000
    error: migrate: messages moved: 17 messages left in `prodmq` after 1s: / bills; the shovels go on, and nothing was undone
    hint: run the same command again: it goes on where it stands
    hint: kubectl --namespace rabbitmq exec prodmq-next-0 -- rabbitmqctl shovel_status   # whether each shovel runs
    not reached: take the shovels away
    ");
    assert!(!run.calls.iter().any(|call| call.stdin.contains("parameters:clear")), "{run}");
}
