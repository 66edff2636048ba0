//! Watches helm's own record of a release, to end helm in the middle of its work.

use std::time::Duration;

use crate::processes;
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

/// A point in helm's work: the child's verb, and how often its record of a revision has been written by then.
pub(crate) struct Point {
    pub(crate) verb: &'static str,
    pub(crate) revision: u32,
    pub(crate) times: usize,
    /// The state in which helm leaves the release.
    pub(crate) status: &'static str,
}

/// Runs mqctl and kills it together with its helm when helm has begun its record and not ended it.
#[track_caller]
pub(crate) fn kill_in_helm(world: &World, args: &[&str], point: &Point) {
    let watch = Watch::start(world);
    watch.until_seen(point.revision, point.times - 1);
    let run = world.start(args);
    let begun = becomes(Duration::from_secs(120), || processes::runs(run.group(), point.verb));
    assert!(begun, "no helm {} was seen:\n{}", point.verb, run.stderr());
    slowly(&run, || watch.seen(point.revision) >= point.times);
    run.signal("KILL");
    let ran = run.wait(Duration::from_secs(20));
    let left = world.releases();
    assert!(left.iter().any(|(status, _)| status == point.status), "helm left {left:?}: {}", ran.said());
}

/// Helm is quicker than news of it: it is stopped most of the time, until the news is here.
fn slowly(run: &Running, news: impl Fn() -> bool) {
    becomes(Duration::from_secs(60), || {
        run.signal("STOP");
        let here = becomes(Duration::from_millis(40), &news);
        if !here {
            run.signal("CONT");
        }
        here
    });
}
