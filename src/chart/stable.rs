//! The charts stable/rabbitmq 6 (last 6.18.2) and bitnami/rabbitmq 6 (last 6.28.1): one family. Their headless Service names
//! ready pods only, so that nodes which wait do not find each other; a recovery publishes them.

use super::dialect::Told;
use super::table::{
    Correction, ForceBoot, LOOKED_FOR, NO_SECRET, NOTHING, OWN_VOLUMES, PATIENT, Passwords, Place, Table, kept, key,
    unread,
};
use super::version::{ALL, NONE, between};

const fn in_a_url(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')
}

pub(super) const TABLE: Table = Table {
    known: between((6, 0, 0), (7, 0, 0)),
    older: "are not known",
    marks: &[&["rabbitmq", "username"]],
    origin: "bitnami",
    labels: ("app", "release"),
    headless: "-headless",
    claim: "data",
    places: &[Place {
        versions: ALL,
        volume: "/opt/bitnami/rabbitmq/var/lib/rabbitmq",
        base: "/opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia",
    }],
    user: 1001,
    told: &[
        key(ALL, &["image", "registry"], Told::Registry),
        key(ALL, &["image", "repository"], Told::Repository),
        key(ALL, &["image", "tag"], Told::Tag),
        key(ALL, &["replicas"], Told::Replicas),
        key(ALL, &["persistence", "storageClass"], Told::Class),
        // Where both are said, this one wins.
        key(ALL, &["global", "storageClass"], Told::Class),
        key(ALL, &["persistence", "size"], Told::Size),
        key(ALL, &["rabbitmq", "username"], Told::Username),
        key(ALL, &["rabbitmq", "existingPasswordSecret"], Told::Secret),
        key(ALL, &["rabbitmq", "existingErlangSecret"], Told::Secret),
    ],
    passwords: &[Passwords {
        versions: ALL,
        fits: in_a_url,
        why: "the chart puts it into a URL and into a script of sed, as it is; letters, digits and -._~ get there",
    }],
    force_boot: ForceBoot::Key(&["forceBoot", "enabled"]),
    publishes: NONE,
    parallel: NONE,
    lays_cookie_once: false,
    stops_gently: NONE,
    other_user: None,
    corrections: &[Correction {
        versions: ALL,
        brokers: ALL,
        path: &["livenessProbe", "initialDelaySeconds"],
        value: PATIENT,
        unless: None,
        why: "a node may wait 300 s for its peers, and the default kills it after 270",
    }],
    kept: &[
        kept(ALL, &["rabbitmq", "password"], NO_SECRET),
        kept(ALL, &["rabbitmq", "erlangCookie"], NO_SECRET),
        kept(ALL, &["persistence", "existingClaim"], OWN_VOLUMES),
        kept(ALL, &["persistence", "path"], LOOKED_FOR),
    ],
    unread: &[
        unread(ALL, &["auth"], "rabbitmq"),
        unread(ALL, &["replicaCount"], "replicas"),
        unread(ALL, &["clustering"], "rabbitmq.clustering"),
        unread(ALL, &["clusterDomain"], "rabbitmq.clustering.k8s_domain"),
        unread(ALL, &["rabbitmq", "existingSecretPasswordKey"], NOTHING),
        unread(ALL, &["rabbitmq", "existingSecretErlangKey"], NOTHING),
        unread(ALL, &["image", "imagePullPolicy"], "image.pullPolicy"),
        unread(ALL, &["imagePullSecrets"], "image.pullSecrets"),
        unread(ALL, &["loadDefinition"], "rabbitmq.loadDefinition"),
        unread(ALL, &["extraConfiguration"], "rabbitmq.extraConfiguration"),
        unread(ALL, &["advancedConfiguration"], "rabbitmq.advancedConfiguration"),
        unread(ALL, &["extraPlugins"], "rabbitmq.extraPlugins"),
        unread(ALL, &["extraEnvVars"], "rabbitmq.env"),
        unread(ALL, &["updateStrategyType"], "updateStrategy.type"),
        unread(ALL, &["persistence", "accessModes"], "persistence.accessMode"),
        unread(ALL, &["service", "nodePorts"], "service.nodePort"),
        unread(ALL, &["service", "managerNodePort"], NOTHING),
        unread(ALL, &["service", "epmdPortEnabled"], NOTHING),
        unread(ALL, &["service", "distPortEnabled"], NOTHING),
        unread(ALL, &["rbac"], "rbacEnabled"),
        unread(ALL, &["pdb"], "podDisruptionBudget"),
        unread(ALL, &["terminationGracePeriodSeconds"], NOTHING),
        unread(ALL, &["persistentVolumeClaimRetentionPolicy"], NOTHING),
        unread(ALL, &["resourcesPreset"], "resources"),
    ],
};
