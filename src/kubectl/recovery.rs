//! What a recovery says to kubectl: pods held back, a StatefulSet made anew around its pods, nodes released.

use std::time::Duration;

use serde_json::{Value, json};

use super::{call, exec, exec_eval, exec_script};
use crate::cluster::{RECOVERY, Target};
use crate::process::{Call, Part};

/// Its own manager: what it writes into the ConfigMap of the evidence is its own, and what the readings are stays theirs.
pub fn apply_note(target: &Target, object: &Value) -> Call {
    apply_as("mqctl-recovery", target, object)
}

/// The same of a StatefulSet that an upgrade takes away from its pods.
pub fn keep_set(target: &Target, object: &Value) -> Call {
    apply_as("mqctl-upgrade", target, object)
}

fn apply_as(manager: &str, target: &Target, object: &Value) -> Call {
    let args = ["apply", "--server-side", "--force-conflicts", "--field-manager", manager];
    call(target, &[&args[..], &["--filename", "-", "--output", "name"]].concat())
        .fed(vec![Part::Text(object.to_string())])
}

/// The ConfigMap by which the built-in chart's start gate holds single pods back.
pub fn hold(name: &str, target: &Target, pods: &[String]) -> Value {
    let labels = json!({"app.kubernetes.io/instance": target.release, "app.kubernetes.io/managed-by": "mqctl"});
    let list = pods.join("\n") + "\n";
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {"pods": list}})
}

/// Opens the start gate of one pod: without it a change of the ConfigMap takes a minute to be noticed.
pub fn open_gate(target: &Target, pod: &str) -> Call {
    call(target, &["exec", pod, "--container", "start-gate", "--", "touch", "/tmp/go"])
}

/// Takes the StatefulSet away from its pods, which live on.
pub fn orphan(target: &Target, set: &str) -> Call {
    call(target, &["delete", "statefulset", set, "--cascade=orphan", "--ignore-not-found"])
}

/// For everybody who looks at the StatefulSet: a recovery is under way, or no longer.
pub fn mark(target: &Target, set: &str, strategy: Option<&str>) -> Call {
    let note = strategy.map_or_else(|| format!("{RECOVERY}-"), |word| format!("{RECOVERY}={word}"));
    call(target, &["annotate", "statefulset", set, "--overwrite", &note])
}

/// Fails where the API server has dropped the field, as those before 1.27 do: then no pod may start.
pub fn require_ordinals(target: &Target, set: &str, start: usize) -> Call {
    let condition = format!("--for=jsonpath={{.spec.ordinals.start}}={start}");
    call(target, &["wait", &format!("statefulset/{set}"), &condition, "--timeout", "5s"])
}

/// A Mnesia node that waits for others loads its own copy, in place; one that runs is left alone, on Khepri it fails.
pub fn release(target: &Target, pod: &str) -> Call {
    let code = "case rabbit:is_running() of true -> runs; false -> \
        case catch rabbit_khepri:is_enabled() of true -> exit(khepri); _ -> ok = rabbit_table:force_load() end end.";
    exec_eval(target, pod, vec![Part::Text(code.to_owned())])
}

/// What `rabbitmqctl force_boot` does to a stopped node, without a VM of its own that looks for other nodes.
pub fn force_load(base: &str, node: &str) -> String {
    in_node_folder(base, node, "[ -e \"$dir/schema.DAT\" ] && touch \"$dir/force_load\"")
}

/// Lays the file by which the next start loads its own copy: where this node has data, and never on a blank volume.
pub fn lay_force_load(target: &Target, pod: &str, base: &str, node: &str) -> Call {
    exec_script(target, pod, &target.container, vec![Part::Text(force_load(base, node))])
}

/// Takes it away again, should no start have used it up.
pub fn remove_force_load(target: &Target, pod: &str, base: &str, node: &str) -> Call {
    let script = in_node_folder(base, node, "rm -f \"$dir/force_load\"");
    exec_script(target, pod, &target.container, vec![Part::Text(script)])
}

/// The variables of the container go before what the chart usually has, and before what the evidence calls the node: some
/// charts tell the server its name by another way.
fn in_node_folder(base: &str, node: &str, command: &str) -> String {
    let find = format!(
        "dir=$RABBITMQ_MNESIA_DIR\n\
        if [ -z \"$dir\" ]; then dir=${{RABBITMQ_MNESIA_BASE:-{base}}}/${{RABBITMQ_NODENAME:-{node}}}; fi\n"
    );
    format!("{find}{command}\n")
}

/// Names of pods that are not ready: without them nodes that wait for each other never meet.
pub fn publish(target: &Target, headless: &str) -> Call {
    let patch = json!({"spec": {"publishNotReadyAddresses": true}}).to_string();
    call(target, &["patch", "service", headless, "--field-manager", "mqctl", "--type", "merge", "--patch", &patch])
}

