//! What people fall into with the known charts, each met, refused or told: the list with all its tests is
//! `docs/chart-traps.md`. The numbers are those of the list.

use serde_json::{Value, json};

use crate::covered::{Tests, tests_below};
use crate::custom::{self, BY_VALUE};
use crate::dialects::{release, speak};
use crate::forecast::{manifest, rendered, section, wished};
use crate::objects::{self, COOKIE, PASSWORD, base64};
use crate::plain_helm::{self, FILE, text};
use crate::recover::stateful_set;
use crate::transcript::{Recorded, Transcript};
use crate::world::World;

/// The families, each with a version, and how mqctl has its pods created.
const FAMILIES: [(&str, &str, &str); 4] = [
    ("stable", "6.18.2", "OrderedReady"),
    ("bitnami", "16.0.16", "Parallel"),
    ("cloudpirates", "0.21.18", "Parallel"),
    ("groundhog2k", "2.3.6", "Parallel"),
];

/// Nothing is there; an install makes what this family's chart would.
fn fresh(family: &str) -> World {
    let world = World::with_secrets();
    let (_, version, policy) = FAMILIES.into_iter().find(|(word, ..)| *word == family).unwrap();
    speak(&world, family, "");
    world.chart("release", &release(version));
    let mut set = stateful_set(policy, false);
    set["status"]["readyReplicas"] = 3.into();
    world.chart("statefulset.prodmq", &set);
    world
}

/// The same when it has been installed.
fn installed(family: &str) -> World {
    let world = fresh(family);
    world.run(&["install", "prodmq", "--yes"]).ended(0);
    world
}

fn has(call: &Recorded, word: &str) -> bool {
    call.args.iter().any(|arg| arg == word)
}

/// What helm is fed by the last call that has this word.
fn fed(run: &Transcript, word: &str) -> Value {
    let call = run.calls.iter().rev().find(|call| call.program == "helm" && has(call, word));
    serde_json::from_str(&call.unwrap_or_else(|| panic!("{run}")).stdin).unwrap()
}

/// With another line for the fields of the profile.
fn saying(world: &World, more: &str) {
    let text = text(world, FILE);
    world.profile("prodmq", &format!("{text}{more}\n"));
}

#[test]
fn pods_that_take_their_secrets_from_elsewhere_are_refused_before_helm_is_run() {
    for family in ["stable", "bitnami"] {
        let world = wished(family);
        let other = manifest(family).replace("prodmq-mqctl-credentials", "prodmq");
        world.object("next", &json!({"manifest": other}));
        let run = world.run(&["install", "prodmq", "--yes"]).ended(78);
        run.changed_nothing();
        let said = "error: `StatefulSet/prodmq`: the pods take cookie and password from Secret prodmq: with those of the \
                    profile nobody logs in, and no node joins; nothing was changed\n\
                    hint: the value of this chart that names the Secret prodmq-mqctl-credentials\n\
                    see: mqctl explain CRED-MISMATCH\n";
        assert_eq!(run.stderr, said, "{family}");
        world.object("next", &rendered(family));
        world.run(&["install", "prodmq", "--yes"]).ended(0);
    }
}

/// 2: a chart would make numbers of digits, and `1000` of `1e3`.
#[test]
fn digits_stay_a_text() {
    let (cookie, password) = ("12345678901", "1234567890123456");
    for family in ["bitnami", "cloudpirates", "stable"] {
        let world = fresh(family);
        world.secrets_file(cookie, password);
        saying(&world, "credentials: {username: '1e3'}");
        let values = fed(&world.run(&["install", "prodmq", "--yes"]).ended(0), "--install");
        let tree = if family == "stable" { "rabbitmq" } else { "auth" };
        assert_eq!(values[tree]["username"], json!("1e3"), "{family}");
        let secret = text(&world, "cluster/secret.prodmq-mqctl-credentials");
        for kept in [base64(cookie), base64(password), base64("1e3")] {
            assert!(secret.contains(&format!(":\"{kept}\"")), "{family}: {secret}");
        }
    }
    let world = World::with_secrets();
    world.secrets_file(cookie, password);
    custom::speak(&world, BY_VALUE, "");
    let values = fed(&world.run(&["install", "prodmq", "--yes"]).ended(0), "--install");
    assert_eq!((&values["login"]["password"], &values["login"]["cookie"]), (&json!(password), &json!(cookie)));
}

