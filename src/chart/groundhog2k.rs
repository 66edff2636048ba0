//! The chart rabbitmq of groundhog2k, 1.0.0 to 2.3.6, around the official image. It makes no Secret; without `storage.requestedSize`
//! it has no volumes either. Its Erlang cookie is laid on a volume once, and stays.

use super::dialect::Told;
use super::table::{
    Correction, Fixed, ForceBoot, LOOKED_FOR, NO_SECRET, NOTHING, OWN_VOLUMES, Place, Table, kept, key, unread,
};
use super::version::{ALL, NONE, between};

pub(super) const TABLE: Table = Table {
    known: between((1, 0, 0), (3, 0, 0)),
    older: "take no Secret: the password would stand in a ConfigMap",
    marks: &[&["k8sPeerDiscoveryPlugin", "enabled"], &["storage", "requestedSize"]],
    origin: "groundhog2k/",
    labels: ("app.kubernetes.io/name", "app.kubernetes.io/instance"),
    headless: "-internal",
    claim: "rabbitmq-volume",
    places: &[Place { versions: ALL, volume: "/var/lib/rabbitmq", base: "/var/lib/rabbitmq/mnesia" }],
    user: 999,
    told: &[
        key(ALL, &["image", "registry"], Told::Registry),
        key(ALL, &["image", "repository"], Told::Repository),
        key(ALL, &["image", "tag"], Told::Tag),
        key(ALL, &["replicaCount"], Told::Replicas),
        key(ALL, &["storage", "className"], Told::Class),
        key(ALL, &["storage", "requestedSize"], Told::Size),
        key(ALL, &["authentication", "existingSecret"], Told::Secret),
        key(ALL, &["authentication", "user", "secretKey"], Told::SecretKey("username")),
        key(ALL, &["authentication", "password", "secretKey"], Told::SecretKey("password")),
        key(ALL, &["authentication", "erlangCookie", "secretKey"], Told::SecretKey("erlang-cookie")),
    ],
    force_boot: ForceBoot::Useless(
        "forces a boot by a hook beside the server: too late for the start that waits, and one that fails kills the pod",
    ),
    publishes: ALL,
    parallel: NONE,
    lays_cookie_once: true,
    stops_gently: ALL,
    corrections: &[
        Correction {
            versions: ALL,
            brokers: ALL,
            path: &["k8sPeerDiscoveryPlugin", "enabled"],
            value: Fixed::On,
            unless: None,
            why: "without it each pod is a broker of its own",
        },
        // 750 s as elsewhere: the other two probes begin when this one has succeeded.
        Correction {
            versions: ALL,
            brokers: ALL,
            path: &["startupProbe", "failureThreshold"],
            value: Fixed::Number(75),
            unless: None,
            why: "a node may wait 300 s for its peers, and the default kills it then",
        },
        Correction {
            versions: ALL,
            brokers: ALL,
            path: &["terminationGracePeriodSeconds"],
            value: Fixed::Number(120),
            unless: None,
            why: "a node that others need waits for their copies before it stops: 50 s by default",
        },
    ],
    kept: &[
        kept(ALL, &["authentication", "user", "value"], "use `credentials.username`"),
        kept(ALL, &["authentication", "password", "value"], NO_SECRET),
        kept(ALL, &["authentication", "erlangCookie", "value"], NO_SECRET),
        kept(ALL, &["storage", "persistentVolumeClaimName"], OWN_VOLUMES),
        kept(ALL, &["storage", "volumeName"], LOOKED_FOR),
        kept(ALL, &["clustering", "useLongName"], LOOKED_FOR),
    ],
    unread: &[
        unread(ALL, &["rabbitmq"], "authentication"),
        unread(ALL, &["auth"], "authentication"),
        unread(ALL, &["replicas"], "replicaCount"),
        unread(ALL, &["persistence"], "storage"),
        unread(ALL, &["extraConfiguration"], "customConfig"),
        unread(ALL, &["extraEnvVars"], "env"),
        unread(ALL, &["updateStrategy"], "updateStrategyType"),
        unread(ALL, &["pdb"], "podDisruptionBudget"),
        unread(ALL, &["persistentVolumeClaimRetentionPolicy"], NOTHING),
        unread(ALL, &["peerDiscoveryK8sPlugin"], "k8sPeerDiscoveryPlugin"),
        unread(ALL, &["resourcesPreset"], "resources"),
    ],
};
