//! What is said to kubectl and how its answers are read; nothing here runs anything.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::{BOOTED_TAG, MIGRATION, Migration, Target};
use crate::process::{Call, Part, Program, Reply};

pub mod helper_pod;
pub mod lease;
pub mod record;
pub mod recovery;
pub mod rights;
pub mod rotation;
mod words;

pub use rights::Right;
pub use words::{failure, last_words, outcome_of};

fn call(target: &Target, args: &[&str]) -> Call {
    let mut all: Vec<String> = Vec::new();
    if let Some(file) = &target.kubeconfig {
        all.extend(["--kubeconfig".to_owned(), file.display().to_string()]);
    }
    if let Some(context) = &target.context {
        all.extend(["--context".to_owned(), context.clone()]);
    }
    all.extend(["--namespace".to_owned(), target.namespace.clone()]);
    all.extend(args.iter().map(|&a| a.to_owned()));
    Call::new(Program::Kubectl, all)
}

/// One read of objects named one by one, of any kinds: it needs no more than the right to `get` them.
pub fn get(target: &Target, names: &[String]) -> Call {
    let mut args = vec!["get", "--ignore-not-found", "--output", "json"];
    args.extend(names.iter().map(String::as_str));
    call(target, &args)
}

/// All objects of some kinds that carry the release's label.
pub fn list(target: &Target, kinds: &str) -> Call {
    call(target, &["get", kinds, "--selector", &target.selector(), "--output", "json"])
}

/// All objects of one kind, for an error that lists what there is.
pub fn list_all(target: &Target, kind: &str) -> Call {
    call(target, &["get", kind, "--output", "json"])
}

/// The items of an answer: `get` prints a List, one bare object or nothing, `create` one object after the other.
pub fn items(reply: &Reply) -> Vec<Value> {
    let documents = serde_json::Deserializer::from_str(&reply.stdout).into_iter::<Value>();
    documents.map_while(Result::ok).flat_map(members).collect()
}

fn members(document: Value) -> Vec<Value> {
    match document {
        Value::Object(mut map) if map.contains_key("items") => match map.remove("items") {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        },
        Value::Object(map) => vec![Value::Object(map)],
        _ => Vec::new(),
    }
}

/// Creates objects, one by one, and prints those that it could create: none is changed that is there already.
pub fn create(target: &Target, manifest: Vec<Part>) -> Call {
    call(target, &["create", "--validate=false", "--filename", "-", "--output", "json"]).fed(manifest)
}

/// Creates or updates objects of mqctl's own server-side; the manifest, with what is secret in it, goes over stdin. Fields
/// that `create` set, or somebody else has changed, are taken back.
pub fn apply(target: &Target, manifest: Vec<Part>) -> Call {
    // Server-side: client-side apply would copy a whole Secret into an annotation.
    let args = ["apply", "--server-side", "--force-conflicts", "--field-manager", "mqctl"];
    call(target, &[&args[..], &["--filename", "-", "--output", "name"]].concat()).fed(manifest)
}

/// Whether the API server would take these objects from helm; it changes nothing.
///
/// It stops at the first of two things: at fields that others manage, unless it is forced, then at what is not valid.
pub fn try_apply(target: &Target, objects: Vec<Part>, forced: bool) -> Call {
    let force = format!("--force-conflicts={forced}");
    let args = ["apply", "--server-side", "--dry-run=server", &force, "--field-manager", "helm", "--filename", "-"];
    call(target, &args).fed(objects)
}

/// Makes helm the manager of every field that it sets, so that its upgrade meets no conflict.
pub fn take_back(target: &Target, objects: Vec<Part>) -> Call {
    let args = ["apply", "--server-side", "--force-conflicts", "--field-manager", "helm", "--filename", "-"];
    call(target, &args).fed(objects)
}

/// The target's namespace as an object.
pub fn namespace(target: &Target) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": target.namespace}})
}

/// Leaves a Service with these ports and no others; each keeps its node port.
pub fn set_ports(target: &Target, service: &str, ports: &Value) -> Call {
    let patch = json!({"spec": {"ports": ports}}).to_string();
    call(target, &["patch", "service", service, "--field-manager", "mqctl", "--type", "merge", "--patch", &patch])
}

