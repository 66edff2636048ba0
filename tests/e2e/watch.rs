//! Watches helm's own record of a release, to end helm in the middle of its work.

use std::time::Duration;

use crate::running::{Running, becomes};
use crate::world::World;

/// `kubectl get --watch` on the Secrets of a namespace: a line for each that is created or changed.
pub(crate) struct Watch(Running);

impl Watch {
    pub(crate) fn start(world: &World) -> Self {
        let mut command = world.namespace.command(&["get", "secrets", "--watch", "--output", "name"]);
        Self(Running::start(&mut command))
    }

    fn seen(&self, revision: u32) -> usize {
        let name = format!("secret/sh.helm.release.v1.mq.v{revision}\n");
        self.0.stdout().matches(&name).count()
    }

    /// Until helm has written (`times` = 1) or changed (2) its record of a revision.
    #[track_caller]
    pub(crate) fn until_seen(&self, revision: u32, times: usize) {
        let seen = becomes(Duration::from_secs(60), || self.seen(revision) >= times);
        assert!(seen, "helm's record v{revision} was not seen {times} times:\n{}", self.0.stdout());
    }
}

/// Runs mqctl and kills it together with its helm when helm has written its record and nothing else yet.
/// Returns false where helm was quicker, so that nothing was cut short.
#[track_caller]
pub(crate) fn kill_in_helm(world: &World, args: &[&str], record: (u32, usize), pending: &str) -> bool {
    let watch = Watch::start(world);
    if record.1 > 1 {
        watch.until_seen(record.0, record.1 - 1);
    }
    let run = world.start(args);
    watch.until_seen(record.0, record.1);
    run.signal("KILL");
    run.wait(Duration::from_secs(20));
    world.releases().iter().any(|(status, _)| status == pending)
}
