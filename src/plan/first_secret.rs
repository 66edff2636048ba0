//! The first Secret of a release. The API server lets one mqctl alone create it: two that begin at once end with one
//! cookie and one password, whichever of them goes on.

use anyhow::Result;

use super::execute::Run;
use crate::cluster::observe;
use crate::error::Failure;
use crate::explain::Code;
use crate::outcome::Outcome;
use crate::process::Part;
use crate::secret::{Fingerprint, Name, Secret, Vault};

/// Creates it. Where another mqctl has done so since this one looked, what was generated here gives way to what is there.
///
/// # Errors
/// Another mqctl has the Lease; a secret of the profile's side is not the one that is there.
pub(super) fn create(run: &mut Run<'_>, with_namespace: bool, secret: &[Part], generate: &[Name]) -> Result<()> {
    for &name in generate {
        run.vault.put(name, Secret::generate()?);
    }
    if run.lock.create(with_namespace, secret, run.vault)? {
        return Ok(());
    }
    let there = observe::secret_in_cluster(&run.cx.tools, &run.plan.target, &run.plan.names)?;
    adopt(run, there.unwrap_or_default(), generate)
}

fn adopt(run: &mut Run<'_>, mut there: Vault, generated: &[Name]) -> Result<()> {
    let print = |vault: &Vault, name| vault.get(name).map(Secret::fingerprint) as Option<Fingerprint>;
    for name in Name::BOTH {
        match there.take(name) {
            Some(secret) if generated.contains(&name) => run.vault.put(name, secret),
            Some(secret) if Some(secret.fingerprint()) == print(run.vault, name) => {}
            _ => return Err(foreign(run, name).into()),
        }
    }
    Ok(())
}

fn foreign(run: &Run<'_>, name: Name) -> Failure {
    let text = format!(
        "the Secret `{}` was made by another mqctl just now, with another {name}; it stays as it is",
        run.plan.names.secret
    );
    let failure = Failure::new(Outcome::Contradiction, text).code(Code::CredMismatch);
    failure.hint("run the same command again: it says who has which")
}