/// Runs an Erlang expression, sent over stdin, inside a broker's container.
///
/// `timeout` runs in the container: a hung CLI outlives kubectl, and a handful of them had brokers OOM-killed.
/// No option stands before `eval`: the wrapper of 4.x connects stdin for exactly one argument.
pub fn exec_eval(target: &Target, pod: &str, code: Vec<Part>) -> Call {
    exec_eval_within(25, target, pod, code)
}

/// The same with a limit of its own, in seconds.
pub fn exec_eval_within(seconds: u32, target: &Target, pod: &str, code: Vec<Part>) -> Call {
    let limit = seconds.to_string();
    let within = ["--", "timeout", "-k", "2", &limit, "rabbitmqctl", "eval"];
    let args = [&["exec", "--stdin", pod, "--container", &target.container], &within[..]].concat();
    call(target, &args).fed(code).within(Duration::from_secs(u64::from(seconds) + 5))
}

/// Runs one program inside a broker's container, ended there when it hangs, as in `exec_eval`.
pub fn exec(target: &Target, pod: &str, words: &[&str]) -> Call {
    let args = ["exec", pod, "--container", &target.container, "--", "timeout", "-k", "2", "60"];
    call(target, &[&args, words].concat()).within(Duration::from_secs(70))
}

/// Everything that a broker's metadata say, as JSON: users with password hashes, queues, policies; no messages.
pub fn export_definitions(target: &Target, pod: &str) -> Call {
    exec(target, pod, &["rabbitmqctl", "-q", "export_definitions", "-"])
}

/// Feeds a script to a shell in one of a pod's containers, ended there when it hangs, as in `exec_eval`.
pub fn exec_script(target: &Target, pod: &str, container: &str, script: Vec<Part>) -> Call {
    let args = ["exec", "--stdin", pod, "--container", container, "--", "timeout", "-k", "2", "50", "sh", "-s"];
    call(target, &args).fed(script).within(Duration::from_secs(60))
}

/// What the containers before the last restart said at their ends; those that never restarted have none.
pub fn previous_logs(target: &Target, lines: u32) -> Call {
    let mut call = logs(target, lines);
    call.args.push("--previous".to_owned());
    call
}

/// What pods that read volumes have found, each line behind `[pod/NAME/reader] `.
pub fn reader_logs(target: &Target) -> Call {
    let selector = format!("{READER}={}", target.release);
    call(target, &["logs", "--selector", &selector, "--prefix", "--ignore-errors", "--tail", "-1"])
}

/// The label of pods that read or write volumes; not the brokers' own, whose Services must never find them.
pub const READER: &str = "mqctl/reader";

/// The last lines of every broker's log, each behind `[pod/NAME/rabbitmq] `: one child for all pods. Not by the label of all
/// objects: one pod of the release that has no such container, as a Job's, and kubectl prints no line of any.
pub fn logs(target: &Target, lines: u32) -> Call {
    let tail = lines.to_string();
    let args = [
        "logs",
        "--selector",
        &target.pods,
        "--container",
        &target.container,
        "--prefix",
        "--ignore-errors",
        "--tail",
        &tail,
    ];
    call(target, &args)
}

/// Which lines of one pod's log are wanted.
pub struct LogWish<'a> {
    pub target: &'a Target,
    pub pod: &'a str,
    pub follow: bool,
    pub previous: bool,
    pub since: Option<Duration>,
    pub tail: Option<u32>,
}

