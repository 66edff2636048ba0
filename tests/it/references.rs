//! Charts from repositories, registries and packed files: what helm is asked and told, what is refused, and who decides in doubt.

use insta::assert_snapshot;
use serde_json::Value;

use crate::dialects::release;
use crate::questions::Talk;
use crate::transcript::Transcript;
use crate::world::World;

/// The stand-in's objects are called like that.
fn profile(chart: &str) -> String {
    format!(
        "format: 1\nnamespace: rabbitmq\nchart: {{{chart}}}\n\
         image: {{repository: rabbitmq, tag: 4.3.6-management}}\nvalues: {{fullnameOverride: prodmq}}\n"
    )
}

const BITNAMI: &str = "auth: {username: user}\nclustering: {forceBoot: false}\n";
const STABLE: &str = "rabbitmq: {username: user}\n";
const CLOUDPIRATES: &str =
    "auth: {username: admin, existingErlangCookieKey: c}\npeerDiscoveryK8sPlugin: {enabled: false}\n";
const GROUNDHOG2K: &str =
    "authentication: {user: {}}\nk8sPeerDiscoveryPlugin: {enabled: false}\nstorage: {requestedSize: }\n";
const OTHER: &str = "broker: {user: user}\n";

/// Helm has this chart, with these defaults.
fn has(world: &World, version: &str, values: &str) {
    world.write("shown.chart", &format!("apiVersion: v2\nname: rabbitmq\nversion: {version}\n"));
    world.write("shown.values", values);
}

fn with(chart: &str, world: World) -> World {
    world.profile("prodmq", &profile(chart));
    world
}

fn shows(run: &Transcript) -> Vec<String> {
    run.calls.iter().filter(|call| call.verb() == "show").map(|call| call.args.join(" ")).collect()
}

/// What helm is told of the chart by an install.
fn installed(chart: &str, version: &str, values: &str) -> (Vec<String>, Vec<String>) {
    let world = with(chart, World::new());
    has(&world, version, values);
    let run = world.run(&["install", "prodmq", "--yes"]).ended(0);
    let call = run.calls.iter().find(|call| call.args.iter().any(|arg| arg == "--install")).unwrap();
    let named = call.args[3..].iter().take_while(|arg| *arg != "--values").cloned().collect();
    (named, shows(&run))
}

#[test]
fn helm_is_told_the_reference_and_one_version() {
    for (chart, version, values, named) in [
        ("ref: bitnami/rabbitmq, version: 16.0.16", "16.0.16", BITNAMI, "bitnami/rabbitmq --version 16.0.16"),
        ("ref: bitnami/rabbitmq, version: 6.28.1", "6.28.1", STABLE, "bitnami/rabbitmq --version 6.28.1"),
        ("ref: stable/rabbitmq, version: 6.18.2", "6.18.2", STABLE, "stable/rabbitmq --version 6.18.2"),
        ("ref: acme/rabbitmq, version: 16.0.0-rc.1", "16.0.0-rc.1", BITNAMI, "acme/rabbitmq --version 16.0.0-rc.1"),
        (
            "ref: 'oci://registry.example:5000/charts/rabbitmq', version: 16.0.16",
            "16.0.16",
            BITNAMI,
            "oci://registry.example:5000/charts/rabbitmq --version 16.0.16",
        ),
        ("ref: cloudpirates, version: 0.21.18", "0.21.18", CLOUDPIRATES, "cloudpirates/rabbitmq --version 0.21.18"),
        ("ref: groundhog2k, version: 2.3.6", "2.3.6", GROUNDHOG2K, "groundhog2k/rabbitmq --version 2.3.6"),
    ] {
        let (told, asked) = installed(chart, version, values);
        assert_eq!(told.join(" "), named, "{chart}");
        assert_eq!(asked, [format!("show chart {named}"), format!("show values {named}")], "once, {chart}");
    }
}

