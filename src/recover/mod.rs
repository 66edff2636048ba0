//! What is known of a full stop: read from volumes, logs and waiting nodes, kept in the cluster, weighed; and what can
//! be done about it. Pure.

pub mod evidence;
pub mod kept;
pub(crate) mod ladder_page;
pub mod last_run;
pub mod moment;
pub mod order;
pub(crate) mod page;
pub mod reading;
pub mod repair;
pub mod strategy;
pub mod under_way;
pub mod why;
