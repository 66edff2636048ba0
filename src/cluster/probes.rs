//! Whether the probes of the broker's container log in, as they stand in the StatefulSet. Pure.
//!
//! What a chart has them do differs from version to version, with its values (`stable` and `bitnami` ask the management API
//! unless that plugin is off or definitions are loaded), and a user may have written them.

use serde_json::Value;

use super::pod_secrets::{name_of, referred, secrets_of};

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

/// Finds it by what the probes' commands mention, or run; `keys` are those that a Secret can have a password under, `own` is
/// mqctl's. One that stays as it is comes before one that changes by itself.
pub(crate) fn logs_in(pod: &Value, container: &str, keys: &[&str], own: &str) -> Option<LogsIn> {
    let broker = list(&pod["containers"]).iter().find(|one| one["name"] == container)?;
    let probes = Probes::of(pod, broker, own);
    let variables = probes.in_variables(keys).chain(probes.in_sources(keys)).chain(probes.in_scripts(keys));
    let mut all: Vec<LogsIn> = variables.chain(probes.in_files(keys)).collect();
    all.sort_by_key(|one| one.shown != Shown::Variable);
    all.into_iter().next()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The commands of a container's probes.
struct Probes<'a> {
    pod: &'a Value,
    container: &'a Value,
    words: Vec<&'a str>,
    /// mqctl's Secret, where the container has it: what it has from others is not the broker's then.
    own: Option<&'a str>,
}

impl<'a> Probes<'a> {
    fn of(pod: &'a Value, container: &'a Value, own: &'a str) -> Self {
        let commands =
            ["startupProbe", "livenessProbe", "readinessProbe"].map(|kind| &container[kind]["exec"]["command"]);
        let words = commands.into_iter().flat_map(list).filter_map(Value::as_str).collect();
        let mut probes = Self { pod, container, words, own: None };
        let mounted = probes.mounts().flat_map(|(_, volume)| secrets_of(volume)).any(|secret| name_of(secret) == own);
        let has_it = mounted || referred(container).iter().any(|name| name == own);
        probes.own = has_it.then_some(own);
        probes
    }

    /// With their volumes.
    fn mounts(&self) -> impl Iterator<Item = (&'a Value, &'a Value)> {
        let all = list(&self.pod["volumes"]);
        let volume = |mount: &Value| all.iter().find(|volume| volume["name"] == mount["name"]);
        list(&self.container["volumeMounts"]).iter().filter_map(move |mount| Some((mount, volume(mount)?)))
    }

    /// `$NAME`, `${NAME}`, `printenv NAME`: no part of a longer name.
    fn mention(&self, name: &str) -> bool {
        let within = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let apart = |word: &str| word.split(|c| !within(c)).any(|part| part == name);
        self.words.iter().any(|word| apart(word))
    }

    fn variables(&self) -> impl Iterator<Item = &'a Value> {
        list(&self.container["env"])
            .iter()
            .filter(|variable| variable["name"].as_str().is_some_and(|name| self.mention(name)))
    }

    fn in_variables(&self, keys: &[&str]) -> impl Iterator<Item = LogsIn> {
        let all = self.variables().filter_map(|variable| taken(variable, keys));
        all.filter(|secret| self.may_be(secret)).filter_map(LogsIn::by_variable)
    }

    /// By a variable that a whole Secret makes of its key.
    fn in_sources(&self, keys: &[&str]) -> impl Iterator<Item = LogsIn> {
        let mentions = |prefix: &str| keys.iter().any(|key| self.mention(&format!("{prefix}{key}")));
        let used = move |source: &&Value| mentions(source["prefix"].as_str().unwrap_or_default());
        self.sources().filter(used).filter_map(|source| LogsIn::by_variable(&source["secretRef"]["name"]))
    }

    /// What others hold is not known here.
    fn sources(&self) -> impl Iterator<Item = &'a Value> {
        list(&self.container["envFrom"]).iter().filter(|source| self.may_be(&source["secretRef"]["name"]))
    }

    fn may_be(&self, secret: &Value) -> bool {
        self.own.is_none_or(|own| secret == own)
    }

    /// Nobody sees what a script does: where there is a password in a variable, it logs in.
    fn in_scripts(&self, keys: &[&str]) -> impl Iterator<Item = LogsIn> {
        let runs_one = self.mounts().any(|(mount, volume)| has_config(volume) && self.runs(mount));
        let single = list(&self.container["env"]).iter().filter_map(|variable| taken(variable, keys));
        // A Secret of which nobody knows what it holds is no password yet.
        let whole = self.sources().map(|source| &source["secretRef"]["name"]).filter(|_| self.own.is_some());
        single
            .filter(|secret| self.may_be(secret))
            .chain(whole)
            .filter(move |_| runs_one)
            .filter_map(LogsIn::by_variable)
    }

    /// A command names the file that is mounted, or one in the folder.
    fn runs(&self, mount: &Value) -> bool {
        let Some(at) = mount["mountPath"].as_str().map(|at| at.trim_end_matches('/')) else { return false };
        let inside = |path: &str| path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let within = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        self.words.iter().flat_map(|word| word.split(|c| !within(c))).any(inside)
    }

    /// By its path, or by a variable that has it.
    fn in_files(&self, keys: &[&str]) -> impl Iterator<Item = LogsIn> {
        let files = self.mounts().flat_map(|(mount, volume)| files_of(volume, mount, keys));
        let own = self.own;
        files
            .filter(move |file| own.is_none_or(|own| file.secret == own))
            .filter(|file| self.read(&file.path))
            .map(File::logs_in)
    }

    fn read(&self, path: &str) -> bool {
        self.words.iter().any(|word| word.contains(path)) || self.variables().any(|variable| variable["value"] == path)
    }
}

