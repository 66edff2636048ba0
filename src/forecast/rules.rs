//! The rules: each is a pure function from the objects to what would happen.

use serde_json::Value;

use super::Forecast;
use super::asked::{Asked, list};
use super::prevention::{Setting, line};
use super::probe::Probe;
use crate::explain::Code;
use crate::report;
use crate::secret::Name;
use crate::units::Quantity;
use crate::versions::Series;

type Rule = fn(&Asked<'_>) -> Option<Forecast>;

/// What loses messages comes first, then what keeps clients away.
pub(super) const RULES: [Rule; 14] = [
    other_secret,
    ephemeral,
    deleted_with_the_set,
    deleted_with_a_scale,
    open_to_all,
    many_brokers,
    deadlock,
    nameless,
    killed_while_it_waits,
    killed_while_it_stops,
    never_restarted,
    even,
    drained,
    short_of_memory,
];

/// Seconds that a node waits for its peers before it gives up: Mnesia ten times 30, Khepri for a leader.
/// Source: seen with RabbitMQ 3.10 to 4.3 (from 300 to 304 s).
const WAIT: u64 = 300;
/// Seconds beyond that: a container needs some until its broker begins to wait.
const LEAD: u64 = 60;
/// Less than this leaves a busy node no time to write out what it has.
const SHORTEST_GRACE: u64 = 60;
/// The least that RabbitMQ 4 does not outgrow soon.
const LEAST_MEMORY: u64 = 512 << 20;

fn tell(code: Code, object: &Value, message: impl Into<String>, fix: String) -> Forecast {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let subject = format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]));
    Forecast { code, subject, message: message.into(), fix }
}

impl Asked<'_> {
    fn fix(&self, setting: Setting) -> String {
        line(self.family, setting, 0)
    }

    /// A single node waits for nobody.
    fn is_cluster(&self) -> bool {
        self.replicas() > 1
    }

    /// A node that waits for its peers is not ready.
    fn is_ready_late(&self) -> bool {
        self.probe("readinessProbe").is_some_and(|probe| probe.needs_a_booted_node())
    }
}

/// The chart has not read the value by which it is told of the Secret, and makes secrets of its own.
fn other_secret(asked: &Asked<'_>) -> Option<Forecast> {
    let own = asked.secret?;
    let taken = asked.taken();
    let of = |what: Name, own_one: bool| taken.iter().find(|one| one.what == what && (one.secret == own) == own_one);
    // A password may be for anything, as that of a directory: it is the broker's where that has no other.
    let password = of(Name::Password, false).filter(|_| of(Name::Password, true).is_none());
    let (other, what) = match (of(Name::ErlangCookie, false), password) {
        (Some(cookie), _) => (cookie.secret, "cookie and password"),
        (None, password) => (password?.secret, "the password"),
    };
    let message = format!(
        "the pods take {what} from Secret {other}: with those of the profile nobody logs in, and no node joins"
    );
    let fix = format!("the value of this chart that names the Secret {own}");
    Some(tell(Code::CredMismatch, asked.set(), message, fix))
}

/// Source: Kubernetes documentation, Volumes, "emptyDir".
fn ephemeral(asked: &Asked<'_>) -> Option<Forecast> {
    if keeps_its_data(asked) {
        return None;
    }
    let message = format!(
        "no volume is at {}: each pod that restarts comes back empty, without its messages, queues and users",
        asked.base
    );
    Some(tell(Code::Ephemeral, asked.set(), message, asked.fix(Setting::Volume)))
}

