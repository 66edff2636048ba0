//! What is secret in the values of a release: a profile is safe to commit, so none of it may go there.

use serde_json::{Map, Value};

use super::{Name, Secret, Vault};

/// A path in a chart's values.
pub(crate) type Path<'a> = [&'a str];

/// What was taken out of them.
#[derive(Default)]
pub(crate) struct TakenOut {
    /// Cookie and password, as they were given to the chart.
    pub(crate) vault: Vault,
    /// Paths of what looks like another secret.
    pub(crate) others: Vec<String>,
}

/// Takes cookie and password out of the mappings that hold them, with whatever else says where they are; then all that
/// looks like a secret of another kind, or holds one of these that are known.
pub(crate) fn take_out(values: &mut Map<String, Value>, holders: &[&Path<'_>], known: &[&Vault]) -> TakenOut {
    let mut taken = TakenOut::default();
    for holder in holders {
        if let Some(map) = at(values, holder) {
            credentials(map, &mut taken.vault);
        }
    }
    let known: Vec<&Vault> = known.iter().copied().chain([&taken.vault]).collect();
    let search = Search { known: &known };
    search.map(values, "", false, &mut taken.others);
    taken
}

fn at<'a>(map: &'a mut Map<String, Value>, path: &Path<'_>) -> Option<&'a mut Map<String, Value>> {
    path.iter().try_fold(map, |map, key| map.get_mut(*key)?.as_object_mut())
}

/// `password`, `erlangCookie`, and what names the Secret and the keys for them; switches stay.
fn credentials(map: &mut Map<String, Value>, vault: &mut Vault) {
    map.retain(|key, value| {
        let key = key.to_lowercase();
        let existing = key.starts_with("existing");
        let what = match key.as_str() {
            key if key.contains("password") => Name::Password,
            key if key.contains("cookie") || (existing && key.contains("erlang")) => Name::ErlangCookie,
            _ => return true,
        };
        let secret = text_of(value).filter(|_| !existing).as_deref().and_then(Secret::new);
        if let Some(secret) = secret.filter(|_| vault.get(what).is_none()) {
            vault.put(what, secret);
        }
        value.is_boolean()
    });
}

/// The text, or that of a mapping `{value: …}`; helm's `--set` makes numbers of digits.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(map) => text_of(map.get("value").filter(|value| !value.is_object())?),
        _ => None,
    }
}

/// The rest of the values.
struct Search<'a> {
    known: &'a [&'a Vault],
}

impl Search<'_> {
    /// `secret` says that the mapping stands under a key that is called so.
    fn map(&self, map: &mut Map<String, Value>, path: &str, secret: bool, out: &mut Vec<String>) {
        map.retain(|key, value| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let secret = (secret || says_secret(key)) && !is_a_name(key);
            self.stays(value, &path, secret, out)
        });
    }

    fn stays(&self, value: &mut Value, path: &str, secret: bool, out: &mut Vec<String>) -> bool {
        let stays = match value {
            Value::Object(map) => {
                self.map(map, path, secret, out);
                return true;
            }
            Value::Array(list) => {
                self.list(list, path, secret, out);
                return true;
            }
            Value::String(text) if !secret && is_conf(text) => return self.lines(text, path, out),
            Value::String(text) => text.is_empty() || !(secret || self.is_secret(text)),
            Value::Number(number) => !self.is_secret(&number.to_string()),
            Value::Bool(_) | Value::Null => true,
        };
        if !stays {
            out.push(path.to_owned());
        }
        stays
    }

    /// Of a file of settings only the lines that tell a secret go: the others mean the same without them.
    fn lines(&self, text: &mut String, path: &str, out: &mut Vec<String>) -> bool {
        let (told, stay): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| self.is_secret(line));
        if told.is_empty() {
            return true;
        }
        let setting = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
        out.extend(told.iter().map(|line| format!("{path}[{}]", setting(line))));
        let is_empty = stay.iter().all(|line| line.trim().is_empty());
        *text = stay.iter().flat_map(|line| [line, "\n"]).collect();
        !is_empty
    }

    /// Variables are known by their names: `{name: MY_PASSWORD, value: …}`.
    fn list(&self, list: &mut Vec<Value>, path: &str, secret: bool, out: &mut Vec<String>) {
        let mut number = 0;
        list.retain_mut(|item| {
            number += 1;
            let name = item["name"].as_str().map(str::to_owned);
            let path = format!("{path}[{}]", name.clone().unwrap_or_else(|| number.to_string()));
            let told = item["value"].as_str().is_some_and(|text| !text.is_empty());
            if told && name.is_some_and(|name| says_secret(&name)) {
                out.push(path);
                return false;
            }
            self.stays(item, &path, secret, out)
        });
    }

    fn is_secret(&self, text: &str) -> bool {
        let mut known =
            Name::BOTH.into_iter().flat_map(|name| self.known.iter().filter_map(move |vault| vault.get(name)));
        known.any(|secret| holds(text, secret)) || tells_a_secret(text)
    }
}

