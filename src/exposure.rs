//! What a release shows outside the cluster, as it is wished: type of the Service, ports, who may come in. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::units::{self, Expected};

/// How the Service is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceType {
    /// An address of its own, from the cluster's load balancer.
    LoadBalancer,
    /// A port of every node of the cluster.
    NodePort,
}

impl ServiceType {
    pub const ALL: [Self; 2] = [Self::LoadBalancer, Self::NodePort];

    pub fn name(self) -> &'static str {
        match self {
            Self::LoadBalancer => "LoadBalancer",
            Self::NodePort => "NodePort",
        }
    }
}

impl FromStr for ServiceType {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let named = Self::ALL.into_iter().find(|kind| kind.name() == text);
        named.ok_or_else(|| Expected("LoadBalancer or NodePort".to_owned()))
    }
}

/// A listener of the broker for its clients. Those of the nodes among themselves (epmd, dist) are none of these: who
/// reaches them and knows the cookie owns the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    Amqp,
    Amqps,
    Management,
    ManagementTls,
    Prometheus,
    Stream,
    Streams,
    Mqtt,
    Mqtts,
    Stomp,
    Stomps,
    WebMqtt,
    WebStomp,
}

impl Port {
    pub const ALL: [Self; 13] = [
        Self::Amqp,
        Self::Amqps,
        Self::Management,
        Self::ManagementTls,
        Self::Prometheus,
        Self::Stream,
        Self::Streams,
        Self::Mqtt,
        Self::Mqtts,
        Self::Stomp,
        Self::Stomps,
        Self::WebMqtt,
        Self::WebStomp,
    ];

    /// Name, number and scheme: RabbitMQ's defaults, with the names that the cluster operator's Services use.
    fn facts(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::Amqp => ("amqp", 5672, "amqp"),
            Self::Amqps => ("amqps", 5671, "amqps"),
            Self::Management => ("management", 15672, "http"),
            Self::ManagementTls => ("management-tls", 15671, "https"),
            Self::Prometheus => ("prometheus", 15692, "http"),
            Self::Stream => ("stream", 5552, "rabbitmq-stream"),
            Self::Streams => ("streams", 5551, "rabbitmq-stream+tls"),
            Self::Mqtt => ("mqtt", 1883, "mqtt"),
            Self::Mqtts => ("mqtts", 8883, "mqtts"),
            Self::Stomp => ("stomp", 61613, "stomp"),
            Self::Stomps => ("stomps", 61614, "stomps"),
            Self::WebMqtt => ("web-mqtt", 15675, "ws"),
            Self::WebStomp => ("web-stomp", 15674, "ws"),
        }
    }

    pub fn name(self) -> &'static str {
        self.facts().0
    }

    pub fn number(self) -> u16 {
        self.facts().1
    }

    /// The connection string, without the password; web pages ask for the user themselves.
    pub fn url(self, user: &str, address: &str, port: u16) -> String {
        let scheme = self.facts().2;
        let user = if scheme.starts_with("http") { String::new() } else { format!("{user}@") };
        format!("{scheme}://{user}{}", socket(address, port))
    }
}

/// `10.0.0.1:5672`, `[fd00::1]:5672`
pub fn socket(address: &str, port: u16) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

impl FromStr for Port {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let named = Self::ALL.into_iter().find(|port| port.name() == text);
        named.ok_or_else(|| Expected(format!("one of {}", Self::ALL.map(Self::name).join(", "))))
    }
}

/// A network whose clients may come in, as `192.168.0.0/16`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRange(String);

impl FromStr for SourceRange {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        let expected = || Expected("a network such as 192.168.0.0/16; one address alone ends in /32".to_owned());
        let (address, bits) = text.split_once('/').ok_or_else(expected)?;
        let longest = if address.parse::<IpAddr>().map_err(|_| expected())?.is_ipv4() { 32 } else { 128 };
        let plain = !bits.starts_with('+') && bits.parse::<u8>().is_ok_and(|bits| bits <= longest);
        if plain { Ok(Self(text.to_owned())) } else { Err(expected()) }
    }
}

