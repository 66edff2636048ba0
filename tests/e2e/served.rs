//! Who stands behind the Service of the clients, from one change to the next.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::running::{Running, becomes};
use crate::world::{NAME, World};

/// `kubectl get --watch` on the addresses of the Service: a line for each change, with all of its pods.
pub(crate) struct Served(Running);

type Pods = BTreeSet<String>;

impl Served {
    pub(crate) fn watch(world: &World) -> Self {
        let service = format!("kubernetes.io/service-name={NAME}");
        // A range in a jsonpath ends kubectl at the second object.
        let line =
            r#"go-template={{range .endpoints}}{{if .conditions.ready}}{{.targetRef.name}} {{end}}{{end}}{{"\n"}}"#;
        let args = ["get", "endpointslices", "--selector", &service, "--watch", "--output", line];
        Self(Running::start(&mut world.namespace.command(&args)))
    }

    /// At each moment so far: the pods to which clients are led.
    fn moments(&self) -> Vec<Pods> {
        let ready = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        self.0.stdout().lines().map(ready).collect()
    }

    /// No client has been led to any of these yet.
    #[track_caller]
    pub(crate) fn assert_never(&self, pods: &[String]) {
        let met = |moment: &Pods| pods.iter().any(|pod| moment.contains(pod));
        assert!(!self.moments().iter().any(met), "clients met one of {pods:?} too early:\n{}", self.0.stdout());
    }

    /// The pod to which clients are led first.
    #[track_caller]
    pub(crate) fn until_first(&self, limit: Duration) -> String {
        let first = || self.moments().into_iter().flatten().next();
        let came = becomes(limit, || first().is_some());
        assert!(came, "nobody is behind the Service, or the watch sees nothing");
        first().expect("it came")
    }

    /// In the end clients are led to all.
    #[track_caller]
    pub(crate) fn until_all(&self, pods: &[&str]) {
        let complete = |moment: &Pods| pods.iter().all(|pod| moment.contains(*pod));
        let came = becomes(Duration::from_secs(60), || self.moments().last().is_some_and(complete));
        assert!(came, "not all are behind the Service:\n{}", self.0.stdout());
    }

    /// Until all were there, clients were led to none of the late ones but where another one had been before, and never to
    /// these alone.
    #[track_caller]
    pub(crate) fn assert_others_first(&self, late: &[String]) {
        let moments = self.moments();
        let is_late = |pod: &String| late.contains(pod);
        let first = moments.iter().position(|moment| moment.iter().any(is_late)).expect("all came");
        let before = moments[..first].iter().any(|moment| !moment.is_empty());
        assert!(before, "nobody was behind the Service before {late:?}:\n{}", self.0.stdout());
        let alone = |moment: &Pods| !moment.is_empty() && moment.iter().all(is_late);
        assert!(!moments.iter().any(alone), "clients met {late:?} alone:\n{}", self.0.stdout());
    }
}