impl LogsIn {
    fn by_variable(secret: &Value) -> Option<Self> {
        Some(Self { secret: secret.as_str()?.to_owned(), shown: Shown::Variable })
    }
}

/// The Secret that a variable has a password from.
fn taken<'a>(variable: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    let reference = variable.pointer("/valueFrom/secretKeyRef")?;
    is_one(&reference["key"], keys).then(|| &reference["name"])
}

/// Files of a ConfigMap's are in it.
fn has_config(volume: &Value) -> bool {
    let parts = volume.pointer("/projected/sources").map_or(&[][..], list);
    std::iter::once(volume).chain(parts).any(|part| part["configMap"].is_object())
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

fn files_of(volume: &Value, mount: &Value, keys: &[&str]) -> Vec<File> {
    let named = secrets_of(volume).filter_map(|secret| Some((name_of(secret).as_str()?, names_within(secret, keys))));
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
        logs_in(&pod(probe, &json!([taken]), &json!({}), &json!({})), "rabbitmq", &KEYS, "mq")
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
        logs_in(&pod(probe, &env, &mount, &volume), "rabbitmq", &KEYS, "mq").map(|found| found.shown)
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

    /// A container with these variables, one probe and a ConfigMap in a folder.
    fn scripted(probe: &str, env: &Value, sources: &Value) -> Option<String> {
        let at = json!({"name": "v", "mountPath": "/scripts/"});
        let mut pod = pod(probe, env, &at, &json!({"name": "v", "configMap": {"name": "mq-scripts"}}));
        pod["containers"][1]["envFrom"] = sources.clone();
        let found = logs_in(&pod, "rabbitmq", &KEYS, "mq")?;
        assert_eq!(found.shown, Shown::Variable);
        Some(found.secret)
    }

    fn variable(secret: &str, key: &str) -> Value {
        json!({"name": "ANY", "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}})
    }

    #[test]
    fn the_variables_of_a_whole_secret_are_its_keys() {
        let whole = |probe: &str, sources: Value| scripted(probe, &json!([]), &sources);
        let (own, other) = (json!({"secretRef": {"name": "mq"}}), json!({"secretRef": {"name": "settings"}}));
        assert_eq!(whole("curl -u u:$password 127.0.0.1", json!([own])).as_deref(), Some("mq"));
        assert_eq!(whole("curl -u u:$password 127.0.0.1", json!([other, own])).as_deref(), Some("mq"));
        assert_eq!(whole("curl -u u:$password 127.0.0.1", json!([other])).as_deref(), Some("settings"));
        assert_eq!(whole("rabbitmq-diagnostics -q ping", json!([own])), None);
        let prefixed = json!([{"prefix": "MQ_", "secretRef": {"name": "mq"}}]);
        assert_eq!(whole("curl -u u:$password 127.0.0.1", prefixed.clone()), None);
        assert_eq!(whole("curl -u u:${MQ_password} 127.0.0.1", prefixed).as_deref(), Some("mq"));
    }

    #[test]
    fn a_script_logs_in_where_its_container_has_a_password_in_a_variable() {
        let (own, ldap) = (variable("mq", "password"), variable("ldap", "password"));
        let none = json!([]);
        for probe in ["/scripts/probe.sh", "exec '/scripts/alive/probe.sh' -v", "sh /scripts/probe.sh; true"] {
            assert_eq!(scripted(probe, &json!([ldap, own]), &none).as_deref(), Some("mq"), "{probe}");
            assert_eq!(scripted(probe, &json!([ldap]), &none).as_deref(), Some("ldap"), "it has no other: {probe}");
            assert_eq!(scripted(probe, &none, &json!([{"secretRef": {"name": "mq"}}])).as_deref(), Some("mq"));
            assert_eq!(scripted(probe, &none, &json!([{"secretRef": {"name": "any"}}])), None);
            assert_eq!(scripted(probe, &json!([variable("mq", "rabbitmq-erlang-cookie")]), &none), None);
        }
        for probe in ["/opt/scripts/probe.sh", "/scriptsetter", "rabbitmq-diagnostics -q ping"] {
            assert_eq!(scripted(probe, &json!([own]), &none), None, "{probe}");
        }
    }

    #[test]
    fn a_script_that_is_mounted_by_itself_or_with_others_is_one() {
        let found = |mount: Value, volume: Value| {
            let pod = pod("/bin/alive", &json!([variable("mq", "password")]), &mount, &volume);
            logs_in(&pod, "rabbitmq", &KEYS, "mq").is_some()
        };
        let at = json!({"name": "v", "mountPath": "/bin/alive", "subPath": "alive.sh"});
        assert!(found(at.clone(), json!({"name": "v", "configMap": {"name": "mq"}})));
        assert!(found(at.clone(), json!({"name": "v", "projected": {"sources": [{"configMap": {"name": "mq"}}]}})));
        assert!(!found(at, json!({"name": "v", "emptyDir": {}})));
    }
}