/// Short secrets are words that stand elsewhere for something else.
const LONG: usize = 8;

fn holds(text: &str, secret: &Secret) -> bool {
    text == secret.reveal() || (secret.reveal().len() >= LONG && text.contains(secret.reveal()))
}

fn says_secret(key: &str) -> bool {
    const WORDS: [&str; 7] = ["password", "passwd", "secret", "token", "cookie", "credential", "privatekey"];
    let key = key.to_lowercase().replace(['_', '-'], "");
    (WORDS.iter().any(|word| key.contains(word)) || key.ends_with("pass"))
        && !["path", "file", "dir"].iter().any(|end| key.ends_with(end))
}

/// What is called so names a Secret, or a key of one.
fn is_a_name(key: &str) -> bool {
    let key = key.to_lowercase();
    key.starts_with("existing")
        || key.contains("pullsecret")
        || ["name", "key", "path", "namespace"].iter().any(|name| key == *name)
        || ["secretname", "secretref", "secretkeyref", "secretkey", "passwordkey"].iter().any(|end| key.ends_with(end))
}

/// Lines such as `heartbeat = 60`, with comments between them that tell nothing.
fn is_conf(text: &str) -> bool {
    let is_key = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "._-$:/[]".contains(c));
    let setting = |line: &str| line.split_once('=').is_some_and(|(key, _)| is_key(key.trim()));
    let fits = |line: &str| line.is_empty() || (line.starts_with('#') && !tells_a_secret(line)) || setting(line);
    text.lines().map(str::trim).all(fits)
}

/// A private key, a URL with a password, a line such as `default_pass = …` or `"password": "…"`.
fn tells_a_secret(text: &str) -> bool {
    text.contains("PRIVATE KEY-----") || text.split("://").skip(1).any(names_a_login) || text.lines().any(says_so)
}

fn names_a_login(behind: &str) -> bool {
    let host = behind.split(['/', ' ', '\n']).next().unwrap_or_default();
    host.split_once('@').is_some_and(|(login, _)| login.contains(':'))
}

