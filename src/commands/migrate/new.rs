//! The release that takes over: its profile, which is there or is drafted after the old one's, and its secrets.

use std::io::ErrorKind;

use anyhow::Result;

use super::Old;
use crate::ask::Person;
use crate::chart::look::{Asking, Eyes};
use crate::chart::{Wanted, exodus};
use crate::cli::Migrate;
use crate::cluster::Target;
use crate::context::Context;
use crate::credentials::{self, Found, Origin};
use crate::error::Failure;
use crate::outcome::Outcome;
use crate::profile::draft::{Answers, Draft, Field, Made};
use crate::profile::{self, LoadError, Profile, beside};
use crate::rabbitmq::shovels;
use crate::secret::{Name, file_of};
use crate::units::ReleaseName;

/// The release that takes over.
pub(super) struct New {
    pub(super) profile: Profile,
    pub(super) target: Target,
    /// Where it is no file yet.
    pub(super) draft: Option<Draft>,
}

impl New {
    /// Its profile is the one of this name beside the old one's, or made after that.
    ///
    /// # Errors
    /// A chart that is none to go to, a name that is none, a profile that is for something else.
    pub(super) fn named(args: &Migrate, cx: &Context, old: &Old<'_>) -> Result<Self> {
        let name = name(args, old)?;
        let Some(chart) = &args.to_chart else { return Self::noted(cx, old, &name) };
        let draft = draft(args, cx, old, &name)?;
        worth_it(old.profile, &draft.profile, chart)?;
        let (profile, draft) = match there(cx, old.profile, &name)? {
            Some(profile) => {
                fits(&profile, &draft.profile)?;
                (profile, None)
            }
            None => (draft.profile.clone(), Some(draft)),
        };
        let target = cx.target(&profile)?;
        Ok(Self { profile, target, draft })
    }

    /// Of a migration that is under way, its chart is in its profile.
    fn noted(cx: &Context, old: &Old<'_>, name: &str) -> Result<Self> {
        let own = &old.profile.name;
        if old.observed.migration().is_none() {
            let text =
                format!("no migration of `{own}` is under way, so that the chart has to be named; nothing was changed");
            let hint = format!("mqctl migrate {own} --to-chart builtin");
            return Err(Failure::new(Outcome::Usage, text).hint(hint).into());
        }
        let profile = load(cx, old.profile, name)?;
        runs_shovels(&profile)?;
        let target = cx.target(&profile)?;
        Ok(Self { profile, target, draft: None })
    }

    pub(super) fn is_a_draft(&self) -> bool {
        self.draft.is_some()
    }

    /// The old one's secrets are its own too.
    ///
    /// # Errors
    /// Its secrets file has others: exit 78, nothing changed.
    pub(super) fn found(&self, cx: &Context, mut old: Found) -> Result<Found> {
        let mut found = credentials::local(cx, &self.profile)?;
        for name in Name::BOTH {
            let Some(secret) = old.vault.take(name) else { continue };
            match found.vault.get(name) {
                Some(own) if own.fingerprint() != secret.fingerprint() => return Err(self.other(name).into()),
                Some(_) => {}
                None => {
                    found.vault.put(name, secret);
                    found.origins.push((name, Origin::Cluster));
                }
            }
        }
        Ok(found)
    }

    fn other(&self, name: Name) -> Failure {
        let text = format!(
            "`{}` has another {name} than the release that it takes over from; nothing was changed",
            self.profile.name
        );
        let file = file_of(&self.profile.path, &self.profile.name);
        let hint = format!("move {} away: it is written with those of the old release", file.display());
        Failure::new(Outcome::Contradiction, text).hint(hint)
    }
}

/// That of the flag, of a migration that is under way, or of the old one's.
fn name(args: &Migrate, old: &Old<'_>) -> Result<String> {
    let under_way = old.observed.migration().map(|mark| mark.to.clone());
    let own = &old.profile.name;
    let name = match (&args.new, under_way) {
        (Some(new), Some(there)) if *new != there => {
            let text = format!("a migration of `{own}` to `{there}` is under way; nothing was changed");
            return Err(Failure::new(Outcome::Usage, text).hint("leave --as out: it goes on").into());
        }
        (Some(new), _) => new.clone(),
        (None, there) => there.unwrap_or_else(|| format!("{own}-next")),
    };
    let wrong = match name.parse::<ReleaseName>() {
        Err(expected) => Some(expected.to_string()),
        Ok(release) if release == old.profile.release || name == *own => Some("it is the old one's".to_owned()),
        Ok(_) => None,
    };
    let Some(why) = wrong else { return Ok(name) };
    let text =
        format!("`--as`: `{}` cannot be the new profile's name: {why}; nothing was changed", crate::yaml::shown(&name));
    Err(Failure::new(Outcome::Usage, text).hint(format!("mqctl migrate {own} --to-chart builtin --as NEW")).into())
}

