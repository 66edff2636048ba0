//! Which value of which family of charts prevents what. Data: the keys were seen in the charts named above each table.

/// What has to be another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// Pods are created at once.
    AtOnce,
    /// Pods that are not ready have names.
    Names,
    Volume,
    Discovery,
    /// The start of the liveness probe, in seconds.
    Liveness,
    /// The failures that the startup probe bears.
    Startup,
    KeptOnDelete,
    KeptOnScale,
    /// Seconds that a node has to stop.
    Grace,
    Budget,
    Memory,
    /// Pods take a change, one after the other.
    Rolling,
}

use Setting::{
    AtOnce, Budget, Discovery, Grace, KeptOnDelete, KeptOnScale, Liveness, Memory, Names, Rolling, Startup, Volume,
};

type Values = &'static [(Setting, &'static str)];

/// `#` stands for the number that a rule finds.
const FAMILIES: [(&str, Values); 5] = [
    ("builtin", BUILTIN),
    ("stable", STABLE),
    ("bitnami", BITNAMI),
    ("cloudpirates", CLOUDPIRATES),
    ("groundhog2k", GROUNDHOG2K),
];

const BUILTIN: Values = &[
    (Grace, "terminationGracePeriodSeconds: #"),
    (Budget, "podDisruptionBudget: {enabled: true, maxUnavailable: 1}"),
    (Memory, "resources: {limits: {memory: 1Gi}}"),
];

/// stable/rabbitmq 6.18.2. Its budget is of an API that Kubernetes 1.25 removed; its grace period is fixed.
const STABLE: Values = &[
    (AtOnce, "podManagementPolicy: Parallel"),
    (Rolling, "updateStrategy: {type: RollingUpdate}"),
    (Volume, "persistence: {enabled: true}"),
    (Liveness, "livenessProbe: {initialDelaySeconds: #}"),
    (Memory, "resources: {limits: {memory: 1Gi}}"),
];

/// bitnami/rabbitmq 16.0.16.
const BITNAMI: Values = &[
    (AtOnce, "podManagementPolicy: Parallel"),
    (Rolling, "updateStrategy: {type: RollingUpdate}"),
    (Volume, "persistence: {enabled: true}"),
    (Discovery, "clustering: {enabled: true}"),
    (Liveness, "livenessProbe: {initialDelaySeconds: #}"),
    (Startup, "startupProbe: {failureThreshold: #}"),
    (KeptOnDelete, "persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain}"),
    (KeptOnScale, "persistentVolumeClaimRetentionPolicy: {whenScaled: Retain}"),
    (Grace, "terminationGracePeriodSeconds: #"),
    (Budget, "pdb: {create: true, minAvailable: \"\", maxUnavailable: 1}"),
    (Memory, "resources: {limits: {memory: 1Gi}}"),
];

/// `cloudpirates/rabbitmq` 0.21.18: numbers of its budget are texts.
const CLOUDPIRATES: Values = &[
    (AtOnce, "podManagementPolicy: Parallel"),
    (Volume, "persistence: {enabled: true}"),
    (Discovery, "peerDiscoveryK8sPlugin: {enabled: true}"),
    (Liveness, "livenessProbe: {initialDelaySeconds: #}"),
    (KeptOnDelete, "persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain}"),
    (KeptOnScale, "persistentVolumeClaimRetentionPolicy: {whenScaled: Retain}"),
    (Budget, "pdb: {create: true, minAvailable: \"\", maxUnavailable: \"1\"}"),
    (Memory, "resources: {limits: {memory: 1Gi}}"),
];

/// groundhog2k/rabbitmq 2.3.6.
const GROUNDHOG2K: Values = &[
    (AtOnce, "podManagementPolicy: Parallel"),
    (Rolling, "updateStrategyType: RollingUpdate"),
    (Volume, "storage: {requestedSize: 8Gi}"),
    (Discovery, "k8sPeerDiscoveryPlugin: {enabled: true}"),
    (Liveness, "livenessProbe: {initialDelaySeconds: #}"),
    (Startup, "startupProbe: {failureThreshold: #}"),
    (Grace, "terminationGracePeriodSeconds: #"),
    (Budget, "podDisruptionBudget: {maxUnavailable: 1}"),
    (Memory, "resources: {limits: {memory: 1Gi}}"),
];

