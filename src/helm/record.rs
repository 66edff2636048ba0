//! Helm's own record of one revision: a Secret whose text is base64 of gzip of JSON. The chart's values and all objects are
//! in it, so nothing of it is printed.
//!
//! Source: helm, pkg/storage/driver/util.go (`encodeRelease`) and secrets.go (labels of the Secret); the same in 3 and 4.

use std::fmt;
use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::Release;
use crate::chart::Names;
use crate::cluster::Target;
use crate::digest;

/// A text that is packed begins so; helm reads one that is not as well.
const PACKED: [u8; 3] = [0x1f, 0x8b, 0x08];

/// One revision as helm keeps it.
#[derive(Clone, PartialEq)]
pub struct Record {
    /// The Secret.
    object: Value,
    /// The revision as JSON.
    text: Zeroizing<String>,
    packed: bool,
}

/// Without what is in it.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// What `helm list` prints of a revision.
#[derive(Deserialize)]
struct Listed {
    name: String,
    info: When,
    chart: Option<Chart>,
}

#[derive(Deserialize)]
struct When {
    status: String,
    #[serde(default)]
    last_deployed: String,
}

#[derive(Deserialize)]
struct Chart {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

/// Where in the text the pieces stand that may be replaced.
#[derive(Deserialize)]
struct Pieces<'a> {
    #[serde(borrow)]
    manifest: Option<&'a RawValue>,
    #[serde(borrow)]
    info: Info<'a>,
}

#[derive(Deserialize)]
struct Info<'a> {
    #[serde(borrow)]
    status: &'a RawValue,
}

impl Record {
    /// Out of the Secret; `None` where it is not one of helm's.
    pub fn read(object: &Value) -> Option<Self> {
        if object["metadata"]["labels"]["owner"] != "helm" {
            return None;
        }
        let (text, packed) = unpack(object["data"]["release"].as_str()?)?;
        serde_json::from_str::<Pieces<'_>>(&text).ok()?;
        Some(Self { object: object.clone(), text, packed })
    }

    /// The Secret's name.
    pub fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }

    fn label(&self, key: &str) -> &str {
        self.object["metadata"]["labels"][key].as_str().unwrap_or_default()
    }

    pub fn revision(&self) -> u32 {
        self.label("version").parse().unwrap_or(0)
    }

    /// As helm lists it: `deployed`, `uninstalling`, …
    pub fn status(&self) -> String {
        let status = self.pieces().map(|pieces| pieces.info.status.get().trim_matches('"').to_owned());
        status.unwrap_or_default()
    }

    /// The release as `helm list` would tell it.
    pub fn listed(&self) -> Option<Release> {
        let Listed { name, info, chart } = serde_json::from_str(&self.text).ok()?;
        let chart = chart.map(|chart| format!("{}-{}", chart.metadata.name, chart.metadata.version));
        // It is kept as RFC 3339, and printed otherwise.
        let updated: Option<Timestamp> = info.last_deployed.parse().ok();
        Some(Release {
            name,
            revision: self.revision().to_string(),
            status: info.status,
            chart: chart.unwrap_or_default(),
            updated: updated.map(|at| at.strftime("%Y-%m-%d %H:%M:%S%.f +0000 UTC").to_string()).unwrap_or_default(),
        })
    }

    /// All objects, as YAML; some of them may be Secrets.
    pub fn manifest(&self) -> Zeroizing<String> {
        let raw = self.pieces().and_then(|pieces| pieces.manifest);
        Zeroizing::new(raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default())
    }

    fn pieces(&self) -> Option<Pieces<'_>> {
        serde_json::from_str(&self.text).ok()
    }

    /// The same with another manifest: all else stays as it is, byte for byte.
    #[must_use]
    pub fn with_manifest(self, manifest: &str) -> Self {
        let text = self.pieces().and_then(|pieces| Some(replaced(&self.text, pieces.manifest?.get(), manifest)));
        Self { text: text.unwrap_or_else(|| self.text.clone()), ..self }
    }

    /// The same with another status, in the text and in the label by which helm looks for it.
    #[must_use]
    pub fn with_status(mut self, status: &str) -> Self {
        let text = self.pieces().map(|pieces| replaced(&self.text, pieces.info.status.get(), status));
        self.text = text.unwrap_or_default();
        self.object["metadata"]["labels"]["status"] = status.into();
        self
    }

    /// The Secret with this text, for kubectl.
    pub fn sealed(&self) -> Sealed {
        let mut object = self.object.clone();
        object["data"]["release"] = pack(&self.text, self.packed).as_str().into();
        Sealed::of(&object)
    }

    /// What a copy is called: the content says which, so that one that is there already is this one.
    pub fn copy_name(&self, names: &Names) -> String {
        let data = self.object["data"]["release"].as_str().unwrap_or_default();
        format!("{}{}-{}", copies_of(names), self.revision(), digest::of([data.as_bytes()], 12))
    }

    /// A Secret with the same text that helm does not see.
    pub fn copy(&self, target: &Target, names: &Names) -> Sealed {
        let metadata = serde_json::json!({"name": self.copy_name(names), "labels": target.own_labels()});
        Sealed::of(&serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": self.object["data"],
        }))
    }
}

/// How the names of all copies of a release's records begin.
pub fn copies_of(names: &Names) -> String {
    format!("{}-record-v", names.lease)
}

/// A Secret object on its way to kubectl, shown by its name alone.
#[derive(Clone, PartialEq)]
pub struct Sealed {
    name: String,
    text: Zeroizing<String>,
}

