//! What a new manifest changes in the one that is deployed: object by object, field by field. Pure.

use serde::Serialize;
use serde_json::Value;

use crate::yaml;

/// One object that would not stay as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// `StatefulSet/prodmq`
    pub object: String,
    pub what: What,
    /// Empty for an object that comes or goes.
    pub fields: Vec<Field>,
}

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    Created,
    Changed,
    Removed,
}

/// One field, with nothing secret in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    pub path: String,
    pub from: Option<String>,
    pub to: Option<String>,
}

/// Everything between two manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub objects: Vec<Change>,
    /// The pods' template differs: every pod is made anew.
    pub restarts: bool,
    /// Fields that a StatefulSet never changes, as `spec.volumeClaimTemplates`.
    pub immutable: Vec<String>,
}

/// Fields of a StatefulSet's `spec` that may change; the API server refuses all others.
const MUTABLE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// How pods are created.
const POLICY: &str = "spec.podManagementPolicy";

/// The annotation of an object that helm does not remove where it says `keep`: in the manifest, or in the cluster.
pub const RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// What stands for other fields that are shown themselves; and checksums, which charts call as they like behind this.
const DERIVED: [&str; 2] = ["mqctl/values", "helm.sh/chart"];
const CHECKSUM: &str = ".annotations.checksum/";

impl Changes {
    /// Compares two manifests: YAML documents, as helm keeps them.
    pub fn between(old: &str, new: &str) -> Self {
        let (old, new) = (plain(yaml::stream(old)), plain(yaml::stream(new)));
        let mut changes = Self::default();
        for object in &new {
            match old.iter().find(|o| name(o) == name(object)) {
                Some(before) => changes.compare(before, object),
                None => changes.push(object, What::Created, Vec::new()),
            }
        }
        for object in old.iter().filter(|o| !new.iter().any(|n| name(n) == name(o)) && !stays(o)) {
            changes.push(object, What::Removed, Vec::new());
        }
        changes
    }

    /// How the StatefulSet that is there creates its pods counts, and not what helm sent last: a recovery makes it anew as
    /// Parallel, and the API server refuses a chart that says otherwise.
    pub(crate) fn judge_policy(&mut self, live: &Value, rendered: &Value) {
        let policy = |set: &Value| set["spec"]["podManagementPolicy"].as_str().unwrap_or("OrderedReady").to_owned();
        let (from, to) = (policy(live), policy(rendered));
        self.immutable.retain(|field| field != POLICY);
        if from == to {
            return;
        }
        self.immutable.push(POLICY.to_owned());
        let field = Field { path: POLICY.to_owned(), from: Some(from), to: Some(to) };
        match self.objects.iter_mut().find(|change| change.object == name(rendered)) {
            Some(change) => change.put(field),
            None => self.push(rendered, What::Changed, vec![field]),
        }
    }

    /// Shows no value of an object that has a secret in any of them: what stood there before may be one too.
    pub(crate) fn veil(&mut self, is_secret: &dyn Fn(&str) -> bool) {
        let tells = |field: &Field| [&field.from, &field.to].into_iter().flatten().any(|text| is_secret(text));
        for change in self.objects.iter_mut().filter(|change| change.fields.iter().any(tells)) {
            change.fields.iter_mut().for_each(Field::mask);
        }
    }

    fn push(&mut self, object: &Value, what: What, fields: Vec<Field>) {
        self.objects.push(Change { object: name(object), what, fields });
    }

    fn compare(&mut self, before: &Value, after: &Value) {
        let mut fields = Vec::new();
        differ(&mut fields, "", before, after);
        if after["kind"] == "Secret" {
            fields.iter_mut().for_each(Field::mask);
        }
        if !fields.is_empty() {
            self.push(after, What::Changed, fields);
        }
        if after["kind"] == "StatefulSet" {
            self.restarts |= before["spec"]["template"] != after["spec"]["template"];
            self.immutable.extend(immutable(&before["spec"], &after["spec"]));
        }
    }
}

/// Helm leaves it where it is, though it is no part of the release any more.
fn stays(object: &Value) -> bool {
    object["metadata"]["annotations"][RESOURCE_POLICY] == "keep"
}

/// Without what the API server fills into the templates of claims by itself: it is no difference to it.
fn plain(mut objects: Vec<Value>) -> Vec<Value> {
    for object in objects.iter_mut().filter(|object| object["kind"] == "StatefulSet") {
        let templates = object.pointer_mut("/spec/volumeClaimTemplates").and_then(Value::as_array_mut);
        for template in templates.into_iter().flatten().filter_map(Value::as_object_mut) {
            template.remove("apiVersion");
            template.remove("kind");
        }
    }
    objects
}