/// The first ordinal becomes mqctl's own field: helm, whose chart does not know it, would take it away with its own.
pub fn keep_ordinals(target: &Target, set: &str, start: usize) -> Call {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": set},
        "spec": {"ordinals": {"start": start}},
    });
    apply_note(target, &object)
}

/// Ends the container's first process, so that the kubelet starts it again in the same pod.
pub fn restart_container(target: &Target, pod: &str) -> Call {
    exec_script(target, pod, &target.container, vec![Part::Text("kill -TERM 1\n".to_owned())])
}

/// A Khepri node that waits for a majority goes on alone.
pub fn boot_standalone(target: &Target, pod: &str) -> Call {
    exec(target, pod, &["rabbitmqctl", "force_standalone_khepri_boot"])
}

/// Quorum queues go on with the one member that is left.
pub fn shrink_queues(target: &Target, pod: &str) -> Call {
    let code = "rabbit_quorum_queue:force_all_queues_shrink_member_to_current_member().";
    exec_eval(target, pod, vec![Part::Text(code.to_owned())])
}

/// A member leaves the cluster. Its exit code proves nothing: 69 may mean that it is done.
pub fn forget(target: &Target, through: &str, node: &str) -> Call {
    exec(target, through, &["rabbitmqctl", "forget_cluster_node", node])
}

/// Succeeds where this node is no member; or is one again and runs, as after a recovery that was killed when it had let
/// the forgotten one join.
pub fn is_forgotten(target: &Target, through: &str, node: &str) -> Call {
    let members = "(try rabbit_nodes:list_members() catch _:_ -> rabbit_nodes:all() end)";
    let running = "(try rabbit_nodes:list_running() catch _:_ -> rabbit_nodes:all_running() end)";
    let code = format!("false = lists:member('{node}', {members} -- {running}).");
    exec_eval(target, through, vec![Part::Text(code)])
}

/// A node that joined anew becomes a member of every quorum queue again.
pub fn grow_queues(target: &Target, through: &str, node: &str) -> Call {
    exec(target, through, &["rabbitmq-queues", "grow", node, "all"])
}

/// The claim goes when its pod does; the StatefulSet makes both anew.
pub fn release_claim(target: &Target, claim: &str) -> Call {
    call(target, &["delete", "persistentvolumeclaim", claim, "--ignore-not-found", "--wait=false"])
}

/// A script that copies a node's folder beside it; it fails where there is no room. Older copies stay: they may be of what
/// an earlier force boot took away.
pub fn copy_folder(base: &str, node: &str) -> String {
    format!(
        "set -eu\nfolder={base}/{node} copy={base}/mqctl-copy-of-{node} n=1\nrm -rf \"$copy.new\"\n\
         while [ -e \"$copy.$n\" ]; do n=$((n + 1)); done\n\
         needs=$(du -sk \"$folder\" | cut -f 1)\nset -- $(df -Pk \"$folder\" | tail -n 1)\nhas=$4\n\
         if [ \"$needs\" -ge \"$has\" ]; then echo \"a copy of $folder needs $needs KiB, and $has are free\"; exit 1; fi\n\
         cp -a \"$folder\" \"$copy.new\"\nmv \"$copy.new\" \"$copy.$n\"\n"
    )
}

/// Deletes pods whose nodes would use up their whole grace period; the pods' controller is told before.
pub fn stop_soon(target: &Target, pods: &[String]) -> Call {
    call(target, &delete_soon(&["--wait=false"], &objects(pods)))
}

/// Deletes pods whose nodes serve nobody, and waits until they are gone. A container that has begun a moment ago does not
/// hear that it should end, and would take its whole grace period.
pub fn stop_now(target: &Target, pods: &[String]) -> Call {
    call(target, &delete_soon(&["--wait=true", "--timeout", "2m"], &objects(pods))).within(Duration::from_secs(150))
}

fn delete_soon<'a>(wait: &[&'a str], objects: &'a [String]) -> Vec<&'a str> {
    let args = ["delete", "--ignore-not-found", "--grace-period", "10"].into_iter().chain(wait.iter().copied());
    args.chain(objects.iter().map(String::as_str)).collect()
}

fn objects(pods: &[String]) -> Vec<String> {
    pods.iter().map(|pod| format!("pod/{pod}")).collect()
}

/// A script that writes a node's list of feature flags, whole or not at all, once a copy of what was there is kept; it
/// fails where there is none.
pub fn lay_flags(base: &str, node: &str, list: &str) -> String {
    format!(
        "set -eu\nfile=${{RABBITMQ_MNESIA_BASE:-{base}}}/{node}-feature_flags\n\
         if ! [ -e \"$file.mqctl\" ]; then cp \"$file\" \"$file.copy\"; mv \"$file.copy\" \"$file.mqctl\"; fi\n\
         cat >\"$file.new\" <<'FLAGS'\n{list}\nFLAGS\nmv \"$file.new\" \"$file\"\n"
    )
}