/// One broker's log with the kubelet's times. After an interruption it begins where it was left, whatever was wished.
pub fn log(wish: &LogWish<'_>, left_at: Option<&str>) -> Call {
    let mut args: Vec<String> =
        ["logs", wish.pod, "--container", &wish.target.container, "--timestamps"].map(str::to_owned).to_vec();
    args.extend(wish.follow.then(|| "--follow".to_owned()));
    args.extend(wish.previous.then(|| "--previous".to_owned()));
    if let Some(time) = left_at {
        args.push(format!("--since-time={time}"));
    } else {
        args.extend(wish.since.map(|since| format!("--since={}s", since.as_secs())));
        args.extend(wish.tail.map(|lines| format!("--tail={lines}")));
    }
    call(wish.target, &args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The lines of one container of one pod in such a log.
pub fn lines_of(logs: &str, pod: &str, container: &str) -> String {
    let prefix = format!("[pod/{pod}/{container}] ");
    let lines: Vec<&str> = logs.lines().filter_map(|line| line.strip_prefix(&prefix)).collect();
    lines.join("\n")
}

/// Asks for larger volumes; or whether they may be, and changes nothing.
pub fn grow(target: &Target, claims: &[&str], size: &str, tried: bool) -> Call {
    let patch = json!({"spec": {"resources": {"requests": {"storage": size}}}}).to_string();
    let rest: &[&str] = if tried { &["--patch", &patch, "--dry-run=server"] } else { &["--patch", &patch] };
    call(target, &[&["patch", "persistentvolumeclaim"][..], claims, rest].concat())
}

pub fn scale(target: &Target, replicas: u32) -> Call {
    call(target, &["scale", "statefulset", &target.stateful_set, "--replicas", &replicas.to_string()])
}

/// Tells the preStop hook of every pod that the whole set is being stopped, so that none waits for a quorum.
pub fn announce_stop(target: &Target) -> Call {
    call(target, &["annotate", "pods", "--selector", &target.selector(), "--overwrite", "mqctl/stopping=true"])
}

/// Notes on mqctl's Secret which image has booted on the volumes.
pub fn note_boot(target: &Target, secret: &str, tag: &str) -> Call {
    note(target, secret, BOOTED_TAG, tag)
}

/// For everybody who looks at the StatefulSet: where its messages are moved to.
pub fn mark_migration(target: &Target, migration: &Migration) -> Call {
    let note = format!("{MIGRATION}={}", migration.note());
    call(target, &["annotate", "statefulset", &target.stateful_set, "--overwrite", &note])
}

/// An annotation on a Secret.
pub fn note(target: &Target, secret: &str, key: &str, value: &str) -> Call {
    call(target, &["annotate", "secret", secret, "--overwrite", &format!("{key}={value}")])
}

/// Takes such a note back.
pub fn take_back_note(target: &Target, secret: &str, key: &str) -> Call {
    call(target, &["annotate", "secret", secret, &format!("{key}-")])
}

/// Takes the announcement back, so that the hooks wait for a quorum again.
pub fn take_back_stop(target: &Target) -> Call {
    call(target, &["annotate", "pods", "--selector", &target.selector(), "mqctl/stopping-"])
}

/// Deletes objects named as `kind/name`; those that are gone already are no error.
pub fn delete(target: &Target, names: &[String]) -> Call {
    let mut args = vec!["delete", "--ignore-not-found", "--wait=true", "--timeout", "2m"];
    args.extend(names.iter().map(String::as_str));
    call(target, &args).within(Duration::from_secs(150))
}

pub fn version() -> Call {
    Call::new(Program::Kubectl, ["version", "--client", "--output", "json"])
}

/// The same with the cluster's own, where it answers.
pub fn versions(target: &Target) -> Call {
    call(target, &["version", "--output", "json"])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use zeroize::Zeroizing;

    pub(crate) fn reply(code: i32, stdout: &str, stderr: &str) -> Reply {
        Reply {
            code: Some(code),
            stdout: Zeroizing::new(stdout.to_owned()),
            stderr: stderr.to_owned(),
            timed_out: false,
        }
    }

    #[test]
    fn items_of_a_list_of_one_object_and_of_nothing() {
        assert_eq!(items(&reply(0, r#"{"items":[{"kind":"Pod"},{"kind":"Pod"}]}"#, "")).len(), 2);
        assert_eq!(items(&reply(0, r#"{"kind":"Pod"}"#, "")).len(), 1);
        assert_eq!(items(&reply(0, "{\"kind\":\"Pod\"}\n{\"kind\":\"Pod\"}\n", "")).len(), 2, "as `create` prints");
        assert_eq!(items(&reply(0, "", "")).len(), 0);
    }
}