/// What the new profile says where nobody has written one: the same as the old one's, on the other chart.
fn draft(args: &Migrate, cx: &Context, old: &Old<'_>, name: &str) -> Result<Draft> {
    let profile = old.profile;
    let path = profile.path.with_file_name(format!("{name}.yaml"));
    let (repository, tag) = exodus::image(profile, &old.census.version);
    let texts = [
        (Field::Namespace, Some(old.target.namespace.clone())),
        (Field::Context, profile.context.clone()),
        (Field::Repository, Some(repository)),
        (Field::Tag, Some(tag)),
        (Field::Replicas, Some(profile.replicas.to_string())),
        (Field::Class, profile.storage.class.clone()),
        (Field::Size, Some(profile.storage.size.as_str().to_owned())),
        (Field::Username, Some(profile.credentials.username.clone())),
    ];
    let given = texts.into_iter().filter_map(|(field, text)| Some((field, text?)));
    let answers = given.fold(Answers::default(), |answers, (field, text)| answers.with(field, text));
    let reference = beside(&path, args.to_chart.as_deref().unwrap_or_default());
    let eyes = Eyes { tools: &cx.tools, person: Person::Absent, asking: Asking::Always };
    let look = |wanted: &Wanted| eyes.look(wanted);
    let made = Made {
        release: name.to_owned(),
        chart: reference,
        version: args.chart_version.clone(),
        dialect: None,
        values: serde_json::Map::new(),
    };
    let of = |made: Made| answers.clone().of(made).draft(&path, &look).map_err(|error| unsayable(&error));
    let bare = of(made.clone())?;
    let mut plugins = exodus::needed(&old.census.plugins);
    plugins.push(shovels::PLUGIN);
    let draft = of(Made { values: exodus::with_plugins(&bare.profile.chart, &plugins), ..made })?;
    Ok(draft)
}

/// Mistakes in what was asked for are told by their fields: there is no file yet that has lines.
fn unsayable(error: &profile::ProfileError) -> anyhow::Error {
    let lines: Vec<String> = error.mistakes.iter().map(|m| format!("`{}`: {}", m.path, m.text)).collect();
    let text = format!("no profile can be made for that chart: {}; nothing was changed", lines.join("\n  "));
    Failure::new(Outcome::Usage, text).hint("mqctl migrate --help   # which charts there are").into()
}

/// Some charts are those that people leave.
fn worth_it(old: &Profile, new: &Profile, chart: &str) -> Result<()> {
    if exodus::are_alike(&old.chart, &new.chart) {
        let text =
            format!("`{}` is on such a chart already: {}; nothing was changed", old.name, crate::chart::title(old));
        let hint = format!("another version of it: `chart:` in the profile, then mqctl upgrade {}", old.name);
        return Err(Failure::new(Outcome::Usage, text).hint(hint).into());
    }
    if exodus::is_kept(&new.chart) {
        return Ok(());
    }
    let text = format!(
        "`--to-chart {chart}`: expected builtin, cloudpirates or groundhog2k, or where such a chart is; nothing was changed"
    );
    Err(Failure::new(Outcome::Usage, text).hint(format!("mqctl migrate {} --to-chart builtin", old.name)).into())
}

/// A profile of the new name that is there already.
fn there(cx: &Context, old: &Profile, name: &str) -> Result<Option<Profile>> {
    let path = old.path.with_file_name(format!("{name}.yaml"));
    let eyes = Eyes { tools: &cx.tools, person: Person::Absent, asking: Asking::Always };
    match profile::load_with(&path, &|wanted| eyes.look(wanted)) {
        Ok(profile) => Ok(Some(profile)),
        Err(LoadError::Unreadable(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(LoadError::ChartUnseen(error)) => Err(error),
        Err(error) => Err(Failure::new(Outcome::BadProfile, error.to_string()).into()),
    }
}

/// The same where it has to be there.
///
/// # Errors
/// There is none, or it has mistakes.
pub(super) fn load(cx: &Context, old: &Profile, name: &str) -> Result<Profile> {
    let missing = || {
        let text = format!("there is no profile `{name}` beside that of `{}`; nothing was changed", old.name);
        Failure::new(Outcome::BadProfile, text).hint("name the one that took over: --as NEW")
    };
    Ok(there(cx, old, name)?.ok_or_else(missing)?)
}

/// Somebody has written it, which is fine where it is for the same chart and its brokers can run shovels.
fn fits(there: &Profile, drafted: &Profile) -> Result<()> {
    let path = there.path.display();
    if there.chart != drafted.chart {
        let text = format!(
            "`{path}` is for {}, and {} is asked for; nothing was changed",
            crate::chart::title(there),
            crate::chart::title(drafted)
        );
        return Err(Failure::new(Outcome::Usage, text).hint("choose another name: --as NEW").into());
    }
    if there.namespace != drafted.namespace {
        let text =
            format!("`{path}` is in namespace `{}`, not `{}`; nothing was changed", there.namespace, drafted.namespace);
        return Err(Failure::new(Outcome::Usage, text).hint("choose another name: --as NEW").into());
    }
    runs_shovels(there)
}

fn runs_shovels(there: &Profile) -> Result<()> {
    let path = there.path.display();
    let Some(key) = exodus::lacks_plugin(there, shovels::PLUGIN) else { return Ok(()) };
    let text =
        format!("`{path}`: `values.{key}` lacks {}, which moves the messages; nothing was changed", shovels::PLUGIN);
    let values = serde_json::Value::Object(exodus::with_plugins(&there.chart, &[shovels::PLUGIN]));
    Err(Failure::new(Outcome::BadProfile, text).hint(format!("values: {values}   # in it")).into())
}