#[test]
fn what_is_in_a_packed_chart_helm_says() {
    let world = with("ref: ../any-name.tgz, version: 16.0.16", World::new());
    world.write("work/any-name.tgz", "");
    has(&world, "16.0.16", BITNAMI);
    let run = world.run(&["plan", "prodmq"]).ended(0);
    assert_eq!(shows(&run), ["show chart profiles/../any-name.tgz", "show values profiles/../any-name.tgz"]);
    assert!(run.stdout.contains("bitnami rabbitmq-16.0.16 · "), "{run}");
    has(&world, "16.0.17", BITNAMI);
    let run = world.run(&["plan", "prodmq"]).ended(65);
    assert!(run.stderr.contains("`chart.version`   the chart is version 16.0.17, not `16.0.16`"), "{run}");
    world.remove("shown.chart");
    let run = world.run(&["plan", "prodmq"]).ended(65);
    assert!(run.stderr.contains("`chart.ref`   `profiles/../any-name.tgz`: helm: repo profiles not found"), "{run}");
}

/// The reference and the profile say enough: a repository that is away keeps nobody from looking at the cluster.
#[test]
fn whoever_needs_names_alone_asks_no_repository() {
    let world = with("ref: bitnami/rabbitmq, version: 16.0.16", World::installed());
    world.object("release", &release("16.0.16"));
    let run = world.run(&["status", "prodmq"]).ended(0);
    assert!(shows(&run).is_empty() && run.stdout.contains("bitnami rabbitmq-16.0.16"), "{run}");
    let run = world.run(&["delete", "prodmq", "--dry-run"]).ended(0);
    assert!(shows(&run).is_empty(), "{run}");
    let world = with("ref: ./rabbitmq-16.0.16.tgz, dialect: bitnami", World::installed());
    let run = world.run(&["status", "prodmq"]).ended(0);
    assert!(shows(&run).is_empty() && run.stdout.contains("bitnami rabbitmq-16.0.16"), "{run}");
}

fn refused(chart: &str, words: &str) -> Transcript {
    let world = with(chart, World::new());
    world.rule("helm show *", 1, "", words);
    let run = world.run(&["install", "prodmq", "--yes"]).ended(69);
    run.changed_nothing();
    assert!(run.calls.iter().all(|call| call.verb() == "show"), "{run}");
    run
}

