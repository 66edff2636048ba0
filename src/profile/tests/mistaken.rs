//! Each kind of mistake with its place, path and words.

use super::*;

#[test]
fn required_keys_stand_at_the_top() {
    let missing =
        ["1:1 format: missing; for example `format: 1`", "1:1 namespace: missing; for example `namespace: rabbitmq`"];
    assert_eq!(mistakes("# a comment\nreplicas: 3\n").len(), 2);
    assert_eq!(mistakes("replicas: 3\n"), missing);
    assert_eq!(mistakes("format: 2\nnamespace: a\n"), ["1:9 format: this mqctl reads format 1, not 2"]);
    assert_eq!(mistakes("format: '1'\nnamespace: a\n"), ["1:9 format: expected a whole number, found `1`"]);
    assert_eq!(mistakes("format:\nnamespace: a\n"), ["1:1 format: expected a whole number, found nothing"]);
}

#[test]
fn who_has_nothing_yet_is_told_where_to_begin() {
    let hint = |text| read(text, Path::new(PATH)).unwrap_err().hint();
    let begin = "a whole profile can be two lines: `format: 1` and `namespace: rabbitmq`";
    for text in ["", "# nothing\n", "format: 1\n", "replicas: 3\n"] {
        assert_eq!(hint(text), begin, "{text:?}");
    }
    for text in ["format: 2\nnamespace: a\n", "a: b: c\n"] {
        assert!(hint(text).starts_with("mqctl profile schema "), "{text:?}");
    }
}

#[test]
fn unknown_keys() {
    check_each(
        r"
        replica: 3 => 3:1 replica: unknown key; did you mean `replicas`?
        Release: a => 3:1 Release: unknown key; did you mean `release`?
        flavour: a => 3:1 flavour: unknown key
        size: 8Gi => 3:1 size: unknown key; did you mean `storage.size`?
        password: hunter2 => 3:1 password: unknown key; did you mean `credentials.password`?
        storage:\n  clas: a => 4:3 storage.clas: unknown key; did you mean `class`?
        storage: {volume: no} => 3:11 storage.volume: unknown key; known here: class, size
        credentials:\n  pasword: {env: A} => 4:3 credentials.pasword: unknown key; did you mean `password`?
        ",
    );
}

#[test]
fn mistakes_of_expose() {
    check_each(
        r"
        expose: yes => 3:9 expose: expected a mapping, found `yes`
        expose: {typ: NodePort} => 3:10 expose.typ: unknown key; did you mean `type`?
        expose: {type: ClusterIP} => 3:16 expose.type: expected LoadBalancer or NodePort, found `ClusterIP`
        expose: {type: 1} => 3:16 expose.type: expected LoadBalancer or NodePort, found `1`
        expose: {ip: 10.0.0.256} => 3:14 expose.ip: expected an IP address such as 192.168.1.39, found `10.0.0.256`
        expose: {ip: 10} => 3:14 expose.ip: expected an IP address such as 192.168.1.39, found `10`
        expose: {type: NodePort, ip: 10.0.0.1} => 3:30 expose.ip: only a LoadBalancer has it; `expose.type` is NodePort
        expose: {type: NodePort, sourceRanges: [10.0.0.0/8]} => 3:40 expose.sourceRanges: only a LoadBalancer has it; `expose.type` is NodePort
        expose: {ports: amqp} => 3:17 expose.ports: expected a list, found `amqp`
        expose: {ports: []} => 3:17 expose.ports: expected at least one port; leave the key out for amqp
        expose: {ports: [amqp, 15672]} => 3:24 expose.ports.1: unknown port `15672`; did you mean `management`?
        expose: {ports: [ampq]} => 3:18 expose.ports.0: unknown port `ampq`; did you mean `amqp`?
        expose: {ports: [amqp, amqp]} => 3:24 expose.ports.1: `amqp` stands here twice
        expose: {ports: [{}]} => 3:18 expose.ports.0: expected text
        expose: {sourceRanges: [10.0.0.0/8, 10.0.0.1]} => 3:37 expose.sourceRanges.1: expected a network such as 192.168.0.0/16; one address alone ends in /32, found `10.0.0.1`
        expose: {annotations: {a b: c}} => 3:24 expose.annotations.a b: expected an annotation's key such as metallb.io/address-pool
        expose: {annotations: {mqctl/exposed: c}} => 3:24 expose.annotations.mqctl/exposed: expected a key that is not mqctl's own
        expose: {annotations: {a: 1}} => 3:27 expose.annotations.a: expected text, found `1`; quote it
        sourceRanges: [] => 3:1 sourceRanges: unknown key; did you mean `expose.sourceRanges`?
        ",
    );
}

