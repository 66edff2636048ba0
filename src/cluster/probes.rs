//! Whether the probes of the broker's container log in, as they stand in the StatefulSet. Pure.
//!
//! What a chart has them do differs from version to version, with its values (`stable` and `bitnami` ask the management API
//! unless that plugin is off or definitions are loaded), and a user may have written them.

use serde_json::Value;

use super::pod_secrets::{name_of, secrets_of};

/// The password that a probe logs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogsIn {
    /// The Secret that it is from.
    pub(crate) secret: String,
    pub(crate) shown: Shown,
}

/// How a container has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// As it was when the container began.
    Variable,
    /// As a file of this name, which the kubelet writes anew when the Secret has changed.
    File(String),
}

/// Finds it by what the probes' commands mention; `keys` are those that a Secret can have a password under. One that stays
/// as it is comes before one that changes by itself.
pub(crate) fn logs_in(pod: &Value, container: &str, keys: &[&str]) -> Option<LogsIn> {
    let broker = list(&pod["containers"]).iter().find(|one| one["name"] == container)?;
    let probes = Probes::of(broker);
    let mut all: Vec<LogsIn> = probes.in_variables(keys).chain(probes.in_files(pod, keys)).collect();
    all.sort_by_key(|one| one.shown != Shown::Variable);
    all.into_iter().next()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The commands of a container's probes.
struct Probes<'a> {
    container: &'a Value,
    words: Vec<&'a str>,
}

impl<'a> Probes<'a> {
    fn of(container: &'a Value) -> Self {
        let commands =
            ["startupProbe", "livenessProbe", "readinessProbe"].map(|kind| &container[kind]["exec"]["command"]);
        let words = commands.into_iter().flat_map(list).filter_map(Value::as_str).collect();
        Self { container, words }
    }

    /// `$NAME`, `${NAME}`, `printenv NAME`: no part of a longer name.
    fn mention(&self, variable: &Value) -> bool {
        let Some(name) = variable["name"].as_str() else { return false };
        let within = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let apart = |word: &str| word.split(|c| !within(c)).any(|part| part == name);
        self.words.iter().any(|word| apart(word))
    }

    fn variables(&self) -> impl Iterator<Item = &'a Value> {
        list(&self.container["env"]).iter().filter(|variable| self.mention(variable))
    }

    fn in_variables(&self, keys: &[&str]) -> impl Iterator<Item = LogsIn> {
        self.variables().filter_map(|variable| {
            let reference = variable.pointer("/valueFrom/secretKeyRef")?;
            let secret = reference["name"].as_str().filter(|_| is_one(&reference["key"], keys))?;
            Some(LogsIn { secret: secret.to_owned(), shown: Shown::Variable })
        })
    }

    /// By its path, or by a variable that has it.
    fn in_files(&self, pod: &Value, keys: &[&str]) -> impl Iterator<Item = LogsIn> {
        let mounts = list(&self.container["volumeMounts"]).iter();
        let files = mounts.flat_map(|mount| files_of(pod, mount, keys));
        files.filter(|file| self.read(&file.path)).map(File::logs_in)
    }

    fn read(&self, path: &str) -> bool {
        self.words.iter().any(|word| word.contains(path)) || self.variables().any(|variable| variable["value"] == path)
    }
}

fn is_one(key: &Value, keys: &[&str]) -> bool {
    key.as_str().is_some_and(|key| keys.contains(&key))
}

/// A password that a volume shows.
struct File {
    path: String,
    secret: String,
    /// A single file that is mounted stays as it was.
    fixed: bool,
}

impl File {
    fn logs_in(self) -> LogsIn {
        LogsIn { secret: self.secret, shown: if self.fixed { Shown::Variable } else { Shown::File(self.path) } }
    }
}

fn files_of(pod: &Value, mount: &Value, keys: &[&str]) -> Vec<File> {
    let volume = list(&pod["volumes"]).iter().find(|volume| volume["name"] == mount["name"]);
    let secrets = volume.into_iter().flat_map(secrets_of);
    let named = secrets.filter_map(|secret| Some((name_of(secret).as_str()?, names_within(secret, keys))));
    named
        .flat_map(|(secret, files)| files.into_iter().map(move |file| (secret, file)))
        .filter_map(|(secret, file)| {
            let at = mount["mountPath"].as_str()?.trim_end_matches('/');
            let (path, fixed) = match mount["subPath"].as_str() {
                Some(part) if part == file => (at.to_owned(), true),
                Some(_) => return None,
                None => (format!("{at}/{file}"), false),
            };
            Some(File { path, secret: secret.to_owned(), fixed })
        })
        .collect()
}

