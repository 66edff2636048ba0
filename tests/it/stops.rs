//! Who stopped last, for every kind of stop that was recorded: files of real nodes, as the probe prints them.

use std::fmt::Write as _;
use std::path::Path;

use insta::assert_snapshot;
use mqctl::recover::evidence::{Evidence, Node, Origin, Quorum, Verdict};
use mqctl::recover::moment::Moment;
use mqctl::recover::order::{Confidence, Order};
use mqctl::recover::reading::{Raft, Reading, Store, Vm};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/evidence");

/// The nodes of a recorded stop, each read through a helper pod.
pub fn nodes(scenario: &str) -> Vec<Node> {
    let text = std::fs::read_to_string(Path::new(FOLDER).join(format!("{scenario}.txt"))).unwrap();
    text.split("\n## ").skip(1).map(|text| node(Reading::parse(text).unwrap())).collect()
}

fn node(reading: Reading) -> Node {
    Node {
        pod: reading.pod.clone(),
        standing: "not created yet".to_owned(),
        runs: false,
        stranger: false,
        crashes: false,
        phase: None,
        started: None,
        reading: Some(reading),
        origin: Origin::Now,
        unread: None,
    }
}

fn order(nodes: Vec<Node>) -> Order {
    match Evidence::weigh(Moment::default(), nodes).verdict {
        Verdict::Mnesia(order) => order,
        other => panic!("{other:?}"),
    }
}

fn quorum(nodes: Vec<Node>) -> Quorum {
    match Evidence::weigh(Moment::default(), nodes).verdict {
        Verdict::Khepri(quorum) => quorum,
        other => panic!("{other:?}"),
    }
}

/// `certain rmq-2, then rmq-1; newest rmq-2; 0<1 0<2 1<2; together safe`
fn in_words(order: &Order) -> String {
    let short = |pod: &str| pod.trim_start_matches("rmq-").to_owned();
    let pairs: Vec<String> = order.before.iter().map(|(a, b)| format!("{}<{}", short(a), short(b))).collect();
    format!(
        "{} {}, then {}; newest {}; {}; together {}",
        order.confidence.word(),
        order.newest.first().unwrap(),
        order.runner_up().unwrap(),
        order.newest.join(" "),
        pairs.join(" "),
        if order.together_is_safe() { "safe" } else { "LOSES" },
    )
}

fn told(scenario: &str) -> String {
    match Evidence::weigh(Moment::default(), nodes(scenario)).verdict {
        Verdict::Mnesia(order) => in_words(&order),
        Verdict::Khepri(quorum) => {
            format!("Khepri, {} of {}: {}", quorum.there.len(), quorum.members.len(), quorum.there.join(" "))
        }
        other => format!("{other:?}"),
    }
}

