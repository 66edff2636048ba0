//! `mqctl doctor` on real troubles: each is found by its code, and a healthy cluster has none.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::environment::{Helm, KHEPRI, MNESIA, image};
use crate::runner::Test;
use crate::world::{NAME, World};

pub(crate) const DOCTOR: [&str; 4] = ["doctor", NAME, "-o", "json"];
const FULL: &str = "doctor: a volume that is full";
const LIMIT: Duration = Duration::from_secs(180);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("doctor: a healthy cluster, then its troubles one by one", MNESIA, 3, |world| {
            for trouble in [healthy, force_boot, cookie] {
                trouble(world);
            }
        }),
        test("doctor: alarms, hung commands, a password that nobody was told", MNESIA, 3, |world| {
            for trouble in [alarms, hung, password] {
                trouble(world);
            }
        })
        .long(),
        test("doctor: a healthy cluster, Khepri", KHEPRI, 3, healthy).long(),
        test("doctor: a release left pending", KHEPRI, 1, pending),
        test("doctor: a liveness probe shorter than the boot", KHEPRI, 1, probe).long(),
        test("doctor: names that nobody resolves", MNESIA, 3, names).long(),
        Test::new(FULL, || {
            let mut world = World::new(FULL, Helm::Four, MNESIA, 1);
            world.wish("/storage", json!({"size": "100Mi", "class": "small"}));
            world.install();
            full(&world);
        })
        .long(),
    ]
}

fn test(name: &'static str, tag: &'static str, replicas: u32, body: fn(&World)) -> Test {
    Test::new(name, move || {
        let world = World::new(name, Helm::Four, tag, replicas);
        world.install();
        body(&world);
    })
}

/// The codes above information, with the consequences of each.
pub(crate) fn codes(found: &Value) -> Vec<String> {
    let of = |finding: &Value| finding["code"].as_str().expect("a code").to_owned();
    let serious = |finding: &&Value| finding["severity"] != "information";
    found["findings"].as_array().expect("findings").iter().filter(serious).map(of).collect()
}

/// What it finds; it shows no secret and touches no pod.
#[track_caller]
fn doctor(world: &World, exit: i32) -> Value {
    // A node of 4.0 on Khepri may end by itself while it waits: its pod stays.
    let pods = || world.namespace.pods().into_iter().map(|(name, uid, _)| (name, uid)).collect::<Vec<_>>();
    let (secrets, before) = (world.credentials(), pods());
    let ran = world.mqctl(&[&DOCTOR[..], &["-vv"]].concat()).expect(exit);
    assert!(!ran.everything().contains(secrets.password()), "the password was shown");
    assert_eq!(pods(), before, "it touches no pod");
    ran.json()
}

/// Until this is what it finds first: `error COOKIE`.
#[track_caller]
fn until(world: &World, first: &str) -> Value {
    let mut last = Value::Null;
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        last = world.mqctl(&DOCTOR).json();
        let found = &last["findings"][0];
        if first.split_once(' ') == found["severity"].as_str().zip(found["code"].as_str()) {
            return last;
        }
    }
    panic!("{first} was not found: {last:#}");
}

pub(crate) fn eval(world: &World, pod: &str, code: &str) {
    let exec =
        ["exec", pod, "--container", "rabbitmq", "--", "timeout", "-k", "2", "30", "rabbitmqctl", "-q", "eval", code];
    world.namespace.kubectl(&exec);
}

/// The seconds of each child, as `-v` tells them: `+ kubectl … [0, 0.42 s]`.
fn children(stderr: &str) -> Vec<f64> {
    let seconds = |line: &str| line.strip_suffix(" s]")?.rsplit(", ").next()?.parse().ok();
    stderr.lines().filter(|line| line.starts_with("+ ")).filter_map(seconds).collect()
}

fn healthy(world: &World) {
    let found = doctor(world, 0);
    assert_eq!((&found["healthy"], codes(&found)), (&json!(true), vec![]), "{found:#}");
    assert_eq!(found["notes"], json!([]), "every broker was asked: {found:#}");
    let ran = world.mqctl(&["doctor", NAME, "-v"]).expect(0);
    let children = children(&ran.stderr);
    assert_eq!(children.len(), 6, "{}", ran.said());
    let slowest = children.iter().copied().fold(0.0, f64::max);
    assert!(ran.took.as_secs_f64() <= slowest * 1.2 + 0.05, "{} s, slowest child {slowest} s", ran.took.as_secs_f64());
}