/// The line for the profile; where the family has no such value, the field of Kubernetes that has to be another.
pub(super) fn line(family: &str, setting: Setting, number: u64) -> String {
    let values = FAMILIES.iter().find(|(word, _)| *word == family).map_or(&[][..], |(_, values)| values);
    let value = values.iter().find(|(of, _)| *of == setting).map(|(_, value)| format!("values: {{{value}}}"));
    value.unwrap_or_else(|| without_value(setting).to_owned()).replace('#', &number.to_string())
}

const fn without_value(setting: Setting) -> &'static str {
    match setting {
        AtOnce => "the value of this chart that makes podManagementPolicy Parallel",
        Names => "no value of this chart publishes them; `mqctl recover` does, and leaves them published",
        Volume => "the value of this chart that gives each pod a volume",
        Discovery => "the value of this chart that turns peer discovery on",
        Liveness => "the value of this chart that makes initialDelaySeconds of the livenessProbe #",
        Startup => "the value of this chart that makes failureThreshold of the startupProbe #",
        KeptOnDelete => "the value of this chart that makes whenDeleted Retain",
        KeptOnScale => "the value of this chart that makes whenScaled Retain",
        Grace => "no value of this chart changes it; a chart with terminationGracePeriodSeconds of # or more does",
        Budget => "the value of this chart that makes a PodDisruptionBudget with maxUnavailable 1",
        Rolling => "the value of this chart that makes updateStrategy RollingUpdate",
        Memory => "the value of this chart that gives the broker a memory limit of 1Gi",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_own_keys() {
        assert_eq!(line("cloudpirates", Discovery, 0), "values: {peerDiscoveryK8sPlugin: {enabled: true}}");
        assert_eq!(line("groundhog2k", Discovery, 0), "values: {k8sPeerDiscoveryPlugin: {enabled: true}}");
        assert_eq!(line("bitnami", Liveness, 210), "values: {livenessProbe: {initialDelaySeconds: 210}}");
        assert_eq!(line("stable", AtOnce, 0), "values: {podManagementPolicy: Parallel}");
    }

    #[test]
    fn where_there_is_no_key_the_field_is_named() {
        assert!(line("custom", AtOnce, 0).contains("podManagementPolicy Parallel"));
        assert!(line("stable", Grace, 120).contains("terminationGracePeriodSeconds of 120"));
    }

    /// As real helm renders it: `tests/charts/dialect-rows`.
    #[test]
    fn each_value_is_one_that_the_family_reads() {
        for (word, values) in FAMILIES.iter().filter(|(word, _)| *word != "builtin") {
            for (setting, _) in *values {
                let line = line(word, *setting, 7);
                for path in leaves(&crate::yaml::stream(&line)[0]["values"]) {
                    assert!(crate::chart::rows::is_read(word, &path), "{word}: {line}: no row for {path:?}");
                }
            }
        }
    }

    fn leaves(value: &serde_json::Value) -> Vec<Vec<String>> {
        let Some(map) = value.as_object() else { return vec![Vec::new()] };
        let below = |(key, inner): (&String, &serde_json::Value)| {
            leaves(inner).into_iter().map(|path| [vec![key.clone()], path].concat()).collect::<Vec<_>>()
        };
        map.iter().flat_map(below).collect()
    }

    #[test]
    fn each_value_is_a_line_of_a_profile() {
        for (word, values) in FAMILIES {
            for (setting, value) in values {
                let line = line(word, *setting, 7);
                let read = crate::yaml::stream(&line);
                assert!(read[0]["values"].is_object(), "{word}: {value}: {line}");
            }
        }
    }
}
