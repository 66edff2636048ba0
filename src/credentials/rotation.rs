//! Where a rotation's new secret comes from, and what the vault holds before it begins. Pure.

use anyhow::Result;

use super::{Found, Origin};
use crate::error::Failure;
use crate::explain::Code;
use crate::outcome::Outcome;
use crate::plan::rotate::Next;
use crate::secret::{Name, Secret, Vault};

/// Fills the vault: both secrets as the cluster has them, and the new one beside them, unless it is to be generated.
///
/// # Errors
/// Another rotation was cut short; the profile's own source has no new secret.
pub(crate) fn prepare(
    found: &mut Found,
    mut cluster: Vault,
    what: Name,
    profile: &str,
    a_broker_runs: bool,
) -> Result<Next> {
    other_unfinished(&cluster, what, profile)?;
    let next = match source(found, &cluster, what)? {
        Next::Kept if what == Name::Password && !a_broker_runs => Next::Untold,
        next => next,
    };
    let new = match next {
        Next::Generated => None,
        Next::Profile => found.vault.take(what),
        Next::Kept | Next::Untold => cluster.take(what.next()),
    };
    if let Some(secret) = new {
        found.vault.put(what.next(), secret);
    }
    for name in Name::BOTH {
        if let Some(secret) = cluster.take(name) {
            found.vault.put(name, secret);
        }
    }
    if next == Next::Untold {
        // No broker has to be asked with the old one any more: the new one takes its place at once.
        drop(found.vault.take(what));
    }
    Ok(next)
}

fn other_unfinished(cluster: &Vault, what: Name, profile: &str) -> Result<()> {
    let other = if what == Name::Password { Name::ErlangCookie } else { Name::Password };
    if cluster.get(other.next()).is_none() {
        return Ok(());
    }
    let flag = super::flag(&[other]);
    let text = format!("a rotation of the {other} was cut short; nothing was changed");
    let hint = format!("finish it: mqctl credentials rotate {profile}{flag}");
    Err(Failure::new(Outcome::Contradiction, text).hint(hint).code(Code::Rotation).into())
}

fn source(found: &Found, cluster: &Vault, what: Name) -> Result<Next> {
    let print = |vault: &Vault| vault.get(what).map(Secret::fingerprint);
    let (ours, theirs) = (print(&found.vault), print(cluster));
    if cluster.get(what.next()).is_some() {
        return Ok(Next::Kept);
    }
    if ours.is_some() && theirs.is_some() && ours != theirs {
        return Ok(Next::Profile);
    }
    match found.origin(what) {
        Origin::Profile(source) => {
            let text = format!("the {what} comes from {source}, which has no new one; nothing was changed");
            Err(Failure::new(Outcome::Contradiction, text)
                .hint("change it there, then run the same command again")
                .into())
        }
        _ => Ok(Next::Generated),
    }
}
