//! `mqctl init NAME --from-release RELEASE`: a release that plain helm made becomes a profile, with its secrets proven.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::dialects::release;
use crate::objects::{self, COOKIE, PASSWORD, base64};
use crate::plain_helm::{FILE, SECRET, STABLE, answers, bare, bitnami, history, plain, stable, text};
use crate::secrets::nowhere;
use crate::transcript::Transcript;
use crate::world::{SECRETS_FILE, World};

/// The lines of the profile that are switched on.
fn fields(world: &World) -> String {
    let text = text(world, FILE);
    let said = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    said.map(|line| line.split(" #").next().unwrap().trim_end()).collect::<Vec<_>>().join("\n")
}

/// Nothing secret was shown or fed anywhere but where it belongs, and none is in the profile.
#[track_caller]
fn canaries(world: &World, run: &Transcript) {
    for secret in [PASSWORD, COOKIE] {
        nowhere(secret, run);
        let profile = text(world, FILE);
        assert!(!profile.contains(secret) && !profile.contains(base64(secret).trim_end_matches('=')), "{profile}");
        assert!(text(world, SECRETS_FILE).contains(&format!(": \"{secret}\"\n")), "{run}");
        assert!(text(world, SECRET).contains(&base64(secret)), "{run}");
    }
}

#[test]
fn a_release_of_stable_becomes_a_profile() {
    let world = plain(&stable());
    let run = world.run(&[&STABLE[..], &["-vv"]].concat()).ended(0);
    canaries(&world, &run);
    assert_snapshot!(fields(&world), @"
    format: 1
    namespace: rabbitmq
    chart:
      ref: ../charts/stable-like
      version: 6.18.2
    image:
      repository: docker.io/library/rabbitmq
      tag: 4.3.6-management
    replicas: 3
    storage:
      size: 8Gi
    credentials:
      username: user
    values:
      fullnameOverride: prodmq
      image:
        debug: true
      rabbitmq:
        plugins: rabbitmq_management
      service:
        type: LoadBalancer
    ");
    let run = plain(&stable()).run(&STABLE).ended(0);
    assert_snapshot!(run, @r#"
    $ mqctl init prodmq --from-release prodmq --chart ./charts/stable-like --yes   [exit 0]
    stdout | profiles/prodmq.yaml is written.   mqctl plan prodmq     mqctl upgrade prodmq
    stdout | no pod was touched; the first upgrade lets the pods take cookie and password from Secret prodmq-mqctl-credentials, and restarts them for that
    stderr | test/rabbitmq/prodmq: init: 4 to change, 0 to destroy
    stderr |    0.0s profiles/prodmq.yaml written
    stderr |    0.0s profiles/.gitignore written
    stderr |    0.0s prodmq.secrets.yaml written
    stderr |    0.0s Secret prodmq-mqctl-credentials written
    1. reads helm get manifest prodmq --revision 1 --namespace rabbitmq --kube-context test
    2. reads helm get values prodmq --revision 1 --output json --all --namespace rabbitmq --kube-context test
    3. reads helm get values prodmq --revision 1 --output json --namespace rabbitmq --kube-context test
    4. reads helm history prodmq --output json --namespace rabbitmq --kube-context test
    5. reads helm list --filter '^prodmq$' --output json --deployed --failed --pending --uninstalling --uninstalled --superseded --namespace rabbitmq --kube-context test
    6. reads helm list --output json --deployed --failed --pending --uninstalling --uninstalled --superseded --namespace rabbitmq --kube-context test
    7. reads kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < (20 access reviews)
    8. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    9. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-0 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    10. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-1 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    11. reads kubectl --context test --namespace rabbitmq exec --stdin prodmq-2 --container rabbitmq -- timeout -k 2 25 rabbitmqctl eval
      < (the question to a broker)
    12. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json secret/prodmq
    13. reads kubectl --context test --namespace rabbitmq get --ignore-not-found --output json statefulset/prodmq secret/prodmq-mqctl-credentials lease/prodmq-mqctl service/prodmq-external namespace/rabbitmq service/prodmq service/prodmq-headless pod/prodmq-0 pod/prodmq-1 pod/prodmq-2 persistentvolumeclaim/data-prodmq-0 persistentvolumeclaim/data-prodmq-1 persistentvolumeclaim/data-prodmq-2
    14. reads kubectl --context test --namespace rabbitmq get statefulsets --output json
    15. CHANGES kubectl --context test --namespace rabbitmq create '--validate=false' --filename - --output json
      < {
      <   "apiVersion": "v1",
      <   "items": [
      <     {
      <       "apiVersion": "coordination.k8s.io/v1",
      <       "kind": "Lease",
      <       "metadata": {
      <         "annotations": {
      <           "mqctl/machine": "MACHINE",
      <           "mqctl/pid": "PID",
      <           "mqctl/started": "TICKS"
      <         },
      <         "labels": {
      <           "app.kubernetes.io/instance": "prodmq",
      <           "app.kubernetes.io/managed-by": "mqctl",
      <           "release": "prodmq"
      <         },
      <         "name": "prodmq-mqctl",
      <         "namespace": "rabbitmq"
      <       },
      <       "spec": {
      <         "acquireTime": "NOW",
      <         "holderIdentity": "HOLDER",
      <         "leaseDurationSeconds": 45,
      <         "renewTime": "NOW"
      <       }
      <     }
      <   ],
      <   "kind": "List"
      < }
    16. CHANGES kubectl --context test --namespace rabbitmq apply --server-side --force-conflicts --field-manager mqctl --filename - --output name
      < {
      <   "apiVersion": "v1",
      <   "data": {
      <     ".erlang.cookie": "Q0FOQVJZQ09PS0lFMDEyMzQ1Njc4OQ==",
      <     "admin-password": "Y2FuYXJ5LXBhc3N3b3JkLTAxMjM0NTY3ODk=",
      <     "default-password": "Y2FuYXJ5LXBhc3N3b3JkLTAxMjM0NTY3ODk=",
      <     "erlang-cookie": "Q0FOQVJZQ09PS0lFMDEyMzQ1Njc4OQ==",
      <     "password": "Y2FuYXJ5LXBhc3N3b3JkLTAxMjM0NTY3ODk=",
      <     "rabbitmq-erlang-cookie": "Q0FOQVJZQ09PS0lFMDEyMzQ1Njc4OQ==",
      <     "rabbitmq-password": "Y2FuYXJ5LXBhc3N3b3JkLTAxMjM0NTY3ODk=",
      <     "username": "dXNlcg=="
      <   },
      <   "kind": "Secret",
      <   "metadata": {
      <     "annotations": {
      <       "mqctl/image-tag": "4.3.6-management"
      <     },
      <     "labels": {
      <       "app.kubernetes.io/instance": "prodmq",
      <       "app.kubernetes.io/managed-by": "mqctl",
      <       "release": "prodmq"
      <     },
      <     "name": "prodmq-mqctl-credentials",
      <     "namespace": "rabbitmq"
      <   },
      <   "type": "Opaque"
      < }
    17. CHANGES kubectl --context test --namespace rabbitmq annotate secret prodmq-mqctl-credentials --overwrite 'mqctl/booted-tag=4.3.6-management'
    18. CHANGES kubectl --context test --namespace rabbitmq delete --raw /apis/coordination.k8s.io/v1/namespaces/rabbitmq/leases/prodmq-mqctl --filename -
      < {
      <   "apiVersion": "v1",
      <   "kind": "DeleteOptions",
      <   "preconditions": {
      <     "resourceVersion": "1",
      <     "uid": "u1"
      <   }
      < }
    wrote work/profiles/.gitignore (644)
    wrote work/profiles/prodmq.secrets.yaml (600)
    wrote work/profiles/prodmq.yaml (644)
    "#);
}

#[test]
fn a_release_of_bitnami_becomes_a_profile() {
    let world = plain(&bitnami());
    let init = ["init", "prodmq", "--from-release", "prodmq", "-n", "rabbitmq", "--chart", "./charts/bitnami-like"];
    let dry = world.run(&[&init[..], &["--dry-run"]].concat()).ended(0);
    dry.changed_nothing();
    assert_snapshot!(dry.words(), @"
    $ mqctl init prodmq --from-release prodmq -n rabbitmq --chart ./charts/bitnami-like --dry-run   [exit 0]
    test / rabbitmq / prodmq     bitnami rabbitmq-16.0.16 · RabbitMQ 4.3.6-management · 3 nodes · 8Gi standard

      1  changes   profiles/prodmq.yaml             new: every field with a comment, defaults commented out
      2  changes   profiles/.gitignore              *.secrets.yaml stays out of version control
      3  changes   prodmq.secrets.yaml              Erlang cookie and password from Secret prodmq
      4  changes   Secret prodmq-mqctl-credentials  Erlang cookie and password from Secret prodmq
    ");
    let run = world.run(&[&init[..], &["--yes", "-vv", "-o", "json"]].concat()).ended(0);
    canaries(&world, &run);
    assert_snapshot!(fields(&world), @"
    format: 1
    namespace: rabbitmq
    chart:
      ref: ../charts/bitnami-like
      version: 16.0.16
    image:
      repository: docker.io/library/rabbitmq
      tag: 4.3.6-management
    replicas: 3
    storage:
      class: standard
      size: 8Gi
    credentials:
      username: user
    values:
      auth:
        updatePassword: false
      extraConfiguration: |
        heartbeat = 60
        vm = 1
      fullnameOverride: prodmq
    ");
}

#[test]
fn the_same_again_changes_nothing() {
    let world = plain(&stable());
    world.run(&STABLE).ended(0);
    let run = world.run(&STABLE).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.words(), @"
    $ mqctl init prodmq --from-release prodmq --chart ./charts/stable-like --yes   [exit 0]
    test / rabbitmq / prodmq     nothing to write: profiles/prodmq.yaml says what the release is, and both homes have its secrets
    ");
}

#[test]
fn killed_at_any_call_it_is_done_by_the_same_command() {
    for pattern in ["helm list *", "kubectl * exec *", "kubectl * apply *", "kubectl * annotate *"] {
        for moment in ["kill/before", "kill/after"] {
            let world = plain(&stable());
            world.write(moment, &format!("{pattern}\n"));
            let killed = world.run_to_the_last_child(&STABLE);
            assert_eq!(killed.code, Some(128 + 9), "{moment} {pattern}\n{killed}");
            let run = world.run(&STABLE).ended(0);
            canaries(&world, &run);
            world.run(&["credentials", "verify", "prodmq"]).ended(0);
        }
    }
}

/// Without a revision, helm would tell what the failed one was given.
#[test]
fn a_revision_that_failed_is_not_what_is_taken_over() {
    let world = bare(&stable());
    world.object("release", &{
        let mut release = release("6.18.2");
        release["status"] = "failed".into();
        release["revision"] = "3".into();
        release
    });
    let chart = "rabbitmq-6.18.2";
    answers(&world, &stable(), &history(&[("superseded", chart), ("deployed", chart), ("failed", "rabbitmq-9.0.0")]));
    let run = world.run(&STABLE).ended(0);
    let revision = |call: &&crate::transcript::Recorded| call.args.windows(2).any(|two| two == ["--revision", "2"]);
    let gets: Vec<_> = run.calls.iter().filter(|call| call.program == "helm" && call.verb() == "get").collect();
    assert!(gets.len() == 3 && gets.iter().all(revision), "{run}");
    let said = "warning: revision 3 has failed; the profile says what revision 2 says, which is deployed\n";
    assert!(run.stderr.contains(said), "{run}");
}

/// The values say one password, the brokers have another: that of the chart's Secret, as some versions keep the first.
#[test]
fn the_brokers_say_which_of_two_is_true() {
    let mut family = stable();
    family.given["rabbitmq"]["password"] = "never-was-true".into();
    let world = plain(&family);
    let run = world.run(&STABLE).ended(0);
    canaries(&world, &run);
    nowhere("never-was-true", &run);
}

/// A chart without a Secret of its own: what helm was given is all that anybody knows, and the brokers accept it.
#[test]
fn values_alone_are_proven_as_well() {
    let world = plain(&stable());
    world.remove("cluster/secret.prodmq");
    let run = world.run(&[&STABLE[..], &["--dry-run"]].concat()).ended(0);
    assert!(run.stdout.contains("Erlang cookie and password from the release's values"), "{run}");
    let run = world.run(&STABLE).ended(0);
    canaries(&world, &run);
}

#[test]
fn other_secrets_among_the_values_are_left_out_and_named() {
    let mut family = stable();
    family.given["rabbitmq"]["extraConfiguration"] =
        "heartbeat = 60\nauth_ldap.dn_lookup_bind.password = other-canary\n".into();
    family.given["rabbitmq"]["env"] = json!({"API_TOKEN": "other-canary", "LANG": "C"});
    family.given["note"] = format!("it is {PASSWORD}").into();
    let world = plain(&family);
    let run = world.run(&[&STABLE[..], &["-vv"]].concat()).ended(0);
    canaries(&world, &run);
    nowhere("other-canary", &run);
    assert!(!text(&world, FILE).contains("other-canary") && text(&world, FILE).contains("LANG: C"), "{run}");
    assert!(fields(&world).contains("extraConfiguration: |\n      heartbeat = 60\n"), "{}", fields(&world));
    for path in ["note", "rabbitmq.env.API_TOKEN", "rabbitmq.extraConfiguration[auth_ldap.dn_lookup_bind.password]"] {
        let said = format!(
            "warning: `values.{path}` is left out: it looks like a secret, and a profile holds none; the plan shows what that changes\n"
        );
        assert!(run.stderr.contains(&said), "{path}: {run}");
    }
}

/// The deadlock for which people come: the first node waits, its cookie is proven, and nobody can log in.
#[test]
fn what_no_broker_can_prove_is_said() {
    let world = plain(&stable());
    ["prodmq-1", "prodmq-2"].iter().for_each(|pod| world.remove(&format!("cluster/pod.{pod}")));
    let mut waiting = objects::answer("prodmq-0");
    waiting["running"] = false.into();
    waiting["login"] = Value::Null;
    world.object("answer.prodmq-0", &waiting);
    world.object("pod.prodmq-0", &objects::pod("prodmq-0", &objects::running(false)));
    let run = world.run(&STABLE).ended(0);
    canaries(&world, &run);
    assert!(run.stderr.contains("warning: no broker has booted: what is adopted is proven when one has\n"), "{run}");
}

/// The chart is named from here, and in the profile from a folder that is made with it.
#[test]
fn no_profile_has_been_here_before() {
    let world = plain(&stable());
    std::fs::remove_dir(world.path("work/profiles")).unwrap();
    let run = world.run(&STABLE).ended(0);
    canaries(&world, &run);
    assert!(fields(&world).contains("ref: ../charts/stable-like\n"), "{run}");
    world.run(&["credentials", "verify", "prodmq"]).ended(0);
}

/// As a shell completes a folder's name; helm would take it for that as well.
#[test]
fn a_folder_is_one_without_a_dot_before_it() {
    let world = plain(&stable());
    world.run(&["init", "prodmq", "--from-release", "prodmq", "--chart", "charts/stable-like", "--yes"]).ended(0);
    assert!(fields(&world).contains("ref: ../charts/stable-like\n"), "{}", fields(&world));
}

/// A packed chart does not tell its keys; the release's own values do.
#[test]
fn the_dialect_of_a_packed_chart_is_told_by_the_release() {
    let world = plain(&bitnami());
    world.write("work/rabbitmq-16.0.16.tgz", "");
    world.write("shown.chart", "apiVersion: v2\nname: rabbitmq\nversion: 16.0.16\n");
    world.write("shown.values", "");
    let init = ["init", "prodmq", "--from-release", "prodmq", "--chart", "./rabbitmq-16.0.16.tgz", "--yes"];
    world.run(&init).ended(0);
    assert!(
        fields(&world).contains("chart:\n  ref: ../rabbitmq-16.0.16.tgz\n  version: 16.0.16\n  dialect: bitnami\n")
    );
}

/// A recovery by hand has made it anew as Parallel: the profile has to say so.
#[test]
fn a_stateful_set_that_is_parallel_by_now_stays_so() {
    let world = plain(&stable());
    let set = text(&world, "cluster/statefulset.prodmq").replace("OrderedReady", "Parallel");
    world.write("cluster/statefulset.prodmq", &set);
    world.run(&STABLE).ended(0);
    assert!(fields(&world).contains("\n  podManagementPolicy: Parallel"), "{}", fields(&world));
}

#[test]
fn another_name_than_the_release_s() {
    let world = plain(&stable());
    let init = ["init", "shop", "--from-release", "prodmq", "--chart", "./charts/stable-like", "--yes"];
    let run = world.run(&init).ended(0);
    assert!(text(&world, "work/profiles/shop.yaml").contains("\nrelease: prodmq "), "{run}");
    assert_eq!(
        run.stdout.lines().next().unwrap(),
        "profiles/shop.yaml is written.   mqctl plan shop     mqctl upgrade shop"
    );
    world.run(&["credentials", "verify", "shop"]).ended(0);
}
