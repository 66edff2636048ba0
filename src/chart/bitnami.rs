//! The chart bitnami/rabbitmq, 7 to 16. 12.14 moved the volume's place in the container; what is on it stayed as it was.

use super::dialect::{Table, Told};

pub(super) const TABLE: Table = Table {
    marks: &[&["auth", "username"], &["clustering", "forceBoot"]],
    labels: ("app.kubernetes.io/name", "app.kubernetes.io/instance"),
    volume: "/opt/bitnami/rabbitmq/.rabbitmq/mnesia",
    base: "/opt/bitnami/rabbitmq/.rabbitmq/mnesia",
    told: &[
        (&["image", "registry"], Told::Registry),
        (&["image", "repository"], Told::Repository),
        (&["image", "tag"], Told::Tag),
        (&["replicaCount"], Told::Replicas),
        (&["persistence", "storageClass"], Told::Class),
        (&["persistence", "size"], Told::Size),
        (&["auth", "username"], Told::Username),
        (&["auth", "existingPasswordSecret"], Told::Secret),
        (&["auth", "existingErlangSecret"], Told::Secret),
        // From 15.2 on any other image than the vendor's fails the render without it.
        (&["global", "security", "allowInsecureImages"], Told::AnyImage),
    ],
    force_boot: &["clustering", "forceBoot"],
};
