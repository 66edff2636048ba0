//! The door to this machine's processes: who mqctl is, and whether another one still runs. Read from /proc; where there is
//! none nobody is ever taken for dead.

use crate::cluster::lease::Process;
use crate::digest;

/// This process.
pub(crate) fn this_process() -> Process {
    let pid = std::process::id().to_string();
    let started = started(&pid).unwrap_or_default();
    Process { machine: machine().unwrap_or_default(), pid, started }
}

/// It was a process of this machine, and is none any more.
pub(crate) fn is_gone(process: &Process) -> bool {
    let here = machine().is_some_and(|machine| machine == process.machine);
    here && started(&process.pid).as_deref() != Some(&process.started)
}

/// A new boot is another machine, and so is another container: neither knows the processes of the other.
fn machine() -> Option<String> {
    let boot = read("/proc/sys/kernel/random/boot_id")?;
    let namespace = fs_err::read_link("/proc/self/ns/pid").ok()?;
    Some(digest::of([boot.as_bytes(), namespace.as_os_str().as_encoded_bytes()], 12))
}

/// When a process was started (proc(5), field 22 of `stat`); `None` where it has ended, though its parent may not know.
fn started(pid: &str) -> Option<String> {
    let stat = read(&format!("/proc/{}/stat", pid.parse::<u32>().ok()?))?;
    // Behind the program's name, which may hold blanks and brackets itself.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" { None } else { fields.nth(18).map(str::to_owned) }
}

pub(crate) fn host_name() -> Option<String> {
    read("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned())
}

#[expect(clippy::disallowed_methods, reason = "door: /proc is read here")]
fn read(file: &str) -> Option<String> {
    std::fs::read_to_string(file).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_one_that_has_ended_does_not() {
        let this = this_process();
        assert!(!this.machine.is_empty() && !this.started.is_empty(), "{this:?}");
        assert!(!is_gone(&this));
        let used_again = Process { started: "1".to_owned(), ..this.clone() };
        assert!(is_gone(&used_again), "the pid is another process by now");
        let elsewhere = Process { machine: "another".to_owned(), ..used_again };
        assert!(!is_gone(&elsewhere), "nobody can tell from here");
    }
}
