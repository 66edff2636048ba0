//! Which chart a profile means.

use std::path::{Component, Path, PathBuf};

use super::file::ProfileFile;
use super::mistakes::Mistakes;
use super::{ChartRef, custom};
use crate::chart::{
    BUILTIN_VERSION, CUSTOM, Described, Dialect, Home, LocalChart, Said, Spoken, Unseen, Wanted, reference,
};
use crate::yaml::shown;

/// Who looks at a chart.
pub type Look<'a> = &'a dyn Fn(&Wanted) -> Result<Described, Unseen>;

const REF: [&str; 2] = ["chart", "ref"];
const VERSION: [&str; 2] = ["chart", "version"];
const DIALECT: [&str; 2] = ["chart", "dialect"];

/// Looked at last: whoever has mistakes to mend does not wait for helm.
pub(super) fn chart(file: &ProfileFile, path: &Path, look: Look<'_>, m: &mut Mistakes) -> Option<ChartRef> {
    let said = file.dialect.map(|word| said(word, m));
    let text = file.chart_ref.unwrap_or("builtin");
    if text == "builtin" {
        return Some(builtin(file, m));
    }
    let home = Home::read(text).map_err(|words| m.at_value(&REF, words)).ok()?;
    image_is_named(file, m);
    let home = match home {
        Home::Here(there) => Home::Here(beside(path, &there)),
        remote @ Home::Remote(_) => {
            exact(file.chart_version, m)?;
            remote
        }
    };
    no_custom_unless_said(file, m);
    let said = said.map_or(Some(None), |said| said.map(Some))?;
    other(file, home, said, look, m).map(ChartRef::Local)
}

/// A relative path starts at the profile's folder.
fn beside(profile: &Path, path: &Path) -> PathBuf {
    let joined = profile.parent().unwrap_or(Path::new("")).join(path);
    joined.components().filter(|part| *part != Component::CurDir).collect()
}

fn builtin(file: &ProfileFile, m: &mut Mistakes) -> ChartRef {
    if file.dialect.is_some() {
        m.at_value(&DIALECT, "the built-in chart has none; leave the key out");
    }
    no_custom_unless_said(file, m);
    same_version(file, BUILTIN_VERSION, m);
    ChartRef::Builtin
}

fn same_version(file: &ProfileFile, there: &str, m: &mut Mistakes) {
    if let Some(wished) = file.chart_version.filter(|wished| *wished != there) {
        m.at_value(&VERSION, format!("the chart is version {there}, not `{}`", shown(wished)));
    }
}

/// What helm takes from elsewhere is the same tomorrow.
fn exact(version: Option<&str>, m: &mut Mistakes) -> Option<()> {
    match version {
        Some(version) if reference::is_exact(version) => return Some(()),
        Some(range) => {
            let text = format!("expected one version such as 16.0.16, and no range; found `{}`", shown(range));
            m.at_value(&VERSION, text);
        }
        None if !m.has(&VERSION) => {
            m.at_value(&VERSION, "missing: a chart that is not on this machine is named with its version");
        }
        None => {}
    }
    None
}

fn no_custom_unless_said(file: &ProfileFile, m: &mut Mistakes) {
    if file.custom.is_some() && file.dialect != Some(CUSTOM) {
        m.at_key(&["chart", "custom"], "it describes a chart of `dialect: custom`; say that, or leave the key out");
    }
}

fn said(word: &str, m: &mut Mistakes) -> Option<Said> {
    let dialect = Dialect::of_word(word).map(Said::Family).or((word == CUSTOM).then_some(Said::Custom));
    if dialect.is_none() {
        m.at_value(&DIALECT, format!("expected {}, found `{}`", known_dialects(), shown(word)));
    }
    dialect
}

/// What `chart.dialect` can be.
pub(super) fn known_dialects() -> String {
    format!("{} or {CUSTOM}", Dialect::ALL.map(Dialect::word).join(", "))
}

fn other(file: &ProfileFile, home: Home, said: Option<Said>, look: Look<'_>, m: &mut Mistakes) -> Option<LocalChart> {
    let custom = if said == Some(Said::Custom) { custom::custom(file, m) } else { None };
    let presumed = home.presume(file.chart_version, said);
    let wanted = Wanted { home, version: file.chart_version.map(str::to_owned), said, presumed };
    let described = described(&wanted, look, m)?;
    same_version(file, &described.version, m);
    let Described { name, version, dialect: told, unasked } = described;
    let dialect = match said {
        Some(Said::Family(dialect)) => Spoken::Family(dialect),
        Some(Said::Custom) => Spoken::Custom(Box::new(custom?)),
        None => Spoken::Family(told?),
    };
    if let Spoken::Family(family) = dialect
        && let Some(why) = family.refuses(&version, said.is_some())
    {
        m.at_value(if said.is_some() { &DIALECT } else { &REF }, why);
    }
    Some(LocalChart { home: wanted.home, name, version, dialect, unasked })
}

fn described(wanted: &Wanted, look: Look<'_>, m: &mut Mistakes) -> Option<Described> {
    let waits = wanted.home.is_remote() || wanted.home.is_packed();
    if waits && !m.is_empty() {
        return wanted.presumed.clone();
    }
    match look(wanted) {
        Ok(described) => return Some(described),
        Err(Unseen::Mistake(words)) => m.at_value(&REF, format!("`{}`: {words}", wanted.home.name())),
        Err(Unseen::Doubt(words)) => m.at_value(&DIALECT, format!("missing, and {words}: {}", known_dialects())),
        Err(Unseen::Failed(error)) => m.unseen = Some(error),
    }
    None
}

/// The default is for the built-in chart: other charts want images that are laid out for them.
fn image_is_named(file: &ProfileFile, m: &mut Mistakes) {
    if file.repository.is_none() || file.tag.is_none() {
        m.at_value(&["image"], "missing `repository` or `tag`: name the image that this chart is made for");
    }
}
