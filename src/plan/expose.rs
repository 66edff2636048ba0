//! Expose: a Service of mqctl's own beside the release, so that no upgrade and no delete of the release takes it. Pure.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::{Action, Claim, Danger, Outlook, Plan, Step};
use crate::chart::{self, Names};
use crate::cluster::external::{EXPOSURE_DIGEST, OpenPort};
use crate::cluster::{External, Observed, Target};
use crate::digest;
use crate::error::Failure;
use crate::exposure::{Exposure, Port, ServiceType, SourceRange};
use crate::kubectl;
use crate::outcome::Outcome;
use crate::process::Part;
use crate::profile::Profile;
use crate::units::show_duration;

/// A load balancer answers in seconds, or in a minute on some clouds.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Everything that the planner decides from.
pub struct Given<'a> {
    pub profile: &'a Profile,
    pub target: &'a Target,
    pub observed: &'a Observed,
    pub exposure: &'a Exposure,
    /// The limit of the wait for an address.
    pub limit: Duration,
}

/// The Service whose address is waited for, and tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    pub service: String,
    /// The profile's name, for a hint.
    pub profile: String,
    pub username: String,
    pub limit: Duration,
}

/// Plans the Service and the wait for its address; empty where the one that is there fits and has one.
///
/// # Errors
/// No release, or a Service of somebody else with this name: exit 78, nothing changed.
pub fn expose(given: &Given<'_>) -> Result<Plan> {
    let release = &given.target.release;
    if given.observed.set.is_none() {
        let text = format!("`{release}` is not installed, so there is nothing to expose; nothing was changed");
        let hint = format!("mqctl install {}", given.profile.name);
        return Err(Failure::new(Outcome::Contradiction, text).hint(hint).into());
    }
    let steps: Vec<Step> = apply(given)?.into_iter().chain(reach(given)).collect();
    let about = format!("expose by {}", in_words(given.exposure));
    let warning = given.exposure.warning().map(|text| format!("`sourceRanges`: {text}"));
    let other = given.profile.expose.as_ref().filter(|own| *own != given.exposure);
    let taken_back =
        other.map(|_| "the profile's `expose` says otherwise: the next install takes this back".to_owned());
    let warnings = warning.into_iter().chain(taken_back).collect();
    Ok(Plan { warnings, nothing: nothing(given), ..plan(given, about, steps) })
}

/// Plans to take the Service away.
///
/// # Errors
/// A Service of somebody else with this name.
pub fn remove(given: &Given<'_>) -> Result<Plan> {
    let names = chart::names(given.profile);
    refuse_foreign(given, &names)?;
    let steps = take_service(given.target, given.observed, &names).into_iter().collect();
    let back = given.profile.expose.as_ref();
    let warnings = back.map(|_| "the profile's `expose` brings it back with the next install".to_owned());
    Ok(Plan {
        warnings: warnings.into_iter().collect(),
        farewell: vec![format!("no longer exposed. Again: mqctl expose {}", given.profile.name)],
        ..plan(given, "take the way in from outside away".to_owned(), steps)
    })
}

fn plan(given: &Given<'_>, about: String, steps: Vec<Step>) -> Plan {
    Plan {
        verb: "expose",
        target: given.target.clone(),
        names: chart::names(given.profile),
        about,
        steps,
        warnings: Vec::new(),
        outlook: Outlook::default(),
        changes: Vec::new(),
        nothing: "nothing to remove: it is not exposed".to_owned(),
        farewell: Vec::new(),
        limit: given.limit,
        protected: given.profile.protected,
        claim: Some(Claim::on(given.profile, given.observed)),
    }
}

fn nothing(given: &Given<'_>) -> String {
    let way = given.observed.external.as_ref().and_then(|service| service.way(&given.observed.nodes));
    let urls = way.map(|way| way.urls(&given.profile.credentials.username).join("   "));
    format!("nothing to change   {}", urls.unwrap_or_default())
}

