//! Gathers what a release shows of itself: from Kubernetes, from logs, from inside its pods, from its volumes.

pub(crate) mod gather;
mod reader;
pub(crate) mod stop;
