//! What the examples of pipelines run: for the fast tests and for those on a cluster.

use std::path::Path;

use serde_json::Value;

pub(crate) const EXAMPLES: [&str; 3] = ["github-actions.yaml", "gitlab-ci.yaml", "pipeline.sh"];

fn example(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)).unwrap()
}

/// What the steps of a job run, one after the other: `run` of GitHub's, `script` of GitLab's.
pub(crate) fn script(name: &str) -> String {
    let text = example(name);
    if Path::new(name).extension().is_some_and(|ending| ending == "sh") {
        return text;
    }
    let file: Value = serde_yaml::from_str(&text).unwrap();
    let jobs = file.get("jobs").unwrap_or(&file).as_object().unwrap();
    let github = jobs.values().flat_map(|job| job["steps"].as_array().into_iter().flatten()).map(|step| &step["run"]);
    let gitlab = jobs.values().flat_map(|job| job["script"].as_array().into_iter().flatten());
    let lines: Vec<&str> = github.chain(gitlab).filter_map(Value::as_str).collect();
    assert!(lines.len() > 2, "{name} runs nothing: {lines:?}");
    format!("set -e\n{}", lines.join("\n"))
}
