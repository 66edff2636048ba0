//! One mqctl at a time changes a release: whoever has its Lease. It is taken before the first change, renewed while the
//! plan is carried out, and given back at the end, whatever the end is. No clock of another machine is trusted. Where a
//! plan needs another release to stay as it is, the Lease of that one is taken first, and held for as long.

use std::sync::Mutex;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Result;
use zeroize::Zeroizing;

use crate::cluster::lease::{LASTS, Lease};
use crate::cluster::observe::Question;
use crate::cluster::{Observed, Target};
use crate::context::Context;
use crate::error::Failure;
use crate::explain::Code;
use crate::kubectl::{self, lease};
use crate::machine;
use crate::outcome::Outcome;
use crate::plan::{Claim, Plan, wait};
use crate::process::{Part, Reply, Tools};
use crate::profile::Profile;
use crate::report;
use crate::secret::Vault;

/// Three chances before it runs out.
const RENEWAL: Duration = Duration::from_secs(15);
/// Between two looks at somebody else's.
const LOOK: Duration = Duration::from_secs(1);

/// The Lease of the release that a plan changes.
pub(crate) struct Lock<'a> {
    cx: &'a Context,
    plan: &'a Plan,
    target: &'a Target,
    name: &'a str,
    /// What there is to take; nothing where nothing of the release is changed.
    claim: Option<&'a Claim>,
    held: Mutex<Held>,
    beside: Option<Box<Self>>,
}

/// How it stands with us.
enum Held {
    NotYet,
    Mine {
        lease: Box<Lease>,
        /// When it was last written, by our own clock.
        written: Instant,
    },
    Lost,
}

impl<'a> Lock<'a> {
    pub(crate) fn new(cx: &'a Context, plan: &'a Plan) -> Self {
        let claim = plan.claim.as_ref().filter(|_| plan.changes());
        let of =
            |target, name, claim| Self { cx, plan, target, name, claim, held: Mutex::new(Held::NotYet), beside: None };
        let beside = claim.and_then(|claim| claim.beside.as_ref());
        let beside = beside.map(|it| Box::new(of(&it.target, it.lease.as_str(), Some(&it.claim))));
        Self { beside, ..of(&plan.target, &plan.names.lease, claim) }
    }

    /// Takes it, unless the first step does, with the Secret and in the same call.
    ///
    /// # Errors
    /// Somebody else was first: exit 75, and none is held.
    pub(crate) fn take(&self) -> Result<()> {
        let Some(beside) = &self.beside else { return self.take_own(self.plan.begins_with_the_secret()) };
        beside.take_own(false)?;
        self.take_own(self.plan.begins_with_the_secret()).inspect_err(|_| beside.give_back())
    }

    fn take_own(&self, by_a_step: bool) -> Result<()> {
        let Some(claim) = self.claim else { return Ok(()) };
        match &claim.from {
            Some(lease) => self.replace(claim, lease),
            None if by_a_step => Ok(()),
            None => self.create(false, &[], &Vault::default()).map(drop),
        }
    }

    /// Creates the Secret; before it the Namespace where that is missing, and the Lease where it is not taken yet.
    /// `false` where there was a Secret already: it stays as it is.
    ///
    /// # Errors
    /// Somebody else has the Lease: exit 75. Whatever else kubectl says.
    pub(crate) fn create(&self, with_namespace: bool, secret: &[Part], vault: &Vault) -> Result<bool> {
        let target = self.target;
        let mine = if self.holds() { None } else { Some(self.mine()) };
        let object = mine.map(|lease| lease.manifest(target, self.name));
        let asked = object.is_some();
        let namespace = with_namespace.then(|| kubectl::namespace(target));
        let reply = self.cx.tools.run(&lease::create_with(target, namespace, object, secret), vault)?;
        let made = kubectl::items(&reply);
        let of_kind = |kind: &str| made.iter().find(|object| object["kind"] == kind);
        if let Some(object) = of_kind("Lease") {
            self.hold(Lease::read(object));
        } else if asked && was_there(&reply, "leases") {
            return Err(self.outrun());
        }
        refuse_others(&reply)?;
        Ok(of_kind("Secret").is_some())
    }

