//! The ladder for every kind of stop that was recorded: what is proposed, what is refused and why.

use std::fmt::Write as _;

use insta::assert_snapshot;
use mqctl::recover::evidence::{Evidence, Node};
use mqctl::recover::moment::Moment;
use mqctl::recover::reading::{Reading, Store, Vm};
use mqctl::recover::strategy::{Rung, Strategy, ladder, recommended};

use crate::scenarios::recorded;
use crate::stops::{nodes, scenarios};

fn weighed(nodes: Vec<Node>) -> Evidence {
    Evidence::weigh(Moment::default(), nodes)
}

fn blank(nodes: &mut [Node], lost: &[usize]) {
    for &n in lost {
        nodes[n].reading = Some(Reading::blank(&format!("rmq-{n}"), Moment::default()));
    }
}

/// One line a rung.
fn told(evidence: &Evidence, node: Option<&str>) -> String {
    let rungs = ladder(evidence, node);
    let best = recommended(&rungs).map(|rung| rung.strategy);
    let mut text = String::new();
    for rung in &rungs {
        let mark = if Some(rung.strategy) == best { "->" } else { "" };
        let words = rung
            .way
            .as_ref()
            .err()
            .map_or_else(|| format!("{}: {}", rung.title(), rung.risk), |why| format!("refused: {why}"));
        writeln!(text, "{mark:<2} {:<17} {words}", rung.strategy.word()).unwrap();
    }
    text
}

fn rung(evidence: &Evidence, strategy: Strategy, node: Option<&str>) -> Rung {
    ladder(evidence, node).into_iter().find(|rung| rung.strategy == strategy).unwrap()
}

