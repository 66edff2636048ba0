//! `mqctl profile list`

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::context::Context;
use crate::outcome::Outcome;
use crate::profile::{self, Listed, LoadError, Profile};
use crate::program;
use crate::report;

pub(crate) fn run(cx: &Context) -> Outcome {
    let places = cx.places();
    let read = |listed: Listed| (profile::load(&listed.path), listed);
    let found: Vec<Row> = profile::list(&places).into_iter().map(read).collect();
    if cx.json() {
        report::answer(&report::pretty(&to_json(&found, places.folders().collect())));
    } else if !found.is_empty() {
        report::answer(&program::said(&to_text(&found)));
    }
    if found.is_empty() {
        let looked: Vec<String> = places.folders().map(|folder| folder.display().to_string()).collect();
        report::say(&format!("no profile in {}", looked.join(", ")));
    }
    Outcome::Done
}

type Row = (Result<Profile, LoadError>, Listed);

fn to_text(found: &[Row]) -> String {
    let head = ["profile", "namespace", "release", "chart", "file", ""].map(str::to_owned).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(found.iter().map(row)).collect();
    report::table(&rows).join("\n")
}

fn row((profile, listed): &Row) -> Vec<String> {
    let [namespace, release, chart] = match profile {
        Ok(profile) => [profile.namespace.to_string(), profile.release.to_string(), profile.chart.reference()],
        Err(_) => ["-"; 3].map(str::to_owned),
    };
    let file = listed.path.display().to_string();
    vec![listed.name.clone(), namespace, release, chart, file, note(profile, listed)]
}

/// Why this file is not simply what its name gives.
fn note(profile: &Result<Profile, LoadError>, listed: &Listed) -> String {
    match (profile, &listed.hidden_by) {
        (_, Some(other)) => format!("hidden by {}", other.display()),
        (Err(LoadError::Mistaken(_)), None) => format!("has mistakes: mqctl profile check {}", listed.name),
        (Err(LoadError::Unreadable(_)), None) => "cannot be read".to_owned(),
        (Err(LoadError::ChartUnseen(_)), None) => format!("helm knows its chart: mqctl inspect {}", listed.name),
        (Ok(_), None) => String::new(),
    }
}

fn to_json(found: &[Row], places: Vec<&Path>) -> Value {
    let one = |(profile, listed): &Row| {
        let profile = profile.as_ref().ok();
        json!({
            "name": listed.name, "path": listed.path, "place": listed.path.parent(), "hiddenBy": listed.hidden_by,
            "valid": profile.is_some(), "namespace": profile.map(|p| &p.namespace), "release": profile.map(|p| &p.release),
            "chart": profile.map(|p| p.chart.reference()),
        })
    };
    let profiles: Vec<Value> = found.iter().map(one).collect();
    let places: Vec<PathBuf> = places.into_iter().map(Path::to_owned).collect();
    json!({"apiVersion": "mqctl/v1", "kind": "ProfileList", "places": places, "profiles": profiles})
}