#[test]
fn wrong_types() {
    check_each(
        r"
        release: 12 => 3:10 release: expected text, found `12`; quote it
        image: {tag: 4.10} => 3:14 image.tag: expected text, found `4.10`; quote it
        context: => 3:1 context: expected text, found nothing
        context: [a] => 3:10 context: expected text, found a list
        protected: yes => 3:12 protected: expected true or false, found `yes`
        replicas: three => 3:11 replicas: expected a whole number, found `three`
        replicas: 3.5 => 3:11 replicas: expected a whole number, found `3.5`
        storage: 8Gi => 3:10 storage: expected a mapping, found `8Gi`
        storage: {size: 8} => 3:17 storage.size: expected a size such as 8Gi, found `8`
        timeouts: {boot: 10} => 3:18 timeouts.boot: expected a time such as 10m, 90s or 1h30m, found `10`
        values: [] => 3:9 values: expected a mapping, found a list
        ",
    );
}

#[test]
fn impossible_values() {
    check_each(
        r"
        storage:\n  size: 8 GB => 4:9 storage.size: expected a size such as 8Gi, found `8 GB`
        storage: {size: 0Gi} => 3:17 storage.size: expected a size above zero, such as 8Gi, found `0Gi`
        storage: {size: 8Mi} => 3:17 storage.size: expected 64Mi or more, found `8Mi`: less than a broker keeps free
        storage: {class: ''} => 3:18 storage.class: expected a StorageClass; leave the key out for the default one
        replicas: 0 => 3:11 replicas: expected 1 to 9 nodes, found `0`
        replicas: -3 => 3:11 replicas: expected 1 to 9 nodes, found `-3`
        replicas: 10 => 3:11 replicas: expected 1 to 9 nodes, found `10`
        release: 2mq => 3:10 release: expected 1 to 40 of a-z, 0-9 and `-`, a letter first, no `-` at the end, found `2mq`
        context: ' ' => 3:10 context: expected the name of a kube context; leave the key out for any
        chart: {ref: rabbitmq} => 3:14 chart.ref: expected builtin, REPO/CHART, oci://HOST/CHART, or a path such as ./charts/rabbitmq, found `rabbitmq`
        chart: {ref: 'charts/mq.tgz'} => 3:14 chart.ref: expected builtin, REPO/CHART, oci://HOST/CHART, or a path such as ./charts/rabbitmq, found `charts/mq.tgz`; did you mean `./charts/mq.tgz`?
        image: {repository: a, tag: b}\nchart: {ref: acme/mq} => 4:8 chart.version: missing: a chart that is not on this machine is named with its version
        image: {repository: a, tag: b}\nchart: {ref: acme/mq, version: ^1.0.0} => 4:32 chart.version: expected one version such as 16.0.16, and no range; found `^1.0.0`
        image: {repository: a, tag: b}\nchart: {ref: 'oci://hub.example/mq', version: 1.x} => 4:47 chart.version: expected one version such as 16.0.16, and no range; found `1.x`
        image: {repository: a, tag: b}\nchart: {ref: acme/mq, version: 1.0.0, dialect: ha} => 4:48 chart.dialect: expected stable, bitnami, cloudpirates, groundhog2k or custom, found `ha`
        image: {repository: a, tag: b}\nchart: {ref: acme/mq, version: 1.0.0, dialect: custom} => 4:8 chart.custom: missing: it says what the chart is told and calls things, under `keys` at least
        chart: {dialect: stable} => 3:18 chart.dialect: the built-in chart has none; leave the key out
        chart: {custom: {keys: {replicas: a, storageSize: b, image: c, passwordSecret: d, cookieSecret: d}}} => 3:9 chart.custom: it describes a chart of `dialect: custom`; say that, or leave the key out
        image: {repository: 'rabbitmq:4'} => 3:21 image.repository: expected no tag or digest here: they go into `image.tag`, found `rabbitmq:4`
        image: {tag: a b} => 3:14 image.tag: expected a tag such as 4.3.6-management, found `a b`
        timeouts: {boot: 0s} => 3:18 timeouts.boot: expected 1s to 24h, found `0s`
        timeouts: {boot: 25h} => 3:18 timeouts.boot: expected 1s to 24h, found `25h`
        timeouts: {boot: soon} => 3:18 timeouts.boot: expected a time such as 10m, 90s or 1h30m, found `soon`
        ",
    );
}

#[test]
fn a_namespace_is_a_label() {
    let wanted = "2:12 namespace: expected 1 to 63 of a-z, 0-9 and `-`, a letter or digit at both ends, found `Rabbit`";
    assert_eq!(mistakes("format: 1\nnamespace: Rabbit\n"), [wanted]);
}

#[test]
fn the_file_names_the_release_if_it_can() {
    let error = read(GOOD, Path::new("profiles/Prod MQ.yaml")).unwrap_err();
    let text = "1:1 release: missing, and the file's name `Prod MQ` cannot be a release's";
    assert_eq!(error.mistakes.iter().map(line).collect::<Vec<_>>(), [text]);
}

