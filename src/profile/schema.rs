//! The profile as a JSON Schema, for editors: what `file` reads and `check` accepts, as far as a schema can say it.

use serde_json::{Value, json};

use super::{ChartRef, Credentials, FORMAT, Image, Storage, Timeouts};
use crate::chart::{CONTAINER, CUSTOM, Custom, Dialect, INSTANCE};
use crate::exposure::{Port, ServiceType};
use crate::units::show_duration;

/// A chart that helm finds by name: of a repository that it knows, or in a registry.
const REMOTE: &str = "^(cloudpirates|groundhog2k|[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*|\
    oci://[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]{1,5})?(/[A-Za-z0-9][A-Za-z0-9._-]*)+)$";

/// A packed chart whose path lacks its beginning.
const PACKED: &str = r"^[A-Za-z0-9][^/]*/[^/]*\.(tgz|gz)$";

/// One version, and no range.
const EXACT: &str = r"^v?(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$";

/// Draft 2020-12. Two things are beyond it: bounds of sizes and times, and words that YAML readers disagree about.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Profile of mqctl",
        "description": "One RabbitMQ cluster on Kubernetes. There is no secret in it, only where to find one.",
        "type": "object",
        "required": ["format", "namespace"],
        "additionalProperties": false,
        "properties": {
            "format": {"description": "Format of this file.", "const": FORMAT, "examples": [FORMAT]},
            "release": release(),
            "namespace": namespace(),
            "context": context(),
            "protected": protected(),
            "chart": chart(),
            "image": image(),
            "replicas": replicas(),
            "storage": storage(),
            "credentials": credentials(),
            "expose": expose(),
            "definitions": definitions(),
            "values": values(),
            "timeouts": timeouts(),
        },
        "if": {"required": ["chart"], "properties": {"chart": {
            "type": "object", "required": ["ref"], "properties": {"ref": {"not": {"const": "builtin"}}},
        }}},
        "then": {"required": ["image"], "properties": {"image": {"type": "object", "required": ["repository", "tag"]}}},
        "else": {"properties": {"values": without_own(&ChartRef::Builtin), "chart": {"properties": {"dialect": false, "custom": false}}}},
    })
}

/// A mapping with exactly these keys; one whose keys are all commented out is none.
fn section(description: &str, properties: &Value) -> Value {
    json!({
        "description": description, "type": ["object", "null"], "additionalProperties": false, "properties": properties,
    })
}

fn text(description: &str, pattern: &str, example: &str) -> Value {
    json!({"description": description, "type": "string", "pattern": pattern, "examples": [example]})
}

fn with_default(mut field: Value, default: &str) -> Value {
    field["default"] = default.into();
    field
}

fn release() -> Value {
    let description = "Name of the Helm release; StatefulSet, Service and pods are named after it. Default: the \
        file's name without its ending.";
    text(description, "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", "prodmq")
}

