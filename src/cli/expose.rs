//! `mqctl expose`

use std::net::IpAddr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::exposure::{self, Port, ServiceType, SourceRange};

/// Let clients outside the cluster in, by a Service of mqctl's own beside the release
///
/// The Service RELEASE-external leads to the brokers that are ready. It is none of the release's objects: an upgrade
/// does not touch it, and it keeps its address through delete and install. AMQP alone is open unless ports are named.
/// What is not said here is taken from the profile's `expose`. Running it again changes nothing where all is as wished.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mqctl expose prodmq --source-range 192.168.0.0/16\n  mqctl expose prodmq --type NodePort --port amqp,management\n  mqctl expose prodmq --ip 192.168.1.39 --annotation metallb.io/address-pool=lan\n  mqctl expose prodmq --remove"
)]
pub struct Expose {
    /// The profile's name: profiles/NAME.yaml is read
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// An address of its own, or a port of every node
    #[arg(long = "type", value_name = "TYPE", value_parser = service_type())]
    pub kind: Option<ServiceType>,
    /// The load balancer's address
    #[arg(long, value_name = "IP", value_parser = ip)]
    pub ip: Option<IpAddr>,
    /// A port to open, by its name; several with commas, or once for each
    #[arg(long = "port", value_name = "PORT", value_delimiter = ',', value_parser = port())]
    pub ports: Vec<Port>,
    /// A network whose clients may come in through the load balancer; once for each
    #[arg(long = "source-range", value_name = "NETWORK", value_delimiter = ',', value_parser = source_range)]
    pub source_ranges: Vec<SourceRange>,
    /// An annotation for the Service; once for each
    #[arg(long = "annotation", value_name = "KEY=VALUE", value_parser = annotation)]
    pub annotations: Vec<(String, String)>,
    /// Take the Service away
    #[arg(long, conflicts_with_all = ["kind", "ip", "ports", "source_ranges", "annotations"])]
    pub remove: bool,
}

fn service_type() -> impl TypedValueParser<Value = ServiceType> {
    PossibleValuesParser::new(ServiceType::ALL.map(ServiceType::name)).try_map(|name| name.parse::<ServiceType>())
}

fn port() -> impl TypedValueParser<Value = Port> {
    PossibleValuesParser::new(Port::ALL.map(Port::name)).try_map(|name| name.parse::<Port>())
}

fn ip(text: &str) -> Result<IpAddr, String> {
    exposure::ip(text).map_err(|expected| expected.to_string())
}

fn source_range(text: &str) -> Result<SourceRange, String> {
    text.parse().map_err(|expected: crate::units::Expected| expected.to_string())
}

fn annotation(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    exposure::annotation_key(key).map_err(|expected| expected.to_string())?;
    Ok((key.to_owned(), value.to_owned()))
}