    /// Takes over what its holder left behind, or is made to leave.
    fn replace(&self, claim: &Claim, left: &Lease) -> Result<()> {
        let target = self.target;
        let resource_version = self.version_of(left)?;
        let mine = Lease { resource_version, ..self.mine() };
        let call = lease::replace(target, &mine.manifest(target, self.name));
        let reply = self.cx.tools.run(&call, &Vault::default())?;
        if let (true, Some(object)) = (reply.ok(), kubectl::items(&reply).first()) {
            report::say(&format!("taken over from {}", left.in_words()));
            self.hold(Lease::read(object));
            return Ok(());
        }
        if !is_another(&reply) {
            return Err(kubectl::failure("kubectl replace", &reply).into());
        }
        let text = format!("somebody was at work on `{}` since mqctl looked; nothing was changed", target.release);
        let failure = Failure::new(Outcome::TimedOut, text).hint("run the same command again");
        Err(failure.hint(format!("mqctl status {}", claim.profile)).code(Code::Locked).into())
    }

    /// One that lives has renewed it while somebody thought about unlocking; it is to be the same one still.
    fn version_of(&self, left: &Lease) -> Result<String> {
        let now = if left.abandoned { None } else { look(self.cx, self.target, self.name)? };
        let same = now.filter(|now| (&now.holder, &now.acquired) == (&left.holder, &left.acquired));
        Ok(same.unwrap_or_else(|| left.clone()).resource_version)
    }

    fn mine(&self) -> Lease {
        let process = machine::this_process();
        let host = machine::host_name().unwrap_or_else(|| "an unknown host".to_owned());
        let holder = format!("{}@{host} pid {} {}", self.cx.user(), process.pid, self.plan.verb);
        Lease::new(holder, process, self.now())
    }

    /// As the API server prints it, so that a comparison with what it has is one of texts.
    fn now(&self) -> String {
        self.cx.now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
    }

    fn profile(&self) -> &'a str {
        self.claim.map_or("", |claim| &claim.profile)
    }

    /// Who was first; nobody knows where they have ended since.
    fn outrun(&self) -> anyhow::Error {
        let (target, profile) = (self.target, self.profile());
        match look(self.cx, target, self.name) {
            Ok(Some(lease)) => lease.refusal(&target.release, profile).into(),
            Ok(None) => {
                let text = format!("another mqctl was at work on `{}` a moment ago", target.release);
                Failure::new(Outcome::TimedOut, text).hint("run the same command again").code(Code::Locked).into()
            }
            Err(error) => error,
        }
    }
}

/// While it is held.
impl Lock<'_> {
    /// Runs the work, and renews the Lease beside it.
    pub(crate) fn renewed_while<T>(&self, work: impl FnOnce() -> T) -> T {
        if self.claim.is_none() {
            return work();
        }
        std::thread::scope(|scope| {
            // Its drop is the end, also that of a panic.
            let (_working, ended) = mpsc::channel::<()>();
            scope.spawn(move || {
                while ended.recv_timeout(RENEWAL) == Err(RecvTimeoutError::Timeout) {
                    self.both().for_each(Self::renew);
                }
            });
            work()
        })
    }

    fn both(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.beside.as_deref())
    }

    fn renew(&self) {
        let Some(mine) = self.lease() else { return };
        let call = lease::renew(self.target, self.name, &mine, &self.now());
        let Ok(reply) = self.cx.tools.run(&call, &Vault::default()) else { return };
        match kubectl::items(&reply).first().filter(|_| reply.ok()) {
            Some(object) => self.hold(Lease::read(object)),
            None if is_another(&reply) => self.set(Held::Lost),
            // An API server that is away for a moment takes nothing from us.
            None => {}
        }
    }

    /// Refuses to go on where somebody else may be at work by now.
    ///
    /// # Errors
    /// Unlocked, taken over, or not renewed for too long: exit 75.
    pub(crate) fn still_held(&self) -> Result<()> {
        self.both().try_for_each(Self::not_lost)
    }

    fn not_lost(&self) -> Result<()> {
        let lost = self.held.lock().is_ok_and(|held| match &*held {
            Held::NotYet => false,
            Held::Mine { written, .. } => written.elapsed() > LASTS,
            Held::Lost => true,
        });
        if !lost {
            return Ok(());
        }
        let text = format!(
            "`{}` is no longer this mqctl's: somebody unlocked it or took it over; nothing more was begun",
            self.target.release
        );
        let failure = Failure::new(Outcome::TimedOut, text).hint(format!("mqctl status {}", self.profile()));
        Err(failure.hint("run the same command again: it goes on where it stands").code(Code::Locked).into())
    }

    /// Removes it, if it is still ours.
    pub(crate) fn give_back(&self) {
        self.both().for_each(Self::remove);
    }

    fn remove(&self) {
        let Some(mine) = self.lease() else { return };
        let reply = self.cx.tools.run(&lease::remove(self.target, self.name, &mine), &Vault::default());
        if !reply.is_ok_and(|reply| reply.ok() || is_another(&reply)) {
            let (name, profile) = (self.name, self.profile());
            report::say(&format!("warning: the Lease {name} could not be removed: mqctl unlock {profile}"));
        }
    }

    fn holds(&self) -> bool {
        self.lease().is_some()
    }

    fn lease(&self) -> Option<Lease> {
        match &*self.held.lock().ok()? {
            Held::Mine { lease, .. } => Some(Lease::clone(lease)),
            Held::NotYet | Held::Lost => None,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "door: our own clock says how long it was not renewed")]
    fn hold(&self, lease: Lease) {
        self.set(Held::Mine { lease: Box::new(lease), written: Instant::now() });
    }

    fn set(&self, new: Held) {
        if let Ok(mut held) = self.held.lock() {
            *held = new;
        }
    }
}

