//! From nothing to a healthy cluster without an editor: init by flags, inspect, plan, install, status.

use serde_json::Value;

use crate::environment::{Helm, KHEPRI, image};
use crate::runner::Test;
use crate::world::{NAME, World};

pub(crate) fn tests() -> Vec<Test> {
    vec![test(Helm::Four), test(Helm::Three).long()]
}

fn test(helm: Helm) -> Test {
    let name = format!("init {}", helm.word());
    Test::new(name.clone(), move || journey(&World::new(&name, helm, KHEPRI, 1)))
}

fn journey(world: &World) {
    // The suite's own profile makes way: what init writes is what is installed.
    std::fs::remove_file(profile(world)).expect("the world's profile");
    init(world);
    again(world);
    let objects = inspected(world);
    world.mqctl(&["plan", NAME, "--detailed-exitcode"]).expect(2);
    world.install();
    world.assert_healthy();
    world.credentials().agree();
    all_are_there(world, &objects);
    again(world);
    world.purge();
}

fn profile(world: &World) -> std::path::PathBuf {
    world.work().join("profiles/mq.yaml")
}

fn arguments(world: &World) -> Vec<String> {
    let flags = ["init", NAME, "--yes", "--replicas", "1", "--size", "1Gi", "--image-tag", KHEPRI, "--namespace"];
    let mut arguments: Vec<String> = flags.map(str::to_owned).to_vec();
    arguments.extend([world.namespace.0.clone(), "--image-repository".to_owned(), image()]);
    arguments
}

/// Files, secrets that nobody else can read, and the namespace.
fn init(world: &World) {
    use std::os::unix::fs::PermissionsExt as _;
    let arguments = arguments(world);
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let dry = world.mqctl(&[&words[..], &["--dry-run"]].concat()).expect(0);
    assert!(dry.stdout.contains(&format!("namespace {}", world.namespace.0)), "{}", dry.said());
    world.assert_nothing_changed();
    let ran = world.mqctl(&words).expect(0);
    assert!(!ran.stderr.contains("warning: "), "this cluster lacks nothing: {}", ran.said());
    assert!(world.namespace.exists(), "{}", ran.said());
    let mode = std::fs::metadata(world.secrets_file()).expect("the secrets file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// The same answers: nothing is written, before the install and after it.
fn again(world: &World) {
    let files = || [profile(world), world.secrets_file()].map(|file| std::fs::read(file).expect("a file of init's"));
    let before = files();
    let arguments = arguments(world);
    let ran = world.mqctl(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
    assert!(ran.stdout.contains("nothing to write"), "{}", ran.said());
    assert!(files() == before, "the same answers changed a file");
}

/// Kind and name of every object, as this world's helm renders them; the table of names says the same without it.
fn inspected(world: &World) -> Vec<(String, String)> {
    let page = world.mqctl(&["inspect", NAME, "-o", "json"]).expect(0).json();
    assert_eq!(page["rendered"], true, "{page:#}");
    let text = |object: &Value, key: &str| object[key].as_str().expect("a text").to_owned();
    let all = page["objects"].as_array().expect("objects");
    let helms = all.iter().filter(|object| object["madeBy"] == "helm");
    let mut rendered: Vec<_> = helms.map(|object| (text(object, "kind"), text(object, "name"))).collect();
    let checked = mqctl::profile::load(&profile(world)).expect("what init wrote");
    let mut tabled = mqctl::chart::objects(&checked);
    rendered.sort();
    tabled.sort();
    assert_eq!(rendered, tabled, "helm and the table of names");
    all.iter().map(|object| (text(object, "kind"), text(object, "name"))).collect()
}

fn all_are_there(world: &World, objects: &[(String, String)]) {
    for (kind, name) in objects {
        assert!(!world.namespace.object(&kind.to_lowercase(), name).is_null(), "{kind} {name} is not in the cluster");
    }
}
