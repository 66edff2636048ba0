mod any_text;
mod charts;
mod custom;
mod described;
mod drafts;
mod mistaken;

use super::*;

use serde_json::json;

const PATH: &str = "profiles/prodmq.yaml";

/// Two good lines; what follows begins in line 3.
const GOOD: &str = "format: 1\nnamespace: rabbitmq\n";

/// What is read, an editor accepts as well.
fn good(more: &str) -> Profile {
    let text = format!("{GOOD}{more}");
    assert_eq!(described::refusal(&text), None, "{text}");
    read(&text, Path::new(PATH)).unwrap()
}

/// `line:column path: text`, one for each mistake.
fn mistakes(text: &str) -> Vec<String> {
    let error = read(text, Path::new(PATH)).err();
    error.map(|error| error.mistakes).unwrap_or_default().iter().map(line).collect()
}

/// No chart is looked at.
fn nobody(_: &crate::chart::Wanted) -> Result<crate::chart::Described, Unseen> {
    Err(Unseen::Mistake("not looked at".to_owned()))
}

fn line(mistake: &Mistake) -> String {
    let place = mistake.place.map(|(line, column)| format!("{line}:{column} ")).unwrap_or_default();
    format!("{place}{}: {}", mistake.path, mistake.text)
}

/// Each line `yaml => the one mistake it makes`, below the two good lines; `\\n` is a line's end. An editor marks it too,
/// unless it is beyond a schema.
fn check_each(cases: &str) {
    for case in cases.trim().lines() {
        let (more, expected) = case.trim().split_once(" => ").unwrap();
        let more = more.replace(r"\n", "\n");
        let text = format!("{GOOD}{more}\n");
        assert_eq!(mistakes(&text), [expected], "{more:?}");
        assert_eq!(described::refusal(&text).is_some(), !described::BEYOND.contains(&more.as_str()), "{more:?}");
    }
}

#[test]
fn two_lines_are_a_profile() {
    let profile = good("");
    assert_eq!(
        profile,
        Profile {
            name: "prodmq".to_owned(),
            path: PATH.into(),
            release: "prodmq".parse().unwrap(),
            namespace: "rabbitmq".parse().unwrap(),
            context: None,
            protected: false,
            chart: ChartRef::Builtin,
            image: Image { repository: "rabbitmq".to_owned(), tag: "4.3.6-management".to_owned() },
            replicas: 3,
            storage: Storage { class: None, size: "8Gi".parse().unwrap() },
            credentials: Credentials { username: "user".to_owned(), password: None, erlang_cookie: None },
            expose: None,
            definitions: None,
            values: Map::new(),
            timeouts: Timeouts { install: Duration::from_secs(600), boot: Duration::from_secs(600) },
            warnings: Vec::new(),
        }
    );
}

#[test]
fn every_key_is_read() {
    let profile = good(
        "release: mq\ncontext: prod-eu1\nprotected: true\nchart: {ref: builtin}\n\
         image: {repository: 'registry.example:5000/mq/rabbitmq', tag: 4.0.5-management}\n\
         replicas: 5\nstorage: {class: rook-ceph-block, size: 20Gi}\n\
         credentials:\n  username: app\n  password: {env: RABBITMQ_PASSWORD}\n  erlangCookie: {command: [sops, -d, x]}\n\
         values: {plugins: [rabbitmq_shovel], resources: {limits: {memory: 2Gi}}, none: ~}\n\
         timeouts: {install: 90s, boot: 1h}\ndefinitions: mq.json\n",
    );
    assert_eq!(profile.definitions, Some("profiles/mq.json".into()));
    assert_eq!(profile.release.as_str(), "mq");
    assert_eq!((profile.context.as_deref(), profile.protected), (Some("prod-eu1"), true));
    assert_eq!(profile.image.repository, "registry.example:5000/mq/rabbitmq");
    assert_eq!((profile.image.tag.as_str(), profile.replicas), ("4.0.5-management", 5));
    assert_eq!(profile.storage.class.as_deref(), Some("rook-ceph-block"));
    assert_eq!(profile.storage.size.bytes(), 20 << 30);
    assert_eq!(profile.credentials.username, "app");
    let values = json!({"plugins": ["rabbitmq_shovel"], "resources": {"limits": {"memory": "2Gi"}}, "none": null});
    assert_eq!(Value::Object(profile.values), values);
    assert_eq!((profile.timeouts.install.as_secs(), profile.timeouts.boot.as_secs()), (90, 3600));
}

