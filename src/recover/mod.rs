//! What is known of a full stop: read from volumes, logs and waiting nodes, kept in the cluster, weighed. Pure.

pub mod evidence;
pub mod kept;
pub mod last_run;
pub mod moment;
pub mod order;
pub(crate) mod page;
pub mod reading;