/// One pod starts while the Secret has another cookie; its peers run with the one before.
fn cookie(world: &World) {
    let secret = world.namespace.object("secret", "mq-mqctl-credentials");
    let before = secret["data"]["erlang-cookie"].clone();
    let patch = |cookie: &Value| {
        let patch = json!({"data": {"erlang-cookie": cookie}}).to_string();
        world.namespace.kubectl(&["patch", "secret", "mq-mqctl-credentials", "--type", "merge", "--patch", &patch]);
    };
    patch(&json!("QU5PVEhFUkNPT0tJRTAxMjM0NTY3ODk="));
    world.namespace.kubectl(&["delete", "pod", "mq-2"]);
    let found = until(world, "error COOKIE");
    assert_eq!(
        (codes(&found), &found["findings"][0]["subjects"]),
        (vec!["COOKIE".to_owned()], &json!(["mq-2"])),
        "{found:#}"
    );
    patch(&before);
    world.namespace.kubectl(&["delete", "pod", "mq-2"]);
    world.mqctl(&["doctor", NAME, "--wait", "--timeout", "3m"]).expect(0);
}

fn force_boot(world: &World) {
    world.namespace.shell("mq-1", "cd /var/lib/rabbitmq/mnesia/rabbit@mq-1.*.local && touch force_load");
    let found = doctor(world, 0);
    assert_eq!(codes(&found), ["FORCEBOOT-ON"], "{found:#}");
    world.mqctl(&["doctor", NAME, "--fail-on", "warning"]).expect(4);
    follow(world, &found);
    assert_eq!(codes(&doctor(world, 0)), Vec::<String>::new());
}

fn alarms(world: &World) {
    eval(world, "mq-0", "vm_memory_monitor:set_vm_memory_high_watermark(0.000001).");
    assert_cause(world, "MEM");
    eval(world, "mq-0", "vm_memory_monitor:set_vm_memory_high_watermark(0.6).");
    world.mqctl(&["doctor", NAME, "--wait", "--timeout", "2m"]).expect(0);
    eval(world, "mq-1", "rabbit_disk_monitor:set_disk_free_limit(\"900TB\").");
    assert_cause(world, "DISK-ALARM");
    eval(world, "mq-1", "rabbit_disk_monitor:set_disk_free_limit(\"50MB\").");
    world.mqctl(&["doctor", NAME, "--wait", "--timeout", "2m"]).expect(0);
}

/// Somebody changed it in the broker, and told neither profile nor Secret.
fn password(world: &World) {
    let ours = world.credentials().password().to_owned();
    world.namespace.shell("mq-0", "rabbitmqctl -q change_password user told-nobody");
    let found = doctor(world, 4);
    assert_eq!(codes(&found), ["CRED-PVC"], "{found:#}");
    world.namespace.shell("mq-0", &format!("rabbitmqctl -q change_password user {ours}"));
    assert_eq!(codes(&doctor(world, 0)), Vec::<String>::new());
}

fn probe(world: &World) {
    let never =
        json!({"exec": {"command": ["false"]}, "initialDelaySeconds": 2, "periodSeconds": 1, "failureThreshold": 1});
    let container = json!({"name": "rabbitmq", "livenessProbe": never});
    let patch = json!({"spec": {"template": {"spec": {"containers": [container]}}}}).to_string();
    world.namespace.kubectl(&["patch", "statefulset", NAME, "--patch", &patch]);
    let found = until(world, "error PROBE-KILL");
    assert_eq!(codes(&found), ["PROBE-KILL"], "{found:#}");
}

/// The headless Service is gone, and a node starts.
fn names(world: &World) {
    world.namespace.kubectl(&["delete", "service", "mq-headless"]);
    world.namespace.kubectl(&["delete", "pod", "mq-2"]);
    let found = until(world, "error DNS");
    assert_eq!(
        (codes(&found), &found["findings"][0]["subjects"]),
        (vec!["DNS".to_owned()], &json!(["mq-2"])),
        "{found:#}"
    );
    let fix = found["findings"][0]["fix"].as_str().expect("a command");
    let words: Vec<&str> = fix.split_whitespace().take(4).skip(1).collect();
    world.helm(&words).expect(0);
    world.mqctl(&["doctor", NAME, "--wait", "--timeout", "6m"]).expect(0);
}

