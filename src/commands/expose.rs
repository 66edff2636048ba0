//! `mqctl expose NAME [--remove]`

use anyhow::Result;

use crate::chart;
use crate::cli::Expose;
use crate::cluster::observe::{EXPOSE_RIGHTS, HIDE_RIGHTS, Question, observe, require_fit_to_change, require_rights};
use crate::context::Context;
use crate::error::Failure;
use crate::exposure::Exposure;
use crate::lock;
use crate::outcome::Outcome;
use crate::plan::expose::{self, Given};
use crate::profile::Profile;
use crate::secret::Vault;

pub(crate) fn run(args: &Expose, cx: &Context) -> Result<Outcome> {
    let (profile, target) = cx.load(args.name.as_deref())?;
    let exposure = &wished(args, &profile)?;
    cx.require_tools()?;
    let rights = if args.remove { &HIDE_RIGHTS[..] } else { &EXPOSE_RIGHTS };
    let names = chart::names(&profile);
    let question = Question { target: &target, names: &names, storage_class: None, rights };
    let observed = &lock::in_turn(cx, &profile, &question, observe)?;
    if args.remove {
        require_rights(observed, &target)?;
    } else {
        require_fit_to_change(observed, &target)?;
    }
    let given = Given { profile: &profile, target: &target, observed, exposure, limit: cx.within(expose::LIMIT) };
    let plan = if args.remove { expose::remove(&given)? } else { expose::expose(&given)? };
    cx.carry_out(&plan, &mut Vault::default())
}

/// A flag wins over the profile, key by key.
fn wished(args: &Expose, profile: &Profile) -> Result<Exposure> {
    let own = profile.expose.clone().unwrap_or_default();
    let ports = if args.ports.is_empty() { own.ports } else { args.ports.clone() };
    let source_ranges = if args.source_ranges.is_empty() { own.source_ranges } else { args.source_ranges.clone() };
    let annotations = own.annotations.into_iter().chain(args.annotations.iter().cloned()).collect();
    let (kind, ip) = (args.kind.unwrap_or(own.kind), args.ip.or(own.ip));
    let exposure = Exposure { kind, ip, ports, source_ranges, annotations };
    let Some(key) = exposure.misplaced() else { return Ok(exposure) };
    let text = format!("`{key}` is for a LoadBalancer, and a NodePort was asked for; nothing was changed");
    let hint = format!("leave `{key}` out, of the flags and of the profile's `expose`");
    Err(Failure::new(Outcome::Usage, text).hint(hint).into())
}
