//! Drift of the brokers: versions, users, feature flags, and the policies of the profile's definitions.

use insta::assert_snapshot;
use serde_json::json;

use crate::drift::{answers, installed, told, with_answers};
use crate::objects::{self, PODS};
use crate::transcript::Transcript;
use crate::world::PROFILE;

#[test]
fn nodes_of_different_versions() {
    let world = with_answers(&json!({"flagsOff": ["of_the_newer"]}));
    let mut answer = objects::answer("prodmq-2");
    answer["version"] = json!("4.3.7");
    world.object("answer.prodmq-2", &answer);
    assert_snapshot!(told(&world), @"
    status [exit 0]
      drift         the nodes run different versions (prodmq-0 4.3.6, prodmq-1 4.3.6, prodmq-2 4.3.7): mqctl upgrade prodmq
    json: broker versions: 4.3.6-management / 4.3.6, 4.3.7
    plan [exit 0]
    drift: what is other than the profile wants, and what ends it
      broker   the nodes run different versions (prodmq-0 4.3.6, prodmq-1 4.3.6, prodmq-2 4.3.7)
               fix: mqctl upgrade prodmq
    json: broker versions: 4.3.6-management / 4.3.6, 4.3.7
    ");
}

#[test]
fn the_profile_s_user() {
    assert_snapshot!(told(&with_answers(&json!({"users": [{"name": "user", "tags": ["monitoring"]}]}))), @"
    status [exit 0]
      drift         user `user` is no administrator: kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- rabbitmqctl set_user_tags user administrator
    json: broker user: administrator / monitoring
    plan [exit 0]
    drift: what is other than the profile wants, and what ends it
      broker   user `user` is no administrator
               fix: kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- rabbitmqctl set_user_tags user administrator
    json: broker user: administrator / monitoring
    ");
    assert_snapshot!(told(&with_answers(&json!({"users": []}))), @"
    status [exit 0]
      drift         the brokers have no user `user`: kubectl --namespace rabbitmq exec -it prodmq-0 --container rabbitmq -- rabbitmqctl add_user user   # asks for its password
    json: broker user: administrator / no such user
    plan [exit 0]
    drift: what is other than the profile wants, and what ends it
      broker   the brokers have no user `user`
               fix: kubectl --namespace rabbitmq exec -it prodmq-0 --container rabbitmq -- rabbitmqctl add_user user   # asks for its password
    json: broker user: administrator / no such user
    ");
}

#[test]
fn guest_is_told_unless_the_definitions_want_it() {
    let users = json!([{"name": "user", "tags": ["administrator"]}, {"name": "guest", "tags": ["administrator"]}]);
    let world = with_answers(&json!({"users": users}));
    assert_snapshot!(told(&world), @"
    status [exit 0]
      drift         the brokers have a user `guest`, whose password everybody knows: kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- rabbitmqctl delete_user guest
    json: broker guest: no such user / guest
    plan [exit 0]
    drift: what is other than the profile wants, and what ends it
      broker   the brokers have a user `guest`, whose password everybody knows
               fix: kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- rabbitmqctl delete_user guest
    json: broker guest: no such user / guest
    ");
    world.write("work/profiles/d.json", &json!({"users": [{"name": "guest"}]}).to_string());
    world.profile("prodmq", &format!("{PROFILE}definitions: d.json\n"));
    assert!(!told(&world).contains("guest"));
}

#[test]
fn stable_feature_flags() {
    let world = with_answers(&json!({"flagsOff": ["khepri_db", "rabbitmq_4.2.0"]}));
    assert_snapshot!(told(&world), @"
    status [exit 0]
      drift         stable feature flags are not enabled (khepri_db, rabbitmq_4.2.0), and the next version needs them: mqctl upgrade prodmq --enable-feature-flags
    json: broker featureFlags: all stable ones / khepri_db, rabbitmq_4.2.0
    plan [exit 0]
    drift: what is other than the profile wants, and what ends it
      broker   stable feature flags are not enabled (khepri_db, rabbitmq_4.2.0), and the next version needs them
               fix: mqctl upgrade prodmq --enable-feature-flags
    json: broker featureFlags: all stable ones / khepri_db, rabbitmq_4.2.0
    ");
    let plan = world.run(&["upgrade", "prodmq", "--enable-feature-flags", "--dry-run", "-o", "json"]).ended(0).json();
    assert_eq!(plan["drift"], json!([]), "the plan's own step ends it");
}

#[test]
fn policies_of_the_definitions() {
    let policy = |name: &str, limit: u32| {
        json!({"vhost": "/", "name": name, "pattern": "^it's", "apply-to": "queues", "priority": 1,
            "definition": {"max-length": limit}})
    };
    let world = installed();
    world.profile("prodmq", &format!("{PROFILE}definitions: d.json\n"));
    let wished = json!({"policies": [policy("same", 1), policy("other", 2), policy("gone", 3)]});
    world.write("work/profiles/d.json", &wished.to_string());
    answers(&world, &json!({"policies": [policy("same", 1), policy("other", 9), policy("theirs", 4)]}));
    assert_snapshot!(told(&world), @r#"
    status [exit 0]
      drift         policy `other` of virtual host `/` has another definition: kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- rabbitmqctl set_policy --vhost / --priority 1 --apply-to queues other '^it'\''s' '{"max-length":2}'
                    policy `gone` of virtual host `/` is missing: kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- rabbitmqctl set_policy --vhost / --priority 1 --apply-to queues gone '^it'\''s' '{"max-length":3}'
    json: broker definitions: - / -; broker definitions: - / -
    plan [exit 0]
    drift: what is other than the profile wants, and what ends it
      broker   policy `other` of virtual host `/` has another definition
               fix: kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- rabbitmqctl set_policy --vhost / --priority 1 --apply-to queues other '^it'\''s' '{"max-length":2}'
      broker   policy `gone` of virtual host `/` is missing
               fix: kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- rabbitmqctl set_policy --vhost / --priority 1 --apply-to queues gone '^it'\''s' '{"max-length":3}'
    json: broker definitions: - / -; broker definitions: - / -
    "#);
    let asked = |run: &Transcript| run.calls.iter().filter(|call| call.stdin.contains("rabbit_policy:list")).count();
    let run = world.run(&["status", "prodmq"]);
    assert_eq!((asked(&run), run.calls.len()), (PODS.len(), 2 + PODS.len()), "in the same question: {run}");
    assert_eq!(asked(&installed().run(&["status", "prodmq"])), 0, "only where there are some to compare with");
}

#[test]
fn everything_as_json() {
    let world = with_answers(&json!({"users": [{"name": "user", "tags": []}, {"name": "guest", "tags": []}]}));
    let page = world.run(&["status", "prodmq", "-o", "json"]).ended(0).json();
    assert_snapshot!(serde_json::to_string_pretty(&page["drift"]).unwrap(), @r#"
    [
      {
        "fix": "kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- rabbitmqctl set_user_tags user administrator",
        "found": "",
        "kind": "user",
        "message": "user `user` is no administrator",
        "subject": "user/user",
        "wished": "administrator",
        "with": "broker"
      },
      {
        "fix": "kubectl --namespace rabbitmq exec prodmq-0 --container rabbitmq -- rabbitmqctl delete_user guest",
        "found": "guest",
        "kind": "guest",
        "message": "the brokers have a user `guest`, whose password everybody knows",
        "subject": "user/guest",
        "wished": "no such user",
        "with": "broker"
      }
    ]
    "#);
    let plan = world.run(&["plan", "prodmq", "-o", "json"]).ended(0).json();
    assert_eq!(plan["drift"], page["drift"]);
    assert!(page["nodes"][0]["broker"]["users"].is_null(), "{page:#}");
}
