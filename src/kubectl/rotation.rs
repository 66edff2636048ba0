//! What a rotation says to kubectl where probes log in: pods made anew, and files of Secrets written anew.

use std::time::Duration;

use super::{call, exec_eval_within};
use crate::cluster::Target;
use crate::process::{Call, Part};

/// Succeeds where all so many members run; then it waits a little until no quorum queue, stream or Raft component needs
/// this node for its majority. What needs it still, as a queue with a single member does, needs it always.
pub fn dispensable(target: &Target, pod: &str, size: u32) -> Call {
    let quorum = if size < 3 { "true" } else { "rabbit_upgrade_preparation:await_online_quorum_plus_one(10000)" };
    let code = format!(
        "true = rabbit:is_running(), \
         {size} = length(try rabbit_nodes:list_running() catch _:_ -> rabbit_nodes:all_running() end), {quorum}."
    );
    exec_eval_within(40, target, pod, vec![Part::Text(code)])
}

/// Deletes a pod for its StatefulSet to make it anew, and waits until it is gone: it may take its whole grace period.
pub fn make_anew(target: &Target, pod: &str) -> Call {
    let object = format!("pod/{pod}");
    let args = ["delete", "--ignore-not-found", "--wait=true", "--timeout", "10m", &object];
    call(target, &args).within(Duration::from_secs(620))
}

/// A change of the pods, so that their kubelets look at them: they write the files of Secrets anew then.
pub fn touch_pods(target: &Target) -> Call {
    call(target, &["annotate", "pods", "--selector", &target.selector(), "--overwrite", "mqctl/touched=true"])
}

/// Takes it back, which is another change.
pub fn untouch_pods(target: &Target) -> Call {
    call(target, &["annotate", "pods", "--selector", &target.selector(), "mqctl/touched-"])
}