#[test]
fn what_is_proposed_for_every_recorded_stop() {
    let mut table = String::new();
    for name in scenarios() {
        let evidence = weighed(nodes(&name));
        let rungs = ladder(&evidence, None);
        let best = recommended(&rungs).unwrap();
        assert!(!best.strategy.destroys(), "nothing is lost after a stop of whole volumes: {name}");
        writeln!(table, "{name:<34} {}", best.title()).unwrap();
    }
    assert_snapshot!(table, @"
    3.10-clean-ordered-012             start all together
    3.10-kill9-all                     start all together
    3.10-kill9-staggered-012           start all together
    3.10-loss-all9                     start all together
    3.10-loss-ord                      start all together
    3.10-loss-stale9                   start rmq-1 and rmq-2 first, then the others
    3.10-loss-stale9w                  start rmq-1 and rmq-2 first, then the others
    3.10-parallel-term                 start all together
    3.10-while-running                 start all together
    4.0-clean-ordered-012              start all together
    4.0-khepri-clean-ordered-012       start all together
    4.0-khepri-kill9-all               start all together
    4.0-khepri-kill9-staggered-012     start all together
    4.0-khepri-loss-ord                start all together
    4.0-khepri-parallel-term           start all together
    4.0-khepri-while-running           start all together
    4.0-kill9-all                      start rmq-1 and rmq-2 first, then the others
    4.0-kill9-staggered-012            start all together
    4.0-kubernetes-drained-then-cut    start rmq-1 and rmq-2 first, then the others
    4.0-loss-ord                       start all together
    4.0-loss-stale9                    start rmq-1 and rmq-2 first, then the others
    4.0-parallel-term                  start all together
    4.0-while-running                  start all together
    4.3-clean-ordered-012              start all together
    4.3-kill9-all                      start all together
    4.3-kill9-staggered-012            start all together
    4.3-kubernetes-waiting             start all together
    4.3-loss-ord                       start all together
    4.3-parallel-term                  start all together
    4.3-while-running                  start all together
    decay-0                            start rmq-1 and rmq-2 first, then the others
    decay-1                            start rmq-1 and rmq-2 first, then the others
    decay-2                            start rmq-2 and rmq-1 first, then the others
    decay-3                            start rmq-1 and rmq-2 first, then the others
    decay-4                            start all together
    decay-5                            start all together
    decay-6                            start all together
    ");
}

#[test]
fn a_tie_without_the_lowest_name() {
    assert_snapshot!(told(&weighed(nodes("4.0-kubernetes-drained-then-cut")), None), @"
       together          refused: loads the copy of rmq-0: what was declared after it stopped would be lost
    -> newest-first      start rmq-1 and rmq-2 first, then the others: loses nothing that rmq-1 knew
       forget            refused: no member's volume is lost
       force-boot        refused: rmq-1 and rmq-2 tie: `newest-first` starts both; or name one with --node
       khepri-standalone refused: the metadata is in Mnesia
       repair            refused: no node serves clients without its metadata
    ");
}

#[test]
fn a_node_by_name() {
    let trap = weighed(nodes("4.0-kubernetes-drained-then-cut"));
    assert_snapshot!(told(&trap, Some("rmq-2")), @"
       together          refused: loads the copy of rmq-0: what was declared after it stopped would be lost
    -> newest-first      start rmq-2 and rmq-1 first, then the others: loses nothing that rmq-2 knew
       forget            refused: no member's volume is lost
       force-boot        force boot of rmq-2, then the others: what another of rmq-1, rmq-2 knew and rmq-2 did not
       khepri-standalone refused: the metadata is in Mnesia
       repair            refused: no node serves clients without its metadata
    ");
    assert_snapshot!(told(&trap, Some("rmq-0")), @"
    together          refused: loads the copy of rmq-0: what was declared after it stopped would be lost
    newest-first      refused: rmq-0 is known to have stopped before rmq-1, rmq-2
    forget            refused: no member's volume is lost
    force-boot        force boot of rmq-0, then the others: everything declared after rmq-0 stopped, and the messages in it
    khepri-standalone refused: the metadata is in Mnesia
    repair            refused: no node serves clients without its metadata
    ");
    assert!(rung(&trap, Strategy::Together, Some("rmq-7")).way.unwrap_err().contains("no node `rmq-7`"));
}

#[test]
fn one_volume_lost() {
    let mut mnesia = nodes("4.0-clean-ordered-012");
    blank(&mut mnesia, &[1]);
    assert_snapshot!(told(&weighed(mnesia), None), @"
       together          refused: the volume of rmq-1 is blank: its node would start as an empty broker beside the others
       newest-first      refused: the volume of rmq-1 is blank: its node would start as an empty broker beside the others
    -> forget            start rmq-2, forget rmq-1, let it join anew: classic queues of rmq-1, whose messages went with the volume
       force-boot        refused: a lost member has to be forgotten first, and that boots the newest: take `forget`
       khepri-standalone refused: the metadata is in Mnesia
       repair            refused: no node serves clients without its metadata
    ");
    let mut khepri = nodes("4.3-kill9-all");
    blank(&mut khepri, &[1]);
    assert_snapshot!(told(&weighed(khepri), None), @"
    -> together          start rmq-0 and rmq-2 together, then the others: classic queues of rmq-1 come back empty
       newest-first      refused: on Khepri any majority decides, whoever stopped last
       forget            refused: on Khepri a blank member joins again by itself
       force-boot        refused: on Khepri a force boot does nothing, and says success: take `together`
       khepri-standalone refused: a majority of volumes is left, and boots by itself: take `together`
       repair            refused: no node serves clients without its metadata
    ");
}

#[test]
fn the_newest_volume_lost() {
    let mut mnesia = nodes("4.0-clean-ordered-012");
    blank(&mut mnesia, &[2]);
    assert_snapshot!(told(&weighed(mnesia), None), @"
       together          refused: the volume of rmq-2 is blank: its node would start as an empty broker beside the others
       newest-first      refused: the volume of rmq-2 is blank: its node would start as an empty broker beside the others
    -> forget            start rmq-1, forget rmq-2, let it join anew: classic queues of rmq-2, whose messages went with the volume; and what nobody else knew
       force-boot        refused: a lost member has to be forgotten first, and that boots the newest: take `forget`
       khepri-standalone refused: the metadata is in Mnesia
       repair            refused: no node serves clients without its metadata
    ");
}

#[test]
fn a_majority_of_khepri_s_volumes_lost() {
    let mut khepri = nodes("4.3-kill9-all");
    blank(&mut khepri, &[0, 1]);
    assert_snapshot!(told(&weighed(khepri), None), @"
       together          refused: no majority of volumes is left: blank nodes would form an empty broker of their own
       newest-first      refused: on Khepri any majority decides, whoever stopped last
       forget            refused: on Khepri a blank member joins again by itself
       force-boot        refused: on Khepri a force boot does nothing, and says success: take `khepri-standalone`
    -> khepri-standalone let rmq-2 go on alone, and rmq-0 and rmq-1 join anew: classic queues of rmq-0, rmq-1 come back empty; what only they knew is lost
       repair            refused: no node serves clients without its metadata
    ");
}

#[test]
fn a_node_that_may_be_newest_and_was_not_read() {
    let mut unread = nodes("4.0-clean-ordered-012");
    unread[2].reading = None;
    assert_snapshot!(told(&weighed(unread), None), @"
    together          refused: loads the copy of rmq-0: what was declared after it stopped would be lost
    newest-first      refused: rmq-2 may be the newest and could not be read
    forget            refused: no member's volume is lost
    force-boot        refused: rmq-1 and rmq-2 tie: `newest-first` starts both; or name one with --node
    khepri-standalone refused: the metadata is in Mnesia
    repair            refused: no node serves clients without its metadata
    ");
}

/// It serves clients, and these are the members that it knows.
fn serves(node: &mut Node, members: &[&str]) {
    node.runs = true;
    let members: Vec<String> = members.iter().map(|&pod| pod.to_owned()).collect();
    let vm = Vm { running: Some(true), ..Vm::default() };
    node.reading =
        Some(Reading { pod: node.pod.clone(), store: Store::Mnesia, members, vm: Some(vm), ..Reading::default() });
}

#[test]
fn a_blank_node_that_started_as_a_broker_of_its_own() {
    let mut split = nodes("4.0-clean-ordered-012");
    for n in [0, 2] {
        serves(&mut split[n], &["rmq-0", "rmq-1", "rmq-2"]);
    }
    serves(&mut split[1], &["rmq-1"]);
    let evidence = weighed(split);
    assert!(!evidence.healthy(), "three nodes run, and they are two brokers");
    assert_eq!(evidence.nodes[1].standing, "runs as a broker of its own");
    assert_snapshot!(told(&evidence, None), @"
       together          refused: the volume of rmq-1 is blank: its node would start as an empty broker beside the others
       newest-first      refused: clients are served by rmq-0, rmq-2: the others copy from there
    -> forget            start rmq-0 and rmq-2, forget rmq-1, let it join anew: classic queues of rmq-1, whose messages went with the volume
       force-boot        refused: clients are served by rmq-0, rmq-2: the others copy from there
       khepri-standalone refused: clients are served by rmq-0, rmq-2: the others copy from there
       repair            refused: no node serves clients without its metadata
    ");
    let way = rung(&evidence, Strategy::Forget, None).way.unwrap();
    assert_eq!(way.strangers, ["rmq-1"], "what is on its volume now is none of the cluster");
}

#[test]
fn nodes_that_serve_are_what_the_others_copy() {
    let mut part = nodes("4.0-clean-ordered-012");
    serves(&mut part[0], &["rmq-0", "rmq-1", "rmq-2"]);
    assert_snapshot!(told(&weighed(part.clone()), None), @"
    -> together          start all together: loses nothing
       newest-first      refused: clients are served by rmq-0: the others copy from there
       forget            refused: no member's volume is lost
       force-boot        refused: clients are served by rmq-0: the others copy from there
       khepri-standalone refused: clients are served by rmq-0: the others copy from there
       repair            refused: no node serves clients without its metadata
    ");
    for n in [1, 2] {
        serves(&mut part[n], &["rmq-0", "rmq-1", "rmq-2"]);
    }
    assert!(rung(&weighed(part), Strategy::ForceBoot, None).way.unwrap_err().contains("nothing stopped"));
}

#[test]
fn nothing_is_proposed_where_nothing_is_known() {
    let all_blank = ["4.0-kill9-all", "4.3-kill9-all"].map(nodes).map(|mut nodes| {
        blank(&mut nodes, &[0, 1, 2]);
        nodes
    });
    for nodes in all_blank {
        assert_eq!(recommended(&ladder(&weighed(nodes), None)), None);
    }
    let mut mixed = nodes("4.0-kill9-all");
    mixed[2] = nodes("4.3-kill9-all").remove(2);
    assert_eq!(recommended(&ladder(&weighed(mixed), None)), None, "a migration was cut short");
}

#[test]
fn a_blank_node_that_khepri_does_not_count_waits_too() {
    let mut scaled = nodes("4.3-kill9-all");
    let vm = Vm { members: Some((0..3).map(|n| format!("rmq-{n}")).collect()), ..Vm::default() };
    scaled[0].reading.as_mut().unwrap().vm = Some(vm);
    let mut new = scaled[2].clone();
    new.pod = "rmq-3".to_owned();
    new.reading = Some(Reading::blank("rmq-3", Moment::default()));
    scaled.push(new);
    let together = rung(&weighed(scaled), Strategy::Together, None);
    assert_eq!(together.title(), "start rmq-0 and rmq-1 and rmq-2 together, then the others");
    assert_eq!(together.risk, "loses nothing");
}

/// A refused step to 4.3, after which everything was stopped: so many tables are left on the volumes of the older nodes.
fn stopped_after_a_refused_step(tables: Option<u64>) -> Evidence {
    let mut mixed = nodes("4.0-kill9-all");
    mixed[2] = nodes("4.3-kill9-all").remove(2);
    for node in &mut mixed[..2] {
        node.reading.as_mut().unwrap().tables = tables;
    }
    weighed(mixed)
}

#[test]
fn a_refused_step_is_repaired_after_a_full_stop_too() {
    let evidence = stopped_after_a_refused_step(Some(0));
    let told = told(&evidence, None);
    assert!(told.contains("-> repair            boot all nodes on Khepri"), "{told}");
    assert_eq!(told.matches("belong to different metadata stores: take `repair`").count(), 5, "{told}");
    let repair = rung(&evidence, Strategy::Repair, None).way.unwrap().repair.unwrap();
    assert!(repair.flags.contains(&"khepri_db".to_owned()) && !repair.flags.iter().any(|flag| flag.contains("4.3")));
    assert_eq!((repair.damaged.len(), repair.refused.len()), (2, 1));
}

#[test]
fn tables_that_are_there_or_were_not_read_are_not_given_up() {
    let why = |evidence: &Evidence| rung(evidence, Strategy::Repair, None).way.unwrap_err();
    let mut half = stopped_after_a_refused_step(Some(0)).nodes;
    half[1].reading.as_mut().unwrap().tables = Some(8);
    let whys =
        [why(&stopped_after_a_refused_step(Some(8))), why(&stopped_after_a_refused_step(None)), why(&weighed(half))];
    assert_snapshot!(whys.join("\n"), @"
    no node is known to have lost its tables
    no node is known to have lost its tables
    rmq-1 has none of Khepri's files and may yet come up
    ");
}

/// Two nodes of 4.0 run without their tables, beside one whose volume says this.
fn refused_step(flags: &str, file: &str) -> Evidence {
    let mut scenario = recorded("metadata-taken-away-by-a-refused-step");
    let probe = scenario.probes[2].replace("[quorum_queue,", flags).replace("1795358244 schema.DAT\n", file);
    scenario.probes[2] = probe;
    scenario.picture().evidence
}

#[test]
fn a_refused_step_to_4_3_is_repaired_and_nothing_else() {
    let evidence = refused_step("[khepri_db,'rabbitmq_4.1.0',", "");
    assert!(!evidence.healthy());
    assert_snapshot!(told(&evidence, None), @"
       together          refused: would make it worse: take `repair`
       newest-first      refused: would make it worse: take `repair`
       forget            refused: would make it worse: take `repair`
       force-boot        refused: would make it worse: take `repair`
       khepri-standalone refused: would make it worse: take `repair`
    -> repair            boot all nodes on Khepri, where the metadata is now: loses nothing
    ");
    let repair = rung(&evidence, Strategy::Repair, None).way.unwrap().repair.unwrap();
    assert_snapshot!(repair.file(), @"
    [khepri_db,
     quorum_queue,
     stream_queue].
    ");
    let nodes: Vec<&str> = repair.nodes().map(|node| node.split('.').next().unwrap()).collect();
    assert_eq!(nodes, ["rabbit@rmq-0", "rabbit@rmq-1", "rabbit@rmq-2"]);
}

#[test]
fn what_looks_like_a_refused_step_and_is_none_is_left_alone() {
    let why = |evidence: &Evidence| rung(evidence, Strategy::Repair, None).way.unwrap_err();
    let mut whys = vec![
        why(&refused_step("[quorum_queue,", "1795358244 schema.DAT\n")),
        why(&refused_step("[]", "")),
        why(&weighed(nodes("4.0-kill9-all"))),
        why(&weighed(nodes("4.3-kill9-all"))),
    ];
    let changed = |change: fn(&mut Vec<Node>)| {
        let mut nodes = refused_step("[khepri_db,", "").nodes;
        change(&mut nodes);
        why(&weighed(nodes))
    };
    whys.push(changed(|nodes| nodes[2].reading = None));
    whys.push(changed(|nodes| nodes[2].runs = true));
    whys.push(changed(|nodes| drop(nodes.pop())));
    whys.push(changed(|nodes| nodes[1].reading.as_mut().unwrap().flags.clear()));
    whys.push(changed(|nodes| nodes[0].reading.as_mut().unwrap().flags.clear()));
    assert_snapshot!(whys.join("\n"), @"
    rmq-2 has none of Khepri's files and may yet come up
    the volume of rmq-2 is blank: the metadata is not on it
    no node serves clients without its metadata
    no node serves clients without its metadata
    rmq-2 could not be read
    rmq-2 serves clients and has its metadata
    no node was refused: nobody knows where the metadata went
    the feature flags of rmq-0, rmq-1 differ
    the feature flags of rmq-0 could not be read
    ");
    let mut crashes = refused_step("[quorum_queue,", "1795358244 schema.DAT\n").nodes;
    crashes[2].crashes = true;
    assert!(rung(&weighed(crashes), Strategy::Repair, None).way.is_ok(), "it has failed already");
}