fn immutable(before: &Value, after: &Value) -> Vec<String> {
    let mut keys: Vec<&String> = [before, after].iter().filter_map(|v| v.as_object()).flat_map(|m| m.keys()).collect();
    keys.sort();
    keys.dedup();
    let differs = |key: &&String| !MUTABLE.contains(&key.as_str()) && before[key.as_str()] != after[key.as_str()];
    keys.into_iter().filter(differs).map(|key| format!("spec.{key}")).collect()
}

fn name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

impl Change {
    fn put(&mut self, field: Field) {
        match self.fields.iter_mut().find(|one| one.path == field.path) {
            Some(one) => *one = field,
            None => self.fields.push(field),
        }
    }
}

impl Field {
    fn mask(&mut self) {
        for text in [&mut self.from, &mut self.to].into_iter().flatten() {
            "(masked)".clone_into(text);
        }
    }
}

fn differ(fields: &mut Vec<Field>, path: &str, before: &Value, after: &Value) {
    let derived = DERIVED.iter().any(|derived| path.ends_with(derived)) || path.contains(CHECKSUM);
    if before == after || derived {
        return;
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                differ(fields, &path, &before[key], &after[key]);
            }
        }
        (Value::Array(old), Value::Array(new)) if named(old) && named(new) => differ_by_name(fields, path, old, new),
        (Value::String(old), Value::String(new)) if old.contains('\n') || new.contains('\n') => {
            differ_by_line(fields, path, old, new);
        }
        _ => fields.push(field(path, shown(path, before), shown(path, after))),
    }
}

/// Volume claim templates have their name among the metadata.
fn item_name(item: &Value) -> Option<&str> {
    item["name"].as_str().or_else(|| item["metadata"]["name"].as_str())
}

fn named(list: &[Value]) -> bool {
    list.iter().all(|item| item_name(item).is_some())
}

/// Containers, variables, volumes: an item is known by its name, wherever in the list it stands.
fn differ_by_name(fields: &mut Vec<Field>, path: &str, old: &[Value], new: &[Value]) {
    let mut names: Vec<&str> = Vec::new();
    for name in old.iter().chain(new).filter_map(item_name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let find = |list: &[Value], name: &str| list.iter().find(|item| item_name(item) == Some(name)).cloned();
    for name in names {
        let (before, after) = (find(old, name).unwrap_or_default(), find(new, name).unwrap_or_default());
        differ(fields, &format!("{path}[{name}]"), &before, &after);
    }
}

/// A file inside a ConfigMap: its lines that go and come.
fn differ_by_line(fields: &mut Vec<Field>, path: &str, old: &str, new: &str) {
    for change in similar::TextDiff::from_lines(old, new).iter_all_changes() {
        let line = masked(path, change.value().trim_end());
        match change.tag() {
            similar::ChangeTag::Equal => {}
            similar::ChangeTag::Delete => fields.push(field(path, Some(line), None)),
            similar::ChangeTag::Insert => fields.push(field(path, None, Some(line))),
        }
    }
}

fn field(path: &str, from: Option<String>, to: Option<String>) -> Field {
    Field { path: path.to_owned(), from, to }
}

fn shown(path: &str, value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(masked(path, text)),
        other => Some(masked(path, &other.to_string())),
    }
}

/// Where a secret is, and none itself.
const NAMES: [&str; 4] = [".secretKeyRef.name", ".secretKeyRef.key", ".secretRef.name", ".secretName"];

/// A value whose name says that it is secret is not shown, wherever it stands: `ldap.password = …` of a ConfigMap too.
fn masked(path: &str, text: &str) -> String {
    const SECRET: [&str; 5] = ["pass", "secret", "token", "cookie", "credential"];
    let says = |words: &str| SECRET.iter().any(|word| words.to_lowercase().contains(word));
    if NAMES.iter().any(|name| path.ends_with(name)) {
        return text.to_owned();
    }
    match text.split_once('=') {
        Some((key, _)) if says(key) => format!("{key}= (masked)"),
        None if says(path.rsplit(['.', '[']).next().unwrap_or(path)) || (path.contains("env[") && says(path)) => {
            "(masked)".to_owned()
        }
        _ => text.to_owned(),
    }
}