/// The names of all that were recorded.
pub fn scenarios() -> Vec<String> {
    let entries = std::fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn every_recorded_stop() {
    let mut table = String::new();
    for name in scenarios() {
        writeln!(table, "{name:<34} {}", told(&name)).unwrap();
    }
    assert_snapshot!(table, @"
    3.10-clean-ordered-012             certain rmq-2, then rmq-1; newest rmq-2; 0<1 0<2 1<2; together safe
    3.10-kill9-all                     tie rmq-0, then rmq-1; newest rmq-0 rmq-1 rmq-2; ; together safe
    3.10-kill9-staggered-012           certain rmq-2, then rmq-1; newest rmq-2; 0<1 0<2 1<2; together safe
    3.10-loss-all9                     tie rmq-0, then rmq-1; newest rmq-0 rmq-1 rmq-2; ; together safe
    3.10-loss-ord                      certain rmq-2, then rmq-1; newest rmq-2; 0<1 0<2 1<2; together safe
    3.10-loss-stale9                   tie rmq-1, then rmq-2; newest rmq-1 rmq-2; 0<1 0<2; together LOSES
    3.10-loss-stale9w                  tie rmq-1, then rmq-2; newest rmq-1 rmq-2; 0<1 0<2; together LOSES
    3.10-parallel-term                 tie rmq-0, then rmq-1; newest rmq-0 rmq-1; 2<0 2<1; together safe
    3.10-while-running                 tie rmq-0, then rmq-1; newest rmq-0 rmq-1 rmq-2; ; together safe
    4.0-clean-ordered-012              certain rmq-2, then rmq-1; newest rmq-2; 0<1 0<2 1<2; together safe
    4.0-khepri-clean-ordered-012       Khepri, 3 of 3: rmq-0 rmq-1 rmq-2
    4.0-khepri-kill9-all               Khepri, 3 of 3: rmq-0 rmq-1 rmq-2
    4.0-khepri-kill9-staggered-012     Khepri, 3 of 3: rmq-0 rmq-1 rmq-2
    4.0-khepri-loss-ord                Khepri, 3 of 3: rmq-0 rmq-1 rmq-2
    4.0-khepri-parallel-term           Khepri, 3 of 3: rmq-0 rmq-1 rmq-2
    4.0-khepri-while-running           Khepri, 3 of 3: rmq-0 rmq-1 rmq-2
    4.0-kill9-all                      tie rmq-1, then rmq-2; newest rmq-1 rmq-2; 0<2; together LOSES
    4.0-kill9-staggered-012            certain rmq-2, then rmq-1; newest rmq-2; 0<1 0<2 1<2; together safe
    4.0-kubernetes-drained-then-cut    tie rmq-1, then rmq-2; newest rmq-1 rmq-2; 0<1 0<2; together LOSES
    4.0-loss-ord                       certain rmq-2, then rmq-1; newest rmq-2; 0<1 0<2 1<2; together safe
    4.0-loss-stale9                    tie rmq-1, then rmq-2; newest rmq-1 rmq-2; 0<1 0<2; together LOSES
    4.0-parallel-term                  certain rmq-1, then rmq-0; newest rmq-1; 0<1 2<0 2<1; together safe
    4.0-while-running                  tie rmq-0, then rmq-1; newest rmq-0 rmq-1 rmq-2; ; together safe
    4.3-clean-ordered-012              Khepri, 3 of 3: rmq-0 rmq-1 rmq-2
    4.3-kill9-all                      Khepri, 3 of 3: rmq-0 rmq-1 rmq-2
    4.3-kill9-staggered-012            Khepri, 3 of 3: rmq-0 rmq-1 rmq-2
    4.3-kubernetes-waiting             Khepri, 3 of 3: rmq-2 rmq-1 rmq-0
    4.3-loss-ord                       Khepri, 3 of 3: rmq-0 rmq-1 rmq-2
    4.3-parallel-term                  Khepri, 3 of 3: rmq-0 rmq-1 rmq-2
    4.3-while-running                  Khepri, 3 of 3: rmq-0 rmq-1 rmq-2
    decay-0                            tie rmq-1, then rmq-2; newest rmq-1 rmq-2; 0<1 0<2; together LOSES
    decay-1                            tie rmq-1, then rmq-2; newest rmq-1 rmq-2; 0<1 0<2; together LOSES
    decay-2                            tie rmq-2, then rmq-1; newest rmq-2 rmq-1; 0<1 0<2; together LOSES
    decay-3                            tie rmq-1, then rmq-2; newest rmq-1 rmq-2; 0<2; together LOSES
    decay-4                            certain rmq-2, then rmq-1; newest rmq-2; 0<1 0<2 1<2; together safe
    decay-5                            certain rmq-2, then rmq-1; newest rmq-2; 0<1 0<2 1<2; together safe
    decay-6                            certain rmq-2, then rmq-1; newest rmq-2; 0<1 0<2 1<2; together safe
    ");
}

/// In words, with these changes to what was recorded.
fn changed(scenario: &str, change: impl Fn(&mut [Node])) -> String {
    let mut nodes = nodes(scenario);
    change(&mut nodes);
    in_words(&order(nodes))
}

#[test]
fn what_is_missing_is_never_certain() {
    let unread = |n: usize| {
        move |nodes: &mut [Node]| {
            nodes[n].reading = None;
            nodes[n].unread = Some("forbidden".to_owned());
        }
    };
    let blank = |n: usize| {
        move |nodes: &mut [Node]| nodes[n].reading = Some(Reading::blank(&format!("rmq-{n}"), Moment::default()))
    };
    let ordered = "4.0-clean-ordered-012";
    // Its going was seen by the others: nothing is missing.
    assert_eq!(changed(ordered, unread(0)), "certain rmq-2, then rmq-1; newest rmq-2; 0<1 0<2 1<2; together safe");
    assert_eq!(changed(ordered, blank(0)), "certain rmq-2, then rmq-1; newest rmq-2; 0<1 0<2 1<2; together safe");
    assert_eq!(changed(ordered, unread(2)), "tie rmq-1, then rmq-2; newest rmq-1 rmq-2; 0<1; together LOSES");
    assert_eq!(changed(ordered, blank(2)), "likely rmq-1, then rmq-2; newest rmq-1; 0<1; together LOSES");
}

#[test]
fn a_pod_that_never_joined_is_no_member() {
    let mut nodes = nodes("4.0-clean-ordered-012");
    nodes.push(node(Reading::blank("rmq-3", Moment::default())));
    assert_eq!(in_words(&order(nodes)), told("4.0-clean-ordered-012"));
}

#[test]
fn nodes_that_contradict_each_other_are_told() {
    let order = order({
        let mut nodes = nodes("3.10-kill9-all");
        for (n, list) in [(1, ["rmq-1"]), (2, ["rmq-2"])] {
            nodes[n].reading.as_mut().unwrap().running_at_shutdown = Some(list.map(str::to_owned).to_vec());
        }
        nodes
    });
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(order.contradictions.into_iter().collect::<Vec<_>>(), [pair("rmq-1", "rmq-2"), pair("rmq-2", "rmq-1")]);
    assert_eq!((order.confidence, order.newest), (Confidence::Tie, vec!["rmq-1".to_owned(), "rmq-2".to_owned()]));
}

#[test]
fn a_list_that_waiting_nodes_have_rewritten_is_not_believed() {
    // As if rmq-1 and rmq-2 waited together: the one forgets rmq-2, which is as new as itself.
    let waiting = |nodes: &mut [Node]| {
        let began = nodes[2].reading.as_ref().and_then(Reading::listed).unwrap().plus(3600);
        for node in &mut nodes[1..] {
            node.started = Some(began);
            node.reading.as_mut().unwrap().written.insert("nodes_running_at_shutdown".to_owned(), began.plus(2));
        }
        nodes[1].reading.as_mut().unwrap().running_at_shutdown = Some(vec!["rmq-0".to_owned(), "rmq-1".to_owned()]);
    };
    let words = "tie rmq-1, then rmq-2; newest rmq-1 rmq-2; 0<1 0<2; together LOSES";
    assert_eq!(changed("decay-0", waiting), words, "Mnesia's own log of before still says who went first");
}

#[test]
fn a_node_that_waits_alone_is_believed() {
    let alone = |nodes: &mut [Node]| {
        let reading = nodes[2].reading.as_mut().unwrap();
        reading.sights.clear();
        let began = reading.listed().unwrap().plus(3600);
        reading.written.insert("nodes_running_at_shutdown".to_owned(), began.plus(2));
        nodes[2].started = Some(began);
    };
    assert_eq!(
        changed("decay-4", alone),
        "certain rmq-2, then rmq-1; newest rmq-2; 0<1 0<2 1<2; together safe",
        "its list is written anew as it was"
    );
}

#[test]
fn who_has_booted_since_it_was_seen_to_go_has_not_stopped_before() {
    let booted = |nodes: &mut [Node]| {
        let reading = nodes[0].reading.as_mut().unwrap();
        let later = reading.booted().unwrap().plus(7200);
        reading.written.insert("rabbit_serial".to_owned(), later);
    };
    let order = order({
        let mut nodes = nodes("decay-4");
        booted(&mut nodes);
        nodes
    });
    assert!(!order.is_before("rmq-0", "rmq-2") && order.is_before("rmq-1", "rmq-2"), "{order:?}");
    assert_eq!(order.confidence, Confidence::Tie);
}

fn with_raft(node: &mut Node, term: u64, last_index: u64) {
    let raft = Some(Raft { term, last_index, commit_index: last_index });
    let members = Some(["rmq-0", "rmq-1", "rmq-2", "rmq-3", "rmq-4", "rmq-5"].map(str::to_owned).to_vec());
    node.reading.as_mut().unwrap().vm = Some(Vm { raft, members, running: Some(false), ..Vm::default() });
}

#[test]
fn khepri_asks_for_a_majority_of_volumes() {
    let lose = |pods: &[usize]| {
        let mut nodes = nodes("4.3-kill9-all");
        for &n in pods {
            nodes[n].reading = Some(Reading::blank(&format!("rmq-{n}"), Moment::default()));
        }
        quorum(nodes)
    };
    assert!(lose(&[]).majority() && lose(&[1]).majority() && !lose(&[0, 1]).majority());
    let only = lose(&[0, 1]);
    assert_eq!((only.confidence(), only.there.as_slice()), (Confidence::Likely, &["rmq-2".to_owned()][..]));
}

#[test]
fn of_two_lost_volumes_the_third_is_all_there_is() {
    let mut nodes = nodes("4.3-kubernetes-waiting");
    nodes[0].reading = Some(Reading::blank("rmq-0", Moment::default()));
    assert!(quorum(nodes.clone()).majority(), "two of three are enough, whichever they are");
    nodes[2].reading = Some(Reading::blank("rmq-2", Moment::default()));
    let left = quorum(nodes);
    assert_eq!((left.majority(), left.there, left.members.len()), (false, vec!["rmq-1".to_owned()], 3));
}

#[test]
fn khepri_s_survivors_are_ranked_by_term_and_index() {
    let mut five = nodes("4.3-loss-ord");
    for n in 3..6 {
        five.push(Node { pod: format!("rmq-{n}"), ..node(Reading::blank(&format!("rmq-{n}"), Moment::default())) });
    }
    assert_eq!(quorum(five.clone()).confidence(), Confidence::Tie, "stopped nodes do not say how far they came");
    // As they answered while they waited.
    for (n, index) in [109, 114, 119].into_iter().enumerate() {
        with_raft(&mut five[n], 1, index);
    }
    with_raft(&mut five[0], 2, 90);
    let ranked = quorum(five);
    assert_eq!(ranked.there, ["rmq-0", "rmq-2", "rmq-1"], "a later term goes before a higher index");
    assert_eq!((ranked.majority(), ranked.confidence()), (false, Confidence::Likely));
}

#[test]
fn stores_that_do_not_belong_together_are_not_weighed() {
    let mut mixed = nodes("4.0-kill9-all");
    mixed[2] = nodes("4.3-kill9-all").remove(2);
    assert_eq!(Evidence::weigh(Moment::default(), mixed).verdict, Verdict::Mixed);
    let mut both = nodes("4.0-kill9-all");
    both[0].reading.as_mut().unwrap().store = Store::Both;
    assert_eq!(Evidence::weigh(Moment::default(), both).verdict, Verdict::Mixed);
    let blank = ["rmq-0", "rmq-1"].map(|pod| node(Reading::blank(pod, Moment::default()))).to_vec();
    assert_eq!(Evidence::weigh(Moment::default(), blank).verdict, Verdict::Blank);
}

mod kept {
    use super::*;
    use mqctl::recover::kept::{Keeping, Kept};
    use serde_json::json;

    fn readings(scenario: &str) -> Vec<Reading> {
        nodes(scenario).into_iter().filter_map(|node| node.reading).collect()
    }

    /// What comes back out of the cluster.
    fn through_the_cluster(kept: &Kept) -> Kept {
        let mut object = kept.object("q-mqctl-evidence", "q");
        object["metadata"]["resourceVersion"] = json!("7");
        let read = Kept::read(&object);
        assert_eq!(read.object("q-mqctl-evidence", "q"), object, "who writes in between is noticed by the version");
        read
    }

    #[test]
    fn the_first_reading_of_a_stop_outranks_later_ones() {
        let (first, keeping) = Kept::default().with(&readings("decay-0"));
        assert_eq!(keeping, Keeping::Adds);
        let first = through_the_cluster(&first);
        // Three joint waits later nobody could tell any longer that rmq-0 went before rmq-1.
        let late = readings("decay-3");
        assert_eq!(first.with(&late), (first.clone(), Keeping::Nothing));
        let chosen: Vec<_> = late.iter().map(|r| first.choose(&r.pod, Some(r.clone()))).collect();
        assert!(chosen.iter().all(|(_, origin)| *origin == Origin::Rewritten), "{chosen:?}");
        let nodes = chosen.into_iter().map(|(reading, _)| node(reading.unwrap())).collect();
        assert_eq!(in_words(&order(nodes)), told("decay-0"));
        assert_eq!(first.choose("rmq-1", None).1, Origin::Kept, "also where it cannot be read any longer");
    }

    /// Nobody who is read now has stood still since: what is kept of the others may be of an earlier stop.
    #[test]
    fn what_is_kept_of_an_earlier_stop_is_recognised() {
        let (first, _) = Kept::default().with(&readings("decay-4"));
        let now = readings("decay-4");
        assert!(first.is_of_the_stop_of(now[..1].iter()), "one that has not booted since proves it");
        let mut later = now[..1].to_vec();
        let booted = later[0].booted().unwrap().plus(600);
        later[0].written.insert("rabbit_serial".to_owned(), booted);
        assert!(!first.is_of_the_stop_of(later.iter()));
        assert!(!first.is_of_the_stop_of([].iter()), "where nobody can be read nothing is proven");
    }

    #[test]
    fn what_reads_the_same_is_not_called_rewritten() {
        let (first, _) = Kept::default().with(&readings("decay-4"));
        let again = readings("decay-4").remove(2);
        assert_eq!(first.choose("rmq-2", Some(again)).1, Origin::Kept);
    }

    #[test]
    fn a_node_that_has_booted_since_begins_anew() {
        let (first, _) = Kept::default().with(&readings("decay-4"));
        let mut next = readings("decay-4");
        for reading in &mut next {
            let later = reading.booted().unwrap().plus(600);
            reading.written.insert("rabbit_serial".to_owned(), later);
        }
        let (replaced, keeping) = first.with(&next);
        assert_eq!(keeping, Keeping::Replaces);
        assert_eq!(replaced.choose("rmq-0", None).0.unwrap(), next[0]);
        assert_eq!(first.choose("rmq-0", Some(next[0].clone())).1, Origin::Now);
    }

    #[test]
    fn blank_volumes_and_running_nodes_are_not_kept() {
        let running = Vm { running: Some(true), ..Vm::default() };
        let running = Reading { vm: Some(running), ..readings("decay-4").remove(0) };
        let blank = Reading::blank("rmq-1", Moment::default());
        assert_eq!(Kept::default().with(&[running, blank]), (Kept::default(), Keeping::Nothing));
        assert_eq!(Kept::read(&json!({"data": {"evidence.json": "not ours"}})), Kept::default());
    }
}
