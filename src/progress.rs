//! Progress: the only user of indicatif. A bar a pod at a terminal, one line per change of state elsewhere.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cluster::Standing;
use crate::report;

pub(crate) struct Progress {
    begun: Instant,
    /// Bars need a person; a pipeline gets lines.
    bars: Option<MultiProgress>,
    quiet: bool,
    pods: Mutex<BTreeMap<String, Line>>,
    spinner: Mutex<Option<ProgressBar>>,
    away: AtomicBool,
}

/// What is shown of one pod.
struct Line {
    words: String,
    bar: Option<ProgressBar>,
}

impl Progress {
    #[expect(clippy::disallowed_methods, reason = "door: elapsed time is shown")]
    pub(crate) fn new(bars: bool, quiet: bool) -> Self {
        let bars = bars.then(MultiProgress::new);
        Self {
            begun: Instant::now(),
            bars,
            quiet,
            pods: Mutex::default(),
            spinner: Mutex::default(),
            away: AtomicBool::new(false),
        }
    }

    /// A step begins: a spinner until it is done.
    pub(crate) fn begin(&self, title: &str) {
        let Some(bars) = &self.bars else { return };
        let spinner = bars.add(ProgressBar::new_spinner().with_message(title.to_owned()));
        spinner.enable_steady_tick(Duration::from_millis(120));
        if let Ok(mut place) = self.spinner.lock() {
            *place = Some(spinner);
        }
    }

    /// A step is done.
    pub(crate) fn done(&self, title: &str, seconds: f64) {
        if let Some(spinner) = self.spinner.lock().ok().and_then(|mut s| s.take()) {
            spinner.finish_and_clear();
            let took = format!("{seconds:.1} s");
            report::say(&format!("✓ {title:<60} {took:>8}"));
        } else if !self.quiet {
            self.line(title);
        }
    }

    fn line(&self, words: &str) {
        let elapsed = format!("{:.1}s", self.begun.elapsed().as_secs_f64());
        report::say(&format!("{elapsed:>7} {words}"));
    }

    /// Whether the API server answers; said when it changes.
    pub(crate) fn server_answers(&self, answers: bool) {
        if self.away.swap(!answers, Ordering::SeqCst) == answers {
            let away = "the API server does not answer; the wait goes on";
            self.note(if answers { "the API server answers again" } else { away });
        }
    }

    pub(crate) fn server_is_away(&self) -> bool {
        self.away.load(Ordering::SeqCst)
    }

    /// Something worth knowing within a step.
    pub(crate) fn note(&self, words: &str) {
        match &self.bars {
            // A line of its own, which indicatif's own print leaves open.
            Some(bars) => bars.suspend(|| report::say(words)),
            None if self.quiet => {}
            None => self.line(words),
        }
    }

    /// Where a pod stands now; said again only when it changes.
    pub(crate) fn pod(&self, name: &str, standing: &Standing) {
        let Ok(mut pods) = self.pods.lock() else { return };
        let line =
            pods.entry(name.to_owned()).or_insert_with(|| Line { words: String::new(), bar: self.new_bar(name) });
        let words = standing.to_string();
        if let Some(bar) = &line.bar {
            bar.set_position(standing.tenths());
            bar.set_message(words.clone());
        } else if line.words != words && !self.quiet {
            self.line(&format!("{name} {words}"));
        }
        line.words = words;
    }

    fn new_bar(&self, name: &str) -> Option<ProgressBar> {
        let bars = self.bars.as_ref()?;
        let style = ProgressStyle::with_template("  {prefix}   {bar:10.█░}  {wide_msg}  {elapsed}").ok()?;
        let bar = bars.add(ProgressBar::new(10).with_style(style).with_prefix(name.to_owned()));
        bar.tick();
        Some(bar)
    }

    /// The bars are replaced by what they came to.
    pub(crate) fn clear_pods(&self) {
        let Ok(mut pods) = self.pods.lock() else { return };
        for line in std::mem::take(&mut *pods).into_values() {
            if let Some(bar) = line.bar {
                bar.finish_and_clear();
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear_pods();
        if let Some(spinner) = self.spinner.lock().ok().and_then(|mut s| s.take()) {
            spinner.finish_and_clear();
        }
    }
}
