//! `mqctl explain`, and that every code is carried by a message.

use clap::Parser as _;
use insta::assert_snapshot;
use mqctl::cli::Cli;
use mqctl::explain::Code;

use crate::migrate;
use crate::objects;
use crate::records;
use crate::transcript::Transcript;
use crate::upgrade;
use crate::world::{PROFILE, World};
use crate::{bad_input, bad_luck};

const INSTALL: [&str; 5] = ["install", "prodmq", "--yes", "--timeout", "1s"];

#[test]
fn all_codes_on_one_page() {
    let run = World::new().run(&["explain"]).ended(0);
    assert!(run.calls.is_empty() && run.stderr.is_empty(), "{run}");
    assert_snapshot!(run.stdout, @"
    CRED-MISMATCH     profile, Secret and broker disagree about the Erlang cookie or the password
    CRED-UNKNOWN      volumes of this release exist, and nobody knows the secrets that they were made with
    VERSION-STEP      the volumes were written by another version of RabbitMQ: this is no install
    IMMUTABLE         the change is one that Kubernetes allows no StatefulSet
    NOT-WHOLE         a node is missing or has an alarm, so that no other one is restarted
    ROTATION          a change of the password or of the Erlang cookie was cut short
    STORAGE-CLASS     the cluster has no StorageClass of this name
    VOLUMES           the volumes that are there have another size or class than the profile asks for
    RELEASE-TAKEN     a Helm release of this name exists, and it is of another chart
    FEWER-NODES       the profile asks for fewer nodes than the cluster has
    USERNAME          the profile names another first user than the one the release was installed with
    LOCKED            another mqctl is at work on this release
    HELM-PENDING      another helm is at work on this release, or one was killed while it was
    RECORD-API        helm's own record of the release names an API that this cluster does not serve any more
    HELM-PASSWORDS    the chart does not find the password or the cookie of before
    OWNERSHIP         an object that the chart makes is there already, and is not helm's of this release
    NOT-READY         the nodes were not ready within the time
    IMG               the image cannot be pulled
    UNSCHEDULABLE     the scheduler finds no machine for a pod
    ADMISSION         a quota or a policy of the cluster refuses an object
    NAMESPACE         the namespace is being deleted
    RIGHTS            the cluster does not permit what has to be done
    UNREACHABLE       the cluster's API server does not answer
    CONTEXT           the kube context is not the profile's, or does not exist
    CONSENT           something would be changed, and nobody was there to agree
    BOOT-MNESIA       nodes wait for each other, or for one that will not come
    KHEPRI-LEADER     no majority of the members is there to elect a leader
    COOKIE            the Erlang cookie of a node is another one, or cannot be read
    CRED-PVC          the brokers refuse the profile's password
    SPLIT             several clusters stand behind one Service, or members do not see each other
    EMPTY-BROKER      a blank node serves clients beside the cluster
    METADATA-LOST     a refused step to 4.3 took the metadata away from nodes that still run
    INCONSISTENT      a node was reset or replaced, and a member still counts it in
    FORCEBOOT-ON      a forced boot is switched on
    PROBE-KILL        a probe kills the node before it has booted
    PVC-PENDING       a claim gets no volume
    DNS               a node finds no address for a peer
    QQ-LEADERLESS     quorum queues have no leader
    STOPPED-Q         classic queues are down with their node
    MEM               too little memory: an alarm, or a broker that was killed
    CLI-HUNG          commands hang in a broker's container and take its memory
    DISK-ALARM        too little free disk: nobody can publish, or a node cannot boot
    EPHEMERAL         the data go with the pods
    TWO-NODES         an even number of nodes
    RETENTION         Kubernetes deletes the volumes by itself
    GRACE             a node gets too little time to stop
    PDB-DRAIN         a drain of machines stops all nodes at once, or none ever
    TERMINATING       something is being deleted and stays, or takes a volume with it
    CONF-NOT-ROLLED   pods run without the last change
    DIST-OPEN         ports that are for the nodes alone are open to clients outside
    NOT-INSTALLED     there is no StatefulSet
    RECOVERY          a recovery was cut short
    MIGRATION         messages or clients are left where they are moved away from
    ");
}

#[test]
fn one_code_on_its_page() {
    let world = World::new();
    ["bin/helm", "bin/kubectl", "home/kubeconfig"].iter().for_each(|file| world.remove(file));
    let run = world.run(&["explain", "storage-class"]).ended(0);
    run.changed_nothing();
    assert_snapshot!(run.words(), @r#"
    $ mqctl explain storage-class   [exit 0]
    STORAGE-CLASS  the cluster has no StorageClass of this name

    What it means
      `storage.class` of the profile names a StorageClass that does not exist. The nodes' volumes
      would never be made, and the pods would stay Pending.

    How mqctl knows
      It asks the API server for the StorageClass by name, where no volume of the release exists yet.

    Why it matters
      Nothing is lost. But the class is part of the StatefulSet and of each claim, and neither can be
      changed later: a claim that was made with a wrong class has to be deleted and made again, which
      is harmless only for as long as no volume is bound to it.

    What to do
      See which classes exist, and which of them is the default:
        kubectl get storageclasses
      Put one of them into the profile, or leave `class` out for the default:
        storage: {class: standard, size: 8Gi}
      Then:
        mqctl install prodmq

    Source
      Kubernetes documentation: Storage Classes; Persistent Volumes, "Class"
    "#);
}

#[test]
fn pages_as_json() {
    let world = World::new();
    assert_snapshot!(world.run(&["explain", "CONTEXT", "-o", "json"]).ended(0).stdout, @r#"
    {
      "apiVersion": "mqctl/v1",
      "code": "CONTEXT",
      "kind": "Explanation",
      "sections": {
        "evidence": "It compares the profile's `context` with --context and MQCTL_CONTEXT before the first call.\nWhether the context exists, kubectl and helm say.",
        "meaning": "A profile that names a `context` is for that cluster alone, and a flag or variable named another\none; or the kubeconfig has no context of this name.",
        "remedy": "See what there is, and what is set:\n  kubectl config get-contexts\n  env | grep MQCTL_\nLeave the flag and the variable out, or put the right name into the profile:\n  context: prod-eu1\nThen look before anything is done:\n  mqctl plan prodmq",
        "risk": "This is how the wrong cluster is changed: a switch of context in another terminal, or a variable\nthat is still set. mqctl reads the context once, prints it first, and gives it to every child.",
        "source": "Kubernetes documentation: Configure Access to Multiple Clusters"
      },
      "title": "the kube context is not the profile's, or does not exist"
    }
    "#);
    let list = world.run(&["explain", "-o", "json"]).ended(0).json();
    assert_eq!((&list["apiVersion"], &list["kind"]), (&"mqctl/v1".into(), &"Codes".into()));
    assert_eq!(list["codes"].as_array().unwrap().len(), Code::all().len());
    assert_eq!(list["codes"][0]["code"], "CRED-MISMATCH");
}

#[test]
fn a_slip_of_the_keyboard() {
    let run = World::new().run(&["explain", "CRED-MISMACH"]).ended(64);
    run.changed_nothing();
    assert!(run.stderr.contains("a similar value exists: 'CRED-MISMATCH'"), "{run}");
    let run = World::new().run(&["explain", "NONSENSE"]).ended(64);
    assert!(run.stderr.contains("NOT-READY, IMG, UNSCHEDULABLE"), "{run}");
}

#[test]
fn every_command_on_a_page_parses() {
    for code in Code::all() {
        for command in code.page().lines().map(str::trim).filter(|line| line.starts_with("mqctl ")) {
            let parsed = Cli::try_parse_from(shell_words::split(command).unwrap());
            assert!(parsed.is_ok(), "{code}: {command}: {}", parsed.unwrap_err());
        }
    }
}

#[test]
fn every_code_ends_a_message() {
    for &code in Code::all() {
        let Some(run) = provoked(code) else { continue };
        assert_ne!(run.code, Some(0), "{run}");
        let line = format!("see: mqctl explain {code}");
        assert_eq!(run.stderr.lines().filter(|l| *l == line).count(), 1, "{code}: {run}");
        assert!(run.stderr.lines().filter(|l| l.starts_with("hint: ")).count() <= 2, "{run}");
    }
}

/// A run that is refused, or fails, for this reason; nothing for what the doctor alone tells of.
fn provoked(code: Code) -> Option<Transcript> {
    let fresh = World::with_secrets();
    let installed = World::installed();
    let changed = |change: &str| installed.profile("prodmq", &format!("{PROFILE}{change}\n"));
    match code {
        Code::CredMismatch => installed.secrets_file("ANOTHERCOOKIE", objects::PASSWORD),
        Code::CredUnknown => return Some(without_secrets(&installed)),
        Code::VersionStep => changed("image: {tag: 4.0.5-management}"),
        Code::Immutable => return Some(upgrade::changed(&upgrade::DEPLOYED.replace("8Gi", "16Gi")).run(&INSTALL)),
        Code::NotWhole => return Some(with_an_alarm(&upgrade::more_memory())),
        Code::Rotation => {
            let secret = objects::secret(objects::COOKIE, objects::PASSWORD).to_string();
            let unfinished = secret.replace("\"password\"", "\"next-password\":\"bmV3\",\"password\"");
            installed.write("cluster/secret.prodmq-mqctl-credentials", &unfinished);
        }
        Code::FewerNodes => changed("replicas: 1"),
        Code::Recovery => {
            let mut set = objects::stateful_set(3, "DIGEST");
            set["metadata"]["annotations"]["mqctl/recovery"] = "newest-first".into();
            installed.object("statefulset.prodmq", &set);
        }
        Code::Migration => return Some(migrate::with_a_client().run(&migrate::MOVE)),
        Code::Username => changed("credentials: {username: other}"),
        Code::Context => changed("context: prod-eu1"),
        Code::StorageClass => {
            fresh.profile("prodmq", &format!("{PROFILE}storage: {{class: rook-ceph-block}}\n"));
            return Some(fresh.run(&INSTALL));
        }
        Code::Volumes => return Some(bad_input::after_a_delete("16Gi", "standard").run(&INSTALL)),
        Code::Namespace => return Some(bad_luck::with_an_ending_namespace(&installed).run(&INSTALL)),
        Code::Admission => {
            fresh.rule("helm upgrade *", 1, "", "Error: pods \"prodmq-0\" is forbidden: exceeded quota: small");
            return Some(fresh.run(&INSTALL));
        }
        Code::ReleaseTaken => {
            let mut release = objects::release("deployed", "7");
            release["chart"] = "rabbitmq-16.0.16".into();
            installed.object("release", &release);
        }
        Code::Locked => {
            installed.object("lease.prodmq-mqctl", &objects::lease_elsewhere(45));
            installed.object("release", &objects::release("pending-upgrade", "2"));
            return Some(installed.run(&["plan", "prodmq"]));
        }
        Code::HelmPending => {
            let words = "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress";
            fresh.rule("helm upgrade *", 1, "", words);
            return Some(fresh.run(&INSTALL));
        }
        Code::HelmPasswords => {
            installed.profile("prodmq", &format!("{PROFILE}values: {{podLabels: {{a: b}}}}\n"));
            installed.rule(
                "helm upgrade * --dry-run*",
                1,
                "",
                "PASSWORDS ERROR: You must provide your current passwords",
            );
        }
        Code::Ownership => {
            fresh.object("namespace.rabbitmq", &objects::named("Namespace", "rabbitmq"));
            fresh.object("service.prodmq", &objects::named("Service", "prodmq"));
            return Some(fresh.run(&INSTALL));
        }
        Code::RecordApi => return Some(records::broken("deployed").run(&INSTALL)),
        Code::NotReady => return Some(with_last_pod(&fresh, &objects::running(false))),
        Code::Img => return Some(with_last_pod(&fresh, &objects::without_image())),
        Code::Unschedulable => return Some(with_last_pod(&fresh, &objects::unscheduled())),
        Code::Rights => installed.rule("kubectl * get *", 1, "", "Error from server (Forbidden): secrets is forbidden"),
        Code::BootMnesia
        | Code::KhepriLeader
        | Code::Cookie
        | Code::CredPvc
        | Code::Split
        | Code::EmptyBroker
        | Code::MetadataLost
        | Code::Inconsistent
        | Code::ForcebootOn
        | Code::ProbeKill
        | Code::PvcPending
        | Code::Dns
        | Code::QqLeaderless
        | Code::StoppedQ
        | Code::Mem
        | Code::CliHung
        | Code::DiskAlarm
        | Code::Ephemeral
        | Code::TwoNodes
        | Code::Retention
        | Code::Grace
        | Code::PdbDrain
        | Code::Terminating
        | Code::ConfNotRolled
        | Code::DistOpen
        | Code::NotInstalled => return None,
        Code::Unreachable => installed.rule("kubectl * get *", 1, "", "Unable to connect to the server: i/o timeout"),
        Code::Consent => return Some(fresh.run(&["install", "prodmq"])),
    }
    Some(installed.run(&["install", "prodmq", "--yes", "--context", "test"]))
}

fn with_an_alarm(world: &World) -> Transcript {
    let mut answer = objects::answer("prodmq-1");
    answer["alarms"] = serde_json::json!(["memory"]);
    world.object("answer.prodmq-1", &answer);
    world.run(&INSTALL)
}

fn without_secrets(world: &World) -> Transcript {
    world.remove("cluster/secret.prodmq-mqctl-credentials");
    world.remove("work/profiles/prodmq.secrets.yaml");
    world.run(&INSTALL)
}

/// An install of which one pod does not get further than this.
fn with_last_pod(world: &World, status: &serde_json::Value) -> Transcript {
    world.chart("statefulset.prodmq", &objects::stateful_set(2, "DIGEST"));
    world.chart("pod.prodmq-2", &objects::pod("prodmq-2", status));
    world.write("cluster/log.prodmq-2", "");
    world.run(&INSTALL)
}

#[test]
fn the_report_of_a_failed_run_names_the_code() {
    let world = World::with_secrets();
    world.chart("statefulset.prodmq", &objects::stateful_set(2, "DIGEST"));
    world.chart("pod.prodmq-2", &objects::pod("prodmq-2", &objects::without_image()));
    let report = world.run(&[&INSTALL[..], &["-o", "json"]].concat()).ended(75).json();
    assert_eq!(report["failed"]["code"], "IMG");
    world.rule("helm upgrade *", 1, "", "Error: something else");
    for made in ["release", "service.prodmq", "service.prodmq-headless", "statefulset.prodmq"] {
        world.remove(&format!("cluster/{made}"));
    }
    assert!(world.run(&[&INSTALL[..], &["-o", "json"]].concat()).ended(1).json()["failed"]["code"].is_null());
}