#[test]
fn values_leave_alone_what_mqctl_sets() {
    check_each(
        r"
        values:\n  replicas: 5 => 4:3 values.replicas: mqctl sets this key itself; use `replicas`
        values: {image: {tag: x}} => 3:18 values.image.tag: mqctl sets this key itself; use `image.tag`
        values: {a: {b: on}} => 3:17 values.a.b: quote it; some YAML readers take it for true or false
        values: {a: [012]} => 3:14 values.a.0: quote it; some YAML readers take it for another number
        values: {a: .nan} => 3:13 values.a: neither an infinity nor NaN can be passed on
        values: {5672: a} => 3:10 values.5672: a key must be text; quote it
        ",
    );
}

#[test]
fn sources_that_are_none() {
    check_each(
        r"
        credentials:\n  password: hunter2 => 4:13 credentials.password: expected a source: one of env, file, command, secret; a password or cookie itself does not belong into this file
        credentials:\n  password: 12345 => 4:13 credentials.password: expected a source: one of env, file, command, secret; a password or cookie itself does not belong into this file
        credentials:\n  password: [hunter2] => 4:13 credentials.password: expected a source: one of env, file, command, secret; a password or cookie itself does not belong into this file
        credentials:\n  password: => 4:3 credentials.password: expected a source: one of env, file, command, secret; leave the key out for none
        credentials:\n  password: {} => 4:13 credentials.password: expected exactly one of env, file, command, secret
        credentials:\n  password: {env: A, file: b} => 4:13 credentials.password: expected exactly one of env, file, command, secret
        credentials:\n  password: {cmd: [a]} => 4:14 credentials.password.cmd: unknown source; one of env, file, command, secret
        credentials:\n  password: {hunter2} => 4:14 credentials.password: unknown source; one of env, file, command, secret
        credentials:\n  password: {hunter2: hunter2} => 4:14 credentials.password: unknown source; one of env, file, command, secret
        credentials:\n  password: {env: hunter-2} => 4:19 credentials.password.env: expected the name of an environment variable
        credentials:\n  password: {env: 12345} => 4:19 credentials.password.env: expected the name of a variable, found a number
        credentials:\n  password: {file: ~/hunter2} => 4:20 credentials.password.file: expected a path, absolute or from the profile's folder; `~` is not expanded
        credentials:\n  password: {command: hunter2} => 4:23 credentials.password.command: expected a list of texts, the program and its arguments
        credentials:\n  password: {command: []} => 4:23 credentials.password.command: expected a program and its arguments
        credentials:\n  password: {secret: hunter2} => 4:22 credentials.password.secret: expected a mapping {name, key}
        credentials:\n  password: {secret: {name: mq}} => 4:22 credentials.password.secret.key: missing; expected a key of the Secret
        credentials:\n  password: {secret: {name: HUNTER, key: a}} => 4:29 credentials.password.secret.name: expected the name of a Secret
        ",
    );
}

#[test]
fn users_have_plain_names() {
    let plain = "expected 1 to 64 of a-z, A-Z, 0-9, `.`, `_` and `-`, a letter or digit first";
    let own_host = "this user may log in from the broker's own host only (RabbitMQ's loopback_users); choose another";
    for (name, text) in [("hunter:2", plain), ("''", plain), ("\"a\\nb\"", plain), ("guest", own_host)] {
        let found = mistakes(&format!("{GOOD}credentials:\n  username: {name}\n"));
        assert_eq!(found, [format!("4:13 credentials.username: {text}")]);
    }
}

#[test]
fn nothing_below_credentials_is_repeated() {
    for credentials in [
        "hunter2",
        "[hunter2]",
        "{hunter2}",
        "{hunter2: a}",
        "{password: hunter2, password: hunter2}",
        "{password: &hunter2 a}",
        "{password: !hunter2 a}",
        "{password: *hunter2}",
        "{password: {hunter2, hunter2}}",
        "{password: {env: hunter2 x}}",
        "{password: {env: {hunter2: 1}}}",
        "{password: {secret: {hunter2: 1}}}",
        "{password: @hunter2}",
        "{password: 'hunter2}",
        "{password: {hunter2.env: off}}",
        "{username: hunter2 x}",
        "{username: [hunter2]}",
        "{password: {command: [{hunter2: off}]}}",
        "{? [hunter2] : a}",
        "{password: {secret: {name: HUNTER2 hunter2, key: hunter2/}}}",
    ] {
        let error = read(&format!("{GOOD}credentials: {credentials}\n"), Path::new(PATH)).unwrap_err();
        let all = format!("{error} {error:?}");
        assert!(!all.to_lowercase().contains("hunter2"), "{credentials}: {error}");
    }
}
