//! What `mqctl init --from-release` refuses: nothing is changed, and the sentence says why.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::dialects::release;
use crate::objects::{self, COOKIE, PASSWORD};
use crate::plain_helm::{FILE, STABLE, answers, bare, bitnami, history, plain, stable, text};
use crate::secrets::nowhere;
use crate::world::{SECRETS_FILE, World};

#[track_caller]
fn refused(world: &World, args: &[&str], code: i32) -> String {
    let run = world.run(args).ended(code);
    run.changed_nothing();
    [PASSWORD, COOKIE].iter().for_each(|secret| nowhere(secret, &run));
    run.stderr
}

#[test]
fn there_is_no_such_release() {
    let world = plain(&stable());
    let init = ["init", "prodmq", "--from-release", "rabbit", "--chart", "./charts/stable-like", "--yes"];
    world.rule("helm history rabbit *", 1, "", "Error: release: not found");
    assert_snapshot!(refused(&world, &init, 78), @"
    error: there is no Helm release `rabbit` in namespace `rabbitmq`; there: prodmq; nothing was changed
    hint: helm list --all-namespaces   # where it is: --namespace NAME
    ");
    world.remove("cluster/release");
    assert_snapshot!(refused(&world, &init, 78), @"
    error: there is no Helm release `rabbit` in namespace `rabbitmq`; there is none; nothing was changed
    hint: helm list --all-namespaces   # where it is: --namespace NAME
    ");
}

#[test]
fn it_is_no_rabbitmq() {
    let world = bare(&stable());
    let set = json!({"kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {"template": {"spec": {"containers": [{"name": "db", "image": "postgres:17"}]}}}});
    answers(&world, &stable(), &history(&[("deployed", "postgresql-16.0.0")]));
    world.write("cluster/manifest", &format!("---\n{set}\n"));
    assert_snapshot!(refused(&world, &STABLE, 78), @"
    error: `prodmq` was made by chart `postgresql-16.0.0`, which is no RabbitMQ; nothing was changed
    hint: helm list --namespace rabbitmq
    see: mqctl explain RELEASE-TAKEN
    ");
}

#[test]
fn it_was_made_by_the_operator() {
    let world = World::new();
    world.rule("helm history *", 1, "", "Error: release: not found");
    let owner = json!([{"kind": "RabbitmqCluster", "name": "prodmq"}]);
    world.object(
        "statefulset.prodmq-server",
        &json!({"kind": "StatefulSet", "metadata": {"name": "prodmq-server", "ownerReferences": owner}}),
    );
    world.remove(FILE);
    assert_snapshot!(refused(&world, &STABLE, 78), @"
    error: `prodmq` is a RabbitmqCluster of RabbitMQ's cluster operator, which mqctl does not take over; nothing was changed
    hint: kubectl get rabbitmqcluster prodmq --output yaml   # it is changed there
    ");
    // The same by a chart of somebody's.
    let world = bare(&stable());
    answers(&world, &stable(), &history(&[("deployed", "my-queue-1.0.0")]));
    world.write("cluster/manifest", "---\nkind: RabbitmqCluster\nmetadata: {name: prodmq}\n");
    assert!(refused(&world, &STABLE, 78).contains("is a RabbitmqCluster of RabbitMQ's cluster operator"));
}

#[test]
fn a_helm_may_be_at_work_on_it() {
    let world = plain(&stable());
    let mut pending = release("6.18.2");
    pending["status"] = "pending-upgrade".into();
    world.object("release", &pending);
    assert_snapshot!(refused(&world, &STABLE, 75), @"
    error: `prodmq` is pending-upgrade since 2026-11-22 08:57 (revision 1): a helm may be at work; nothing was changed
    hint: run the same command again when it has ended
    hint: helm rollback prodmq --namespace rabbitmq   # if no helm runs any more
    see: mqctl explain HELM-PENDING
    ");
    pending["status"] = "pending-install".into();
    world.object("release", &pending);
    let said = refused(&world, &STABLE, 75);
    assert!(said.contains("`prodmq` is pending-install since") && !said.contains("rollback"), "{said}");
}

#[test]
fn nothing_of_it_is_deployed() {
    let world = bare(&stable());
    let mut uninstalled = release("6.18.2");
    uninstalled["status"] = "uninstalled".into();
    world.object("release", &uninstalled);
    answers(&world, &stable(), &history(&[("uninstalled", "rabbitmq-6.18.2")]));
    assert_snapshot!(refused(&world, &STABLE, 78), @"
    error: `prodmq` is uninstalled: no revision of it is deployed; nothing was changed
    hint: helm history prodmq --namespace rabbitmq
    ");
    let world = plain(&stable());
    world.remove("cluster/statefulset.prodmq");
    assert_snapshot!(refused(&world, &STABLE, 78), @"
    error: StatefulSet `prodmq` of release `prodmq` is not there any more; nothing was changed
    hint: bring it back first: helm rollback prodmq --namespace rabbitmq
    ");
}

#[test]
fn the_chart_is_not_given_or_another() {
    let world = plain(&stable());
    assert_snapshot!(refused(&world, &["init", "prodmq", "--from-release", "prodmq", "--yes"], 64), @"
    error: which chart? `prodmq` was made by rabbitmq-6.18.2, and --chart is not given; nothing was changed
    hint: helm pull REPOSITORY/rabbitmq --version 6.18.2 --untar   # then --chart ./rabbitmq
    ");
    let with =
        |chart: &str| refused(&world, &["init", "prodmq", "--from-release", "prodmq", "--chart", chart, "--yes"], 78);
    assert_snapshot!(with("./charts/bitnami-like"), @"
    error: no profile can say what `prodmq` is; nothing was changed
      chart.version         the chart is version 16.0.16, not `6.18.2`
    hint: helm pull REPOSITORY/rabbitmq --version 6.18.2 --untar   # then --chart ./rabbitmq
    ");
    assert_snapshot!(with("./charts/nowhere"), @"
    error: no profile can say what `prodmq` is; nothing was changed
      chart.ref             `profiles/../charts/nowhere`: there is no chart: failed to open file `./charts/nowhere/Chart.yaml`: No such file or directory (os error 2)
    hint: helm pull REPOSITORY/rabbitmq --version 6.18.2 --untar   # then --chart ./rabbitmq
    ");
    world.write("work/profiles/nginx-6.18.2.tgz", "");
    world.write("shown.chart", "apiVersion: v2\nname: nginx\nversion: 6.18.2\n");
    world.write("shown.values", "");
    assert_snapshot!(with("./profiles/nginx-6.18.2.tgz"), @"
    error: `prodmq` was made by chart `rabbitmq-6.18.2`, and --chart is stable nginx-6.18.2; nothing was changed
    hint: helm pull REPOSITORY/rabbitmq --version 6.18.2 --untar   # then --chart ./rabbitmq
    see: mqctl explain RELEASE-TAKEN
    ");
}

/// Helm knows why, and what to do.
#[test]
fn helm_has_no_such_chart() {
    let world = bare(&stable());
    world.rule("helm show *", 1, "", "Error: repo stable not found");
    answers(&world, &stable(), &history(&[("deployed", "rabbitmq-6.18.2")]));
    let init = ["init", "prodmq", "--from-release", "prodmq", "--chart", "stable/rabbitmq", "--yes"];
    assert_snapshot!(refused(&world, &init, 69), @"
    error: no chart `stable/rabbitmq` 6.18.2: helm: repo stable not found; nothing was changed
    hint: helm repo add stable URL   # the address that the chart's own pages name
    ");
}

#[test]
fn flags_that_the_release_answers_are_refused() {
    let run = plain(&stable()).run(&[&STABLE[..], &["--replicas", "5"]].concat()).ended(64);
    assert!(run.calls.is_empty() && run.stderr.contains("cannot be used with"), "{run}");
    let run = plain(&stable()).run(&["init", "prodmq", "--chart", "./charts/stable-like"]).ended(64);
    assert!(run.calls.is_empty() && run.stderr.contains("--from-release"), "{run}");
    assert!(
        refused(&plain(&stable()), &["init", "prodmq", "--from-release", "-n", "x"], 64).contains("--from-release")
    );
    let odd = ["init", "prodmq", "--from-release", "No_Name", "--yes"];
    assert!(refused(&plain(&stable()), &odd, 64).contains("`--from-release`: expected"));
}

#[test]
fn the_user_is_another() {
    assert_snapshot!(refused(&plain(&stable()), &[&STABLE[..], &["--username", "shop"]].concat(), 78), @"
    error: `prodmq` was installed with the user `user`, not `shop`; nothing was changed
    hint: leave --username out
    see: mqctl explain USERNAME
    ");
    let world = plain(&stable());
    let mut secret = objects::secret(COOKIE, PASSWORD);
    secret["data"]["username"] = objects::base64("shop").into();
    world.object("secret.prodmq-mqctl-credentials", &secret);
    assert_snapshot!(refused(&world, &STABLE, 78), @"
    error: `prodmq` has the user `user`, and mqctl's Secret is for `shop`; nothing was changed
    hint: kubectl get secret prodmq-mqctl-credentials --output yaml   # of which release is it?
    see: mqctl explain USERNAME
    ");
}

/// `guest` may log in from the broker's own host only, so that no profile takes it.
#[test]
fn a_user_that_no_profile_can_have() {
    let mut family = bitnami();
    family.given["auth"]["username"] = "guest".into();
    let world = plain(&family);
    let init = ["init", "prodmq", "--from-release", "prodmq", "--chart", "./charts/bitnami-like", "--yes"];
    assert_snapshot!(refused(&world, &init, 78), @"
    error: no profile can say what `prodmq` is; nothing was changed
      credentials.username  this user may log in from the broker's own host only (RabbitMQ's loopback_users); choose another
    ");
}

#[test]
fn a_profile_that_says_something_else_is_there() {
    let world = plain(&stable());
    world.profile("prodmq", "format: 1\nnamespace: rabbitmq\nreplicas: 5\n");
    let before = text(&world, FILE);
    let said = refused(&world, &STABLE, 64);
    assert!(
        said.starts_with("error: `profiles/prodmq.yaml` is there and says something else; nothing was changed\n"),
        "{said}"
    );
    assert!(said.contains("replace it: the same command with --force"), "{said}");
    assert_eq!(text(&world, FILE), before);
    world.run(&[&STABLE[..], &["--force"]].concat()).ended(0);
    assert!(text(&world, FILE).contains("stable-like"));
}

#[test]
fn mqctl_would_look_for_another_stateful_set() {
    let mut family = stable();
    family.given["fullnameOverride"] = "other".into();
    assert_snapshot!(refused(&plain(&family), &STABLE, 78), @"error: `prodmq` has StatefulSet `prodmq` with the claim `data-prodmq-0`, and mqctl knows this chart by `other` with `data-other-0`; nothing was changed");
}

/// The chart's Secret was changed, nobody told the brokers, and no pod knows the password.
#[test]
fn no_password_that_is_known_lets_anybody_in() {
    let world = plain(&stable());
    world.object("runs-with", &objects::runs_with(Some(COOKIE), "changed-by-hand", PASSWORD));
    assert_snapshot!(refused(&world, &STABLE, 78), @"
    error: no password that is known lets anybody in as `user` of `prodmq`; nothing was changed
    hint: put the one that it has into profiles/prodmq.secrets.yaml (key password; chmod 600), then the same command again
    see: mqctl explain CRED-UNKNOWN
    ");
}

#[test]
fn a_node_that_runs_and_does_not_answer() {
    let world = plain(&stable());
    objects::PODS.iter().for_each(|pod| world.remove(&format!("cluster/answer.{pod}")));
    let said = refused(&world, &STABLE, 69);
    assert!(said.contains("`prodmq-0` runs and could not be asked"), "{said}");
}

/// A crashed node has read a cookie, and nobody says which.
#[test]
fn no_broker_runs_and_nobody_knows() {
    let mut family = stable();
    family.given["rabbitmq"] = json!({});
    let world = plain(&family);
    world.remove("cluster/secret.prodmq");
    objects::PODS.iter().for_each(|pod| world.remove(&format!("cluster/pod.{pod}")));
    assert_snapshot!(refused(&world, &STABLE, 78), @"
    error: nobody knows the password as `user` of `prodmq`; nothing was changed
    hint: put the one that it has into profiles/prodmq.secrets.yaml (key password; chmod 600), then the same command again
    see: mqctl explain CRED-UNKNOWN
    ");
}

/// A secrets file of another life gives way, and is kept beside itself.
#[test]
fn a_secrets_file_with_others_gives_way() {
    let world = plain(&stable());
    world.secrets_file("ANOTHERCOOKIE", "another-password");
    let run = world.run(&STABLE).ended(0);
    assert!(text(&world, SECRETS_FILE).contains(PASSWORD), "{run}");
    assert!(run.wrote.iter().any(|file| file.starts_with("work/profiles/old-")), "{run}");
}

#[test]
fn rights_that_are_missing_are_named() {
    let world = plain(&stable());
    world.rule(
        "kubectl * get statefulsets *",
        1,
        "",
        "Error from server (Forbidden): statefulsets.apps is forbidden: User \"ci\" cannot list resource",
    );
    assert!(refused(&world, &STABLE, 77).contains("statefulsets.apps is forbidden"));
}

/// Not even an answer of helm's that is no JSON shows a value.
#[test]
fn what_helm_says_is_not_quoted() {
    let world = bare(&stable());
    world.rule("helm get values *", 0, &Value::from(PASSWORD).to_string(), "");
    answers(&world, &stable(), &history(&[("deployed", "rabbitmq-6.18.2")]));
    let said = refused(&world, &STABLE, 1);
    assert!(said.contains("`helm get values` did not answer in JSON"), "{said}");
}

/// What the release tells of a chart that mqctl does not know is said for the profile that has to describe it.
#[test]
fn a_chart_of_no_known_family_is_described_by_hand() {
    let mut family = bitnami();
    family.given = json!({"nodes": 3, "login": {"name": "user", "password": PASSWORD, "cookie": COOKIE}});
    let world = bare(&family);
    let mut set: Value = serde_json::from_str(&text(&world, "cluster/statefulset.prodmq")).unwrap();
    set["spec"]["serviceName"] = "prodmq-nodes".into();
    set["spec"]["selector"] = json!({"matchLabels": {"app": "mq", "release": "prodmq"}});
    set["spec"]["template"]["spec"]["containers"][0]["name"] = "broker".into();
    set["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = json!([
        {"name": "conf", "mountPath": "/etc/rabbitmq"}, {"name": "data", "mountPath": "/data"},
    ]);
    world.object("statefulset.prodmq", &set);
    answers(&world, &family, &history(&[("deployed", "mq-1.2.0")]));
    let init = ["init", "shop", "--from-release", "prodmq", "--chart", "./charts/custom-like", "--yes"];
    assert_snapshot!(refused(&world, &init, 78), @"
    error: `prodmq` was made by chart `mq-1.2.0`, whose keys mqctl does not know; nothing was changed
    a profile by hand can describe it, beginning with what the release tells:
      chart:
        dialect: custom
        custom:
          statefulSet: prodmq
          headlessService: prodmq-nodes
          claimTemplate: data
          container: broker
          volumePath: /data
          podLabels: {app: mq, release: prodmq}
    hint: write profiles/shop.yaml: see `A chart of your own` in mqctl's README
    hint: mqctl credentials adopt shop   # then mqctl plan shop
    ");
    set["spec"]["podManagementPolicy"] = "Parallel".into();
    world.object("statefulset.prodmq", &set);
    assert!(refused(&world, &init, 78).contains("\n      parallel: true\n"));
    // Beside others: the container by its image, the claim by where the nodes are; and what nobody can tell is left out.
    set["metadata"]["labels"] = json!({"app": "mq", "release": "prodmq"});
    let data = set["spec"]["volumeClaimTemplates"][0].take();
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "logs"}}, data]);
    let pod = &mut set["spec"]["template"]["spec"];
    let mut broker = pod["containers"][0].take();
    broker["env"] = json!([{"name": "RABBITMQ_MNESIA_BASE", "value": "/data/nodes"}]);
    pod["containers"] = json!([{"name": "rabbitmq-exporter", "image": "exporter:1"}, broker]);
    world.object("statefulset.prodmq", &set);
    let said = refused(&world, &init, 78);
    for line in ["claimTemplate: data", "container: broker", "volumePath: /data", "releaseLabel: release"] {
        assert!(said.contains(&format!("\n      {line}\n")), "{line}: {said}");
    }
    set["spec"]["template"]["spec"]["containers"][1]["env"] = json!([]);
    world.object("statefulset.prodmq", &set);
    let said = refused(&world, &init, 78);
    assert!(!said.contains("claimTemplate") && !said.contains("volumePath"), "{said}");
}
