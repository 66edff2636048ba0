//! The profile that says what a release says: chart, image, size and user in its fields, everything else under `values:`,
//! and no secret. Pure.

use serde_json::{Map, Value};

use super::{Reading, unknown};
use crate::chart::{self, Dialect};
use crate::cluster::pod::image_parts;
use crate::error::Failure;
use crate::explain::Code;
use crate::outcome::Outcome;
use crate::profile::draft::{Answers, Draft, Field, Made};
use crate::profile::{Look, Profile, ProfileError};
use crate::secret::Vault;
use crate::secret::in_values::{self, TakenOut};

/// The chart that made the release.
pub(crate) struct Chart<'a> {
    /// As the profile has to say it.
    pub(crate) reference: &'a str,
    pub(crate) look: Look<'a>,
    pub(crate) profile: &'a std::path::Path,
}

/// What the release comes to.
pub(crate) struct Said {
    pub(crate) draft: Draft,
    /// Cookie and password, where they were among the values.
    pub(crate) vault: Vault,
    pub(crate) warnings: Vec<String>,
}

/// Makes the profile. `known` are secrets that must not be in it.
///
/// # Errors
/// Another chart or another user than the release's; something that no profile can say: exit 78, nothing changed.
pub(crate) fn said(reading: &Reading, answers: Answers, chart: &Chart<'_>, known: &[&Vault]) -> Result<Said, Failure> {
    let answers = fields(reading, answers);
    let (bare, dialect) = with_chart(reading, &answers, chart)?;
    let answers = with_user(reading, answers, &bare)?;
    let mut values = reading.values.clone();
    let taken = take_out(&mut values, &bare, known);
    let unread = leave_out_unread(&mut values, &bare);
    parallel(reading, &bare, &mut values);
    let answers = answers.of(Made { values, ..made(reading, chart, dialect) });
    let draft = answers.draft(chart.profile, chart.look).map_err(|error| unsayable(reading, &error))?;
    agree(reading, &draft.profile)?;
    let warnings = warnings(reading, &taken).into_iter().chain(unread).collect();
    Ok(Said { warnings, vault: taken.vault, draft })
}

/// What the StatefulSet says. The class is that of its own claim template, which Kubernetes never changes.
fn fields(reading: &Reading, answers: Answers) -> Answers {
    let template = &reading.live["spec"]["template"]["spec"];
    let image = broker(template).and_then(|container| container["image"].as_str()).and_then(image_parts);
    let claim = claim(reading).unwrap_or(&Value::Null);
    let texts = [
        (Field::Repository, image.map(|(name, _)| name.to_owned())),
        (Field::Tag, image.map(|(_, tag)| tag.to_owned())),
        (Field::Replicas, replicas(reading).map(|count| count.to_string())),
        (Field::Class, claim.pointer("/spec/storageClassName").and_then(Value::as_str).map(str::to_owned)),
        (Field::Size, claim.pointer("/spec/resources/requests/storage").and_then(Value::as_str).map(str::to_owned)),
    ];
    let given = texts.into_iter().filter_map(|(field, text)| Some((field, text?)));
    given.fold(answers, |answers, (field, text)| answers.with(field, text))
}

/// Scaled to nothing it has as many as helm was told.
fn replicas(reading: &Reading) -> Option<u64> {
    let count = |set: &Value| set["spec"]["replicas"].as_u64().filter(|count| *count > 0);
    count(&reading.live).or_else(|| count(&reading.rendered))
}

/// By its name, else by its image, beside containers that belong to it.
pub(super) fn broker(template: &Value) -> Option<&Value> {
    let containers = template["containers"].as_array()?;
    let called = |container: &&Value| container["name"] == chart::CONTAINER;
    let runs = |container: &&Value| {
        let image = container["image"].as_str().and_then(image_parts).map_or("", |(name, _)| name);
        image.rsplit('/').next() == Some("rabbitmq")
    };
    containers.iter().find(called).or_else(|| containers.iter().find(runs)).or_else(|| containers.first())
}