/// Looks at a release that is to be changed. Where another mqctl is at work on it, this waits until that one has ended
/// or died, and looks again; one that lives is not waited for.
///
/// # Errors
/// The other one lives: exit 75, nothing changed. What `observe` says.
pub(crate) fn in_turn(
    cx: &Context,
    profile: &Profile,
    question: &Question<'_>,
    observe: impl Fn(&Tools, &Question<'_>) -> Result<Observed>,
) -> Result<Observed> {
    let mut silent = None;
    loop {
        let mut observed = observe(&cx.tools, question)?;
        let Some(lease) = &mut observed.lease else { return Ok(observed) };
        lease.abandoned |= silent.as_ref() == Some(&lease.resource_version);
        if lease.abandoned || cx.globals.dry_run {
            return Ok(observed);
        }
        silent = watch(cx, profile, question.target, &question.names.lease, lease)?;
    }
}

/// Until it is gone, its holder is dead, or it was not renewed for as long as it lasts: then this is its version.
#[expect(clippy::disallowed_methods, reason = "door: our own clock says how long it was not renewed")]
fn watch(cx: &Context, profile: &Profile, target: &Target, name: &str, seen: &Lease) -> Result<Option<String>> {
    let seconds = seen.lasts.as_secs();
    report::say(&format!("`{}` is locked by {}; waiting up to {seconds} s", target.release, seen.in_words()));
    let end = Instant::now() + seen.lasts;
    while Instant::now() < end {
        wait::pause(LOOK, &|| cx.interrupted());
        cx.stop_if_interrupted()?;
        let Some(now) = look(cx, target, name)? else { return Ok(None) };
        if machine::is_gone(&now.process) {
            return Ok(None);
        }
        if now.resource_version != seen.resource_version {
            let failure = now.refusal(&target.release, &profile.name);
            return Err(Failure { text: format!("{}; nothing was changed", failure.text), ..failure }.into());
        }
    }
    Ok(Some(seen.resource_version.clone()))
}

fn look(cx: &Context, target: &Target, name: &str) -> Result<Option<Lease>> {
    let reply = cx.tools.run(&kubectl::get(target, &[format!("lease/{name}")]), &Vault::default())?;
    if !reply.ok() {
        return Err(kubectl::failure("kubectl get", &reply).into());
    }
    Ok(kubectl::items(&reply).first().map(Lease::read))
}

fn was_there(reply: &Reply, kind: &str) -> bool {
    reply.stderr.lines().any(|line| line.contains("already exists") && line.contains(kind))
}

/// The API server refused because the Lease is gone, or is not the one that was meant.
fn is_another(reply: &Reply) -> bool {
    let said = reply.stderr.to_lowercase();
    let words = ["not found", "notfound", "conflict", "has been modified", "precondition", "request is invalid"];
    !reply.ok() && words.iter().any(|word| said.contains(word))
}

/// What kubectl could not create, but for what was there already.
fn refuse_others(reply: &Reply) -> Result<()> {
    let harmless = |line: &str| line.contains("already exists") || line.starts_with("Warning:");
    let mut lines = reply.stderr.lines().skip_while(|line| line.trim().is_empty() || harmless(line));
    let first = lines.next();
    if reply.ok() || (first.is_none() && was_there(reply, "\"")) {
        return Ok(());
    }
    // The first refusal is the cause: where there is no namespace nothing can be created in it. It may be of many lines.
    let rest = lines.take_while(|line| !line.starts_with("Error from server"));
    let stderr = first.into_iter().chain(rest).collect::<Vec<_>>().join("\n");
    let said = Reply { code: reply.code, stdout: Zeroizing::default(), stderr, timed_out: reply.timed_out };
    Err(kubectl::failure("kubectl create", &said).into())
}
