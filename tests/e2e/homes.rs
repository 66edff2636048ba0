//! Durable classic queues with their homes on different nodes: what a recovery says beforehand is lost, beside what is
//! lost afterwards.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::amqp::{Broker, Kind, messages, queue};
use crate::environment::OLD;
use crate::killed;
use crate::objects;
use crate::recover::PODS;
use crate::world::World;

/// Messages of the queue that each node has for itself: no two are alike.
const MESSAGES: [usize; 3] = [11, 12, 13];

/// A classic queue, whose messages are on one volume.
struct Queue {
    home: String,
    name: String,
    messages: usize,
}

/// All classic queues of a cluster, of which each node has at least one.
pub(crate) struct Homes(Vec<Queue>);

impl Homes {
    /// Fills a queue through each node, to be where it was declared; there is the one of every test beside them.
    #[track_caller]
    pub(crate) fn filled(world: &World, password: &str) -> Self {
        // 4.3 spreads queues over the nodes by itself; 3.10 knows no such argument of classic queues, and needs none.
        let here = if world.profile["image"]["tag"] == OLD { None } else { Some("client-local") };
        let mut counts = BTreeMap::from([(queue(Kind::Classic), killed::MESSAGES)]);
        for (pod, count) in PODS.into_iter().zip(MESSAGES) {
            let name = format!("e2e.of.{pod}");
            Broker::of(&world.namespace, pod, password).fill(&name, Kind::Classic, count, here);
            counts.insert(name, count);
        }
        let list = world.namespace.shell("mq-0", "rabbitmqctl -q list_queues name pid");
        let queue = |(name, messages): (String, usize)| Queue { home: home(&list, &name), name, messages };
        let homes = Self(counts.into_iter().map(queue).collect());
        assert!(PODS.iter().all(|pod| homes.0.iter().any(|queue| queue.home == *pod)), "each has one: {list}");
        homes
    }

    /// Messages in all of them but those of one node.
    pub(crate) fn messages_without(&self, pod: &str) -> usize {
        self.0.iter().filter(|queue| queue.home != pod).map(|queue| queue.messages).sum()
    }

    /// The queues of these nodes have lost every message, all others have every message. A node of Mnesia that is forgotten
    /// takes its queues with it; on Khepri they are there, and empty.
    #[track_caller]
    pub(crate) fn assert_lost(&self, world: &World, password: &str, homes: &BTreeSet<String>) {
        let (lost, kept): (Vec<&Queue>, Vec<&Queue>) = self.0.iter().partition(|queue| homes.contains(&queue.home));
        let mut expected: BTreeMap<String, usize> =
            kept.iter().map(|queue| (queue.name.clone(), queue.messages)).collect();
        if world.is_on_khepri() {
            expected.extend(lost.iter().map(|queue| (queue.name.clone(), 0)));
        } else {
            objects::without_queues(world, &lost.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>());
        }
        assert_eq!(counted(world), expected, "the queues of {homes:?}, and no others, have lost their messages");
        let broker = Broker::of(&world.namespace, "mq-0", password);
        for queue in kept {
            assert_eq!(broker.empty(&queue.name), messages(Kind::Classic, queue.messages), "{}", queue.name);
        }
    }
}

/// `e2e.classic` and `<rabbit@mq-0.mq-headless…>`, with a tab between them.
#[track_caller]
fn home(list: &str, name: &str) -> String {
    let mut rows = list.lines().filter_map(|line| line.split_once('\t'));
    let process = rows.find(|(queue, _)| *queue == name).and_then(|(_, process)| process.strip_prefix("<rabbit@"));
    let pod = process.and_then(|process| process.split('.').next());
    pod.unwrap_or_else(|| panic!("where is {name}: {list}")).to_owned()
}

/// The loss that is shown before anybody agrees to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stated {
    /// The nodes whose classic queues are lost.
    pub(crate) homes: BTreeSet<String>,
    /// And what nobody else knew.
    pub(crate) more: bool,
}

/// As the row of the rung that is recommended has it.
#[track_caller]
pub(crate) fn stated(page: &str) -> Stated {
    let row = page.lines().find(|line| line.trim_end().ends_with("recommended"));
    let row = row.unwrap_or_else(|| panic!("nothing is recommended:\n{page}"));
    let (_, rest) = row.split_once("classic queues of ").unwrap_or_else(|| panic!("of no queues is said: {row}"));
    let words = rest.split([' ', ',']).filter(|word| !word.is_empty());
    let homes = words.take_while(|word| PODS.contains(word)).map(str::to_owned).collect();
    let more = ["what nobody else knew", "what only they knew"].iter().any(|words| rest.contains(words));
    Stated { homes, more }
}

/// What each classic queue has, by the broker's own list.
#[track_caller]
fn counted(world: &World) -> BTreeMap<String, usize> {
    let list = "rabbitmqctl -q list_queues name type messages --formatter json";
    let said = world.namespace.shell("mq-0", list);
    let list: Vec<Value> = serde_json::from_str(&said).unwrap_or_else(|e| panic!("no list ({e}): {said}"));
    let classic = list.iter().filter(|queue| queue["type"].as_str().is_some_and(|kind| kind.contains("classic")));
    let one =
        |queue: &Value| Some((queue["name"].as_str()?.to_owned(), usize::try_from(queue["messages"].as_u64()?).ok()?));
    classic.map(|queue| one(queue).unwrap_or_else(|| panic!("not counted: {said}"))).collect()
}