#[test]
fn what_helm_does_not_find_is_told_in_its_words() {
    let run = refused("ref: acme/rabbitmq, version: 1.0.0", "Error: repo acme not found");
    assert_snapshot!(run.stderr, @"
    error: no chart `acme/rabbitmq` 1.0.0: helm: repo acme not found; nothing was changed
    hint: helm repo add acme URL   # the address that the chart's own pages name
    ");
    let run = refused(
        "ref: bitnami/rabbitmq, version: 16.0.17",
        "Error: chart \"rabbitmq\" matching 16.0.17 not found in bitnami index. (try 'helm repo update'): no chart version found for rabbitmq-16.0.17",
    );
    assert_snapshot!(run.stderr, @"
    error: no chart `bitnami/rabbitmq` 16.0.17: helm: chart \"rabbitmq\" matching 16.0.17 not found in bitnami index. (try 'helm repo update'): no chart version found for rabbitmq-16.0.17; nothing was changed
    hint: helm repo update bitnami && helm search repo bitnami/rabbitmq --versions
    ");
    let run = refused(
        "ref: 'oci://registry.example/charts/rabbitmq', version: 1.0.0",
        "Error: failed to perform \"FetchReference\" on source: unauthorized",
    );
    assert_snapshot!(run.stderr, @r#"
    error: no chart `oci://registry.example/charts/rabbitmq` 1.0.0: helm: failed to perform "FetchReference" on source: unauthorized; nothing was changed
    hint: helm registry login registry.example   # where it wants a login
    "#);
}

#[test]
fn references_and_versions_that_are_none() {
    for (chart, mistake) in [
        (
            "ref: rabbitmq",
            "3:14  `chart.ref`   expected builtin, REPO/CHART, oci://HOST/CHART, or a path such as ./charts/rabbitmq, found `rabbitmq`",
        ),
        (
            "ref: 'oci://hub.example/mq:1.0.0'",
            "found `oci://hub.example/mq:1.0.0`; the version goes into `chart.version`",
        ),
        ("ref: 'https://hub.example/mq.tgz'", "; a repository is added to helm first: `helm repo add`"),
        ("ref: bitnami", "; did you mean `bitnami/rabbitmq`?"),
        (
            "ref: acme/rabbitmq",
            "3:8   `chart.version`   missing: a chart that is not on this machine is named with its version",
        ),
        (
            "ref: acme/rabbitmq, version: '^16.0.0'",
            "`chart.version`   expected one version such as 16.0.16, and no range; found `^16.0.0`",
        ),
        ("ref: acme/rabbitmq, version: 16.x", "and no range; found `16.x`"),
        ("ref: acme/rabbitmq, version: latest", "and no range; found `latest`"),
    ] {
        let run = with(chart, World::new()).run(&["install", "prodmq", "--yes"]).ended(65);
        assert!(run.stderr.contains(mistake) && run.calls.is_empty(), "{chart}: {run}");
    }
}

#[test]
fn in_doubt_a_pipeline_stops() {
    for (chart, values, doubt) in [
        ("ref: acme/rabbitmq, version: 16.0.16", OTHER, "it cannot be told which keys this chart has: "),
        (
            "ref: stable/rabbitmq, version: 16.0.16",
            BITNAMI,
            "it is called as `stable` is, and has the keys of `bitnami`: ",
        ),
        ("ref: bitnami/rabbitmq, version: 16.0.16", OTHER, "it is called as `bitnami` is, and has other keys: "),
    ] {
        let world = with(chart, World::new());
        has(&world, "16.0.16", values);
        let run = world.run(&["install", "prodmq", "--yes"]).ended(65);
        run.changed_nothing();
        assert!(run.stderr.contains(&format!("3:8   `chart.dialect`   missing, and {doubt}stable, bitnami")), "{run}");
        world.profile("prodmq", &profile(&format!("{chart}, dialect: bitnami")));
        world.run(&["install", "prodmq", "--yes"]).ended(0);
    }
}

#[test]
fn in_doubt_a_person_is_asked() {
    let ask = |keys: &str| {
        let world = with("ref: acme/rabbitmq, version: 16.0.16", World::new());
        has(&world, "16.0.16", OTHER);
        let mut talk = Talk::begin(&world, &["plan", "prodmq"]);
        talk.answer("Whose keys does it have", keys);
        talk.end()
    };
    let (heard, code) = ask("\x1b[B\r");
    assert_eq!(code, 0, "{heard}");
    for said in ["it cannot be told which keys", "chart: {dialect: bitnami}", "bitnami rabbitmq-16.0.16"] {
        assert!(heard.contains(said), "{said}: {heard}");
    }
    let (heard, code) = ask("\x1b[A\r");
    assert_eq!(code, 65, "the last is none of them: {heard}");
    let (heard, code) = ask("\x03");
    assert_eq!(code, 130, "{heard}");
}

#[test]
fn a_page_says_what_could_not_be_asked() {
    let world = with("ref: bitnami/rabbitmq, version: 16.0.16", World::new());
    let run = world.run(&["inspect", "prodmq"]).ended(0);
    assert_eq!(run.calls.len(), 2, "no render without a chart: {run}");
    let page: Vec<&str> =
        run.stdout.lines().filter(|line| line.contains("chart.") || line.contains("objects,")).collect();
    assert_snapshot!(page.join("\n"), @"
    chart.ref                             bitnami/rabbitmq           line 3                      chart
    chart.version                         16.0.16                    line 3                      --version
    chart.dialect                         bitnami                    derived: chart              not passed
    objects, by mqctl's own table of names: no chart `bitnami/rabbitmq` 16.0.16: helm: repo bitnami not found
    ");
    let world = with("ref: acme/rabbitmq, version: 16.0.16", World::new());
    let run = world.run(&["inspect", "prodmq"]).ended(69);
    assert!(run.stderr.contains("repo acme not found"), "{run}");
    has(&world, "16.0.16", BITNAMI);
    let run = world.run(&["inspect", "prodmq", "-o", "json"]).ended(0);
    let page: Value = run.json();
    assert_eq!((&page["chart"]["ref"], &page["rendered"]), (&Value::from("acme/rabbitmq"), &Value::from(true)));
}

#[test]
fn a_list_of_profiles_asks_nobody() {
    let world = with("ref: acme/rabbitmq, version: 16.0.16", World::new());
    let run = world.run(&["profile", "list"]).ended(0);
    assert!(run.calls.is_empty() && run.stdout.contains("helm knows its chart: mqctl inspect prodmq"), "{run}");
    let run = world.run(&["profile", "check", "prodmq"]).ended(69);
    assert!(run.stderr.contains("no chart `acme/rabbitmq` 16.0.16: helm: repo acme not found"), "{run}");
    assert!(run.stderr.contains("hint: helm repo add acme URL"), "{run}");
}
