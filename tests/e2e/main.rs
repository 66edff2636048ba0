//! End to end: real helm 3 and helm 4, real kubectl, real RabbitMQ, on a real cluster.
//!
//! `KUBECONFIG` and `kubectl` on PATH say where; `MQCTL_E2E_HELM3` and `MQCTL_E2E_HELM4` are the two programs;
//! `MQCTL_E2E_IMAGE` is the repository of the images (default `rabbitmq`). `MQCTL_E2E_ALL=1` adds the long matrix.
//! `MQCTL_E2E_PASSED=FILE` keeps the names of tests that have passed, which are not run again.
//! What is missing is said in a sentence, and the suite fails. `RUST_TEST_THREADS` tests run at once (default 2).
//!
//! `cargo test --test e2e -- journey` runs the tests with `journey` in their name; `-- --list` names them all.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test may do what the product must not, and ends by a panic that says why"
)]

mod adopt;
mod amqp;
mod bad_luck;
mod canary;
mod causes;
mod cluster;
mod cut_short;
mod dialect_life;
mod dialects;
mod doctor;
mod door;
mod drift;
mod environment;
mod evidence;
mod expose;
mod family;
mod from_release;
mod healthy;
mod homes;
mod init;
mod journey;
mod killed;
mod lock;
mod logs;
mod lost;
mod makefile;
mod migrate;
mod migrate_charts;
mod objects;
mod offers;
mod pipelines;
mod processes;
mod promises;
mod raced;
mod recover;
mod recover_killed;
mod recover_time;
mod refusals;
mod repair;
mod rotate;
mod runner;
mod running;
#[path = "../examples/scripts.rs"]
mod scripts;
mod served;
#[path = "../examples/shown.rs"]
mod shown;
mod terminal;
mod tour;
mod unpermitted;
mod unready;
mod upgrade;
mod watch;
mod whole_life;
mod wizard;
mod world;

use runner::Test;

fn main() -> std::process::ExitCode {
    let mut tests = Vec::new();
    tests.extend(whole_life::tests());
    tests.extend(journey::tests());
    tests.extend(init::tests());
    tests.extend(killed::tests());
    tests.extend(cut_short::tests());
    tests.extend(lock::tests());
    tests.extend(promises::tests());
    tests.extend(canary::tests());
    tests.extend(unready::tests());
    tests.extend(upgrade::tests());
    tests.extend(drift::tests());
    tests.extend(pipelines::tests());
    tests.extend(rotate::tests());
    tests.extend(adopt::tests());
    tests.extend(refusals::tests());
    tests.extend(bad_luck::tests());
    tests.extend(unpermitted::tests());
    tests.extend(expose::tests());
    tests.extend(logs::tests());
    tests.extend(evidence::tests());
    tests.extend(doctor::tests());
    tests.extend(causes::tests());
    tests.extend(healthy::tests());
    tests.extend(recover::tests());
    tests.extend(recover_killed::tests());
    tests.extend(recover_time::tests());
    tests.extend(lost::tests());
    tests.extend(wizard::tests());
    tests.extend(dialects::tests());
    tests.extend(dialect_life::tests());
    tests.extend(raced::tests());
    tests.extend(from_release::tests());
    tests.extend(repair::tests());
    tests.extend(offers::tests());
    tests.extend(migrate::tests());
    tests.extend(migrate_charts::tests());
    tests.extend(tour::tests());
    tests.extend(makefile::tests());
    // The long ones first: the end of the run is not one core waiting for one test.
    tests.sort_by_key(|test: &Test| !test.long);
    runner::main(tests)
}