impl Sealed {
    fn of(object: &Value) -> Self {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        Self { name, text: Zeroizing::new(object.to_string()) }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret {}", self.name)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({})", self.name)
    }
}

/// The text with this piece of it replaced by a JSON string.
fn replaced(text: &str, piece: &str, by: &str) -> Zeroizing<String> {
    let at = piece.as_ptr().addr() - text.as_ptr().addr();
    Zeroizing::new(format!("{}{}{}", &text[..at], Value::from(by), &text[at + piece.len()..]))
}

/// Kubernetes has it as base64, and helm has put base64 into it.
fn unpack(data: &str) -> Option<(Zeroizing<String>, bool)> {
    let inner = Zeroizing::new(STANDARD.decode(data).ok()?);
    let bytes = Zeroizing::new(STANDARD.decode(inner.as_slice()).ok()?);
    let packed = bytes.starts_with(&PACKED);
    let mut text = Zeroizing::new(String::new());
    if packed {
        GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).ok()?;
    } else {
        text.push_str(std::str::from_utf8(&bytes).ok()?);
    }
    Some((text, packed))
}

fn pack(text: &str, packed: bool) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(Vec::new());
    if packed {
        let mut gzip = GzEncoder::new(&mut *bytes, Compression::best());
        // What is written into memory does not fail.
        gzip.write_all(text.as_bytes()).and_then(|()| gzip.finish().map(drop)).ok();
    } else {
        bytes.extend_from_slice(text.as_bytes());
    }
    let inner = Zeroizing::new(STANDARD.encode(bytes.as_slice()));
    Zeroizing::new(STANDARD.encode(inner.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn secret(text: &str, packed: bool) -> Value {
        let labels = json!({"name": "q", "owner": "helm", "status": "uninstalling", "version": "4"});
        let metadata = json!({"name": "sh.helm.release.v1.q.v4", "labels": labels, "resourceVersion": "7"});
        json!({"kind": "Secret", "metadata": metadata, "data": {"release": pack(text, packed).as_str()}})
    }

    fn text_of(sealed: &Sealed) -> String {
        let object: Value = serde_json::from_str(sealed.text()).unwrap();
        unpack(object["data"]["release"].as_str().unwrap()).unwrap().0.to_string()
    }

    /// As Go writes JSON: in its own order, numbers that no 64 bits hold, `<` as an escape.
    fn written(config: &str, manifest: &str, status: &str) -> String {
        format!(
            r#"{{"name":"q", "info":{{"notes":"\u003ca\u003e","status":"{status}","x":{{"status":"no"}}}},"config":{{"n":{config}}},"manifest":{},"version":4}}"#,
            Value::from(manifest)
        )
    }

    proptest! {
        #[test]
        fn all_but_what_is_replaced_stays_byte_for_byte(
            number in "-?[1-9][0-9]{0,30}(\\.[0-9]{1,9})?", old in any::<String>(), new in any::<String>(), packed: bool,
        ) {
            let record = Record::read(&secret(&written(&number, &old, "uninstalling"), packed)).unwrap();
            prop_assert_eq!(record.manifest().to_string(), old.clone());
            prop_assert_eq!(text_of(&record.sealed()), written(&number, &old, "uninstalling"));
            let changed = record.with_manifest(&new).with_status("deployed");
            prop_assert_eq!(text_of(&changed.sealed()), written(&number, &new, "deployed"));
            let object: Value = serde_json::from_str(changed.sealed().text()).unwrap();
            prop_assert_eq!(&object["metadata"]["labels"]["status"], "deployed");
            prop_assert_eq!(&object["metadata"]["resourceVersion"], "7");
        }
    }

    /// Helm's own `list` reads the same record.
    #[test]
    fn a_record_says_what_helm_lists() {
        let text = r#"{"name":"q","info":{"first_deployed":"","last_deployed":"2026-11-22T09:57:17.15775346+01:00","status":"pending-upgrade"},"chart":{"metadata":{"name":"rabbitmq","version":"6.18.2","appVersion":"3.8.2"},"templates":[]},"version":4}"#;
        let listed = Record::read(&secret(text, true)).unwrap().listed().unwrap();
        let words = [&listed.name, &listed.revision, &listed.status, &listed.chart].map(String::as_str);
        assert_eq!(words, ["q", "4", "pending-upgrade", "rabbitmq-6.18.2"]);
        assert_eq!(listed.begun(), Some("2026-11-22T08:57:17.15775346Z".parse().unwrap()));
        let bare = Record::read(&secret(r#"{"name":"q","info":{"status":"deployed"}}"#, true)).unwrap();
        assert_eq!((bare.listed().unwrap().chart.as_str(), bare.listed().unwrap().begun()), ("", None));
    }

    #[test]
    fn what_is_no_record_is_none() {
        for text in ["", "{}", "[]", r#"{"info":{}}"#] {
            let object = secret(text, true);
            assert_eq!(Record::read(&object), None, "{text}");
        }
        assert_eq!(Record::read(&json!({"data": {"release": "!"}})), None);
        let record = Record::read(&secret(r#"{"info":{"status":"deployed"}}"#, false)).unwrap();
        assert_eq!((record.revision(), record.status().as_str(), record.manifest().as_str()), (4, "deployed", ""));
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let record = Record::read(&secret(&written("1", "canary", "deployed"), true)).unwrap();
        let (data, sealed) = (pack(&written("1", "canary", "deployed"), true), record.sealed());
        for shown in [format!("{record:?}"), format!("{sealed:?} {sealed}")] {
            assert!(!shown.contains("canary") && !shown.contains(data.as_str()), "{shown}");
        }
    }
}