fn says_so(line: &str) -> bool {
    let parts: Vec<&str> = line.split(['=', ':', ',']).collect();
    let last_word = |part: &str| {
        let ends = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        part.trim_end_matches(ends).rsplit(ends).next().unwrap_or_default().to_owned()
    };
    parts.windows(2).any(|two| says_secret(&last_word(two[0])) && !two[1].trim().is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(values: Value, holders: &[&Path<'_>]) -> (Value, [Option<String>; 2], Vec<String>) {
        let Value::Object(mut map) = values else { panic!("a mapping") };
        let taken = take_out(&mut map, holders, &[]);
        let secret = |name| taken.vault.get(name).map(|secret| secret.reveal().to_owned());
        (map.into(), [secret(Name::ErlangCookie), secret(Name::Password)], taken.others)
    }

    #[test]
    fn cookie_and_password_go_to_the_vault_and_their_keys_are_left_out() {
        let some = |text: &str| Some(text.to_owned());
        let stable = json!({"rabbitmq": {"password": "p", "erlangCookie": "c", "plugins": "x"}});
        let (rest, secrets, others) = taken(stable, &[&["rabbitmq"]]);
        assert_eq!((rest, secrets, others), (json!({"rabbitmq": {"plugins": "x"}}), [some("c"), some("p")], vec![]));
        let bitnami = json!({"auth": {
            "password": 12345, "existingSecretPasswordKey": "k", "existingSecretErlangKey": "k", "updatePassword": true,
            "tls": {"existingSecret": "mq-tls"},
        }});
        let (rest, secrets, others) = taken(bitnami, &[&["auth"]]);
        assert_eq!(rest, json!({"auth": {"updatePassword": true, "tls": {"existingSecret": "mq-tls"}}}));
        assert_eq!((secrets, others), ([None, some("12345")], vec![]));
        let third = json!({"authentication": {"password": {"value": "p"}, "erlangCookie": {"value": "c"}, "user": {"value": "u"}}});
        let (rest, secrets, _) = taken(third, &[&["authentication"]]);
        assert_eq!((rest, secrets), (json!({"authentication": {"user": {"value": "u"}}}), [some("c"), some("p")]));
    }

    #[test]
    fn what_looks_like_another_secret_is_left_out_and_named() {
        let (rest, _, others) = taken(
            json!({
                "ldap": {"bindPassword": "canary", "servers": ["ldap.example"]},
                "extraEnvVars": [{"name": "API_TOKEN", "value": "canary"}, {"name": "LANG", "value": "C"},
                    {"name": "OTHER_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                "extraConfiguration": "a = 1\nldap.password = canary\n",
                "advanced": "[{rabbit, [{default_pass, <<\"canary\">>}]}].",
                "definitions": "{\"users\": [{\"password_hash\": \"canary\"}]}",
                "shovel": "amqp://user:canary@other", "tls": {"serverKey": "-----BEGIN PRIVATE KEY-----"},
                "extraSecrets": {"load": {"file.json": "canary"}},
            }),
            &[],
        );
        let names = [
            "ldap.bindPassword",
            "extraEnvVars[API_TOKEN]",
            "extraConfiguration[ldap.password]",
            "advanced",
            "definitions",
            "shovel",
            "tls.serverKey",
            "extraSecrets.load.file.json",
        ];
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names
        };
        assert_eq!(sorted(others), sorted(names.map(str::to_owned).to_vec()));
        assert_eq!(rest["extraConfiguration"], "a = 1\n");
        assert!(!rest.to_string().contains("canary") && rest["extraEnvVars"].as_array().unwrap().len() == 2, "{rest}");
    }

    #[test]
    fn of_settings_only_the_lines_that_tell_a_secret_are_left_out() {
        let text = "a = 1\n# why\nssl_options.password = canary\n\nproxy = http://me:canary@host\nb = 2";
        let (rest, _, others) = taken(json!({"conf": text}), &[]);
        assert_eq!(rest["conf"], "a = 1\n# why\n\nb = 2\n");
        assert_eq!(others, ["conf[ssl_options.password]", "conf[proxy]"]);
        let (rest, _, others) = taken(json!({"conf": "ssl_options.password = canary\n"}), &[]);
        assert_eq!((rest, others.len()), (json!({}), 1), "nothing is left of it");
        let whole = [
            "[{rabbit, [\n{default_pass, <<\"canary\">>}]}].",
            "a = 1\npassword: canary\n",
            "a = 1\n# password = canary\n",
            "a = 1\n-----BEGIN PRIVATE KEY-----\n",
        ];
        for text in whole {
            let (rest, _, others) = taken(json!({"conf": text}), &[]);
            assert_eq!((rest, others), (json!({}), vec!["conf".to_owned()]), "{text}");
        }
    }

    #[test]
    fn what_only_names_a_secret_stays() {
        let values = json!({
            "image": {"pullSecrets": ["hub"]}, "global": {"imagePullSecrets": [{"name": "hub"}]},
            "extraVolumes": [{"name": "a", "secret": {"secretName": "a", "defaultMode": 288}}],
            "loadDefinition": {"enabled": true, "existingSecret": "load"}, "rabbitmq": {"loadDefinition": {"secretName": "s"}},
            "serviceAccount": {"automountServiceAccountToken": true}, "usePasswordFiles": false, "ldap": {"password": ""},
            "extraConfiguration": "cluster_formation.k8s.token_path = /run/token\nheartbeat = 60\n",
            "service": {"annotations": {"example.com/note": "amqp://host:5672"}},
        });
        let (rest, _, others) = taken(values.clone(), &[]);
        assert_eq!((rest, others), (values, vec![]));
    }

    #[test]
    fn a_known_secret_is_found_wherever_it_stands() {
        let mut vault = Vault::default();
        vault.put(Name::Password, Secret::new("canary-password").unwrap());
        vault.put(Name::ErlangCookie, Secret::new("abc").unwrap());
        let Value::Object(mut map) = json!({"note": "it is canary-password now", "word": "abc", "alphabet": "abcdef"})
        else {
            panic!("a mapping")
        };
        let taken = take_out(&mut map, &[], &[&vault]);
        assert_eq!((Value::from(map), taken.others.len()), (json!({"alphabet": "abcdef"}), 2));
    }
}