fn hung(world: &World) {
    world.namespace.shell("mq-0", "rabbitmqctl -q eval 'timer:sleep(600000).' >/dev/null 2>&1 </dev/null &");
    until(world, "warning CLI-HUNG");
    let found = doctor(world, 0);
    follow(world, &found);
    assert_eq!(codes(&doctor(world, 0)), Vec::<String>::new());
}

/// First while the broker runs, then where it is started anew; the volumes of this class are no larger than they say.
fn full(world: &World) {
    let fill = "dd if=/dev/zero of=/var/lib/rabbitmq/mnesia/ballast bs=1M 2>&1 | grep 'No space left'";
    world.namespace.shell("mq-0", fill);
    assert_cause(world, "DISK-ALARM");
    world.namespace.kubectl(&["delete", "pod", "mq-0"]);
    world.namespace.until("the node ends in its boot", LIMIT, |namespace| {
        namespace.object("pod", "mq-0").pointer("/status/containerStatuses/0/restartCount").is_some_and(|n| *n != 0)
    });
    assert_cause(world, "DISK-ALARM");
    let found = doctor(world, 4);
    let (message, fix) = (found["findings"][0]["message"].to_string(), found["findings"][0]["fix"].to_string());
    assert!(message.contains("mq-0 is full: it cannot boot"), "{found:#}");
    assert!(fix.contains("patch persistentvolumeclaim data-mq-0") && fix.contains("200Mi"), "{found:#}");
    let volume = json!({"name": "data", "persistentVolumeClaim": {"claimName": "data-mq-0"}});
    let container = json!({"name": "room", "image": format!("{}:{MNESIA}", image()), "command": ["rm", "/data/mnesia/ballast"],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}]});
    let spec = json!({"restartPolicy": "Never", "containers": [container], "volumes": [volume]});
    world.namespace.apply(&[json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "room"}, "spec": spec})]);
    world.mqctl(&["doctor", NAME, "--wait", "--timeout", "5m"]).expect(0);
}

/// Runs the command that the first finding has to paste.
fn follow(world: &World, found: &Value) {
    let fix = found["findings"][0]["fix"].as_str().expect("a command");
    // Without `kubectl --namespace NAME`.
    let words: Vec<&str> = fix.split_whitespace().skip(3).collect();
    world.namespace.kubectl(&words);
}

/// This is the only error, beside what may become one.
#[track_caller]
pub(crate) fn assert_error(world: &World, code: &str) {
    until(world, &format!("error {code}"));
    let found = doctor(world, 4);
    let all = found["findings"].as_array().into_iter().flatten();
    let errors: Vec<&Value> = all.filter(|finding| finding["severity"] == "error").map(|one| &one["code"]).collect();
    assert_eq!(errors, [code], "{found:#}");
}

/// This is the cause that is found, and nothing else is called one.
#[track_caller]
pub(crate) fn assert_cause(world: &World, code: &str) {
    until(world, &format!("error {code}"));
    let found = doctor(world, 4);
    assert_eq!(codes(&found), [code], "{found:#}");
}

/// As a helm that was killed leaves it, long ago.
fn pending(world: &World) {
    let secret = world.namespace.names("secrets").into_iter().find(|name| name.contains("sh.helm.release.v1.mq.v1"));
    let secret = secret.expect("helm's record").trim_start_matches("secret/").to_owned();
    let record = world.namespace.kubectl(&["get", "secret", &secret, "--output", "jsonpath={.data.release}"]);
    let script = "base64 -d | base64 -d | gunzip | sed -e 's/\"status\":\"deployed\"/\"status\":\"pending-upgrade\"/' \
        -e 's/\"last_deployed\":\"20[0-9][0-9]/\"last_deployed\":\"2020/' | gzip -9 | base64 -w0 | base64 -w0";
    let changed = piped(script, &record);
    let patch =
        json!({"data": {"release": changed}, "metadata": {"labels": {"status": "pending-upgrade"}}}).to_string();
    world.namespace.kubectl(&["patch", "secret", &secret, "--type", "merge", "--patch", &patch]);
    let found = doctor(world, 4);
    assert_eq!(codes(&found), ["HELM-PENDING"], "{found:#}");
}

/// What a shell script makes of a text.
fn piped(script: &str, text: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("text");
    std::fs::write(&file, text).expect("a file in it");
    let input = std::fs::File::open(&file).expect("the file");
    let output = std::process::Command::new("sh").args(["-c", script]).stdin(input).output().expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("base64").trim().to_owned()
}
