//! Which Secret the pods take cookie and password from, as the forecast sees it in what a chart renders.

use mqctl::chart::Held;
use mqctl::explain::Code;
use mqctl::forecast::{Asked, forecast};
use mqctl::secret::Name;
use serde_json::{Value, json};

use crate::forecast::{ASKED, broker, objects, told};

/// However the pods take it: a Secret of the chart's own that holds a cookie.
#[test]
fn a_secret_of_the_chart_s_own_is_seen_in_variables_and_volumes() {
    let told_with = |change: &dyn Fn(&mut Value), key: &str| {
        let mut objects = objects("builtin");
        objects.iter_mut().filter(|object| object["kind"] == "StatefulSet").for_each(change);
        objects.push(json!({"kind": "Secret", "metadata": {"name": "own"}, "data": {key: "eA=="}}));
        let told = told("builtin", "/var/lib/rabbitmq/mnesia", &objects);
        told.into_iter().map(|one| one.code).collect::<Vec<_>>()
    };
    let whole = |set: &mut Value| broker(set)["envFrom"] = json!([{"secretRef": {"name": "own"}}]);
    let volume = |source: Value| {
        move |set: &mut Value| {
            let volumes = set["spec"]["template"]["spec"]["volumes"].as_array_mut().unwrap();
            let mut volume = json!({"name": "more"});
            volume.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
            volumes.push(volume);
            let mounts = broker(set)["volumeMounts"].as_array_mut().unwrap();
            mounts.push(json!({"name": "more", "mountPath": "/more"}));
        }
    };
    let picked = json!({"secret": {"secretName": "own", "items": [{"key": "erlang-cookie", "path": "c"}]}});
    let ways: [&dyn Fn(&mut Value); 4] = [
        &whole,
        &volume(json!({"secret": {"secretName": "own"}})),
        &volume(json!({"projected": {"sources": [{"secret": {"name": "own"}}]}})),
        &volume(picked),
    ];
    for way in ways {
        assert_eq!(told_with(way, "rabbitmq-erlang-cookie"), [Code::CredMismatch]);
    }
    for way in &ways[..3] {
        assert_eq!(told_with(way, "tls.key"), [], "it holds no cookie");
    }
    assert_eq!(
        told_with(&volume(json!({"secret": {"secretName": "another"}})), "erlang-cookie"),
        [],
        "nobody knows what it holds"
    );
}

#[test]
fn secrets_from_elsewhere_are_told() {
    let other = |objects: &mut [Value]| {
        for set in objects.iter_mut().filter(|object| object["kind"] == "StatefulSet") {
            *set = serde_json::from_str(&set.to_string().replace("prodmq-mqctl-credentials", "mine")).unwrap();
        }
    };
    for family in ["stable", "bitnami"] {
        let mut objects = objects(family);
        let code = |objects: &[Value]| told(family, "/nowhere", objects).first().map(|one| one.code);
        assert_ne!(code(&objects), Some(Code::CredMismatch), "{family}");
        other(&mut objects);
        assert_eq!(code(&objects), Some(Code::CredMismatch), "{family}");
    }
}

/// Objects of the family's with a variable more in one of the containers.
fn with_variable(family: &str, container: &str, variable: &Value) -> Vec<Value> {
    let mut objects = objects(family);
    for set in objects.iter_mut().filter(|object| object["kind"] == "StatefulSet") {
        let spec = &mut set["spec"]["template"]["spec"];
        spec["containers"].as_array_mut().unwrap().push(json!({"name": "sidecar"}));
        let mut all = spec["containers"].as_array_mut().unwrap().iter_mut();
        let one = all.find(|one| one["name"] == container).unwrap();
        let env: Vec<Value> = one["env"].as_array().into_iter().flatten().chain([variable]).cloned().collect();
        one["env"] = json!(env);
    }
    objects
}

fn taken(secret: &str, key: &str) -> Value {
    json!({"name": "ANY", "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}})
}

fn mismatched(asked: &Asked<'_>) -> bool {
    forecast(asked).iter().any(|one| one.code == Code::CredMismatch)
}

#[test]
fn a_password_of_something_else_is_not_the_broker_s() {
    for family in ["builtin", "stable", "bitnami"] {
        for container in ["rabbitmq", "sidecar"] {
            let objects = with_variable(family, container, &taken("ldap", "password"));
            assert!(!mismatched(&Asked { objects: &objects, family, ..ASKED }), "{family} {container}");
        }
        let objects = with_variable(family, "rabbitmq", &taken("own", "rabbitmq-erlang-cookie"));
        assert!(mismatched(&Asked { objects: &objects, family, ..ASKED }), "a cookie is of nothing else: {family}");
    }
    let objects = with_variable("stable", "sidecar", &taken("own", "rabbitmq-erlang-cookie"));
    assert!(!mismatched(&Asked { objects: &objects, ..ASKED }), "that is no node");
}

/// Also where it takes the cookie from mqctl's.
#[test]
fn a_broker_without_the_password_of_mqctl_s_secret_has_another() {
    let mut objects = objects("stable");
    for set in objects.iter_mut().filter(|object| object["kind"] == "StatefulSet") {
        let env = broker(set)["env"].as_array_mut().unwrap();
        let password = env.iter_mut().find(|variable| variable["name"] == "RABBITMQ_DEFAULT_PASS").unwrap();
        *password = taken("own", "rabbitmq-password");
    }
    let told = told("stable", "/nowhere", &objects);
    assert_eq!((told[0].code, told[0].subject.as_str()), (Code::CredMismatch, "StatefulSet/prodmq"));
    assert!(told[0].message.starts_with("the pods take the password from Secret own: "), "{}", told[0].message);
}

#[test]
fn keys_that_the_profile_names_count() {
    let secret_keys = [("broker-password".to_owned(), Held::Secret(Name::Password))];
    let mut objects = objects("stable");
    for set in objects.iter_mut().filter(|object| object["kind"] == "StatefulSet") {
        broker(set)["env"] = json!([taken("own", "broker-password")]);
    }
    let asked = Asked { objects: &objects, family: "custom", ..ASKED };
    assert!(!mismatched(&asked), "nobody knows what that is");
    assert!(mismatched(&Asked { secret_keys: &secret_keys, ..asked }));
    let own: Vec<Value> = objects
        .iter()
        .map(|one| serde_json::from_str(&one.to_string().replace("\"own\"", "\"prodmq-mqctl-credentials\"")).unwrap())
        .collect();
    assert!(!mismatched(&Asked { objects: &own, secret_keys: &secret_keys, ..asked }));
}
