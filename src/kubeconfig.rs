//! Which clusters there are: a door to the files that kubectl reads, too.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::Value;

use crate::error::Failure;
use crate::outcome::Outcome;
use crate::yaml;

/// Refuses before the first call, where there is no cluster to call.
///
/// A file that is missing is none to kubectl, as long as there is another one; in a pod it needs none at all.
///
/// # Errors
/// No file at all, or one that cannot be read.
pub(crate) fn require(files: &[PathBuf], in_a_pod: bool) -> Result<()> {
    let mut missing = Vec::new();
    for file in files {
        match look(file) {
            Ok(_) => {}
            Err(Flaw::Missing) => missing.push(file.display().to_string()),
            Err(Flaw::Broken(why)) => return Err(unusable(format!("kubeconfig `{}`: {why}", file.display())).into()),
        }
    }
    if missing.len() < files.len() || in_a_pod {
        return Ok(());
    }
    let looked = if missing.is_empty() { "no file: HOME is not set".to_owned() } else { missing.join(", ") };
    Err(unusable(format!("no kubeconfig; looked for {looked}")).into())
}

fn unusable(text: String) -> Failure {
    Failure::new(Outcome::Unreachable, text).hint("name one: --kubeconfig PATH, or KUBECONFIG")
}

enum Flaw {
    Missing,
    Broken(String),
}

#[expect(clippy::disallowed_methods, reason = "door: the kubeconfig's contexts are read here")]
fn look(file: &Path) -> Result<Value, Flaw> {
    let text = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Flaw::Missing),
        read => read.map_err(|error| Flaw::Broken(error.to_string()))?,
    };
    yaml::foreign(&text).map_err(Flaw::Broken)
}

pub(crate) fn current_context(file: &Path) -> Option<String> {
    look(file).ok()?["current-context"].as_str().filter(|c| !c.is_empty()).map(str::to_owned)
}

pub(crate) fn contexts(file: &Path) -> Vec<String> {
    let config = look(file).unwrap_or_default();
    let contexts = config["contexts"].as_array().into_iter().flatten();
    contexts.filter_map(|context| context["name"].as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests make the files that are looked at")]
mod tests {
    use super::*;

    #[test]
    fn one_file_of_several_is_enough_and_a_broken_one_is_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs_err::write(&path, text).unwrap();
            path
        };
        let (good, broken) = (file("good", "{\"kind\": Config, \"current-context\": a}"), file("broken", "a: [\n"));
        let (list, missing) = (file("list", "- a\n"), folder.path().join("missing"));
        let refused = |files: &[&PathBuf], in_a_pod| {
            let files: Vec<PathBuf> = files.iter().map(|&file| file.clone()).collect();
            require(&files, in_a_pod).err().map(|error| error.to_string())
        };
        assert_eq!(refused(&[&missing, &good], false), None);
        assert_eq!(refused(&[&missing], true), None);
        assert!(refused(&[&missing], false).unwrap().starts_with("no kubeconfig; looked for "));
        assert!(refused(&[&good, &broken], true).unwrap().contains("not YAML"));
        assert!(refused(&[&list], false).unwrap().ends_with(": no mapping"));
        assert_eq!(current_context(&good).as_deref(), Some("a"));
    }
}
