//! What a profile's `expose` means.

use super::check::accepted;
use super::file::ExposeFile;
use super::mistakes::{Mistakes, nearest};
use super::{ProfileFile, Warning};
use crate::exposure::{self, Exposure, Port};
use crate::yaml::shown;

/// The wish, with defaults for what is not said; nothing where the key is absent.
pub(super) fn expose(file: &ProfileFile, m: &mut Mistakes) -> Option<Exposure> {
    let file = file.expose.as_ref()?;
    let default = Exposure::default();
    let kind = file.kind.and_then(|text| accepted(text.parse(), text, &["expose", "type"], m));
    let exposure = Exposure {
        kind: kind.unwrap_or(default.kind),
        ip: file.ip.and_then(|text| accepted(exposure::ip(text), text, &["expose", "ip"], m)),
        ports: file.ports.as_deref().map_or(default.ports, |names| ports(names, m)),
        source_ranges: each("sourceRanges", &file.source_ranges, m, |text, path, m| {
            accepted(text.parse(), text, path, m)
        }),
        annotations: annotations(file, m),
    };
    if let Some(key) = exposure.misplaced() {
        m.at_value(&["expose", key], "only a LoadBalancer has it; `expose.type` is NodePort");
    }
    Some(exposure)
}

/// Reads the items of a list, each with its place.
fn each<T>(
    key: &str,
    items: &[&str],
    m: &mut Mistakes,
    read: impl Fn(&str, &[&str], &mut Mistakes) -> Option<T>,
) -> Vec<T> {
    let item = |(index, text): (usize, &&str)| read(text, &["expose", key, &index.to_string()], m);
    items.iter().enumerate().filter_map(item).collect()
}

fn ports(names: &[&str], m: &mut Mistakes) -> Vec<Port> {
    if names.is_empty() {
        m.at_value(&["expose", "ports"], "expected at least one port; leave the key out for amqp");
    }
    let mut known: Vec<Port> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let path = ["expose", "ports", &index.to_string()];
        match name.parse() {
            Ok(port) if known.contains(&port) => m.at_value(&path, format!("`{name}` stands here twice")),
            Ok(port) => known.push(port),
            Err(error) => m.at_value(&path, meant(name).unwrap_or_else(|| format!("{error}, found `{}`", shown(name)))),
        }
    }
    known
}

/// The port whose name is nearly this, or whose number it is.
fn meant(name: &str) -> Option<String> {
    let numbered = Port::ALL.into_iter().find(|port| port.number().to_string() == name).map(Port::name);
    let meant = numbered.or_else(|| nearest(name, &Port::ALL.map(Port::name)))?;
    Some(format!("unknown port `{}`; did you mean `{meant}`?", shown(name)))
}

fn annotations(file: &ExposeFile, m: &mut Mistakes) -> std::collections::BTreeMap<String, String> {
    let entry = |(key, value): &(&str, &str)| {
        if let Err(error) = exposure::annotation_key(key) {
            m.at_key(&["expose", "annotations", key], error.to_string());
        }
        ((*key).to_owned(), (*value).to_owned())
    };
    file.annotations.iter().map(entry).collect()
}

pub(super) fn warning(exposure: &Exposure) -> Option<Warning> {
    Some(Warning { path: "expose.sourceRanges".to_owned(), text: exposure.warning()? })
}
