//! The real binary with stand-ins for helm and kubectl on PATH: one test binary, so that it links once.
#![allow(clippy::disallowed_methods, reason = "tests are at their own doors: they make files and start the program")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::too_many_lines, reason = "an inline transcript is as long as its story")]
#![allow(clippy::needless_for_each, reason = "a short list of names reads better in front of what is done with them")]
#![allow(clippy::print_stdout, reason = "figures are for those who run the tests with --nocapture")]
#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod adopt;
mod adopt_anew;
mod adopt_chart;
mod anew;
mod bad_input;
mod bad_luck;
mod bad_places;
mod chart;
mod completions;
mod covered;
mod credentials;
mod custom;
mod cut_short;
mod definitions;
mod delete;
mod described;
mod dialects;
mod dialects_families;
mod dialects_forced;
mod doctor;
mod documents;
mod drift;
mod drift_brokers;
mod evidence;
mod explain;
mod expose;
mod exposed;
mod findings;
mod force_boot;
mod forecast;
mod forecast_secrets;
mod forewarned;
mod from_release;
mod from_release_refused;
mod handed_over;
mod healthy;
mod help;
mod init;
mod init_checks;
mod inspect;
mod install;
mod install_again;
mod killed;
mod ladder;
mod lock;
mod logs;
mod makefile;
mod migrate;
mod migrate_again;
mod migrate_refused;
mod objects;
mod ownership;
mod passwords;
mod pending;
mod pipelines;
mod plain_helm;
mod plan;
mod policy;
mod probe;
mod profile;
mod props;
mod questions;
mod readers;
mod records;
mod recover;
mod recover_again;
mod recover_repair;
mod recover_rights;
mod recover_shown;
mod recover_together;
mod recover_wizard;
mod references;
mod refusals;
mod rotate;
mod rotate_probed;
mod scenarios;
#[path = "../examples/scripts.rs"]
mod scripts;
mod secrets;
#[path = "../examples/shown.rs"]
mod shown;
mod sources;
mod status;
mod stops;
mod switches;
mod tidy;
mod tour;
mod transcript;
mod traps;
mod upgrade;
mod version;
mod wizard;
mod world;