#[test]
fn sources_are_one_of_four() {
    for (source, expected) in [
        ("{env: MQ_PASSWORD}", Source::Env("MQ_PASSWORD".to_owned())),
        ("{file: ../mq.pass}", Source::File("profiles/../mq.pass".into())),
        ("{file: /run/mq.pass}", Source::File("/run/mq.pass".into())),
        ("{command: [pass, mq]}", Source::Command(vec!["pass".to_owned(), "mq".to_owned()])),
        ("{secret: {name: mq, key: p.w}}", Source::Secret { name: "mq".to_owned(), key: "p.w".to_owned() }),
    ] {
        assert_eq!(good(&format!("credentials: {{password: {source}}}\n")).credentials.password, Some(expected));
    }
}

#[test]
fn mappings_with_all_keys_commented_out_are_none() {
    assert_eq!(good("storage:\n#  size: 1Gi\nvalues:\ncredentials:\ntimeouts:\nimage:\nchart:\n"), good(""));
}

#[test]
fn digests_may_follow_a_tag() {
    let tag = format!("4.3.6-management@sha256:{}", "0a".repeat(32));
    assert_eq!(good(&format!("image: {{tag: '{tag}'}}\n")).image.tag, tag);
}

#[test]
fn expose_has_defaults_and_a_warning() {
    assert_eq!(good("expose:\n").expose, None);
    assert_eq!(good("expose: {}\n").expose, Some(Exposure::default()));
    assert_eq!(good("expose: {}\n").warnings[0].path, "expose.sourceRanges");
    let profile = good(
        "expose: {type: LoadBalancer, ip: 192.168.1.39, ports: [amqp, management], sourceRanges: [10.0.0.0/8], annotations: {a/b: c}}\n",
    );
    let expose = profile.expose.unwrap();
    assert_eq!((expose.ip.unwrap().to_string(), expose.ports.len()), ("192.168.1.39".to_owned(), 2));
    assert_eq!(
        (expose.source_ranges[0].to_string(), expose.annotations["a/b"].as_str()),
        ("10.0.0.0/8".to_owned(), "c")
    );
    assert_eq!(profile.warnings, []);
}

#[test]
fn even_numbers_of_nodes_are_warned_of() {
    let profile = good("replicas: 4\n");
    let text = "4 nodes survive no more failures than 3; take an odd number".to_owned();
    assert_eq!(profile.warnings, [Warning { path: "replicas".to_owned(), text }]);
    for odd in [1, 3, 9] {
        assert_eq!(good(&format!("replicas: {odd}\n")).warnings, []);
    }
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let text = "format: 1\nnamespace: rabbitmq\nprotected: maybe\nreplica: 3\nstorage:\n  class: a\n  class: b\n  size: 8 GB\n\
                credentials:\n  password: {cmd: [a]}\nvalues: {replicas: 3, a: no}\n";
    let error = read(text, Path::new(PATH)).unwrap_err();
    let expected = "\
profiles/prodmq.yaml has 7 mistakes
  3:12  `protected`                  expected true or false, found `maybe`
  4:1   `replica`                    unknown key; did you mean `replicas`?
  7:3   `storage.class`              duplicate key; it stands in line 6 too
  8:9   `storage.size`               expected a size such as 8Gi, found `8 GB`
 10:14  `credentials.password.cmd`   unknown source; one of env, file, command, secret
 11:10  `values.replicas`            mqctl sets this key itself; use `replicas`
 11:26  `values.a`                   quote it; some YAML readers take it for true or false";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_mistake_of_the_whole_file_has_no_path() {
    let error = read("a: b: c\n", Path::new(PATH)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "profiles/prodmq.yaml has 1 mistake\n  1:5   mapping values are not allowed in this context"
    );
}

#[test]
fn hundreds_are_counted_not_listed() {
    let text = (0..100).map(|n| format!("unknown-{n}: 1\n")).collect::<Vec<_>>().concat();
    let shown = read(&format!("{GOOD}{text}"), Path::new(PATH)).unwrap_err().to_string();
    assert_eq!((shown.lines().count(), shown.lines().last()), (42, Some("  and 60 more")));
}

#[test]
fn thousands_are_all_found() {
    let numbered = |line: fn(usize) -> String| (0..5000).map(line).collect::<Vec<_>>().concat();
    for (text, count) in [
        (numbered(|n| format!("key-{n}: 1\n")), 5000),
        (numbered(|n| format!("release: a{n}\n")), 4999),
        (format!("values:\n{}", numbered(|n| format!("  a{n}: on\n"))), 5000),
        (format!("release: {}\n", "a".repeat(1_000_000)), 1),
    ] {
        assert_eq!(mistakes(&format!("{GOOD}{text}")).len(), count);
    }
}