/// What the files with a password in them are called: as their keys, or as the items say.
fn names_within(secret: &Value, keys: &[&str]) -> Vec<String> {
    let items = list(&secret["items"]);
    let picked = items.iter().filter(|item| is_one(&item["key"], keys)).filter_map(|item| item["path"].as_str());
    if items.is_empty() {
        keys.iter().copied().map(str::to_owned).collect()
    } else {
        picked.map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEYS: [&str; 2] = ["rabbitmq-password", "password"];

    fn pod(probe: &str, env: &Value, mount: &Value, volume: &Value) -> Value {
        json!({
            "containers": [{"name": "metrics"}, {
                "name": "rabbitmq", "env": env, "volumeMounts": [mount],
                "readinessProbe": {"exec": {"command": ["/bin/bash", "-ec", probe]}},
            }],
            "volumes": [volume],
        })
    }

    fn by_variable(probe: &str, key: &str) -> Option<LogsIn> {
        let taken = json!({"name": "MQ_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "mq", "key": key}}});
        logs_in(&pod(probe, &json!([taken]), &json!({}), &json!({})), "rabbitmq", &KEYS)
    }

    #[test]
    fn a_variable_is_found_however_a_shell_takes_it() {
        let found = Some(LogsIn { secret: "mq".into(), shown: Shown::Variable });
        for probe in
            ["curl -f --user u:$MQ_PASSWORD 127.0.0.1:15672/api", "a \"${MQ_PASSWORD}\"", "p=$(printenv MQ_PASSWORD)"]
        {
            assert_eq!(by_variable(probe, "rabbitmq-password"), found, "{probe}");
        }
    }

    #[test]
    fn what_is_no_password_or_is_not_taken_is_none() {
        assert_eq!(by_variable("rabbitmq-diagnostics -q ping", "password"), None);
        assert_eq!(by_variable("cat $MQ_PASSWORD_FILE; cat $OLD_MQ_PASSWORD", "password"), None);
        assert_eq!(by_variable("echo $MQ_PASSWORD", "rabbitmq-erlang-cookie"), None);
    }

    fn by_file(probe: &str, mount: &Value, source: &Value) -> Option<Shown> {
        let env = json!([{"name": "PASSWORD_FILE", "value": "/run/mq/rabbitmq-password"}]);
        let mount =
            [mount, &json!({"name": "v"})].into_iter().flat_map(|one| one.as_object().unwrap().clone()).collect();
        let volume = json!({"name": "v", "projected": {"sources": [{"secret": source}]}});
        logs_in(&pod(probe, &env, &mount, &volume), "rabbitmq", &KEYS).map(|found| found.shown)
    }

    #[test]
    fn a_file_is_found_by_its_path_and_by_a_variable_with_it() {
        let (at, source) = (json!({"mountPath": "/run/mq/"}), json!({"name": "mq"}));
        let file = Some(Shown::File("/run/mq/rabbitmq-password".into()));
        assert_eq!(by_file("curl --user u:$(< $PASSWORD_FILE) 127.0.0.1:15672", &at, &source), file);
        assert_eq!(by_file("cat /run/mq/rabbitmq-password", &at, &source), file);
        assert_eq!(by_file("cat /run/mq/tls.crt", &at, &source), None);
        let items = json!({"name": "mq", "items": [{"key": "password", "path": "word"}]});
        assert_eq!(by_file("cat /run/mq/word", &at, &items), Some(Shown::File("/run/mq/word".into())));
        assert_eq!(by_file("cat $PASSWORD_FILE", &at, &items), None);
    }

    /// Kubernetes does not write such a file anew.
    #[test]
    fn a_single_file_that_is_mounted_stays_as_it_was() {
        let at = json!({"mountPath": "/run/mq/rabbitmq-password", "subPath": "rabbitmq-password"});
        assert_eq!(by_file("cat $PASSWORD_FILE", &at, &json!({"name": "mq"})), Some(Shown::Variable));
    }
}
