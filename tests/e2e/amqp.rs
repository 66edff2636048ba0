//! A real AMQP client through `kubectl port-forward`: publishes with confirms, and takes every message out again.

use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::time::Duration;

use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};

use crate::cluster::Namespace;
use crate::running::{Running, becomes};

/// A whole session; a broker that does not answer fails the test instead of hanging it.
const LIMIT: Duration = Duration::from_secs(120);

/// A kind of durable queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Quorum,
    Classic,
}

impl Kind {
    pub(crate) const BOTH: [Self; 2] = [Self::Quorum, Self::Classic];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Quorum => "quorum",
            Self::Classic => "classic",
        }
    }
}

/// A local port that leads to one broker, for as long as this lives.
pub(crate) struct Broker {
    port: u16,
    password: String,
    /// As an address has it.
    vhost: &'static str,
    _forward: Running,
}

impl Broker {
    /// By the pod, so that a test chooses the node that it talks to.
    pub(crate) fn of(namespace: &Namespace, pod: &str, password: &str) -> Self {
        let mut command: Command = namespace.command(&["port-forward", "--address", "127.0.0.1"]);
        let forward = Running::start(command.args([&format!("pod/{pod}"), ":5672"]));
        let mut port = None;
        becomes(Duration::from_secs(30), || {
            port = port_in(&forward.stdout());
            port.is_some()
        });
        let port = port.unwrap_or_else(|| panic!("kubectl port-forward: {}{}", forward.stdout(), forward.stderr()));
        Self { port, password: password.to_owned(), vhost: "%2f", _forward: forward }
    }

    /// The same broker, another virtual host.
    pub(crate) fn at(self, vhost: &'static str) -> Self {
        Self { vhost, ..self }
    }

    /// Declares the queue of a kind and publishes persistent messages; each is confirmed by the broker.
    pub(crate) fn publish(&self, kind: Kind, count: usize) {
        self.fill(&queue(kind), kind, count, None);
    }

    /// The same with a queue of any name, and a way to choose its home.
    pub(crate) fn fill(&self, queue: &str, kind: Kind, count: usize, locator: Option<&'static str>) {
        self.session(async |channel| fill(channel, queue, kind, count, locator).await);
    }

    /// Declares a durable topic exchange, and binds the queue of a kind to it.
    pub(crate) fn bind(&self, exchange: &str, kind: Kind, key: &str) {
        self.session(async |channel| bind(channel, exchange, &queue(kind), key).await);
    }

    /// Takes all messages out, each acknowledged, in the queue's order.
    pub(crate) fn drain(&self, kind: Kind) -> Vec<String> {
        self.empty(&queue(kind))
    }

    /// The same with a queue of any name.
    pub(crate) fn empty(&self, queue: &str) -> Vec<String> {
        self.session(async |channel| take(channel, queue, usize::MAX).await)
    }

    /// The same of thousands, for which one session has too little time.
    pub(crate) fn drain_many(&self, kind: Kind) -> Vec<String> {
        const PART: usize = 500;
        let mut all = Vec::new();
        loop {
            let part = self.session(async |channel| take(channel, &queue(kind), PART).await);
            let last = part.len() < PART;
            all.extend(part);
            if last {
                return all;
            }
        }
    }

    /// A client that stays connected while something else is done, however long that takes: it sends its heartbeats.
    pub(crate) fn held_while<T>(&self, work: impl FnOnce() -> T) -> T {
        let (working, ended) = mpsc::channel::<()>();
        let (connected, is_connected) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(move || self.hold(&connected, &ended));
            // Its drop is the end, also that of a panic.
            let _working = working;
            is_connected.recv_timeout(LIMIT).expect("the client is connected");
            work()
        })
    }

    fn hold(&self, connected: &Sender<()>, ended: &Receiver<()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let session = async {
            let connection = Connection::connect(&self.address(), ConnectionProperties::default()).await?;
            connected.send(()).expect("somebody waits for it");
            while ended.try_recv() == Err(TryRecvError::Empty) {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            connection.close(200, "done".into()).await
        };
        runtime.block_on(session).expect("the client stays connected");
    }

    fn address(&self) -> String {
        format!("amqp://user:{}@127.0.0.1:{}/{}", self.password, self.port, self.vhost)
    }

    pub(crate) fn session<T>(&self, work: impl AsyncFnOnce(&Channel) -> lapin::Result<T>) -> T {
        let address = self.address();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let session = async {
            let connection = Connection::connect(&address, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            let answer = work(&channel).await?;
            connection.close(200, "done".into()).await?;
            Ok::<T, lapin::Error>(answer)
        };
        let ended = runtime.block_on(async { tokio::time::timeout(LIMIT, session).await });
        ended.expect("the broker answers in time").expect("the AMQP session succeeds")
    }
}

/// `Forwarding from 127.0.0.1:40123 -> 5672`
fn port_in(said: &str) -> Option<u16> {
    let (_, rest) = said.split_once("Forwarding from 127.0.0.1:")?;
    rest.split(' ').next()?.parse().ok()
}

/// The queue of a kind.
pub(crate) fn queue(kind: Kind) -> String {
    format!("e2e.{}", kind.word())
}

/// The messages that `publish` sends.
pub(crate) fn messages(kind: Kind, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{}-{n}", kind.word())).collect()
}

async fn fill(
    channel: &Channel,
    queue: &str,
    kind: Kind,
    count: usize,
    locator: Option<&'static str>,
) -> lapin::Result<()> {
    let text = |word: &'static str| AMQPValue::LongString(LongString::from(word));
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text(kind.word()));
    if let Some(locator) = locator {
        arguments.insert("x-queue-leader-locator".into(), text(locator));
    }
    channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let persistent = BasicProperties::default().with_delivery_mode(2);
    let mut confirms = Vec::with_capacity(count);
    for message in messages(kind, count) {
        let (options, properties) = (BasicPublishOptions::default(), persistent.clone());
        let sent = channel.basic_publish("".into(), queue.into(), options, message.as_bytes(), properties);
        confirms.push(sent.await?);
    }
    for confirm in confirms {
        let confirmation = confirm.await?;
        assert!(confirmation.is_ack(), "the broker did not confirm: {confirmation:?}");
    }
    Ok(())
}

async fn bind(channel: &Channel, exchange: &str, queue: &str, key: &str) -> lapin::Result<()> {
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
    let options = QueueBindOptions::default();
    channel.queue_bind(queue.into(), exchange.into(), key.into(), options, FieldTable::default()).await
}

/// A quorum queue answers a `get` after everything that came before it in its log: the last one, which finds nothing,
/// proves that every acknowledgement has arrived.
async fn take(channel: &Channel, queue: &str, most: usize) -> lapin::Result<Vec<String>> {
    let mut taken = Vec::new();
    while taken.len() < most
        && let Some(message) = channel.basic_get(queue.into(), BasicGetOptions::default()).await?
    {
        taken.push(String::from_utf8_lossy(&message.delivery.data).into_owned());
        channel.basic_ack(message.delivery.delivery_tag, BasicAckOptions::default()).await?;
    }
    Ok(taken)
}
