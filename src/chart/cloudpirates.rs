//! The chart rabbitmq of `CloudPirates`, 0.3.0 to 0.21.18, around the official image. Before 1.0 keys may change with a minor
//! version. It rolls no pod when its Secret or its configuration changes.

use super::dialect::Told;
use super::table::{
    Correction, Fixed, ForceBoot, LOOKED_FOR, NO_SECRET, NOTHING, OWN_SECRET, OWN_VOLUMES, PATIENT, Place, Table, kept,
    key, unread,
};
use super::version::{ALL, NONE, before, between, from};

pub(super) const TABLE: Table = Table {
    known: between((0, 3, 0), (1, 0, 0)),
    older: "lack keys that mqctl sets",
    marks: &[&["peerDiscoveryK8sPlugin", "enabled"], &["auth", "existingErlangCookieKey"]],
    origin: "CloudPirates-io/",
    labels: ("app.kubernetes.io/name", "app.kubernetes.io/instance"),
    headless: "-headless",
    claim: "data",
    places: &[Place { versions: ALL, volume: "/var/lib/rabbitmq", base: "/var/lib/rabbitmq/mnesia" }],
    user: 999,
    told: &[
        key(ALL, &["image", "registry"], Told::Registry),
        key(ALL, &["image", "repository"], Told::Repository),
        key(ALL, &["image", "tag"], Told::Tag),
        key(ALL, &["replicaCount"], Told::Replicas),
        key(ALL, &["persistence", "storageClass"], Told::Class),
        key(ALL, &["persistence", "size"], Told::Size),
        key(ALL, &["auth", "username"], Told::Username),
        key(ALL, &["auth", "existingSecret"], Told::Secret),
    ],
    force_boot: ForceBoot::Useless("has no value for a force boot"),
    publishes: ALL,
    parallel: from(0, 15, 11),
    lays_cookie_once: false,
    stops_gently: NONE,
    corrections: &[
        Correction {
            versions: ALL,
            brokers: ALL,
            path: &["peerDiscoveryK8sPlugin", "enabled"],
            value: Fixed::On,
            unless: None,
            why: "without it each pod is a broker of its own",
        },
        Correction {
            versions: from(0, 9, 0),
            brokers: before(4, 1, 0),
            path: &["serviceAccount", "automountServiceAccountToken"],
            value: Fixed::On,
            unless: None,
            why: "a broker before 4.1 asks the API server for its peers, and does not boot without the token",
        },
        Correction {
            versions: ALL,
            brokers: ALL,
            path: &["livenessProbe", "initialDelaySeconds"],
            value: PATIENT,
            unless: None,
            why: "a node may wait 300 s for its peers, and the default kills it after 180",
        },
    ],
    kept: &[
        kept(ALL, &["auth", "enabled"], "mqctl logs in by password and cookie; leave the key out"),
        kept(ALL, &["auth", "password"], NO_SECRET),
        kept(ALL, &["auth", "erlangCookie"], NO_SECRET),
        kept(ALL, &["auth", "existingPasswordKey"], OWN_SECRET),
        kept(ALL, &["auth", "existingErlangCookieKey"], OWN_SECRET),
        kept(ALL, &["persistence", "existingClaim"], OWN_VOLUMES),
        kept(ALL, &["persistence", "mountPath"], LOOKED_FOR),
        kept(ALL, &["peerDiscoveryK8sPlugin", "useLongname"], LOOKED_FOR),
        kept(ALL, &["namespaceOverride"], "the profile's `namespace` says it"),
    ],
    unread: &[
        unread(ALL, &["rabbitmq"], "auth"),
        unread(ALL, &["replicas"], "replicaCount"),
        unread(ALL, &["clustering"], "peerDiscoveryK8sPlugin"),
        unread(ALL, &["extraConfiguration"], "config.extraConfiguration"),
        unread(from(0, 7, 0), &["extraEnv"], "extraEnvVars"),
        unread(before(0, 7, 0), &["extraEnvVars"], "extraEnv"),
        unread(ALL, &["image", "pullPolicy"], "image.imagePullPolicy"),
        unread(ALL, &["persistence", "accessMode"], "persistence.accessModes"),
        unread(ALL, &["terminationGracePeriodSeconds"], NOTHING),
        unread(ALL, &["updateStrategy"], NOTHING),
        unread(ALL, &["startupProbe"], "livenessProbe"),
        unread(ALL, &["service", "loadBalancerIP"], NOTHING),
        unread(ALL, &["podDisruptionBudget"], "pdb"),
        unread(ALL, &["resourcesPreset"], "resources"),
    ],
};