fn namespace() -> Value {
    let description = "Namespace of the release; it is created where it is missing.";
    text(description, "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "rabbitmq")
}

fn context() -> Value {
    let description = "The only kube context to act on; any other is refused. Default: the current context.";
    text(description, r"\S", "prod-eu1")
}

fn protected() -> Value {
    json!({
        "description": "What destroys data takes the release's name typed at a terminal; --confirm is not enough.",
        "type": "boolean", "default": false, "examples": [true],
    })
}

fn chart() -> Value {
    let mut reference = text(
        "The chart: builtin is the one inside mqctl; else REPO/CHART of a repository that helm knows, oci://HOST/CHART, or \
         a folder or a .tgz, from the profile's folder.",
        &format!("^builtin$|^\\.{{0,2}}/|{REMOTE}"),
        "bitnami/rabbitmq",
    );
    reference["not"] = json!({"pattern": PACKED});
    let version = text("Of the chart, exactly; required for one that is not on this machine.", r"\S", "16.0.16");
    let words: Vec<&str> = Dialect::ALL.map(Dialect::word).into_iter().chain([CUSTOM]).collect();
    let dialect = json!({
        "description": "Whose keys the chart has, where neither its reference nor its own files tell.",
        "type": "string", "enum": words, "examples": ["bitnami"],
    });
    let reference = with_default(reference, "builtin");
    let mut section = section(
        "Which chart is installed.",
        &json!({"ref": reference, "version": version, "dialect": dialect, "custom": custom()}),
    );
    let remote = json!({"type": "object", "required": ["ref"], "properties": {"ref": {"pattern": REMOTE}}});
    let is_custom = json!({"type": "object", "required": ["dialect"], "properties": {"dialect": {"const": CUSTOM}}});
    section["allOf"] = json!([
        {"if": remote, "then": {"required": ["version"], "properties": {"version": {"pattern": EXACT}}}},
        {"if": is_custom, "then": {"required": ["custom"], "properties": {"custom": {"type": "object"}}},
         "else": {"properties": {"custom": false}}},
    ]);
    section
}

/// A label's name.
const LABEL: &str = r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$";
/// A label's value, or a key of a Secret.
const WORD: &str = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$";

fn custom() -> Value {
    let path = |what: &str, example: &str| text(what, r"^(/[A-Za-z0-9._-]+)+/?$", example);
    let claim = dns_name("Template of the volumes' claims.", "mq-data");
    let container = dns_name("The broker's container.", "broker");
    let volume = path("Where the broker's container has its volume.", "/bitnami/rabbitmq/mnesia");
    let label = text("The label that all objects have, with the release's name.", LABEL, "release");
    let properties = json!({
        "statefulSet": dns_name("Name of the StatefulSet. Default: the release, with the chart's name behind it unless it is in it.", "prodmq-mq"),
        "clientService": dns_name("Service for clients. Default: called as the StatefulSet.", "prodmq"),
        "headlessService": dns_name("Service by which the nodes find each other. Default: STATEFULSET-headless.", "prodmq-nodes"),
        "claimTemplate": with_default(claim, Custom::CLAIM),
        "container": with_default(container, CONTAINER),
        "volumePath": with_default(volume, Custom::VOLUME),
        "dataPath": path("The folder of the nodes' folders, in the volume. Default: mnesia there.", "/var/lib/rabbitmq/mnesia"),
        "podLabels": {
            "description": "Labels of the broker's pods and no others. Default: app.kubernetes.io/name and releaseLabel.",
            "type": ["object", "null"], "minProperties": 1, "propertyNames": {"pattern": LABEL},
            "additionalProperties": {"type": "string", "pattern": format!("^$|{WORD}")}, "examples": [{"app": "mq"}],
        },
        "releaseLabel": with_default(label, INSTANCE),
        "parallel": {
            "description": "The chart creates all pods at once.", "type": "boolean", "default": false, "examples": [true],
        },
        "keys": custom_keys(),
        "secretKeys": secret_keys(),
    });
    let mut section = section("What a chart of no known family is told, and calls things.", &properties);
    section["required"] = json!(["keys"]);
    section
}

/// Paths of values.
fn custom_keys() -> Value {
    let key = |what: &str, example: &str| {
        text(&format!("Path of the value for {what}."), r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", example)
    };
    let mut keys = section(
        "By which value the chart is told what the profile says.",
        &json!({
            "replicas": key("the number of nodes", "replicaCount"),
            "image": key("REPOSITORY:TAG of the image", "image"),
            "imageRegistry": key("the registry alone", "image.registry"),
            "imageRepository": key("the image without its tag", "image.repository"),
            "imageTag": key("the image's tag", "image.tag"),
            "storageClass": key("the StorageClass", "storage.class"),
            "storageSize": key("the size of each volume", "storage.size"),
            "username": key("the first user. Default: the chart takes it from the existing Secret", "auth.username"),
            "passwordSecret": key("the name of an existing Secret with the password", "auth.existingSecret"),
            "cookieSecret": key("the name of an existing Secret with the Erlang cookie", "auth.existingSecret"),
            "password": key("the password, where the chart takes no existing Secret", "auth.password"),
            "erlangCookie": key("the Erlang cookie, where the chart takes no existing Secret", "auth.erlangCookie"),
            "forceBoot": key("a force boot, where the chart knows one", "forceBoot"),
            "podManagementPolicy": key("how pods are created, where the chart has one", "podManagementPolicy"),
        }),
    );
    let either = |one: &str, other: &str| json!({"oneOf": [{"required": [one]}, {"required": [other]}]});
    let parts = json!({"anyOf": [{"required": ["imageRegistry"]}, {"required": ["imageRepository"]}, {"required": ["imageTag"]}]});
    keys["required"] = json!(["replicas", "storageSize"]);
    keys["anyOf"] = json!([{"required": ["image"], "not": parts}, {"required": ["imageRepository", "imageTag"], "not": {"required": ["image"]}}]);
    keys["allOf"] = json!([
        either("passwordSecret", "password"), either("cookieSecret", "erlangCookie"),
        {"anyOf": [{"required": ["username"]}, {"required": ["passwordSecret"]}]},
    ]);
    keys["type"] = "object".into();
    keys
}

fn secret_keys() -> Value {
    let key = |what: &str, example: &str| text(&format!("Key that the chart reads for {what}."), WORD, example);
    let properties = json!({
        "username": key("the first user", "rabbitmq-username"), "password": key("the password", "rabbitmq-password"),
        "erlangCookie": key("the Erlang cookie", "rabbitmq-erlang-cookie"),
    });
    section("Keys that the chart reads in mqctl's Secret, beside those that it has anyway.", &properties)
}

fn image() -> Value {
    let repository = text(
        "An image laid out like the official one, without its tag.",
        "^([A-Za-z0-9][A-Za-z0-9._:-]*/)*[a-z0-9][a-z0-9._-]*$",
        "registry.example/mq/rabbitmq",
    );
    let tag = text(
        "Tag of the image, RabbitMQ 3.10 to 4.3; may end in a digest, @sha256:….",
        "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[0-9a-f]{64})?$",
        "4.0.5-management",
    );
    let properties = json!({
        "repository": with_default(repository, Image::REPOSITORY), "tag": with_default(tag, Image::TAG),
    });
    section("The broker's container image.", &properties)
}

fn replicas() -> Value {
    json!({
        "description": "Nodes of the cluster; an odd number keeps a majority best.",
        "type": "integer", "minimum": 1, "maximum": 9, "default": 3, "examples": [3, 5],
    })
}

/// A DNS subdomain, as most objects of Kubernetes are named.
fn dns_name(description: &str, example: &str) -> Value {
    let mut name = text(description, r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$", example);
    name["maxLength"] = 253.into();
    name
}

fn storage() -> Value {
    let class = dns_name("StorageClass of the volumes. Default: the cluster's default one.", "fast-ssd");
    let size =
        text("Size of each node's volume, 64Mi or more.", r"^[0-9]{1,19}(\.[0-9]{1,9})?([KMGTP]i|[kMGTP])?$", "20Gi");
    let properties = json!({"class": class, "size": with_default(size, Storage::SIZE)});
    section("The volume of each node. Neither class nor size can be changed after the install.", &properties)
}

fn definitions() -> Value {
    let description = "Definitions that the first install imports: virtual hosts, users, queues and policies, as \
        `rabbitmqctl export_definitions` writes them. The path starts at the profile's folder.";
    text(description, "^[^~]", "prodmq.definitions.json")
}

fn credentials() -> Value {
    let mut username = text("The broker's first user; not guest.", "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "shop");
    username["not"] = json!({"const": "guest"});
    let password = source("Where the password of the first user comes from.", &json!({"env": "RABBITMQ_PASSWORD"}));
    let cookie = source(
        "Where the Erlang cookie comes from, by which the nodes trust each other.",
        &json!({"secret": {"name": "mq", "key": "cookie"}}),
    );
    let properties = json!({
        "username": with_default(username, Credentials::USERNAME), "password": password, "erlangCookie": cookie,
    });
    section("The first user, and where its password and the Erlang cookie are found.", &properties)
}

/// Exactly one of four.
fn source(what: &str, example: &Value) -> Value {
    let description = format!("{what} Without it: NAME.secrets.yaml beside the profile, or the cluster.");
    json!({
        "description": description,
        "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
        "properties": {
            "env": text("A variable of mqctl's environment.", "^[A-Za-z_][A-Za-z0-9_]*$", "RABBITMQ_PASSWORD"),
            "file": text("A file, absolute or from the profile's folder; ~ is not expanded.", "^[^~]", "mq.password"),
            "command": command(),
            "secret": secret(),
        },
        "examples": [example],
    })
}

fn command() -> Value {
    json!({
        "description": "A program and its arguments; the secret is its output.",
        "type": "array", "minItems": 1, "items": {"type": "string"}, "prefixItems": [{"minLength": 1}],
        "examples": [["pass", "show", "prodmq"]],
    })
}

fn secret() -> Value {
    json!({
        "description": "One key of a Secret in the release's namespace.",
        "type": "object", "required": ["name", "key"], "additionalProperties": false,
        "properties": {
            "name": dns_name("Name of the Secret.", "mq-credentials"),
            "key": text("Key of the Secret's data.", "^[A-Za-z0-9._-]{1,253}$", "password"),
        },
        "examples": [{"name": "mq-credentials", "key": "password"}],
    })
}

/// Four numbers up to 255, or something with a colon.
const ADDRESS: &str = r"^((25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}|[0-9a-fA-F.]*:[0-9a-fA-F:.]*)$";

fn expose() -> Value {
    let ports = json!({
        "description": "Which ports clients outside reach.", "type": "array", "minItems": 1, "uniqueItems": true,
        "items": {"enum": Port::ALL.map(Port::name)}, "default": ["amqp"], "examples": [["amqp", "management"]],
    });
    let ranges = json!({
        "description": "Networks that may come in, for a LoadBalancer. Default: all, with a warning.",
        "type": "array", "items": {"type": "string", "pattern": r"^[0-9a-fA-F.:]+/[0-9]{1,3}$"},
        "examples": [["192.168.0.0/16"]],
    });
    let types = json!({
        "description": "LoadBalancer: an address of its own; NodePort: a port of every node.", "type": "string",
        "enum": ServiceType::ALL.map(ServiceType::name), "default": "LoadBalancer", "examples": ["NodePort"],
    });
    let annotations = json!({
        "description": "Annotations of the Service, for the cluster's load balancer.",
        "type": ["object", "null"], "propertyNames": {"pattern": "^([a-z0-9.-]+/)?[A-Za-z0-9][A-Za-z0-9._-]*$", "not": {"pattern": "^mqctl/"}},
        "additionalProperties": {"type": "string"}, "default": {}, "examples": [{"metallb.io/address-pool": "inside"}],
    });
    let ip = text("Address to ask the load balancer for.", ADDRESS, "192.168.1.39");
    let properties =
        json!({"type": types, "ip": ip, "ports": ports, "sourceRanges": ranges, "annotations": annotations});
    let mut section = section("A Service of mqctl's own beside the release, for clients outside.", &properties);
    section["if"] = json!({"type": "object", "required": ["type"], "properties": {"type": {"const": "NodePort"}}});
    section["then"] = json!({"properties": {"ip": false, "sourceRanges": false}});
    section
}

fn values() -> Value {
    json!({
        "description": "Anything else for the chart, passed on untouched; keys that mqctl sets itself are refused.",
        "type": ["object", "null"], "default": {}, "examples": [{"plugins": ["rabbitmq_shovel"]}],
    })
}

/// Anything but what mqctl sets itself.
fn without_own(chart: &ChartRef) -> Value {
    let mut values = json!({});
    for (path, _) in chart.own_values() {
        forbid(&mut values, &path);
    }
    values
}

fn forbid(schema: &mut Value, path: &[&str]) {
    match path {
        [] => *schema = Value::Bool(false),
        [key, rest @ ..] => forbid(&mut schema["properties"][*key], rest),
    }
}

fn timeouts() -> Value {
    let properties = json!({
        "install": time("For helm's own part."),
        "boot": time("From the start of the pods to one cluster, and for the stop of each node."),
    });
    section("How long things may take, 1s to 24h.", &properties)
}

fn time(description: &str) -> Value {
    let mut time = text(description, "^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$", "15m");
    time["minLength"] = 2.into();
    with_default(time, &show_duration(Timeouts::DEFAULT))
}
