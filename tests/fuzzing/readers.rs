//! What is read, from which texts the made-up ones are made, and what must hold of every answer.

use std::path::Path;

use mqctl::cluster::{External, Pod, StatefulSet};
use mqctl::logs::{Cursor, Line, Shown, View};
use mqctl::process::Reply;
use mqctl::{chart, helm, kubectl, profile, rabbitmq};

pub(crate) struct Reader {
    pub(crate) name: &'static str,
    /// Real texts.
    pub(crate) texts: &'static [&'static str],
    /// Words of its language, and those that break readers.
    pub(crate) words: &'static [&'static str],
    /// Gets one input of so many.
    pub(crate) share: usize,
    /// Reads an input, panics where the answer contradicts itself, and says whether it was taken.
    pub(crate) read: fn(&[u8]) -> bool,
}

pub(crate) const READERS: [Reader; 3] = [
    Reader { name: "profile", texts: &PROFILES, words: &PROFILE_WORDS, share: 1, read: read_profile },
    Reader { name: "log", texts: &LOGS, words: &LOG_WORDS, share: 10, read: read_log },
    Reader { name: "json", texts: &ANSWERS, words: &ANSWER_WORDS, share: 10, read: read_answer },
];

const PROFILES: [&str; 7] = [
    "format: 1\nnamespace: rabbitmq\n",
    include_str!("../../examples/prodmq.yaml"),
    include_str!("../../examples/sources.yaml"),
    "format: 1\nrelease: prodmq\nnamespace: rabbitmq\ncontext: prod-eu1\nprotected: true\nchart: {ref: builtin}\n\
     image: {repository: rabbitmq, tag: 4.0.5-management}\nreplicas: 5\nstorage: {class: fast, size: 8Gi}\n\
     credentials:\n  username: app\n  password: {env: PASS}\n  erlangCookie: {command: [sops, -d, x]}\n\
     expose: {type: LoadBalancer, ip: 10.0.0.1, ports: [amqp, management], sourceRanges: [10.0.0.0/8]}\n\
     values:\n  plugins: [rabbitmq_shovel]\n  resources: {limits: {memory: 2Gi}}\ntimeouts: {install: 90s, boot: 1h}\n",
    "format: 1\nnamespace: mq\nchart: {ref: 'oci://hub.example/charts/rabbitmq', version: 16.0.16, dialect: bitnami}\n\
     image: {repository: mq, tag: 4.0.5}\nvalues: {podManagementPolicy: Parallel}\n",
    "format: 1\nnamespace: mq\nimage: {repository: hub.example/mq, tag: 4.0.5}\nchart:\n  ref: acme/mq\n  version: 1.2.0\n  dialect: custom\n  \
     custom:\n    statefulSet: mq\n    volumePath: /data\n    dataPath: /data/nodes\n    podLabels: {app: mq}\n    parallel: true\n    \
     keys: {replicas: nodes, image: image, storageSize: disk.size, username: login.name, password: login.password, \
     cookieSecret: login.secret, forceBoot: a.b}\n    secretKeys: {password: p, erlangCookie: c}\n",
    r#"{"format": 1, "namespace": "mq", "replicas": 3, "values": {"a": [1, 2.5, null, true, "b"]}}"#,
];

const PROFILE_WORDS: [&str; 68] = [
    "custom",
    "keys:",
    "a.b.c",
    "..",
    "^1.0",
    "acme/mq",
    "format: 1\n",
    "namespace: a\n",
    "release",
    "context",
    "protected: yes\n",
    "chart",
    "image",
    "tag: 4.10",
    "replicas: 0\n",
    "storage:",
    "class",
    "size",
    "8Gi",
    "0.5Ti",
    "99999999999999999999Gi",
    "1e9",
    "credentials:",
    "password",
    "erlangCookie",
    "username",
    "env",
    "file",
    "command",
    "secret",
    "expose",
    "sourceRanges",
    "annotations",
    "values:",
    "timeouts",
    "boot",
    "10m",
    "999999h",
    "&a ",
    "*a",
    "!!str ",
    "!x ",
    "<<: ",
    "? ",
    ": ",
    "- ",
    "| \n",
    ">-\n",
    "\t",
    "'",
    "\"",
    "#",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "~",
    ".nan",
    "0x1F",
    "-9223372036854775808",
    "\u{feff}",
    "\0",
    "\u{85}",
    "\r\n",
    "\u{2028}",
    "{",
    "}",
    "[",
    "]",
];

fn read_profile(input: &[u8]) -> bool {
    match profile::decode(input, Path::new("profiles/prodmq.yaml")) {
        Ok(profile) => {
            assert!((1..=9).contains(&profile.replicas), "{} replicas", profile.replicas);
            let names = chart::names(&profile);
            assert_eq!(names.pods.len(), usize::try_from(profile.replicas).unwrap());
            assert!(names.pods.iter().chain([&names.secret]).all(|name| name.len() <= 63), "{names:?}");
            assert!(chart::values(&profile).is_object());
            true
        }
        Err(error) => {
            let (shown, hint) = (error.to_string(), error.hint());
            assert!(!error.mistakes.is_empty() && !hint.is_empty(), "refused for nothing");
            let obeyed = shown.chars().find(|c| c.is_control() && *c != '\n');
            assert!(obeyed.is_none(), "a terminal would obey {obeyed:?}");
            false
        }
    }
}