/// The one whose volume the broker has its nodes on, where there are several.
pub(super) fn claim(reading: &Reading) -> Option<&Value> {
    let claims = reading.live.pointer("/spec/volumeClaimTemplates")?.as_array()?;
    let broker = broker(&reading.live["spec"]["template"]["spec"]);
    let mounts = broker.and_then(|broker| broker["volumeMounts"].as_array()).into_iter().flatten();
    let of_nodes = |path: &str| path.contains("rabbitmq") || path.contains("mnesia");
    let base = broker.and_then(base_of);
    let holds = |mount: &&Value| {
        let path = mount["mountPath"].as_str().unwrap_or_default();
        base.map_or_else(|| of_nodes(path), |base| base.starts_with(path))
    };
    let named: Vec<&Value> = mounts.filter(holds).map(|mount| &mount["name"]).collect();
    let mut held = claims.iter().filter(|claim| named.contains(&&claim["metadata"]["name"]));
    held.next().filter(|_| held.next().is_none()).or_else(|| claims.first().filter(|_| claims.len() == 1))
}

/// Where its variables say that the nodes are.
fn base_of(container: &Value) -> Option<&str> {
    let said = |name: &str| container["env"].as_array()?.iter().find(|one| one["name"] == name)?["value"].as_str();
    ["RABBITMQ_MNESIA_BASE", "RABBITMQ_MNESIA_DIR"].into_iter().find_map(said)
}

fn made(reading: &Reading, chart: &Chart<'_>, dialect: Option<Dialect>) -> Made {
    let version = chart::parted(&reading.revision.chart).map_or("", |(_, version)| version);
    Made {
        release: reading.release.clone(),
        chart: chart.reference.to_owned(),
        version: Some(version.to_owned()),
        dialect: dialect.map(Dialect::word),
        values: Map::new(),
    }
}

/// The profile without values. Where the chart does not tell its dialect, the release's own values do.
fn with_chart(reading: &Reading, answers: &Answers, chart: &Chart<'_>) -> Result<(Profile, Option<Dialect>), Failure> {
    let of = |dialect| answers.clone().of(made(reading, chart, dialect)).draft(chart.profile, chart.look);
    let first = match of(None) {
        Ok(draft) => return Ok((draft.profile, None)),
        Err(error) => error,
    };
    let dialect = Dialect::of_values(&reading.all);
    match dialect.map(|dialect| of(Some(dialect))) {
        Some(Ok(draft)) => Ok((draft.profile, dialect)),
        None if first.mistakes.iter().any(|mistake| mistake.path == "chart.dialect") => {
            Err(unknown::refusal(reading, chart.profile))
        }
        _ => Err(unsayable(reading, &first)),
    }
}

fn unsayable(reading: &Reading, error: &ProfileError) -> Failure {
    let lines: Vec<String> = error.mistakes.iter().map(|m| format!("  {:<20}  {}", m.path, m.text)).collect();
    let text = format!("no profile can say what `{}` is; nothing was changed\n{}", reading.release, lines.join("\n"));
    let failure = Failure::new(Outcome::Contradiction, text);
    let chart = error.mistakes.iter().any(|mistake| mistake.path.starts_with("chart."));
    if chart { failure.hint(reading.pull()) } else { failure }
}

/// The first user is what the release's values say; a flag may say the same.
fn with_user(reading: &Reading, answers: Answers, bare: &Profile) -> Result<Answers, Failure> {
    match (first_user(reading, bare), answers.get(Field::Username)) {
        (Some(user), Some(flag)) if user != flag => Err(other_user(reading, user, flag)),
        (Some(user), _) => {
            let user = user.to_owned();
            Ok(answers.with(Field::Username, user))
        }
        (None, _) => Ok(answers),
    }
}

/// By the value that says it, or else by what the chart makes of none.
fn first_user<'a>(reading: &'a Reading, bare: &Profile) -> Option<&'a str> {
    let at = |path: &[&str]| path.iter().try_fold(&reading.all, |at, key| at.get(key))?.as_str();
    let named = |path: &[&str]| at(path).filter(|user| !user.is_empty());
    let own = bare.chart.own_values();
    if let Some((path, _)) = own.iter().find(|(_, field)| *field == Field::Username.path()) {
        return named(path);
    }
    let (path, nobody) = bare.chart.other_user()?;
    // A user in a Secret is one that the values do not say.
    let in_a_secret = own.iter().any(|(own, _)| own.ends_with(&["user", "secretKey"]) && named(own).is_some());
    named(path).or_else(|| (!in_a_secret).then_some(nobody))
}