/// 3: into a URL and a script of sed, or into a shell's line without quotes.
#[test]
fn a_password_that_the_chart_would_change_is_refused_at_the_first_install() {
    let url = "the chart puts it into a URL and into a script of sed, as it is; letters, digits and -._~ get there";
    let unquoted =
        "the chart's probes have it in a shell's line without quotes; no blank and none of * ? [ ] \\ gets there";
    for (family, password, why) in
        [("stable", "p@ss/word", url), ("bitnami", "two words", unquoted), ("bitnami", "p*", unquoted)]
    {
        let world = fresh(family);
        world.secrets_file(COOKIE, password);
        let run = world.run(&["install", "prodmq", "--yes"]).ended(65);
        run.changed_nothing();
        let hint = "hint: where no source and no secrets file has one, letters and digits are generated\n";
        let said = format!("error: `credentials.password`: {why}; nothing was changed\n{hint}");
        assert_eq!(run.stderr, said, "{family}");
    }
    for (family, password) in [
        ("stable", "a-b._~1"),
        ("bitnami", "p@ss/word:'$"),
        ("cloudpirates", "two words *"),
        ("groundhog2k", "two words *"),
    ] {
        let world = fresh(family);
        world.secrets_file(COOKIE, password);
        world.run(&["install", "prodmq", "--yes"]).ended(0);
    }
}

/// 3: nobody is kept from what runs, and a rotation comes to none.
#[test]
fn a_password_that_the_chart_would_change_is_told_and_not_rotated_to() {
    let world = installed("stable");
    world.secrets_file(COOKIE, "p@ss/word");
    let run = world.run(&["credentials", "rotate", "prodmq", "--yes"]).ended(65);
    run.changed_nothing();
    assert!(run.stderr.contains("`credentials.password`: the chart puts it into a URL"), "{run}");
    world.object("secret.prodmq-mqctl-credentials", &objects::secret(COOKIE, "p@ss/word"));
    let run = world.run(&["plan", "prodmq"]).ended(0);
    assert!(run.to_string().contains("`credentials.password`: the chart puts it into a URL"), "{run}");
}

/// 4
#[test]
fn numbers_and_switches_are_no_texts() {
    for (family, ..) in FAMILIES {
        let world = fresh(family);
        let values = fed(&world.run(&["install", "prodmq", "--yes"]).ended(0), "--install");
        let count = if family == "stable" { "replicas" } else { "replicaCount" };
        assert_eq!(values[count], json!(3), "{family}");
        let size = if family == "groundhog2k" { "/storage/requestedSize" } else { "/persistence/size" };
        assert_eq!(values.pointer(size), Some(&json!("8Gi")), "{family}");
        saying(&world, "replicas: '3'");
        let run = world.run(&["plan", "prodmq"]).ended(65);
        assert!(run.stderr.contains("`replicas`"), "{run}");
    }
}

/// 7, 8, 9: no revision lacks a value that another had, and none has a secret that a chart could drop or make anew.
#[test]
fn every_revision_is_told_all_and_no_secret() {
    for (family, ..) in FAMILIES {
        let world = fresh(family);
        let first = fed(&world.run(&["install", "prodmq", "--yes"]).ended(0), "--install");
        let run = world.run(&["upgrade", "prodmq", "--dry-run"]).ended(0);
        assert_eq!(fed(&run, "--dry-run"), first, "{family}");
        let told = first.to_string();
        assert!(!told.contains(COOKIE) && !told.contains(PASSWORD), "{family}: {told}");
        assert!(told.contains("\"prodmq-mqctl-credentials\""), "{family}: {told}");
        let reuses = |call: &&Recorded| has(call, "--reuse-values") || has(call, "--reset-then-reuse-values");
        assert!(!run.calls.iter().any(|call| reuses(&call)), "{run}");
    }
}

