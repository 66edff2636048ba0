//! A path of the command line starts where mqctl runs, one of a profile at the profile's folder.

use std::path::{Component, Path, PathBuf};

/// A chart's reference as a profile at this path has to say it; what is no path stays as it is.
pub(crate) fn beside(profile: &Path, reference: &str) -> String {
    let is_path = ["./", "../"].iter().any(|begins| reference.starts_with(begins));
    if !is_path {
        return reference.to_owned();
    }
    let folder = profile.parent().unwrap_or(Path::new(""));
    let steps = folder.components().filter(|part| *part != Component::CurDir);
    let below = steps.clone().all(|part| matches!(part, Component::Normal(_)));
    let path = if below {
        steps.map(|_| "..").collect::<PathBuf>().join(reference.trim_start_matches("./"))
    } else {
        std::path::absolute(reference).unwrap_or_else(|_| PathBuf::from(reference))
    };
    let text = path.display().to_string();
    if text.starts_with('/') || text.starts_with("../") { text } else { format!("./{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_found_from_the_profile_s_folder() {
        let said = |profile: &str, chart: &str| beside(Path::new(profile), chart);
        assert_eq!(said("profiles/prodmq.yaml", "./charts/mq"), "../charts/mq");
        assert_eq!(said("./a/b/prodmq.yaml", "../mq-1.0.0.tgz"), "../../../mq-1.0.0.tgz");
        assert_eq!(said("prodmq.yaml", "./mq"), "./mq");
        assert_eq!(said("profiles/prodmq.yaml", "/charts/mq"), "/charts/mq");
        assert!(said("../prodmq.yaml", "./mq").starts_with('/'), "it is not known what lies above");
        assert_eq!(said("profiles/prodmq.yaml", "oci://hub.example/mq"), "oci://hub.example/mq");
    }
}