/// The volume at the data's folder, or above it, decides; where nothing stands there the chart is of an older layout, and
/// any volume will do.
fn keeps_its_data(asked: &Asked<'_>) -> bool {
    let path = |mount: &&Value| mount["mountPath"].as_str().map_or("", |path| path.trim_end_matches('/')).to_owned();
    let above = |mount: &&Value| {
        asked.base.strip_prefix(path(mount).as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mounts = list(asked.broker(), "/volumeMounts");
    let nearest = mounts.iter().filter(above).max_by_key(|mount| path(mount).len());
    nearest.map_or_else(|| mounts.iter().any(|mount| lasts(asked, mount)), |mount| lasts(asked, mount))
}

/// It outlives its pod.
fn lasts(asked: &Asked<'_>, mount: &Value) -> bool {
    const OF_THE_POD: [&str; 5] = ["emptyDir", "configMap", "secret", "projected", "downwardAPI"];
    let name = &mount["name"];
    let claimed =
        list(asked.set(), "/spec/volumeClaimTemplates").iter().any(|claim| claim["metadata"]["name"] == *name);
    let volume = list(asked.pod(), "/volumes").iter().find(|volume| volume["name"] == *name);
    claimed || volume.is_some_and(|volume| !OF_THE_POD.iter().any(|kind| volume.get(kind).is_some()))
}

fn is_deleted(asked: &Asked<'_>, when: &str) -> bool {
    asked.set()["spec"]["persistentVolumeClaimRetentionPolicy"][when] == "Delete"
}

/// Source: Kubernetes documentation, StatefulSet, "`PersistentVolumeClaim` retention".
fn deleted_with_the_set(asked: &Asked<'_>) -> Option<Forecast> {
    let message = "whoever deletes the release deletes its volumes too, with every message, queue and user in them";
    let fix = asked.fix(Setting::KeptOnDelete);
    is_deleted(asked, "whenDeleted").then(|| tell(Code::Retention, asked.set(), message, fix))
}

/// A stop in order is a scale, too.
fn deleted_with_a_scale(asked: &Asked<'_>) -> Option<Forecast> {
    let message = "a node that is scaled away, as for a stop in order, loses its volume with every message in it";
    let fix = asked.fix(Setting::KeptOnScale);
    is_deleted(asked, "whenScaled").then(|| tell(Code::Retention, asked.set(), message, fix))
}

/// epmd, and the distribution of Erlang: whoever has the cookie may do there what the broker may.
/// Source: RabbitMQ documentation, Networking, "Ports Used by RabbitMQ", and Clustering Guide, "the Erlang Cookie".
const FOR_NODES_ALONE: [u64; 2] = [4369, 25672];

fn open_to_all(asked: &Asked<'_>) -> Option<Forecast> {
    let service = asked.opened(&FOR_NODES_ALONE).next()?;
    let kind = service.pointer("/spec/type").and_then(Value::as_str).unwrap_or_default();
    let message =
        "clients outside reach 4369 and 25672, too: whoever learns the Erlang cookie rules the broker from there";
    let fix = format!("expose: {{type: {kind}, ports: [amqp]}}   # and no `service.type` under `values`");
    Some(tell(Code::DistOpen, service, message, fix))
}

/// Nodes that look for no others form a cluster each. Source: RabbitMQ documentation, Cluster Formation and Peer Discovery.
fn many_brokers(asked: &Asked<'_>) -> Option<Forecast> {
    let files = asked.configuration();
    let discovers = files.iter().any(|text| text.contains("cluster_formation."));
    if !asked.is_cluster() || files.is_empty() || discovers {
        return None;
    }
    let message = format!(
        "no peer discovery: {} brokers of their own behind one Service, and each client finds the queues and messages of one",
        asked.replicas()
    );
    Some(tell(Code::Split, asked.set(), message, asked.fix(Setting::Discovery)))
}

/// The first pod is never ready, as it waits for those that are made when it is.
/// Source: RabbitMQ documentation, Clustering Guide, "Node Restarts, Kubernetes Pod Management and Health Checks".
fn deadlock(asked: &Asked<'_>) -> Option<Forecast> {
    let parallel = asked.set()["spec"]["podManagementPolicy"] == "Parallel";
    if parallel || !asked.is_cluster() || !asked.is_ready_late() {
        return None;
    }
    let khepri = asked.series().is_some_and(|series| series >= Series(4, 3));
    let code = if khepri { Code::KhepriLeader } else { Code::BootMnesia };
    let message = format!(
        "the next full stop ends in a deadlock: {0}-0 waits for nodes that are created when it is ready; clients have no \
         broker until somebody recovers it, and no message is lost by that",
        asked.name
    );
    Some(tell(code, asked.set(), message, asked.fix(Setting::AtOnce)))
}

/// Source: Kubernetes documentation, Service, `publishNotReadyAddresses`; seen with RabbitMQ 3.10.
fn nameless(asked: &Asked<'_>) -> Option<Forecast> {
    let service = asked.headless();
    let hides = service["spec"]["clusterIP"] == "None" && service["spec"]["publishNotReadyAddresses"] != true;
    if !hides || !asked.is_cluster() || !asked.is_ready_late() {
        return None;
    }
    let message = "nodes that wait for each other have no names until they are ready: after a full stop they do not meet, \
                   and clients have no broker, also where all pods are there";
    Some(tell(Code::Dns, service, message, asked.fix(Setting::Names)))
}

/// The liveness probe begins when a startup probe has passed.
/// Source: Kubernetes documentation, Configure Liveness, Readiness and Startup Probes.
fn killed_while_it_waits(asked: &Asked<'_>) -> Option<Forecast> {
    let startup = asked.probe("startupProbe").filter(Probe::needs_a_booted_node);
    let probe = startup.or_else(|| asked.probe("livenessProbe").filter(Probe::needs_a_booted_node))?;
    if !asked.is_cluster() || probe.limit() >= WAIT {
        return None;
    }
    let (kind, limit) = (probe.kind, probe.limit());
    let message = format!(
        "the {kind} kills a node {limit} s after its start, and one that waits for its peers may need {WAIT} s: \
         killed again and again, it has more to recover each time"
    );
    Some(tell(Code::ProbeKill, asked.set(), message, longer(asked, &probe)))
}

/// A later start costs a liveness probe nothing afterwards, more failures would.
fn longer(asked: &Asked<'_>, probe: &Probe<'_>) -> String {
    let wished = WAIT + LEAD;
    if probe.kind == "startupProbe" {
        let failures = wished.saturating_sub(probe.delay()).div_ceil(probe.period()) + 1;
        return line(asked.family, Setting::Startup, failures);
    }
    line(asked.family, Setting::Liveness, wished.saturating_sub(probe.span()))
}

/// Source: Kubernetes documentation, Pod Lifecycle, "Pod termination".
fn killed_while_it_stops(asked: &Asked<'_>) -> Option<Forecast> {
    let grace = asked.pod()["terminationGracePeriodSeconds"].as_u64().unwrap_or(30);
    if grace >= SHORTEST_GRACE {
        return None;
    }
    let message = format!(
        "a node has {grace} s to stop and is killed then: messages that were not confirmed are lost, and its next boot takes longer"
    );
    Some(tell(Code::Grace, asked.set(), message, line(asked.family, Setting::Grace, 2 * SHORTEST_GRACE)))
}

/// Source: Kubernetes documentation, StatefulSet, "Update strategies".
fn never_restarted(asked: &Asked<'_>) -> Option<Forecast> {
    let by_hand = asked.set().pointer("/spec/updateStrategy/type").is_some_and(|kind| kind == "OnDelete");
    let message = "no pod takes a change by itself, as the update strategy is OnDelete: an upgrade would wait in vain, and \
                   whatever deletes a pod later brings the change at a time that nobody has chosen";
    by_hand.then(|| tell(Code::ConfNotRolled, asked.set(), message, asked.fix(Setting::Rolling)))
}

/// Source: RabbitMQ documentation, Clustering Guide, "Node Count and Quorum".
fn even(asked: &Asked<'_>) -> Option<Forecast> {
    let nodes = asked.replicas();
    if nodes == 0 || nodes % 2 == 1 {
        return None;
    }
    let message = format!(
        "{nodes} nodes bear the loss of no more than {} do: with half of them away quorum queues take no messages",
        nodes - 1
    );
    Some(tell(Code::TwoNodes, asked.set(), message, format!("replicas: {}", nodes + 1)))
}

/// Source: Kubernetes documentation, Disruptions, "Pod disruption budgets".
fn drained(asked: &Asked<'_>) -> Option<Forecast> {
    if !asked.is_cluster() {
        return None;
    }
    let fix = asked.fix(Setting::Budget);
    let Some(budget) = asked.budgets().next() else {
        let message =
            "no disruption budget: a drain of machines may stop all nodes at once, and clients have no broker";
        let own = format!(
            "kubectl --namespace {} create poddisruptionbudget {} --selector {} --max-unavailable 1",
            asked.namespace,
            asked.name,
            asked.selector()
        );
        return Some(tell(Code::PdbDrain, asked.set(), message, if fix.starts_with("values:") { fix } else { own }));
    };
    let message = "the disruption budget lets no node go: a drain of a machine waits for ever";
    blocks(budget, asked.replicas()).then(|| tell(Code::PdbDrain, budget, message, fix))
}

fn blocks(budget: &Value, replicas: u64) -> bool {
    let count = |value: &Value| match value {
        Value::String(text) if text.ends_with('%') => {
            text.trim_end_matches('%').parse::<u64>().ok().map(|percent| (replicas * percent).div_ceil(100))
        }
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    let (least, most) = (count(&budget["spec"]["minAvailable"]), count(&budget["spec"]["maxUnavailable"]));
    least.is_some_and(|least| least >= replicas) || most == Some(0)
}

/// Source: RabbitMQ documentation, Memory Threshold and Alarms; seen with the 384Mi that a preset of a chart gives.
fn short_of_memory(asked: &Asked<'_>) -> Option<Forecast> {
    let limit = asked.broker().pointer("/resources/limits/memory")?.as_str()?.parse::<Quantity>().ok()?.bytes();
    if limit >= LEAST_MEMORY {
        return None;
    }
    let message = format!(
        "with {} a broker is killed under load, or in its boot: messages that were not confirmed are lost",
        report::bytes(limit)
    );
    Some(tell(Code::Mem, asked.set(), message, asked.fix(Setting::Memory)))
}
