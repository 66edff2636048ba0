//! Reads the logs of several pods at once: in the order of their times, or as they come.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use anyhow::Result;

use super::{Cursor, Line};
use crate::error::Failure;
use crate::kubectl::{self, LogWish};
use crate::outcome::Outcome;
use crate::plan::wait;
use crate::process::{Call, Reply, Tools};
use crate::report;

/// Lines of a pod that wait to be shown; its kubectl waits with them, so that a long log is never held in memory.
const AHEAD: usize = 256;
/// Between a child that ended and the next: a container that restarts takes longer.
const PAUSE: Duration = Duration::from_secs(1);

/// What the threads that read share.
pub(crate) struct Reading<'a> {
    pub(crate) tools: &'a Tools,
    /// One wish a pod.
    pub(crate) wishes: Vec<LogWish<'a>>,
    /// A person pressed Ctrl-C.
    pub(crate) interrupted: &'a (dyn Fn() -> bool + Sync),
    /// Nobody reads the answer any longer.
    pub(crate) over: AtomicBool,
}

type Read = (String, Line);

impl Reading<'_> {
    fn stops(&self) -> bool {
        (self.interrupted)() || self.over.load(Ordering::SeqCst)
    }

    /// Hands on each line until the logs end, nobody wants more, or Ctrl-C.
    ///
    /// # Errors
    /// No pod's log can be read; those that can be read alone are told of the others.
    pub(crate) fn each(&self, follow: bool, mut show: impl FnMut(&str, &Line) -> ControlFlow<()>) -> Result<()> {
        std::thread::scope(|scope| {
            let (senders, receivers): (Vec<_>, Vec<_>) = self.wishes.iter().map(|_| sync_channel(AHEAD)).unzip();
            let readers: Vec<_> = self
                .wishes
                .iter()
                .zip(senders)
                .map(|(wish, sender)| {
                    scope.spawn(move || if follow { self.follow(wish, &sender) } else { self.once(wish, &sender) })
                })
                .collect();
            let ended = if follow { self.as_they_come(&receivers, &mut show) } else { in_order(&receivers, &mut show) };
            if ended.is_break() {
                self.over.store(true, Ordering::SeqCst);
            }
            drop(receivers);
            let results: Vec<Result<()>> = readers.into_iter().filter_map(|reader| reader.join().ok()).collect();
            verdict(results)
        })
    }

    fn as_they_come(
        &self,
        receivers: &[Receiver<Read>],
        show: &mut dyn FnMut(&str, &Line) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        while !self.stops() {
            let mut open = false;
            for receiver in receivers {
                loop {
                    match receiver.try_recv() {
                        Ok((pod, line)) => show(&pod, &line)?,
                        Err(end) => {
                            open |= end == TryRecvError::Empty;
                            break;
                        }
                    }
                }
            }
            if !open {
                break;
            }
            wait::pause(Duration::from_millis(50), &|| self.stops());
        }
        ControlFlow::Continue(())
    }

    /// The log as it is.
    fn once(&self, wish: &LogWish<'_>, sender: &SyncSender<Read>) -> Result<()> {
        let reply = self.stream(&kubectl::log(wish, None), wish.pod, sender, &mut Cursor::default())?;
        if reply.ok() || self.stops() { Ok(()) } else { Err(unread(wish.pod, &reply).into()) }
    }

    /// The log as it grows. kubectl ends with the container: the next one goes on for the next container.
    fn follow(&self, wish: &LogWish<'_>, sender: &SyncSender<Read>) -> Result<()> {
        let (mut cursor, mut told) = (Cursor::default(), String::new());
        while !self.stops() {
            cursor.start_again();
            let since = cursor.since().map(str::to_owned);
            let reply = self.stream(&kubectl::log(wish, since.as_deref()), wish.pod, sender, &mut cursor)?;
            if !reply.ok() && !self.stops() {
                let failure = unread(wish.pod, &reply);
                let hopeless = matches!(failure.outcome, Outcome::NotPermitted | Outcome::Contradiction);
                if hopeless || (failure.outcome == Outcome::Unreachable && since.is_none()) {
                    return Err(failure.into());
                }
                if told != failure.text {
                    report::say(&format!("{}; waiting for it", failure.text));
                }
                told = failure.text;
            }
            wait::pause(PAUSE, &|| self.stops());
        }
        Ok(())
    }

    fn stream(&self, call: &Call, pod: &str, sender: &SyncSender<Read>, cursor: &mut Cursor) -> Result<Reply> {
        self.tools.stream(call, &|| self.stops(), &mut |text| {
            let line = Line::read(text);
            let new = line.time.is_empty() || cursor.is_new(&line);
            if new && sender.send((pod.to_owned(), line)).is_err() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
    }
}

/// The oldest line of all pods first; each pod's own order stays.
fn in_order(receivers: &[Receiver<Read>], show: &mut dyn FnMut(&str, &Line) -> ControlFlow<()>) -> ControlFlow<()> {
    let next = |n: usize| receivers[n].recv().ok();
    let mut heads: BTreeMap<(String, usize), Read> = BTreeMap::new();
    let put = |heads: &mut BTreeMap<(String, usize), Read>, n: usize| {
        heads.extend(next(n).map(|read| ((read.1.time.clone(), n), read)));
    };
    (0..receivers.len()).for_each(|n| put(&mut heads, n));
    while let Some(((_, n), (pod, line))) = heads.pop_first() {
        show(&pod, &line)?;
        put(&mut heads, n);
    }
    ControlFlow::Continue(())
}

fn unread(pod: &str, reply: &Reply) -> Failure {
    kubectl::failure(&format!("the log of {pod}"), reply)
}

/// A log that cannot be read is told; none at all is a failure.
fn verdict(results: Vec<Result<()>>) -> Result<()> {
    let all = results.len();
    let mut errors: Vec<anyhow::Error> = results.into_iter().filter_map(Result::err).collect();
    if errors.len() == all {
        return errors.pop().map_or(Ok(()), Err);
    }
    for error in &errors {
        report::say(&format!("warning: {error:#}"));
    }
    Ok(())
}
