//! The JSON Schema: it has the reader's keys, accepts what the reader accepts, and refuses what it refuses.

use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};

use super::*;
use crate::profile::{custom, file};

/// Wrong, but beyond a schema: bounds of sizes and times, and words that YAML readers disagree about.
pub(super) const BEYOND: [&str; 6] = [
    "storage: {size: 0Gi}",
    "storage: {size: 8Mi}",
    "timeouts: {boot: 0s}",
    "timeouts: {boot: 25h}",
    "values: {a: {b: on}}",
    "values: {a: [012]}",
];

/// Compiled once, which also proves it against the schema of schemas.
static SCHEMA: LazyLock<(Schemas, SchemaIndex)> = LazyLock::new(|| {
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    compiler.add_resource("profile.json", schema()).unwrap();
    let index = compiler.compile("profile.json", &mut schemas).unwrap();
    (schemas, index)
});

/// What an editor marks in this profile, if anything.
pub(super) fn refusal(text: &str) -> Option<String> {
    match yaml::read(text) {
        Ok(document) => SCHEMA.0.validate(&document.value, SCHEMA.1).err().map(|error| error.to_string()),
        Err(mistakes) => Some(mistakes.iter().map(line).collect()),
    }
}

/// The keys at one place of the schema.
fn keys(place: &str) -> Vec<String> {
    let properties = schema().pointer(place).and_then(|at| at["properties"].as_object().cloned());
    properties.unwrap_or_default().keys().cloned().collect()
}

fn sorted<const N: usize>(mut keys: [&str; N]) -> Vec<&str> {
    keys.sort_unstable();
    keys.to_vec()
}

#[test]
fn the_schema_has_the_reader_s_keys() {
    assert_eq!(keys(""), sorted(file::KEYS));
    assert_eq!(keys("/properties/chart"), sorted(file::CHART));
    let custom = "/properties/chart/properties/custom";
    assert_eq!(keys(custom), sorted(custom::CUSTOM));
    assert_eq!(keys(&format!("{custom}/properties/keys")), sorted(custom::KEYS));
    assert_eq!(keys(&format!("{custom}/properties/secretKeys")), sorted(custom::SECRET_KEYS_OF_CHART));
    assert_eq!(keys("/properties/image"), sorted(file::IMAGE));
    assert_eq!(keys("/properties/storage"), sorted(file::STORAGE));
    assert_eq!(keys("/properties/credentials"), sorted(file::CREDENTIALS));
    assert_eq!(keys("/properties/expose"), sorted(file::EXPOSE));
    assert_eq!(keys("/properties/timeouts"), sorted(file::TIMEOUTS));
    for name in ["password", "erlangCookie"] {
        let source = format!("/properties/credentials/properties/{name}");
        assert_eq!(keys(&source), sorted(file::SOURCES));
        assert_eq!(keys(&format!("{source}/properties/secret")), sorted(file::SECRET));
    }
}

/// Every node of the schema that says what something is.
fn described(at: &Value, found: &mut Vec<Value>) {
    if at["description"].is_string() {
        found.push(at.clone());
    }
    for inner in at["properties"].as_object().into_iter().flat_map(Map::values) {
        described(inner, found);
    }
}

#[test]
fn the_schema_s_own_defaults_and_examples_fit_it() {
    let mut all = Vec::new();
    described(&schema(), &mut all);
    assert!(all.len() > 25, "{} fields: the search is broken", all.len());
    for (number, field) in all.iter().enumerate() {
        let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
        let name = format!("{number}.json");
        compiler.add_resource(&name, field.clone()).unwrap();
        let index = compiler.compile(&name, &mut schemas).unwrap();
        let examples = field["examples"].as_array().into_iter().flatten();
        for value in examples.chain(field.get("default")) {
            assert!(schemas.validate(value, index).is_ok(), "{value} does not fit {field}");
        }
    }
}

#[test]
fn what_lacks_a_required_key_is_refused() {
    for text in ["format: 1\n", "namespace: a\n", "format: 2\nnamespace: a\n", "format: '1'\nnamespace: a\n", "a\n"] {
        assert!(refusal(text).is_some() && !mistakes(text).is_empty(), "{text}");
    }
}

#[test]
fn names_and_images_at_their_limits_are_judged_alike() {
    let long = |count| "a".repeat(count);
    let cases = [
        format!("release: {}", long(40)),
        format!("release: {}", long(41)),
        "release: a-".to_owned(),
        format!("storage: {{class: {}}}", long(253)),
        format!("storage: {{class: {}}}", long(254)),
        "storage: {class: a..b}".to_owned(),
        "image: {repository: 'host:5000/Team/mq'}".to_owned(),
        "image: {repository: 'host/MQ'}".to_owned(),
        "image: {repository: /mq}".to_owned(),
        format!("image: {{tag: {}}}", long(129)),
        "image: {tag: 'a@sha256:00'}".to_owned(),
        "storage: {size: 1.5Ti}".to_owned(),
        "storage: {size: 1000ki}".to_owned(),
        "timeouts: {install: 30m1h}".to_owned(),
        "timeouts: {install: 1h30m}".to_owned(),
        "credentials: {username: guest}".to_owned(),
        format!("credentials: {{username: {}}}", long(65)),
        "values: {image: {pullSecrets: [a]}}".to_owned(),
    ];
    for case in cases {
        let text = format!("{GOOD}{case}\n");
        assert_eq!(refusal(&text).is_none(), mistakes(&text).is_empty(), "{case}: {:?}", refusal(&text));
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the examples are files")]
fn every_example_is_accepted() {
    let examples = fs_err::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap();
    let texts = examples.map(|file| fs_err::read_to_string(file.unwrap().path()).unwrap());
    let profiles: Vec<String> = texts.filter(|text| text.contains("\nformat:")).collect();
    assert!(profiles.len() > 1, "no profile among the examples");
    for text in profiles {
        assert_eq!(refusal(&text), None, "{text}");
    }
}
