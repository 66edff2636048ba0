//! The chart bitnami/rabbitmq, 7.0.0 to 16.0.16. Every version keeps what is on its
//! volumes as it was: 12.14.0 only moved their place in the container.

use super::dialect::Told;
use super::table::{
    Correction, Fixed, ForceBoot, LOOKED_FOR, NO_SECRET, NOTHING, OWN_SECRET, OWN_VOLUMES, PATIENT, Passwords, Place,
    Table, kept, key, unread,
};
use super::version::{ALL, NONE, Span, before, between, from};

/// Up to here the probe of the liveness asks whether the node has booted; later ones that are not listed only ask for the VM.
const BOOTED: [Span; 3] = [before(8, 6, 0), between((10, 1, 14), (10, 2, 1)), from(11, 14, 4)];

const fn patient(versions: Span) -> Correction {
    Correction {
        versions,
        brokers: ALL,
        path: &["livenessProbe", "initialDelaySeconds"],
        value: PATIENT,
        unless: None,
        why: "a node may wait 300 s for its peers, and the default kills it after 270",
    }
}

/// Probes of these versions log in, by a command that has the password without quotes.
const PROVEN: [Span; 3] = [before(7, 4, 4), between((10, 1, 14), (10, 2, 1)), from(11, 14, 4)];

const fn in_a_word(versions: Span) -> Passwords {
    Passwords {
        versions,
        fits: one_word,
        why: "the chart's probes have it in a shell's line without quotes; no blank and none of * ? [ ] \\ gets there",
    }
}

const fn one_word(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '*' | '?' | '[' | ']' | '\\')
}

/// 9.0.0 gave the keys below these names.
const OLD: Span = before(9, 0, 0);
const NEW: Span = from(9, 0, 0);

pub(super) const TABLE: Table = Table {
    known: between((7, 0, 0), (17, 0, 0)),
    older: "have the keys of `stable`",
    marks: &[&["auth", "username"], &["clustering", "forceBoot"]],
    origin: "bitnami",
    labels: ("app.kubernetes.io/name", "app.kubernetes.io/instance"),
    headless: "-headless",
    claim: "data",
    places: &[
        Place { versions: before(12, 14, 0), volume: "/bitnami/rabbitmq/mnesia", base: "/bitnami/rabbitmq/mnesia" },
        Place {
            versions: from(12, 14, 0),
            volume: "/opt/bitnami/rabbitmq/.rabbitmq/mnesia",
            base: "/opt/bitnami/rabbitmq/.rabbitmq/mnesia",
        },
    ],
    user: 1001,
    told: &[
        key(ALL, &["image", "registry"], Told::Registry),
        key(ALL, &["image", "repository"], Told::Repository),
        key(ALL, &["image", "tag"], Told::Tag),
        key(ALL, &["replicaCount"], Told::Replicas),
        key(ALL, &["persistence", "storageClass"], Told::Class),
        // Where both are said, this one wins.
        key(ALL, &["global", "storageClass"], Told::Class),
        key(ALL, &["persistence", "size"], Told::Size),
        key(ALL, &["auth", "username"], Told::Username),
        key(ALL, &["auth", "existingPasswordSecret"], Told::Secret),
        key(ALL, &["auth", "existingErlangSecret"], Told::Secret),
        // From here on any other image than the vendor's fails the render without it.
        key(from(15, 2, 0), &["global", "security", "allowInsecureImages"], Told::AnyImage),
    ],
    passwords: &[in_a_word(PROVEN[0]), in_a_word(PROVEN[1]), in_a_word(PROVEN[2])],
    force_boot: ForceBoot::Key(&["clustering", "forceBoot"]),
    publishes: from(8, 24, 4),
    parallel: NONE,
    lays_cookie_once: false,
    stops_gently: from(8, 2, 0),
    other_user: None,
    corrections: &[
        patient(BOOTED[0]),
        patient(BOOTED[1]),
        patient(BOOTED[2]),
        Correction {
            versions: from(13, 0, 0),
            brokers: ALL,
            path: &["resourcesPreset"],
            value: Fixed::Text("none"),
            unless: Some(&["resources"]),
            why: "the default limits a node to 384Mi of memory; set `resources` under `values`",
        },
    ],
    kept: &[
        kept(ALL, &["auth", "password"], NO_SECRET),
        kept(ALL, &["auth", "erlangCookie"], NO_SECRET),
        kept(from(12, 7, 0), &["auth", "existingSecretPasswordKey"], OWN_SECRET),
        kept(from(12, 8, 0), &["auth", "existingSecretErlangKey"], OWN_SECRET),
        kept(ALL, &["persistence", "existingClaim"], OWN_VOLUMES),
        kept(from(10, 0, 0), &["image", "digest"], "the profile's `image.tag` takes it: TAG@sha256:…"),
        kept(from(8, 29, 0), &["persistence", "mountPath"], LOOKED_FOR),
        kept(from(9, 0, 0), &["namespaceOverride"], "the profile's `namespace` says it"),
        kept(from(11, 2, 0), &["servicenameOverride"], LOOKED_FOR),
    ],
    unread: &[
        unread(before(15, 5, 0), &["usePasswordFiles"], NOTHING),
        unread(ALL, &["rabbitmq"], "auth"),
        unread(ALL, &["replicas"], "replicaCount"),
        unread(before(12, 7, 0), &["auth", "existingSecretPasswordKey"], NOTHING),
        unread(before(12, 8, 0), &["auth", "existingSecretErlangKey"], NOTHING),
        unread(before(10, 0, 0), &["image", "digest"], "image.tag"),
        unread(ALL, &["image", "imagePullPolicy"], "image.pullPolicy"),
        unread(ALL, &["imagePullSecrets"], "image.pullSecrets"),
        unread(ALL, &["forceBoot"], "clustering.forceBoot"),
        unread(ALL, &["definitions"], "loadDefinition"),
        unread(ALL, &["config"], "extraConfiguration"),
        unread(ALL, &["customConfig"], "extraConfiguration"),
        unread(ALL, &["customAdvancedConfig"], "advancedConfiguration"),
        unread(ALL, &["additionalPlugins"], "extraPlugins"),
        unread(ALL, &["env"], "extraEnvVars"),
        unread(ALL, &["rbacEnabled"], "rbac.create"),
        unread(ALL, &["podDisruptionBudget"], "pdb"),
        unread(NEW, &["persistence", "accessMode"], "persistence.accessModes"),
        unread(OLD, &["persistence", "accessModes"], "persistence.accessMode"),
        unread(NEW, &["updateStrategyType"], "updateStrategy.type"),
        unread(OLD, &["updateStrategy"], "updateStrategyType"),
        unread(NEW, &["service", "port"], "service.ports.amqp"),
        unread(OLD, &["service", "ports"], "service.port"),
        unread(NEW, &["service", "nodePort"], "service.nodePorts.amqp"),
        unread(OLD, &["service", "nodePorts"], "service.nodePort"),
        unread(NEW, &["service", "managerNodePort"], "service.nodePorts.manager"),
        unread(before(8, 27, 0), &["service", "epmdPortEnabled"], NOTHING),
        unread(before(8, 27, 0), &["service", "distPortEnabled"], NOTHING),
        unread(before(8, 2, 0), &["terminationGracePeriodSeconds"], NOTHING),
        unread(before(12, 5, 0), &["persistentVolumeClaimRetentionPolicy"], NOTHING),
        unread(before(12, 11, 0), &["resourcesPreset"], "resources"),
    ],
};
