//! Which Secrets a pod's template refers to, and which of them hold cookie and password. Pure.

use serde_json::Value;

use crate::secret::{self, Name, Secret, Vault};

/// The Secrets that the pods cannot start without, and others that they may read.
pub fn referred(template: &Value) -> Vec<String> {
    let mut names = Vec::new();
    collect(template, &mut names);
    names.sort();
    names.dedup();
    names
}

/// `secretKeyRef` of a variable, `secretRef` of all variables, `secret` of a volume.
fn collect(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let refers = ["secretKeyRef", "secretRef", "secret"].contains(&key.as_str());
                let name = ["name", "secretName"].into_iter().find_map(|key| inner.get(key)?.as_str());
                names.extend(name.filter(|_| refers).map(str::to_owned));
                collect(inner, names);
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| collect(inner, names)),
        _ => {}
    }
}

/// The Secrets that a volume shows, each with the keys that are picked.
pub(crate) fn secrets_of(volume: &Value) -> impl Iterator<Item = &Value> {
    let parts = volume.pointer("/projected/sources").and_then(Value::as_array).into_iter().flatten();
    std::iter::once(&volume["secret"]).chain(parts.map(|source| &source["secret"]))
}

/// A volume of its own and a part of one have it under two keys.
pub(crate) fn name_of(secret: &Value) -> &Value {
    if secret["secretName"].is_string() { &secret["secretName"] } else { &secret["name"] }
}

/// What these Secrets hold of cookie and password: under the key that a variable of the template takes, else under one of
/// the keys that charts use. The name of the first that holds any comes with it.
pub(crate) fn held(template: &Value, secrets: &[Value]) -> Option<(String, Vault)> {
    let mut found = None;
    let mut vault = Vault::default();
    for object in secrets {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        for what in Name::BOTH {
            let secret = secret_in(object, what, taken(template, name, what));
            if let Some(secret) = secret.filter(|_| vault.get(what).is_none()) {
                vault.put(what, secret);
                found.get_or_insert_with(|| name.to_owned());
            }
        }
    }
    Some((found?, vault))
}

fn secret_in(object: &Value, what: Name, key: Option<&str>) -> Option<Secret> {
    let usual = secret::KEYS.iter().filter(|(_, name)| *name == what).map(|(key, _)| *key);
    key.into_iter().chain(usual).find_map(|key| Secret::from_base64(object["data"][key].as_str()?))
}

/// The key of this Secret that a variable takes, by what the variable is called.
fn taken<'a>(template: &'a Value, secret: &str, what: Name) -> Option<&'a str> {
    let word = if what == Name::Password { "PASS" } else { "COOKIE" };
    let containers = template["containers"].as_array().into_iter().flatten();
    let variables = containers.flat_map(|container| container["env"].as_array().into_iter().flatten());
    let mut named = variables.filter(|variable| variable["name"].as_str().is_some_and(|name| name.contains(word)));
    named.find_map(|variable| {
        let reference = variable.pointer("/valueFrom/secretKeyRef")?;
        reference["key"].as_str().filter(|_| reference["name"] == secret)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template() -> Value {
        let taken =
            |name: &str, key: &str| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": "mq", "key": key}}});
        json!({
            "containers": [{"name": "rabbitmq", "env": [taken("RABBITMQ_PASSWORD", "word"), taken("RABBITMQ_ERL_COOKIE", "rabbitmq-erlang-cookie")]}],
            "initContainers": [{"envFrom": [{"secretRef": {"name": "more"}}]}],
            "volumes": [
                {"name": "a", "secret": {"secretName": "mq-config"}},
                {"name": "b", "projected": {"sources": [{"secret": {"name": "mq-tls"}}]}},
                {"name": "c", "configMap": {"name": "no-secret"}},
            ],
        })
    }

    #[test]
    fn every_way_to_refer_to_a_secret_is_seen() {
        assert_eq!(referred(&template()), ["more", "mq", "mq-config", "mq-tls"]);
    }

    #[test]
    fn cookie_and_password_are_found_by_the_variables_or_by_the_usual_keys() {
        let secret = |data: Value| json!({"metadata": {"name": "mq"}, "data": data});
        let text = |vault: &Vault, name| vault.get(name).map(|secret| secret.reveal().to_owned());
        let told = json!({"word": "cA==", "rabbitmq-password": "b3RoZXI=", "rabbitmq-erlang-cookie": "Yw=="});
        let (name, vault) = held(&template(), &[secret(told)]).unwrap();
        assert_eq!(
            (name.as_str(), text(&vault, Name::Password), text(&vault, Name::ErlangCookie)),
            ("mq", Some("p".into()), Some("c".into()))
        );
        let usual = json!({"password": "cA==", "erlang-cookie": "Yw=="});
        let (_, vault) = held(&Value::Null, &[secret(usual)]).unwrap();
        assert_eq!(
            (text(&vault, Name::Password), text(&vault, Name::ErlangCookie)),
            (Some("p".into()), Some("c".into()))
        );
        assert!(held(&template(), &[secret(json!({"tls.key": "Yw=="}))]).is_none());
    }
}