/// 7: what a chart does with credentials at an upgrade is nothing to a rotation.
#[test]
fn a_rotation_goes_past_helm() {
    for (family, ..) in FAMILIES {
        let world = installed(family);
        world.object("statefulset.prodmq", &crate::rotate_probed::set_with("prodmq-mqctl-credentials"));
        let run = world.run(&["credentials", "rotate", "prodmq", "--yes"]).ended(0);
        assert!(run.work().iter().all(|call| call.program == "kubectl"), "{family}: {run}");
        let old = format!("\"rabbitmq-password\":\"{}\"", base64(PASSWORD));
        assert!(!text(&world, "cluster/secret.prodmq-mqctl-credentials").contains(&old), "{family}");
    }
}

/// 11: the other families name theirs in values that helm tells.
#[test]
fn the_first_user_of_groundhog2k_is_found() {
    let init = ["init", "prodmq", "--from-release", "prodmq", "--chart", "./charts/groundhog2k-like", "--yes"];
    let world = plain_helm::plain(&plain_helm::groundhog2k(&json!({"value": "user"})));
    world.remove("cluster/secret.prodmq");
    world.run(&init).ended(0);
    let profile = text(&world, FILE);
    assert!(profile.contains("\n  username: user ") && !profile.contains("authentication"), "{profile}");
    let world = plain_helm::plain(&plain_helm::groundhog2k(&Value::Null));
    world.remove("cluster/secret.prodmq");
    let run = world.run(&init).ended(78);
    run.changed_nothing();
    assert!(run.stderr.contains("credentials.username  this user may log in from the broker's own host only"), "{run}");
}

/// 1: such a key has changed nothing so far, and a profile may not have it.
#[test]
fn a_value_that_the_chart_never_read_is_left_out_and_told() {
    let mut family = plain_helm::stable();
    family.given["replicaCount"] = 5.into();
    family.given["service"]["managerNodePort"] = 30673.into();
    let world = plain_helm::plain(&family);
    let run = world.run(&plain_helm::STABLE).ended(0);
    for path in ["replicaCount", "service.managerNodePort"] {
        let said = format!("warning: `values.{path}` is left out: this chart does not read it\n");
        assert!(run.stderr.contains(&said), "{path}: {run}");
    }
    let profile = text(&world, FILE);
    assert!(!profile.contains("replicaCount") && profile.contains("type: LoadBalancer"), "{profile}");
}

/// 12
#[test]
fn the_secret_has_the_keys_of_every_family() {
    let world = installed("bitnami");
    let secret: Value = serde_json::from_str(&text(&world, "cluster/secret.prodmq-mqctl-credentials")).unwrap();
    for (key, held) in [
        ("rabbitmq-password", PASSWORD),
        ("rabbitmq-erlang-cookie", COOKIE),
        ("password", PASSWORD),
        ("erlang-cookie", COOKIE),
        (".erlang.cookie", COOKIE),
        ("username", "user"),
    ] {
        assert_eq!(secret["data"][key], json!(base64(held)), "{key}");
    }
}

/// 13, 15, 16: ports by number, those for clients alone, and helm waits for no address.
#[test]
fn what_is_opened_is_a_port_by_its_number_and_no_other() {
    for (family, ..) in FAMILIES {
        let world = fresh(family);
        let run = world.run(&["install", "prodmq", "--yes"]).ended(0);
        let waits =
            |call: &Recorded| ["--wait", "--atomic", "--rollback-on-failure"].iter().any(|flag| has(call, flag));
        assert!(!run.calls.iter().any(waits), "{run}");
        saying(&world, "expose: {type: LoadBalancer, ports: [amqp]}");
        let run = world.run(&["install", "prodmq", "--dry-run", "-o", "json"]).ended(0);
        let plan = run.json().to_string();
        assert!(plan.contains("Service prodmq-external"), "{plan}");
        world.rule("kubectl * get *service/prodmq-external", 0, "", "");
        let run = world.run(&["expose", "prodmq", "--yes", "--timeout", "1s"]);
        let applied = run.calls.iter().find(|call| call.stdin.contains("prodmq-external")).unwrap();
        let service: Value = serde_json::from_str(&applied.stdin).unwrap();
        let ports = json!([{"name": "amqp", "port": 5672, "protocol": "TCP", "targetPort": 5672}]);
        assert_eq!(service["spec"]["ports"], ports, "{family}");
    }
}

