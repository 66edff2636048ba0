//! What a probe of the kubelet asks of a node, and for how long it lets a node boot.

use serde_json::Value;

use super::asked::list;

/// A probe of the broker's container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe<'a> {
    /// `livenessProbe`
    pub(super) kind: &'static str,
    container: &'a Value,
    asked: &'a Value,
}

/// Words of checks that a node passes only when it has booted: of the CLI, of the management API and of scripts around
/// them. Source: `rabbitmq-diagnostics`, "Health Checks"; seen with RabbitMQ 3.10 to 4.3 on waiting nodes.
const OF_A_BOOTED_NODE: [&str; 8] =
    ["check_", "health", "status", "/api/", "15672", "await_startup", "is_running", "list_"];

/// Ports that are open as soon as the Erlang VM runs; all others open when the boot is over.
const OF_THE_VM: [&str; 4] = ["4369", "25672", "epmd", "dist"];

impl<'a> Probe<'a> {
    pub(super) fn of(container: &'a Value, kind: &'static str) -> Option<Self> {
        let asked = container.get(kind).filter(|asked| asked.is_object())?;
        Some(Self { kind, container, asked })
    }

    /// A node that waits for its peers fails it. What cannot be told is no.
    pub(super) fn needs_a_booted_node(&self) -> bool {
        if let Some(port) = ["/tcpSocket/port", "/httpGet/port"].iter().find_map(|at| self.asked.pointer(at)) {
            return !OF_THE_VM.contains(&self.port(port).as_str());
        }
        let words = list(self.asked, "/exec/command").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
        OF_A_BOOTED_NODE.iter().any(|word| words.contains(word))
    }

    /// A port by its number, where the container gives its name one.
    fn port(&self, port: &Value) -> String {
        let named = |of: &&Value| port.is_string() && of["name"] == *port;
        let number = list(self.container, "/ports").iter().find(named).map_or(port, |of| &of["containerPort"]);
        number.as_str().map_or_else(|| number.to_string(), str::to_owned)
    }

    fn number(&self, key: &str, default: u64) -> u64 {
        self.asked[key].as_u64().unwrap_or(default)
    }

    /// Seconds between its last failure and its first.
    pub(super) fn span(&self) -> u64 {
        (self.number("failureThreshold", 3).max(1) - 1) * self.period()
    }

    pub(super) fn delay(&self) -> u64 {
        self.number("initialDelaySeconds", 0)
    }

    pub(super) fn period(&self) -> u64 {
        self.number("periodSeconds", 10).max(1)
    }

    /// Seconds from a container's start to the failure by which it is killed, or is no longer ready.
    pub(super) fn limit(&self) -> u64 {
        self.delay() + self.span()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn needs(probe: &Value) -> bool {
        let ports = json!([{"name": "amqp", "containerPort": 5672}, {"name": "cluster-rpc", "containerPort": 25672}]);
        let container = json!({"ports": ports, "readinessProbe": probe});
        Probe::of(&container, "readinessProbe").unwrap().needs_a_booted_node()
    }

    #[test]
    fn which_checks_a_waiting_node_fails() {
        let shell = |command: &str| json!({"exec": {"command": ["sh", "-ec", command]}});
        let booted = [
            shell("rabbitmq-diagnostics -q check_running && rabbitmq-diagnostics -q check_local_alarms"),
            shell("curl -f --user user:$RABBITMQ_PASSWORD 127.0.0.1:15672/api/health/checks/local-alarms"),
            shell("rabbitmq-api-check \"http://127.0.0.1:15672/api/healthchecks/node\" '{\"status\":\"ok\"}'"),
            shell("rabbitmqctl node_health_check"),
            json!({"tcpSocket": {"port": "amqp"}}),
            json!({"httpGet": {"port": 15692, "path": "/metrics"}}),
        ];
        let waiting = [
            shell("rabbitmq-diagnostics -q ping"),
            shell("test -e /var/run/mine"),
            json!({"tcpSocket": {"port": 4369}}),
            json!({"tcpSocket": {"port": "cluster-rpc"}}),
        ];
        assert!(booted.iter().all(needs), "{:?}", booted.iter().find(|probe| !needs(probe)));
        assert!(!waiting.iter().any(needs), "{:?}", waiting.iter().find(|probe| needs(probe)));
    }

    #[test]
    fn how_long_a_node_may_boot() {
        let limit = |probe: Value| Probe::of(&json!({"livenessProbe": probe}), "livenessProbe").map(|p| p.limit());
        assert_eq!(limit(json!({"initialDelaySeconds": 120, "periodSeconds": 30, "failureThreshold": 6})), Some(270));
        assert_eq!(limit(json!({"initialDelaySeconds": 10, "failureThreshold": 30})), Some(300));
        assert_eq!(limit(json!({})), Some(20), "the defaults of Kubernetes");
        assert_eq!(limit(Value::Null), None);
    }
}