/// The Service, where the one that is there is missing or another.
///
/// # Errors
/// It is somebody else's.
pub(super) fn apply(given: &Given<'_>) -> Result<Option<Step>> {
    let names = chart::names(given.profile);
    refuse_foreign(given, &names)?;
    let manifest = manifest(given, &names);
    let live = given.observed.external.as_ref();
    let changes = live.map(|live| differences(live, given, &manifest));
    if changes.as_ref().is_some_and(Vec::is_empty) {
        return Ok(None);
    }
    let detail = changes.map_or_else(|| in_words(given.exposure), |changes| changes.join("; "));
    let title = format!("Service {}", names.external);
    let mut step = Step::new(Danger::Changes, title.clone(), detail).done(format!("{title} written"));
    step = step.action(Action::Run(kubectl::apply(given.target, vec![Part::Text(manifest.to_string())])));
    if live.is_some_and(|live| live.ports.iter().any(|port| !wished(&port.name, given.exposure))) {
        // A port that somebody else has added stays theirs in a server-side apply.
        step = step.action(Action::Run(kubectl::set_ports(given.target, &names.external, &manifest["spec"]["ports"])));
    }
    Ok(Some(step))
}

/// What mqctl's Service has other than the profile wishes, in words: none of them where it is not there. Nothing where it
/// fits, and where the profile wishes for none.
pub(crate) fn unlike_the_wish(profile: &Profile, target: &Target, observed: &Observed) -> Option<Vec<String>> {
    let exposure = profile.expose.as_ref()?;
    let given = Given { profile, target, observed, exposure, limit: LIMIT };
    let Some(live) = &observed.external else { return Some(Vec::new()) };
    let found = differences(live, &given, &manifest(&given, &chart::names(profile)));
    Some(found).filter(|found| live.ours && !found.is_empty())
}

/// The wait for an address, and a connection through it; nothing where the Service is to stay and has one.
pub(super) fn reach(given: &Given<'_>) -> Option<Step> {
    let names = chart::names(given.profile);
    let live = given.observed.external.as_ref();
    let stays = live.is_some_and(|live| differences(live, given, &manifest(given, &names)).is_empty());
    if stays && live.and_then(|live| live.way(&given.observed.nodes)).is_some() {
        return None;
    }
    let detail = format!("up to {}; then a connection through it", show_duration(given.limit));
    let (profile, username) = (given.profile.name.clone(), given.profile.credentials.username.clone());
    let action = Action::Reach(Reach { service: names.external, profile, username, limit: given.limit });
    Some(
        Step::new(Danger::Reads, "address for clients outside", detail)
            .action(action)
            .done("address for clients outside"),
    )
}

/// The deletion of mqctl's Service, if it is there.
pub(super) fn take_service(target: &Target, observed: &Observed, names: &Names) -> Option<Step> {
    observed.external.as_ref().filter(|service| service.ours)?;
    let title = format!("Service {}", names.external);
    let call = kubectl::delete(target, &[format!("service/{}", names.external)]);
    Some(
        Step::new(
            Danger::Changes,
            title.clone(),
            "deleted: clients outside lose their way in, and its address is given up",
        )
        .action(Action::Run(call))
        .done(format!("{title} deleted")),
    )
}

fn refuse_foreign(given: &Given<'_>, names: &Names) -> Result<()> {
    if given.observed.external.as_ref().is_none_or(|service| service.ours) {
        return Ok(());
    }
    let (name, namespace) = (&names.external, &given.target.namespace);
    let text = format!("the Service `{name}` is there and is not mqctl's; nothing was changed");
    let hint =
        format!("kubectl --namespace {namespace} get service {name} --show-labels   # rename or remove it first");
    Err(Failure::new(Outcome::Contradiction, text).hint(hint).into())
}

/// `LoadBalancer 192.168.1.39, amqp, from 192.168.0.0/16`
fn in_words(exposure: &Exposure) -> String {
    let ip = exposure.ip.map_or_else(String::new, |ip| format!(" {ip}"));
    let ports = exposure.ports.iter().map(|port| port.name()).collect::<Vec<_>>().join(" and ");
    let from = ranges(&exposure.source_ranges).join(" and ");
    let from = if from.is_empty() { from } else { format!(", from {from}") };
    format!("{}{ip}, {ports}{from}", exposure.kind.name())
}

fn ranges(ranges: &[SourceRange]) -> Vec<String> {
    ranges.iter().map(ToString::to_string).collect()
}

fn wished(port: &str, exposure: &Exposure) -> bool {
    exposure.ports.iter().any(|wished| wished.name() == port)
}

