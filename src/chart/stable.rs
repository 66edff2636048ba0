//! The charts stable/rabbitmq (last 6.18.2) and bitnami/rabbitmq 6: one family. Their headless Service names ready pods
//! only, so that nodes which wait do not find each other; a recovery publishes them.

use super::dialect::{Table, Told};

pub(super) const TABLE: Table = Table {
    marks: &[&["rabbitmq", "username"]],
    labels: ("app", "release"),
    volume: "/opt/bitnami/rabbitmq/var/lib/rabbitmq",
    base: "/opt/bitnami/rabbitmq/var/lib/rabbitmq/mnesia",
    told: &[
        (&["image", "registry"], Told::Registry),
        (&["image", "repository"], Told::Repository),
        (&["image", "tag"], Told::Tag),
        (&["replicas"], Told::Replicas),
        (&["persistence", "storageClass"], Told::Class),
        (&["persistence", "size"], Told::Size),
        (&["rabbitmq", "username"], Told::Username),
        (&["rabbitmq", "existingPasswordSecret"], Told::Secret),
        (&["rabbitmq", "existingErlangSecret"], Told::Secret),
    ],
    force_boot: &["forceBoot", "enabled"],
};
