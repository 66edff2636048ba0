//! The suite's own small charts, each in the manner of a family, and one of no family.

use serde_json::{Value, json};

use crate::world::{NAME, World};

/// Small VMs.
const SMALL: [(&str, &str); 2] = [
    ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"),
    ("RABBITMQ_CTL_ERL_ARGS", "+S 1:1 +sbwt none"),
];
pub(crate) const CHARTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/charts");

/// A small chart of the suite's own in the manner of a family.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Stable,
    Bitnami,
    /// Its keys and paths of before 9.0.0.
    Bitnami8,
    CloudPirates,
    Groundhog2k,
    /// Of no family, whose profile describes it; its probes log in.
    Custom,
}

impl Family {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Bitnami | Self::Bitnami8 => "bitnami",
            Self::CloudPirates => "cloudpirates",
            Self::Groundhog2k => "groundhog2k",
            Self::Custom => "custom",
        }
    }

    /// What the profile says of its chart.
    pub(crate) fn wish(self, world: &mut World) {
        let chart = match self {
            Self::Custom => custom_chart(&BY_SECRET),
            known => json!({"ref": known.chart(world)}),
        };
        world.wish("/chart", chart);
        world.wish("/values", self.values());
    }

    /// Where its chart is: that of an older version is the same but for its number.
    pub(crate) fn chart(self, world: &World) -> String {
        let newest = format!("{CHARTS}/{}-like", self.word());
        if !matches!(self, Self::Bitnami8) {
            return newest;
        }
        let older = world.root().join("bitnami-8").display().to_string();
        let copied = std::process::Command::new("cp").args(["-r", &newest, &older]).status().expect("cp starts");
        assert!(copied.success(), "{newest} is copied");
        let about = format!("{older}/Chart.yaml");
        let text = std::fs::read_to_string(&about).expect("its Chart.yaml").replace("16.0.16", "8.32.2");
        std::fs::write(about, text).expect("another version");
        older
    }

    /// Where the profile has to say by itself that the pods are created at once: the line, and the value in it.
    pub(crate) fn line(self) -> Option<(&'static str, &'static str, Value)> {
        match self {
            Self::Stable => {
                Some(("values: {podManagementPolicy: Parallel}", "/values/podManagementPolicy", json!("Parallel")))
            }
            Self::Custom => Some(("values: {pods: {policy: Parallel}}", "/values/pods", json!({"policy": "Parallel"}))),
            Self::Bitnami | Self::Bitnami8 | Self::CloudPirates | Self::Groundhog2k => None,
        }
    }

    /// The value that turns the chart's own force boot on.
    pub(crate) fn force_boot(self) -> Option<&'static str> {
        match self {
            Self::Stable => Some("forceBoot.enabled"),
            Self::Bitnami | Self::Bitnami8 | Self::Groundhog2k => Some("clustering.forceBoot"),
            Self::Custom => Some("recovery.force"),
            Self::CloudPirates => None,
        }
    }

    /// Where the values have the broker's variables.
    pub(crate) fn variables(self) -> &'static str {
        match self {
            Self::Stable => "/values/rabbitmq/env",
            Self::Bitnami | Self::Bitnami8 | Self::CloudPirates => "/values/extraEnvVars",
            Self::Groundhog2k | Self::Custom => "/values/env",
        }
    }

    /// The probes have the password in a variable, as it was when the container began.
    pub(crate) fn restarts_for_a_password(self) -> bool {
        matches!(self, Self::Stable | Self::Custom)
    }

    /// Where the nodes' folders are.
    pub(crate) fn base(self) -> &'static str {
        match self {
            Self::Stable => "/opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia",
            Self::Bitnami => "/opt/bitnami/rabbitmq/.rabbitmq/mnesia",
            Self::Bitnami8 => "/bitnami/rabbitmq/mnesia",
            Self::CloudPirates | Self::Groundhog2k => "/var/lib/rabbitmq/mnesia",
            Self::Custom => "/data/nodes",
        }
    }

    /// Small VMs, and probes that see a ready node soon; the names are those of the rest of the suite.
    pub(crate) fn values(self) -> Value {
        let env = SMALL;
        let mut values = json!({
            "fullnameOverride": NAME, "readinessProbe": {"initialDelaySeconds": 5, "periodSeconds": 10},
            "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
        });
        let limit = "total_memory_available_override_value = 512MiB";
        match self {
            Self::Stable => {
                let env: std::collections::BTreeMap<_, _> = env.into_iter().collect();
                values["rabbitmq"] = json!({"env": env, "extraConfiguration": limit});
            }
            Self::Bitnami | Self::Bitnami8 | Self::CloudPirates => {
                values["extraEnvVars"] = listed(env);
                if self != Self::CloudPirates {
                    values["extraConfiguration"] = json!(limit);
                }
            }
            Self::Groundhog2k => {
                values["env"] = listed(env);
                values["startupProbe"] = json!({"initialDelaySeconds": 5, "periodSeconds": 5, "timeoutSeconds": 20});
                values["terminationGracePeriodSeconds"] = json!(40);
            }
            Self::Custom => return custom_values(),
        }
        values
    }
}

fn listed<const N: usize>(variables: [(&str, &str); N]) -> Value {
    variables.map(|(name, value)| json!({"name": name, "value": value})).into_iter().collect()
}

/// The values by which the chart of no family is told its secrets.
pub(crate) const BY_SECRET: [(&str, &str); 2] = [("passwordSecret", "login.secret"), ("cookieSecret", "login.secret")];
pub(crate) const BY_VALUE: [(&str, &str); 2] = [("password", "login.password"), ("erlangCookie", "login.cookie")];

/// What a profile says of the suite's own chart of no family.
pub(crate) fn custom_chart(secrets: &[(&str, &str)]) -> Value {
    let mut description = json!({
        "statefulSet": NAME, "clientService": format!("{NAME}-clients"), "headlessService": format!("{NAME}-nodes"),
        "claimTemplate": "mq-data", "container": "broker", "volumePath": "/data", "dataPath": "/data/nodes",
        "podLabels": {"app": "mq", "release": NAME}, "releaseLabel": "release",
        "keys": {
            "replicas": "nodes", "image": "image", "storageClass": "disk.class", "storageSize": "disk.size",
            "username": "login.name", "forceBoot": "recovery.force", "podManagementPolicy": "pods.policy",
        },
        "secretKeys": {"username": "broker-user", "password": "broker-password", "erlangCookie": "broker-cookie"},
    });
    for (key, value) in secrets {
        description["keys"][key] = json!(value);
    }
    json!({"ref": format!("{CHARTS}/custom-like"), "version": "1.2.0", "dialect": "custom", "custom": description})
}

pub(crate) fn custom_values() -> Value {
    json!({
        "name": NAME, "asks": "login", "env": SMALL.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "readinessProbe": {"initialDelaySeconds": 5, "periodSeconds": 10},
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
    })
}