/// Ports are named by number: a listener that the chart does not name can be exposed too.
fn manifest(given: &Given<'_>, names: &Names) -> Value {
    let exposure = given.exposure;
    let port = |port: &Port| json!({"name": port.name(), "port": port.number(), "protocol": "TCP", "targetPort": port.number()});
    let mut spec = json!({
        "type": exposure.kind.name(), "selector": chart::selector(given.profile),
        "ports": exposure.ports.iter().map(port).collect::<Vec<_>>(), "publishNotReadyAddresses": false,
    });
    if exposure.kind == ServiceType::LoadBalancer {
        spec["loadBalancerSourceRanges"] = json!(ranges(&exposure.source_ranges));
    }
    if let Some(ip) = exposure.ip {
        spec["loadBalancerIP"] = json!(ip);
    }
    let labels = given.target.own_labels();
    let mut annotations = json!(exposure.annotations);
    annotations[EXPOSURE_DIGEST] =
        json!(digest::of([spec.to_string().as_bytes(), annotations.to_string().as_bytes()], 16));
    json!({
        "apiVersion": "v1", "kind": "Service", "spec": spec,
        "metadata": {"name": names.external, "namespace": given.target.namespace, "labels": labels, "annotations": annotations},
    })
}

/// What a live Service has other than the wish, in words; nothing where it fits.
fn differences(live: &External, given: &Given<'_>, manifest: &Value) -> Vec<String> {
    let exposure = given.exposure;
    let listed = |words: &[String]| if words.is_empty() { "none".to_owned() } else { words.join(" and ") };
    let ours: Vec<String> = exposure.ports.iter().map(|port| port.name().to_owned()).collect();
    let theirs: Vec<String> = live.ports.iter().map(OpenPort::in_words).collect();
    let same_ports = ours.len() == theirs.len() && ours.iter().all(|port| theirs.contains(port));
    let networks = ranges(&exposure.source_ranges);
    let ip = exposure.ip.map(|ip| ip.to_string()).filter(|ip| live.load_balancer_ip.as_ref() != Some(ip));
    let mut found = Vec::new();
    let mut note = |differs: bool, what: &str, was: &str, is: &str| {
        found.extend(differs.then(|| format!("{what} {is} instead of {was}")));
    };
    note(live.kind != exposure.kind.name(), "type", &live.kind, exposure.kind.name());
    note(!same_ports, "ports", &listed(&theirs), &listed(&ours));
    let open = &live.source_ranges;
    note(*open != networks, "source ranges", &listed(open), &listed(&networks));
    note(ip.is_some(), "IP", live.load_balancer_ip.as_deref().unwrap_or("any"), &ip.clone().unwrap_or_default());
    note(live.selector != manifest["spec"]["selector"], "selector", "another", "the brokers'");
    note(live.publishes_unready, "brokers", "all", "ready ones only");
    let noted = live.digest.as_deref();
    if found.is_empty() && noted != manifest["metadata"]["annotations"][EXPOSURE_DIGEST].as_str() {
        found.push("IP and annotations as wished".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;
    use std::path::Path;

    /// What the planner says of a release whose Service outside is this, for a profile with this `expose`.
    fn planned(expose: &str, live: Option<&Value>) -> Result<Plan> {
        let text = format!("format: 1\nnamespace: mq\nexpose: {expose}\n");
        let profile = profile::read(&text, Path::new("q.yaml")).unwrap();
        let target = Target {
            kubeconfig: None,
            context: None,
            namespace: "mq".to_owned(),
            release: "q".to_owned(),
            stateful_set: "q".into(),
            label: chart::INSTANCE.to_owned(),
            pods: String::new(),
            container: chart::CONTAINER.to_owned(),
        };
        let observed = Observed {
            set: Some(crate::cluster::StatefulSet::read(&json!({}))),
            external: live.map(External::read),
            nodes: vec!["10.0.0.1".to_owned()],
            ..Observed::default()
        };
        let exposure = profile.expose.as_ref().unwrap();
        super::expose(&Given { profile: &profile, target: &target, observed: &observed, exposure, limit: LIMIT })
    }

    /// What the API server would have of the plan's own manifest, with an address.
    fn applied(expose: &str) -> Value {
        let plan = planned(expose, None).unwrap();
        let [Action::Run(call)] = &plan.steps[0].actions[..] else { panic!("{:?}", plan.steps[0]) };
        let mut service: Value = serde_json::from_str(&call.stdin.to_string()).unwrap();
        service["status"] = json!({"loadBalancer": {"ingress": [{"ip": "192.168.1.39"}]}});
        service["spec"]["ports"][0]["nodePort"] = json!(31672);
        service
    }

    fn titles(plan: &Plan) -> Vec<&str> {
        plan.steps.iter().map(|step| step.title.as_str()).collect()
    }

    const WISHES: [&str; 4] = [
        "{}",
        "{type: NodePort}",
        "{ip: 192.168.1.39, sourceRanges: [192.168.0.0/16, 10.0.0.0/8]}",
        "{ports: [amqps], annotations: {a: b}}",
    ];

    #[test]
    fn what_was_applied_fits_and_is_left_alone() {
        for wish in WISHES {
            assert_eq!(titles(&planned(wish, None).unwrap()), ["Service q-external", "address for clients outside"]);
            let plan = planned(wish, Some(&applied(wish))).unwrap();
            assert_eq!(titles(&plan), [""; 0], "{wish}: {}", plan.to_text());
        }
    }

    #[test]
    fn every_wish_is_another_than_every_other() {
        for (one, other) in WISHES.iter().flat_map(|one| WISHES.map(|other| (*one, other))) {
            let plan = planned(one, Some(&applied(other))).unwrap();
            assert_eq!(plan.changes(), one != other, "{one} over {other}");
        }
    }

    #[test]
    fn each_change_by_hand_is_named() {
        let detail = |pointer: &str, value: Value| {
            let mut live = applied("{sourceRanges: [192.168.0.0/16]}");
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            live.pointer_mut(parent).unwrap()[key] = value;
            let plan = planned("{sourceRanges: [192.168.0.0/16]}", Some(&live)).unwrap();
            (plan.steps[0].detail.clone(), plan.steps[0].calls(&plan.target).len())
        };
        let one = |words: &str| (words.to_owned(), 1);
        assert_eq!(detail("/spec/type", json!("ClusterIP")), one("type LoadBalancer instead of ClusterIP"));
        let more = json!([{"name": "amqp", "port": 5672, "targetPort": 5672}, {"name": "epmd", "port": 4369, "targetPort": 4369}]);
        let two_calls = ("ports amqp instead of amqp and epmd 4369 to 4369".to_owned(), 2);
        assert_eq!(detail("/spec/ports", more), two_calls, "a foreign port is taken away by a patch");
        let renumbered = json!([{"name": "amqp", "port": 5672, "targetPort": 15672}]);
        assert_eq!(detail("/spec/ports", renumbered), one("ports amqp instead of amqp 5672 to 15672"));
        let open = "source ranges 192.168.0.0/16 instead of none";
        assert_eq!(detail("/spec/loadBalancerSourceRanges", json!([])), one(open));
        assert_eq!(detail("/spec/selector", json!({"a": "b"})), one("selector the brokers' instead of another"));
        let unready = "brokers ready ones only instead of all";
        assert_eq!(detail("/spec/publishNotReadyAddresses", json!(true)), one(unready));
    }

    #[test]
    fn an_address_that_has_not_come_is_waited_for() {
        let mut live = applied("{}");
        live["status"] = json!({"loadBalancer": {}});
        let plan = planned("{}", Some(&live)).unwrap();
        assert_eq!((titles(&plan), plan.changes()), (vec!["address for clients outside"], false));
    }

    #[test]
    fn the_service_of_somebody_else_is_refused() {
        let mut live = applied("{}");
        live["metadata"]["labels"]["app.kubernetes.io/managed-by"] = json!("Helm");
        let error = planned("{}", Some(&live)).unwrap_err();
        assert_eq!(crate::error::outcome_of(&error), Outcome::Contradiction);
    }

    #[test]
    fn who_may_come_in_is_warned_of_only_where_all_may() {
        let warnings = |wish: &str| planned(wish, None).unwrap().warnings.len();
        assert_eq!([warnings("{}"), warnings("{type: NodePort}"), warnings("{sourceRanges: [10.0.0.0/8]}")], [1, 0, 0]);
    }
}