/// 14
#[test]
fn one_claim_for_all_pods_is_refused() {
    for (family, key) in [
        ("stable", "persistence: {existingClaim: mine}"),
        ("bitnami", "persistence: {existingClaim: mine}"),
        ("cloudpirates", "persistence: {existingClaim: mine}"),
        ("groundhog2k", "storage: {persistentVolumeClaimName: mine}"),
    ] {
        let world = World::new();
        speak(&world, family, &format!(", {key}"));
        let run = world.run(&["install", "prodmq", "--yes"]).ended(65);
        assert!(run.calls.is_empty() && run.stderr.contains("each node needs a volume of its own"), "{run}");
    }
}

/// 18: helm says so before it makes anything.
#[test]
fn a_budget_of_an_api_that_is_gone_is_refused_at_the_first_install() {
    let world = fresh("stable");
    let words = "Error: unable to build kubernetes objects from release manifest: resource mapping not found for name: \
                 \"prodmq\" namespace: \"\" from \"\": no matches for kind \"PodDisruptionBudget\" in version \"policy/v1beta1\"";
    world.rule("helm upgrade * --dry-run *", 1, "", words);
    let run = world.run(&["install", "prodmq", "--yes"]).ended(65);
    run.changed_nothing();
    assert!(run.stderr.contains("no matches for kind") && run.stderr.contains("nothing was changed"), "{run}");
}

/// 21, 22: the profile's image, whatever the chart's version has for a default.
#[test]
fn an_image_is_told_whole() {
    let digest = format!("4.3.6-management@sha256:{}", "0a".repeat(32));
    for (family, ..) in FAMILIES {
        let world = fresh(family);
        let profile = text(&world, FILE).replace("repository: rabbitmq", "repository: hub.example/mq");
        world.profile("prodmq", &profile.replace("4.3.6-management", &digest));
        let values = fed(&world.run(&["install", "prodmq", "--yes"]).ended(0), "--install");
        let image = json!({"registry": "hub.example", "repository": "mq", "tag": digest});
        assert_eq!(values["image"], image, "{family}");
    }
}

/// 21
#[test]
fn a_step_that_the_broker_does_not_take_is_refused_on_every_chart() {
    for (family, ..) in FAMILIES {
        let world = installed(family);
        let profile = text(&world, FILE).replace("4.3.6-management", "3.13.7-management");
        world.profile("prodmq", &profile);
        let run = world.run(&["upgrade", "prodmq", "--yes"]).ended(78);
        run.changed_nothing();
        assert!(run.stderr.contains("see: mqctl explain VERSION-STEP"), "{family}: {run}");
    }
}

/// 23
#[test]
fn an_upgrade_that_no_pod_would_take_is_refused() {
    let world = installed("bitnami");
    let told = manifest("bitnami").replace("OrderedReady", "Parallel");
    let set = told.replace("{type: RollingUpdate}", "{type: OnDelete}");
    world.write("cluster/manifest", &set);
    world.object("next", &json!({"manifest": set}));
    let run = world.run(&["plan", "prodmq"]).ended(0);
    assert!(section(&run).contains("CONF-NOT-ROLLED  no pod takes a change by itself"), "{run}");
    world.object("next", &json!({"manifest": set.replace("initialDelaySeconds: 120", "initialDelaySeconds: 600")}));
    let run = world.run(&["upgrade", "prodmq", "--yes"]).ended(78);
    run.changed_nothing();
    assert!(run.stderr.contains("hint: values: {updateStrategy: {type: RollingUpdate}}"), "{run}");
    assert!(run.stderr.contains("see: mqctl explain CONF-NOT-ROLLED"), "{run}");
}

/// Each name in backticks of the last column is a test.
#[test]
fn every_trap_has_its_tests() {
    let mut tests = Tests::default();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    ["src", "tests/it"].iter().for_each(|folder| tests_below(&root.join(folder), &mut tests));
    let page = std::fs::read_to_string(root.join("docs/chart-traps.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with('|') && line.contains('`')).collect();
    assert!(rows.len() >= 24, "{} rows", rows.len());
    for row in rows {
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let named: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test: {row}");
        let missing: Vec<_> = named.iter().filter(|name| !tests.0.contains(**name)).collect();
        assert!(missing.is_empty(), "there is no test {missing:?}: {row}");
    }
}
