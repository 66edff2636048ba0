//! What mqctl refuses: the sentence, the exit code, and that nothing was changed. Each case in one line of a table.

use insta::assert_snapshot;

use crate::objects;
use crate::transcript::Transcript;
use crate::world::{PROFILE, World};

const INSTALL: [&str; 3] = ["install", "prodmq", "--yes"];
const PURGE: [&str; 3] = ["delete", "prodmq", "--purge"];

/// Refused with this code and nothing changed; what was said.
#[track_caller]
fn refused(run: &Transcript, code: i32) -> String {
    assert_eq!(run.code, Some(code), "{run}");
    run.changed_nothing();
    run.words()
}

#[test]
fn no_helm_and_no_kubectl() {
    for verb in [&INSTALL[..], &["plan", "prodmq"], &["status", "prodmq"], &["delete", "prodmq", "--yes"]] {
        let world = World::installed();
        world.remove("bin/kubectl");
        assert!(
            refused(&world.run(verb), 69).contains("error: `kubectl` is not on PATH\nhint: install kubectl: https://")
        );
    }
    let world = World::new();
    world.remove("bin/helm");
    let run = world.run(&INSTALL);
    assert!(run.calls.is_empty(), "{run}");
    assert_snapshot!(refused(&run, 69), @r"
    $ mqctl install prodmq --yes   [exit 69]
    error: `helm` is not on PATH
    hint: install helm 3.8 or later: https://helm.sh/docs/intro/install
    ");
}

#[test]
fn helm_2() {
    let world = World::new();
    world.rule("helm list *", 1, "", "Error: unknown flag: --filter");
    assert_snapshot!(refused(&world.run(&INSTALL), 69), @r"
    $ mqctl install prodmq --yes   [exit 69]
    error: `helm` is Helm 2, which keeps its releases in Tiller; mqctl drives Helm 3.8 and later
    hint: install Helm 3 or 4, then move the release: helm 2to3 convert RELEASE
    ");
}

#[test]
fn a_cluster_that_does_not_answer() {
    let world = World::new();
    let words = "dial tcp 10.0.0.1:6443: connect: connection refused";
    world.rule(
        "helm *",
        1,
        "",
        &format!("Error: Kubernetes cluster unreachable: Get \"https://10.0.0.1:6443/version\": {words}"),
    );
    world.rule(
        "kubectl *",
        1,
        "",
        "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?",
    );
    assert_snapshot!(refused(&world.run(&INSTALL), 69), @r"
    $ mqctl install prodmq --yes   [exit 69]
    error: `kubectl get`: The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?
    hint: kubectl cluster-info   # does the API server answer?
    see: mqctl explain UNREACHABLE
    ");
    assert_snapshot!(refused(&world.run(&["status", "prodmq"]), 69), @r"
    $ mqctl status prodmq   [exit 69]
    error: `kubectl get`: The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?
    hint: kubectl cluster-info   # does the API server answer?
    see: mqctl explain UNREACHABLE
    ");
    refused(&world.run(&["delete", "prodmq", "--yes"]), 69);
}

#[test]
fn a_context_that_the_kubeconfig_has_not() {
    let world = World::new();
    world.rule("helm *", 1, "", "Error: Kubernetes cluster unreachable: context \"other\" does not exist");
    world.rule("kubectl *", 1, "", "error: context \"other\" does not exist");
    let run = world.run(&["install", "prodmq", "--yes", "--context", "other"]);
    assert_snapshot!(refused(&run, 78), @r#"
    $ mqctl install prodmq --yes --context other   [exit 78]
    error: `kubectl get`: context "other" does not exist
    hint: kubectl config get-contexts
    see: mqctl explain CONTEXT
    "#);
}

#[test]
fn a_context_that_the_profile_is_not_for() {
    let world = World::new();
    world.profile("prodmq", &format!("{PROFILE}context: prod-eu1\n"));
    let run = world.run(&["install", "prodmq", "--yes", "--context", "test"]);
    assert!(run.calls.is_empty(), "{run}");
    assert_snapshot!(refused(&run, 78), @r"
    $ mqctl install prodmq --yes --context test   [exit 78]
    error: profile `prodmq` is for kube context `prod-eu1`, not `test`; nothing was changed
    hint: leave --context (or MQCTL_CONTEXT) out
    see: mqctl explain CONTEXT
    ");
    let run = world.run_with(("MQCTL_CONTEXT", "test"), &INSTALL);
    assert!(refused(&run, 78).contains("is for kube context `prod-eu1`, not `test`"));
    let run = world.run(&["plan", "prodmq"]).ended(0);
    assert!(run.calls.iter().all(|call| call.args.contains(&"prod-eu1".to_owned())), "{run}");
}

#[test]
fn rights_that_are_missing_are_named_with_verb_and_resource() {
    let world = World::new();
    let denied = |verb: &str, resource: &str, subresource: &str| {
        let attributes = format!(r#"{{"verb":"{verb}","resource":"{resource}","subresource":"{subresource}"}}"#);
        format!(r#"{{"spec":{{"resourceAttributes":{attributes}}},"status":{{"allowed":false}}}}"#)
    };
    let answers = [denied("create", "statefulsets", ""), denied("create", "pods", "exec")].join("\n");
    world.rule("kubectl * create *", 0, &answers, "");
    assert_snapshot!(refused(&world.run(&INSTALL), 77), @r"
    $ mqctl install prodmq --yes   [exit 77]
    error: not permitted in namespace `rabbitmq`: create statefulsets, create pods/exec; nothing was changed
    hint: kubectl auth can-i --list --namespace rabbitmq
    see: mqctl explain RIGHTS
    ");
    refused(&world.run(&["delete", "prodmq", "--yes"]), 77);
}

#[test]
fn secrets_that_may_not_be_read() {
    let world = World::new();
    let words = "Error from server (Forbidden): secrets \"prodmq-mqctl-credentials\" is forbidden: User \"ci\" cannot get \
        resource \"secrets\" in API group \"\" in the namespace \"rabbitmq\"";
    world.rule("kubectl * get *", 1, "", words);
    assert_snapshot!(refused(&world.run(&INSTALL), 77), @r#"
    $ mqctl install prodmq --yes   [exit 77]
    error: `kubectl get`: secrets "prodmq-mqctl-credentials" is forbidden: User "ci" cannot get resource "secrets" in API group "" in the namespace "rabbitmq"
    hint: ask for this right in the namespace, or use another --context
    see: mqctl explain RIGHTS
    "#);
}

#[test]
fn a_namespace_that_may_not_be_looked_at_is_no_reason() {
    let world = World::with_secrets();
    let words = "Error from server (Forbidden): namespaces \"rabbitmq\" is forbidden: User \"ci\" cannot get resource";
    world.rule("kubectl * get --ignore-not-found * statefulset/*", 1, "", words);
    let run = world.run(&INSTALL).ended(0);
    assert!(!run.work()[0].stdin.contains("Namespace"), "{run}");
}

#[test]
fn a_storage_class_that_does_not_exist() {
    let world = World::new();
    world.object("storageclass.fast", &objects::named("StorageClass", "fast"));
    world.profile("prodmq", &format!("{PROFILE}storage: {{class: rook-ceph-block}}\n"));
    assert_snapshot!(refused(&world.run(&INSTALL), 78), @r"
    $ mqctl install prodmq --yes   [exit 78]
    error: `storage.class`: the cluster has no StorageClass `rook-ceph-block`; nothing was changed
    hint: those that exist: fast, standard
    see: mqctl explain STORAGE-CLASS
    ");
    ["storageclass.fast", "storageclass.standard"].iter().for_each(|f| world.remove(&format!("cluster/{f}")));
    assert!(refused(&world.run(&INSTALL), 78).contains("hint: those that exist: none"));
}

#[test]
fn a_release_name_that_another_chart_has() {
    let world = World::with_secrets();
    let mut release = objects::release("deployed", "7");
    release["chart"] = "rabbitmq-16.0.16".into();
    world.object("release", &release);
    assert_snapshot!(refused(&world.run(&INSTALL), 78), @r"
    $ mqctl install prodmq --yes   [exit 78]
    error: the release name `prodmq` is taken by chart `rabbitmq-16.0.16`; nothing was changed
    hint: choose another `release` in the profile
    hint: or take it over: mqctl init NAME --from-release prodmq --namespace rabbitmq --chart PATH
    see: mqctl explain RELEASE-TAKEN
    ");
}

#[test]
fn what_is_no_install_on_volumes_that_are_there() {
    for (change, words) in [
        ("replicas: 1", "`replicas`: `prodmq` runs with 3, and taking members away is not an install"),
        ("image: {tag: 4.0.5-management}", "`image.tag`: the volumes of `prodmq` were written by 4.3.6-management"),
        ("credentials: {username: other}", "`credentials.username`: `prodmq` was installed with `user`, not `other`"),
    ] {
        let world = World::installed();
        world.profile("prodmq", &format!("{PROFILE}{change}\n"));
        let said = refused(&world.run(&INSTALL), 78);
        assert!(said.contains(words) && said.contains("; nothing was changed\nhint: "), "{said}");
    }
}

#[test]
fn nobody_to_ask() {
    let install = World::new().run(&["install", "prodmq"]);
    assert_snapshot!(refused(&install, 64), @r"
    $ mqctl install prodmq   [exit 64]
    test/rabbitmq/prodmq: install: 3 to change, 0 to destroy
    error: install would change something, and there is nobody to ask; nothing was changed
    hint: see it first with --dry-run, then agree with --yes
    see: mqctl explain CONSENT
    ");
    let delete = World::installed().run(&["delete", "prodmq"]);
    assert_snapshot!(refused(&delete, 64), @r"
    $ mqctl delete prodmq   [exit 64]
    test/rabbitmq/prodmq: delete: 5 to change, 0 to destroy
    error: delete would change something, and there is nobody to ask; nothing was changed
    hint: see it first with --dry-run, then agree with --yes
    see: mqctl explain CONSENT
    ");
}

#[test]
fn a_purge_wants_the_release_s_name() {
    let purge = World::installed().run(&PURGE);
    assert_snapshot!(refused(&purge, 64), @r"
    $ mqctl delete prodmq --purge   [exit 64]
    test/rabbitmq/prodmq: delete: 5 to change, 2 to destroy
    error: this destroys data, and there is nobody to ask; nothing was changed
    hint: see it first with --dry-run, then agree with --confirm prodmq
    see: mqctl explain CONSENT
    ");
    let yes = World::installed().run(&[&PURGE[..], &["--yes"]].concat());
    assert!(refused(&yes, 64).contains("this destroys data"));
    let wrong = World::installed().run(&[&PURGE[..], &["--yes", "--confirm", "prodmp"]].concat());
    assert_snapshot!(refused(&wrong, 64), @r"
    $ mqctl delete prodmq --purge --yes --confirm prodmp   [exit 64]
    test/rabbitmq/prodmq: delete: 5 to change, 2 to destroy
    error: `--confirm prodmp` is not the release's name; nothing was changed
    hint: mqctl delete … --confirm prodmq
    see: mqctl explain CONSENT
    ");
}

#[test]
fn a_protected_profile_wants_a_person() {
    let world = World::installed();
    world.profile("prodmq", &format!("{PROFILE}protected: true\n"));
    let run = world.run(&[&PURGE[..], &["--yes", "--confirm", "prodmq"]].concat());
    assert_snapshot!(refused(&run, 64), @r"
    $ mqctl delete prodmq --purge --yes --confirm prodmq   [exit 64]
    test/rabbitmq/prodmq: delete: 5 to change, 2 to destroy
    error: `prodmq` is protected: what destroys its data needs its name typed at a terminal; nothing was changed
    hint: take `protected: true` out of the profile first
    see: mqctl explain CONSENT
    ");
}

#[test]
fn a_closed_stdin_is_nobody() {
    let world = World::new();
    let args = ["install", "prodmq"];
    let run = world.transcribe(&args, &mut world.shell("exec \"$0\" \"$@\" <&-", &args));
    assert!(refused(&run, 64).contains("there is nobody to ask"));
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    for args in [&["status", "prodmq"][..], &["status", "prodmq", "-o", "json"], &["install", "--help"], &["version"]] {
        let world = World::installed();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let run = world.transcribe(args, world.command(args).stdout(writer));
        assert_eq!((run.stderr.as_str(), run.code), ("", Some(0)), "{run}");
    }
}

#[test]
fn command_lines_that_cannot_be_meant() {
    let world = World::new();
    for (args, words) in [
        (&["install", "prodmq", "--force"][..], "unexpected argument '--force' found"),
        (&["statu", "prodmq"], "a similar subcommand exists: 'status'"),
        (&["install", "prodmq", "--timeout", "soon"], "expected a time such as 10m, 90s or 1h30m"),
        (&["install", "prodmq", "-o", "yaml"], "[possible values: text, json]"),
        (&["credentials", "show", "prodmq", "--force"], "--reveal"),
        (&[], "Usage: mqctl"),
        (&["install"], "which profile? no NAME was given"),
    ] {
        let run = world.run(args);
        assert!(refused(&run, 64).contains(words) && run.calls.is_empty(), "{run}");
        assert!(run.stdout.is_empty(), "{run}");
    }
}

#[test]
fn flags_by_environment_are_flags() {
    let run = World::new().run_with(("MQCTL_OUTPUT", "yaml"), &["plan", "prodmq"]);
    assert!(refused(&run, 64).contains("invalid value 'yaml'"));
    World::new().run_with(("MQCTL_YES", "true"), &["install", "prodmq"]).ended(0);
    let run = World::new().run_with(("MQCTL_DRY_RUN", "true"), &INSTALL).ended(0);
    run.changed_nothing();
}