impl fmt::Display for SourceRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads an address for a load balancer.
///
/// # Errors
/// What was expected.
pub fn ip(text: &str) -> Result<IpAddr, Expected> {
    text.parse().map_err(|_| Expected("an IP address such as 192.168.1.39".to_owned()))
}

/// Checks an annotation's key: a name of at most 63 characters, a DNS name and a slash before it where it has an owner.
///
/// # Errors
/// What was expected.
pub fn annotation_key(key: &str) -> Result<(), Expected> {
    let (owner, name) = key.rsplit_once('/').map_or((None, key), |(owner, name)| (Some(owner), name));
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let ends = |c: char| c.is_ascii_alphanumeric();
    let named = name.len() <= 63 && name.starts_with(ends) && name.ends_with(ends) && name.chars().all(inner);
    match owner {
        Some("mqctl") => Err(Expected("a key that is not mqctl's own".to_owned())),
        _ if named && owner.is_none_or(units::is_dns_name) => Ok(()),
        _ => Err(Expected("an annotation's key such as metallb.io/address-pool".to_owned())),
    }
}

/// What the Service outside should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Default: `LoadBalancer`.
    pub kind: ServiceType,
    /// The load balancer's address; nothing for any.
    pub ip: Option<IpAddr>,
    /// Default: `amqp`.
    pub ports: Vec<Port>,
    /// Who may come in through the load balancer; nothing for everybody.
    pub source_ranges: Vec<SourceRange>,
    pub annotations: BTreeMap<String, String>,
}

impl Default for Exposure {
    fn default() -> Self {
        Self {
            kind: ServiceType::LoadBalancer,
            ip: None,
            ports: vec![Port::Amqp],
            source_ranges: Vec::new(),
            annotations: BTreeMap::new(),
        }
    }
}

impl Exposure {
    /// The key that only a load balancer has, where there is none.
    pub fn misplaced(&self) -> Option<&'static str> {
        match self.kind {
            ServiceType::LoadBalancer => None,
            ServiceType::NodePort if self.ip.is_some() => Some("ip"),
            ServiceType::NodePort => (!self.source_ranges.is_empty()).then_some("sourceRanges"),
        }
    }

    /// What is allowed, but better known.
    pub fn warning(&self) -> Option<String> {
        let open = self.kind == ServiceType::LoadBalancer && self.source_ranges.is_empty();
        open.then(|| "none, so whoever reaches the load balancer reaches the broker's login".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_a_length_that_fits() {
        for text in ["10.0.0.0/8", "192.168.1.39/32", "fd00::/64", "0.0.0.0/0"] {
            assert_eq!(text.parse::<SourceRange>().map(|range| range.to_string()), Ok(text.to_owned()));
        }
        for text in ["10.0.0.0", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "a/8", "10.0.0.0/", "10.0.0.0/+8", ""] {
            assert!(text.parse::<SourceRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn connection_strings_have_no_password_and_pages_no_user() {
        assert_eq!(Port::Amqp.url("user", "192.168.1.39", 5672), "amqp://user@192.168.1.39:5672");
        assert_eq!(Port::Management.url("user", "lb.example", 31567), "http://lb.example:31567");
        assert_eq!(Port::Amqps.url("user", "fd00::9", 5671), "amqps://user@[fd00::9]:5671");
    }

    #[test]
    fn every_port_is_found_by_its_name_and_none_twice() {
        for port in Port::ALL {
            assert_eq!(port.name().parse(), Ok(port));
            assert_eq!(Port::ALL.into_iter().filter(|other| other.number() == port.number()).count(), 1);
            assert!(port.name().len() <= 15, "a Service's port has no longer name");
        }
        assert!("dist".parse::<Port>().is_err() && "epmd".parse::<Port>().is_err());
    }

    #[test]
    fn annotations_have_keys_that_kubernetes_takes() {
        for key in ["a", "metallb.io/address-pool", "service.beta.kubernetes.io/aws-load-balancer-internal"] {
            assert_eq!(annotation_key(key), Ok(()), "{key}");
        }
        for key in ["", "-a", "a b", "A.B/c d", "/a", "UPPER.example/a", "mqctl/exposed"] {
            assert!(annotation_key(key).is_err(), "{key}");
        }
    }
}