fn other_user(reading: &Reading, user: &str, flag: &str) -> Failure {
    let text = format!("`{}` was installed with the user `{user}`, not `{flag}`; nothing was changed", reading.release);
    Failure::new(Outcome::Contradiction, text).hint("leave --username out").code(Code::Username)
}

/// Leaves what mqctl does not set itself. Cookie and password stand beside what names the Secret for them.
fn take_out(values: &mut Map<String, Value>, bare: &Profile, known: &[&Vault]) -> TakenOut {
    let own = bare.chart.own_values();
    let credentials = own.iter().filter(|(_, field)| *field == "credentials");
    let holders: Vec<&in_values::Path<'_>> = credentials.filter_map(|(path, _)| Some(path.split_last()?.1)).collect();
    let taken = in_values::take_out(values, &holders, known);
    let user = bare.chart.other_user().map(|(path, _)| path);
    for path in own.iter().map(|(path, _)| path.as_slice()).chain(user) {
        remove(values, path);
    }
    taken
}

/// What the chart does not read changes nothing, and no profile may have it: each is told.
fn leave_out_unread(values: &mut Map<String, Value>, bare: &Profile) -> Vec<String> {
    let all = Value::Object(values.clone());
    let holds = |path: &&[&str]| path.iter().try_fold(&all, |at, key| at.get(*key)).is_some();
    let there: Vec<_> = bare.chart.unread().into_iter().filter(holds).collect();
    for path in &there {
        remove(values, path);
    }
    let said = |path: &&[&str]| format!("`values.{}` is left out: this chart does not read it", path.join("."));
    there.iter().map(said).collect()
}

/// With the mappings that nothing is left in.
fn remove(values: &mut Map<String, Value>, path: &[&str]) {
    match path {
        [] => {}
        [key] => drop(values.remove(*key)),
        [key, rest @ ..] => {
            let Some(Value::Object(inner)) = values.get_mut(*key) else { return };
            remove(inner, rest);
            if inner.is_empty() {
                values.remove(*key);
            }
        }
    }
}

/// Made anew as Parallel beside helm, it has to stay so.
fn parallel(reading: &Reading, bare: &Profile, values: &mut Map<String, Value>) {
    let is = |set: &Value| set["spec"]["podManagementPolicy"] == "Parallel";
    if is(&reading.live) && !is(&reading.rendered) && !chart::is_parallel(bare) {
        values.insert("podManagementPolicy".to_owned(), "Parallel".into());
    }
}

/// The chart, and what mqctl would call the release's objects.
fn agree(reading: &Reading, profile: &Profile) -> Result<(), Failure> {
    let chart = &reading.revision.chart;
    let refuse = |text: String| Failure::new(Outcome::Contradiction, format!("{text}; nothing was changed"));
    if !chart::made(profile, chart) {
        let text =
            format!("`{}` was made by chart `{chart}`, and --chart is {}", reading.release, chart::title(profile));
        return Err(refuse(text).hint(reading.pull()).code(Code::ReleaseTaken));
    }
    let names = chart::names(profile);
    let set = reading.live["metadata"]["name"].as_str().unwrap_or_default();
    let claims = claim(reading).and_then(|claim| claim["metadata"]["name"].as_str());
    let there = claims.map(|claim| format!("{claim}-{set}-0"));
    let expected = names.claims.first().cloned();
    if names.stateful_set != set || there.as_ref().is_some_and(|there| Some(there) != expected.as_ref()) {
        let found = there.map_or_else(String::new, |claim| format!(" with the claim `{claim}`"));
        let text = format!(
            "`{}` has StatefulSet `{set}`{found}, and mqctl knows this chart by `{}` with `{}`",
            reading.release,
            names.stateful_set,
            expected.unwrap_or_default()
        );
        return Err(refuse(text));
    }
    Ok(())
}

fn warnings(reading: &Reading, taken: &TakenOut) -> Vec<String> {
    let failed = reading.failed.map(|failed| {
        let deployed = reading.revision.revision;
        format!("revision {failed} has failed; the profile says what revision {deployed} says, which is deployed")
    });
    let left = taken.others.iter().map(|path| {
        format!("`values.{path}` is left out: it looks like a secret, and a profile holds none; the plan shows what that changes")
    });
    let bare = claim(reading).is_none().then(|| {
        "its nodes keep nothing on volumes: every restart, also that of an upgrade, loses what they have".to_owned()
    });
    failed.into_iter().chain(left).chain(bare).collect()
}
