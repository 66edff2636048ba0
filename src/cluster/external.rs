//! The Service by which a release is reached from outside, as the cluster has it. Pure.

use serde_json::{Value, json};

use crate::exposure::{Port, socket};

/// The annotation by which mqctl knows what it applied last: fields that somebody else has added are not its own.
pub const EXPOSURE_DIGEST: &str = "mqctl/exposed";

/// A Service that carries the name of mqctl's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct External {
    /// Made by mqctl, by its label.
    pub ours: bool,
    pub uid: String,
    pub kind: String,
    pub load_balancer_ip: Option<String>,
    pub ports: Vec<OpenPort>,
    pub source_ranges: Vec<String>,
    pub selector: Value,
    pub digest: Option<String>,
    /// Also pods that are not ready get connections.
    pub publishes_unready: bool,
    /// What the load balancer has given: addresses, or names on some clouds.
    given: Vec<String>,
}

/// One port of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPort {
    pub name: String,
    pub number: u16,
    pub target: u16,
    node_port: Option<u16>,
}

impl External {
    pub fn read(object: &Value) -> Self {
        let spec = &object["spec"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let metadata = &object["metadata"];
        Self {
            ours: metadata["labels"]["app.kubernetes.io/managed-by"] == "mqctl",
            uid: text(&metadata["uid"]).unwrap_or_default(),
            kind: text(&spec["type"]).unwrap_or_else(|| "ClusterIP".to_owned()),
            load_balancer_ip: text(&spec["loadBalancerIP"]),
            ports: list(&spec["ports"]).iter().map(OpenPort::read).collect(),
            source_ranges: list(&spec["loadBalancerSourceRanges"]).iter().filter_map(text).collect(),
            selector: spec["selector"].clone(),
            digest: text(&metadata["annotations"][EXPOSURE_DIGEST]),
            publishes_unready: spec["publishNotReadyAddresses"] == true,
            given: list(&object["status"]["loadBalancer"]["ingress"])
                .iter()
                .filter_map(|ingress| text(&ingress["ip"]).or_else(|| text(&ingress["hostname"])))
                .collect(),
        }
    }

    /// How clients come in; `None` as long as there is no address. A node port is open on every node: those that the
    /// brokers run on are named, as the right to read a pod is enough for them.
    pub fn way(&self, nodes: &[String]) -> Option<Way> {
        let by_node = self.kind == "NodePort";
        let addresses = if by_node { nodes } else { &self.given };
        let number = |port: &OpenPort| if by_node { port.node_port } else { Some(port.number) };
        let ports: Vec<(String, u16)> =
            self.ports.iter().filter_map(|port| Some((port.name.clone(), number(port)?))).collect();
        let whole = !addresses.is_empty() && !ports.is_empty() && ports.len() == self.ports.len();
        whole.then(|| Way { kind: self.kind.clone(), addresses: addresses.to_vec(), ports })
    }

    /// For the status page: way in, and who may take it.
    pub fn in_words(&self, nodes: &[String]) -> String {
        let way = self.way(nodes).map_or_else(|| format!("{}, no address yet", self.kind), |way| way.in_words());
        if self.source_ranges.is_empty() { way } else { format!("{way}  ({})", self.source_ranges.join(", ")) }
    }
}

impl OpenPort {
    /// Its name, and where it does not lead to the broker's own port, where to.
    pub fn in_words(&self) -> String {
        let usual =
            self.name.parse().is_ok_and(|port: Port| (self.number, self.target) == (port.number(), port.number()));
        if usual { self.name.clone() } else { format!("{} {} to {}", self.name, self.number, self.target) }
    }

    fn read(object: &Value) -> Self {
        let number = |key: &str| object[key].as_u64().and_then(|n| u16::try_from(n).ok());
        Self {
            name: object["name"].as_str().unwrap_or_default().to_owned(),
            number: number("port").unwrap_or(0),
            target: number("targetPort").unwrap_or(0),
            node_port: number("nodePort").filter(|&n| n > 0),
        }
    }
}

/// Addresses and ports that lead in from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    kind: String,
    addresses: Vec<String>,
    ports: Vec<(String, u16)>,
}

impl Way {
    fn address(&self) -> &str {
        self.addresses.first().map_or("", String::as_str)
    }

    /// `LoadBalancer 192.168.1.39:5672`; of several ports each with its name.
    pub fn in_words(&self) -> String {
        let port = |(name, number): &(String, u16)| match self.ports.len() {
            1 => socket(self.address(), *number),
            _ => format!("{name} {}", socket(self.address(), *number)),
        };
        let ports: Vec<String> = self.ports.iter().map(port).collect();
        let more = match self.addresses.len() {
            0 | 1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        format!("{} {}{more}", self.kind, ports.join(", "))
    }

    /// One connection string a port, through the first address, without a password.
    pub fn urls(&self, user: &str) -> Vec<String> {
        let url = |(name, number): &(String, u16)| {
            let port: Port = name.parse().ok()?;
            Some(port.url(user, self.address(), *number))
        };
        self.ports.iter().filter_map(url).collect()
    }

    /// Where to knock, and whether AMQP is spoken there: on the plain port if it is open.
    pub fn door(&self) -> (&str, u16, bool) {
        let amqp = self.ports.iter().find(|(name, _)| name == Port::Amqp.name());
        let number = amqp.or(self.ports.first()).map_or(0, |(_, number)| *number);
        (self.address(), number, amqp.is_some())
    }

    pub fn to_json(&self, user: &str) -> Value {
        let ports: Vec<Value> = self.ports.iter().map(|(name, number)| json!({"name": name, "port": number})).collect();
        json!({"type": self.kind, "addresses": self.addresses, "ports": ports, "connections": self.urls(user)})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(kind: &str, status: &Value) -> External {
        External::read(&json!({
            "metadata": {"labels": {"app.kubernetes.io/managed-by": "mqctl"}},
            "spec": {"type": kind, "ports": [
                {"name": "amqp", "port": 5672, "targetPort": 5672, "nodePort": 31672},
                {"name": "management", "port": 15672, "targetPort": 15672, "nodePort": 31567},
            ]},
            "status": status,
        }))
    }

    #[test]
    fn a_load_balancer_is_a_way_in_when_it_has_an_address() {
        let none = service("LoadBalancer", &json!({"loadBalancer": {}}));
        assert_eq!((none.way(&["10.0.0.1".into()]), none.ours), (None, true));
        for ingress in [json!({"ip": "192.168.1.39"}), json!({"hostname": "192.168.1.39"})] {
            let service = service("LoadBalancer", &json!({"loadBalancer": {"ingress": [ingress]}}));
            let way = service.way(&[]).unwrap();
            assert_eq!(way.in_words(), "LoadBalancer amqp 192.168.1.39:5672, management 192.168.1.39:15672");
            assert_eq!(way.urls("app"), ["amqp://app@192.168.1.39:5672", "http://192.168.1.39:15672"]);
            assert_eq!(way.door(), ("192.168.1.39", 5672, true));
        }
    }

    #[test]
    fn a_node_port_leads_in_by_the_nodes() {
        let service = service("NodePort", &Value::Null);
        assert_eq!(service.way(&[]), None);
        let way = service.way(&["10.0.0.1".into(), "10.0.0.2".into()]).unwrap();
        assert_eq!(way.in_words(), "NodePort amqp 10.0.0.1:31672, management 10.0.0.1:31567 and 1 more");
        assert_eq!(way.door(), ("10.0.0.1", 31672, true));
    }

    #[test]
    fn a_service_of_somebody_else_is_told_by_its_label() {
        assert!(!External::read(&json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}})).ours);
    }
}
