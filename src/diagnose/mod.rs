//! Gathers what a release shows of itself, from Kubernetes, from logs, from inside its pods, from its volumes; and says
//! what is wrong with it: gather → picture → rules → findings → page.

pub(crate) mod examine;
pub mod finding;
pub mod gather;
pub mod kill;
pub mod page;
pub mod picture;
pub mod probe;
mod reader;
pub mod rules;
pub(crate) mod stop;
