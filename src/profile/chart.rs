//! Which chart a profile means.

use std::path::{Component, Path, PathBuf};

use super::ChartRef;
use super::file::ProfileFile;
use super::mistakes::Mistakes;
use crate::chart::{BUILTIN_VERSION, Described, Dialect, LocalChart};
use crate::yaml::shown;

/// Who looks at a chart on this machine.
pub type Look<'a> = &'a dyn Fn(&Path) -> Result<Described, String>;

const REF: [&str; 2] = ["chart", "ref"];

pub(super) fn chart(file: &ProfileFile, path: &Path, look: Look<'_>, m: &mut Mistakes) -> Option<ChartRef> {
    let dialect = file.dialect.and_then(|word| dialect(word, m));
    match file.chart_ref {
        None | Some("builtin") => Some(builtin(file, m)),
        Some(text) if is_path(text) => local(file, &beside(path, text), dialect, look, m).map(ChartRef::Local),
        Some(other) => {
            let text = format!(
                "expected builtin or a chart on this machine such as ./charts/rabbitmq, found `{}`; \
                 `helm pull --untar` brings one here",
                shown(other)
            );
            m.at_value(&REF, text);
            None
        }
    }
}

fn is_path(text: &str) -> bool {
    ["./", "../", "/"].iter().any(|begins| text.starts_with(begins))
}

/// A relative path starts at the profile's folder.
fn beside(profile: &Path, text: &str) -> PathBuf {
    let joined = profile.parent().unwrap_or(Path::new("")).join(text);
    joined.components().filter(|part| *part != Component::CurDir).collect()
}

fn builtin(file: &ProfileFile, m: &mut Mistakes) -> ChartRef {
    if file.dialect.is_some() {
        m.at_value(&["chart", "dialect"], "only a chart on this machine has one; leave the key out");
    }
    same_version(file, BUILTIN_VERSION, m);
    ChartRef::Builtin
}

fn same_version(file: &ProfileFile, there: &str, m: &mut Mistakes) {
    if let Some(wished) = file.chart_version.filter(|wished| *wished != there) {
        m.at_value(&["chart", "version"], format!("the chart is version {there}, not `{}`", shown(wished)));
    }
}

fn dialect(word: &str, m: &mut Mistakes) -> Option<Dialect> {
    let dialect = Dialect::of_word(word);
    if dialect.is_none() {
        m.at_value(&["chart", "dialect"], format!("expected {}, found `{}`", Dialect::WORDS, shown(word)));
    }
    dialect
}

/// `dialect` is what the profile says, if it is one.
fn local(
    file: &ProfileFile,
    path: &Path,
    dialect: Option<Dialect>,
    look: Look<'_>,
    m: &mut Mistakes,
) -> Option<LocalChart> {
    image_is_named(file, m);
    let described = look(path).map_err(|why| m.at_value(&REF, format!("`{}`: {why}", path.display()))).ok()?;
    same_version(file, &described.version, m);
    if file.dialect.is_none() && described.dialect.is_none() {
        let text = format!("it cannot be told which keys this chart has; add `dialect:` with {}", Dialect::WORDS);
        m.at_value(&REF, text);
    }
    let Described { name, version, dialect: told } = described;
    let family = dialect.or(told)?;
    if let Some(why) = family.refuses(&version, dialect.is_some()) {
        m.at_value(if dialect.is_some() { &["chart", "dialect"] } else { &REF }, why);
    }
    Some(LocalChart { path: path.to_owned(), name, version, dialect: family })
}

/// The default is for the built-in chart: other charts want images that are laid out for them.
fn image_is_named(file: &ProfileFile, m: &mut Mistakes) {
    if file.repository.is_none() || file.tag.is_none() {
        m.at_value(&["image"], "missing `repository` or `tag`: name the image that this chart is made for");
    }
}