const LOGS: [&str; 3] = [
    "2026-11-22T08:57:17.157753460Z 2026-11-22 08:57:17.157461+00:00 [info] <0.230.0>  Starting RabbitMQ 4.3.6 on Erlang 27\n\
     2026-11-22T08:57:18.157753460Z 2026-11-22 08:57:18.157461+00:00 [warning] <0.230.0> Waiting for Mnesia tables for \
     30000 ms, 9 retries left\n2026-11-22T08:57:19.1Z 2026-11-22 08:57:19.1+00:00 [error] <0.1.0> boot failed\n",
    "[pod/prodmq-0/rabbitmq] 2026-11-22 08:57:17.15+00:00 [notice] <0.44.0> Peer discovery: node is not part of a cluster\n\
     [pod/prodmq-0/rabbitmq] Recovering 3 queues of type rabbit_classic_queue\n[pod/prodmq-1/rabbitmq]  ##  ##\n",
    "Server startup complete; 5 plugins started.\n * rabbitmq_management\n\x1b[31mred\x1b[0m\n\n\n",
];

const LOG_WORDS: [&str; 18] = [
    " [info] ",
    " [error] ",
    "[",
    "]",
    "<0.1.0>",
    "Waiting for ",
    " retries left",
    "Recovering ",
    " queues of type ",
    "[pod/prodmq-0/rabbitmq] ",
    "2026-11-22T08:57:17.157753460Z ",
    "T",
    "\r",
    "\u{1b}[2J",
    "\u{2028}",
    "é",
    "9999999999999999999",
    "Starting RabbitMQ ",
];

/// As `logs` reads it, line by line with a restart in the middle, and as a wait reads it, all at once.
fn read_log(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let view = View { level: None, json: input.len().is_multiple_of(2), secrets: Vec::new() };
    let (mut cursor, mut shown) = (Cursor::default(), Shown::default());
    let mut taken = 0;
    for (number, line) in text.lines().enumerate() {
        if number == 2 {
            cursor.start_again();
        }
        let line = Line::read(line);
        if cursor.is_new(&line) {
            let lines = shown.next("prodmq-0", &line, &view);
            assert!((1..=2).contains(&lines.len()), "{} lines of one", lines.len());
            taken += 1;
        }
    }
    let log = kubectl::lines_of(&text, "prodmq-0", chart::CONTAINER);
    let phase = rabbitmq::phase(&log, "prodmq-0");
    assert!(phase.tenths() <= 10 && !phase.to_string().is_empty());
    taken > 0
}

const ANSWERS: [&str; 6] = [
    r#"{"apiVersion":"v1","kind":"List","items":[{"kind":"StatefulSet","metadata":{"name":"q","generation":2,"annotations":{"mqctl/values":"a"}},"spec":{"replicas":3},"status":{"observedGeneration":2,"readyReplicas":3,"updatedReplicas":3}}]}"#,
    r#"{"kind":"Pod","metadata":{"name":"q-0","uid":"1","annotations":{"mqctl/stopping":"true"}},"status":{"hostIP":"10.0.0.1","conditions":[{"type":"PodScheduled","status":"False","message":"0/3 nodes"}],"initContainerStatuses":[{"name":"start-gate","state":{"running":{}}}],"containerStatuses":[{"name":"rabbitmq","ready":false,"restartCount":4,"state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off"}},"lastState":{"terminated":{"reason":"OOMKilled","exitCode":137}}}]}}"#,
    r#"{"kind":"Service","metadata":{"name":"q-external","labels":{"app.kubernetes.io/managed-by":"mqctl"}},"spec":{"type":"LoadBalancer","ports":[{"name":"amqp","port":5672,"targetPort":5672,"nodePort":30000}],"selector":{"a":"b"}},"status":{"loadBalancer":{"ingress":[{"ip":"10.0.0.9"},{"hostname":"a.example"}]}}}"#,
    r#"[{"name":"q","namespace":"n","revision":"4","updated":"2026-11-22 08:57:17.15 +0000 UTC","status":"deployed","chart":"mqctl-rabbitmq-1.0.0","app_version":"4.3"}]"#,
    r#"{"node":"rabbit@q-0","running":true,"version":"4.3.6","khepri":true,"members":["rabbit@q-0"],"up":[],"alarms":["memory"],"memory":325058560,"memoryLimit":1073741824,"diskFree":6600000000,"uptime":187440,"queues":35,"leaders":12,"ready":400,"unacked":4,"cookie":"00ff","login":true}"#,
    r#"{"name":"q","manifest":"---\nkind: Service\nmetadata:\n  name: q\n---\nkind: StatefulSet\n"}"#,
];

const ANSWER_WORDS: [&str; 22] = [
    "null",
    "[]",
    "{}",
    "\"\"",
    "-1",
    "1e999",
    "18446744073709551616",
    "\"\\ud800\"",
    "\"kind\":\"Pod\"",
    "\"items\"",
    "\"status\"",
    "\"spec\"",
    "\"containerStatuses\"",
    "\"replicas\"",
    "\"ports\"",
    "CrashLoopBackOff",
    "ErrImagePull",
    "deployed",
    ",",
    ":",
    "}{",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
];

/// As each of the readers of JSON would.
fn read_answer(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let reply =
        |stdout: String| Reply { code: Some(0), stdout: stdout.into(), stderr: String::new(), timed_out: false };
    let plain = reply(text.to_string());
    for object in kubectl::items(&plain) {
        let pod = Pod::read(&object, chart::CONTAINER);
        assert!(pod.standing.tenths() <= 10 && !format!("{pod:?}").is_empty());
        StatefulSet::read(&object).all_ready();
        External::read(&object).way(&["10.0.0.1".to_owned()]);
    }
    let denied = kubectl::rights::denied(&plain).len();
    let release = helm::read_list(&plain).is_ok_and(|release| release.is_none_or(|r| !(r.pending() && r.deployed())));
    let manifest = helm::read_rendered(&plain).is_ok();
    let answer = rabbitmq::read(&reply(format!("noise\nmqctl {}", text.replace('\n', " ")))).is_ok();
    denied > 0 || release || manifest || answer
}
