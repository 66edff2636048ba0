//! Finding and reading a profile's file: a door to the file system.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::mistakes::nearest;
use super::{Look, Profile, ProfileError, read, read_with};
use crate::chart::look::look_here;
use crate::error::Failure;
use crate::units::ReleaseName;
use crate::yaml;

/// Where profiles are looked for, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// `profiles`, relative to the working directory.
    pub working: PathBuf,
    /// `$MQCTL_PROFILES`.
    pub named: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME/mqctl/profiles` or `~/.config/mqctl/profiles`.
    pub user: Option<PathBuf>,
}

impl Places {
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        let others = [&self.named, &self.user];
        std::iter::once(self.working.as_path()).chain(others.into_iter().flatten().map(PathBuf::as_path))
    }
}

/// There is no such profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    pub name: String,
    /// The files that would have been it.
    pub looked: Vec<PathBuf>,
    /// The profiles that are there, sorted.
    pub found: Vec<String>,
}

impl std::error::Error for NotFound {}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no profile `{}`", yaml::shown(&self.name))?;
        if !self.looked.is_empty() {
            let looked: Vec<String> = self.looked.iter().map(|path| path.display().to_string()).collect();
            write!(f, "; looked for {}", looked.join(", "))?;
        }
        if !self.found.is_empty() {
            write!(f, "\nprofiles there: {}", self.found.join(", "))?;
        }
        Ok(())
    }
}

impl NotFound {
    /// The name that was meant, the flag that was meant, or how to begin.
    pub fn hint(&self) -> Option<String> {
        if self.looked.is_empty() {
            return Some("a file is named by --profile PATH, a profile by its name".to_owned());
        }
        let names: Vec<&str> = self.found.iter().map(String::as_str).collect();
        let near = nearest(&self.name, &names).map(|name| format!("did you mean `{name}`?"));
        near.or_else(|| init(&self.name).filter(|_| self.found.is_empty()))
    }
}

/// The command that writes the profile, if the name can be a release's too.
fn init(name: &str) -> Option<String> {
    let name: ReleaseName = name.parse().ok()?;
    Some(format!("mqctl init {name}"))
}

/// The file of the profile `name`, or `explicit` if it is there.
///
/// # Errors
/// Where it was looked for, and which profiles there are.
#[expect(clippy::disallowed_methods, reason = "the door through which profiles are found")]
pub fn find(name: &str, explicit: Option<&Path>, places: &Places) -> Result<PathBuf, NotFound> {
    if let Some(path) = explicit {
        let not_found = || NotFound { name: name.to_owned(), looked: vec![path.to_owned()], found: Vec::new() };
        return if path.exists() { Ok(path.to_owned()) } else { Err(not_found()) };
    }
    let looked = candidates(name, places);
    match looked.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(NotFound { name: name.to_owned(), looked, found: names(places) }),
    }
}

/// None for what is no name: a path, or a profile's secrets.
fn candidates(name: &str, places: &Places) -> Vec<PathBuf> {
    let is_path = name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']);
    let ending = Path::new(name).extension();
    let is_file = ending.is_some_and(|ending| ending == "yaml" || ending == "yml" || ending == "secrets");
    if is_path || is_file {
        return Vec::new();
    }
    places.folders().map(|folder| folder.join(format!("{name}.yaml"))).collect()
}

/// The names of all profiles in all places.
fn names(places: &Places) -> Vec<String> {
    let mut names: Vec<String> = places.folders().flat_map(names_in).collect();
    names.sort();
    names.dedup();
    names
}

/// A profile that is in one of the places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub path: PathBuf,
    /// The file that is taken for this name, where it is another one.
    pub hidden_by: Option<PathBuf>,
}

/// Every profile in every place, in the order in which they are looked at.
pub fn list(places: &Places) -> Vec<Listed> {
    let mut listed: Vec<Listed> = Vec::new();
    for folder in places.folders() {
        let mut names = names_in(folder);
        names.sort();
        for name in names {
            let path = folder.join(format!("{name}.yaml"));
            let first = listed.iter().find(|other| other.name == name).map(|other| other.path.clone());
            // A folder may be two of the places.
            if first.as_ref() != Some(&path) {
                listed.push(Listed { name, path, hidden_by: first });
            }
        }
    }
    listed
}

/// How a profile's file stands to one of the same name in another place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namesake {
    /// It is taken instead.
    HiddenBy(PathBuf),
    /// It is not taken any more, as long as both are there.
    Hides(PathBuf),
}

/// What stands in the way of the profile `name` in this file, or behind it; the file need not be there yet.
#[expect(clippy::disallowed_methods, reason = "the door through which profiles are found")]
pub fn namesake(name: &str, path: &Path, places: &Places) -> Option<Namesake> {
    let same = |other: &PathBuf| std::path::absolute(other).ok() == std::path::absolute(path).ok();
    let all = candidates(name, places);
    let own = all.iter().position(same);
    let other = |files: &[PathBuf]| files.iter().find(|file| file.is_file() && !same(file)).cloned();
    let before = other(&all[..own.unwrap_or(all.len())]).map(Namesake::HiddenBy);
    before.or_else(|| other(&all[own? + 1..]).map(Namesake::Hides))
}

/// A folder that cannot be read has none.
#[expect(clippy::disallowed_methods, reason = "the door through which profiles are found")]
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let files = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let stems = files.filter_map(|file| file.strip_suffix(".yaml").map(str::to_owned));
    stems.filter(|stem| !stem.is_empty() && !stem.ends_with(".secrets")).collect()
}

/// Why a profile's file gave no profile.
#[derive(Debug)]
pub enum LoadError {
    /// The file cannot be read; the error names it.
    Unreadable(std::io::Error),
    Mistaken(ProfileError),
    /// Helm could not be asked what its chart is, or has none such.
    ChartUnseen(anyhow::Error),
}

impl From<ProfileError> for LoadError {
    fn from(error: ProfileError) -> Self {
        Self::Mistaken(error)
    }
}

impl LoadError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable(_) => None,
            Self::ChartUnseen(error) => error.downcast_ref::<Failure>()?.hints.first().cloned(),
            Self::Mistaken(error) => Some(error.hint()),
        }
    }
}

impl std::error::Error for LoadError {}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::Mistaken(error) => error.fmt(f),
            Self::ChartUnseen(error) => error.fmt(f),
        }
    }
}

/// Reads and checks the profile in this file, with what is on this machine.
///
/// # Errors
/// As `load_with`; helm alone knows the chart.
pub fn load(path: &Path) -> Result<Profile, LoadError> {
    load_with(path, &look_here)
}

/// The same with somebody who looks at charts.
///
/// # Errors
/// The file cannot be read, or has mistakes; nobody could look at the chart.
pub fn load_with(path: &Path, look: Look<'_>) -> Result<Profile, LoadError> {
    let bytes = bytes_of(path).map_err(LoadError::Unreadable)?;
    decode_with(&bytes, path, |text, path| read_with(text, path, look))
}

/// Where each field of a profile stands that was loaded before.
///
/// # Errors
/// The file cannot be read, or is not what it was.
pub(crate) fn places(path: &Path) -> anyhow::Result<yaml::Document> {
    let changed = || anyhow::anyhow!("`{}` was changed while it was read", path.display());
    let bytes = bytes_of(path)?;
    yaml::read(std::str::from_utf8(&bytes)?).map_err(|_| changed())
}

/// At most one byte more than a profile may have, so that no device or pipe fills the memory.
fn bytes_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let limit = u64::try_from(yaml::LARGEST).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    fs_err::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads what a file holds, whatever that is.
///
/// # Errors
/// Every mistake in it.
pub fn decode(bytes: &[u8], path: &Path) -> Result<Profile, ProfileError> {
    decode_with(bytes, path, read)
}

fn decode_with<E: From<ProfileError>>(
    bytes: &[u8],
    path: &Path,
    read: impl Fn(&str, &Path) -> Result<Profile, E>,
) -> Result<Profile, E> {
    if bytes.len() > yaml::LARGEST {
        return Err(ProfileError::new(path, vec![yaml::too_big()]).into());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => read(text, path),
        Err(error) => {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            Err(ProfileError::new(path, vec![yaml::not_utf8(&valid)]).into())
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write the files that are looked for")]
mod tests {
    use super::*;

    fn write(folder: &Path, file: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs_err::create_dir_all(folder).unwrap();
        let path = folder.join(file);
        fs_err::write(&path, content).unwrap();
        path
    }

    fn places(root: &Path) -> Places {
        Places { working: root.join("a"), named: Some(root.join("b")), user: Some(root.join("c")) }
    }

    const SMALLEST: &str = "format: 1\nnamespace: rabbitmq\n";

    #[test]
    fn the_first_place_wins() {
        let root = tempfile::tempdir().unwrap();
        let places = places(root.path());
        for folder in ["c", "b", "a"] {
            let path = write(&root.path().join(folder), "prodmq.yaml", SMALLEST);
            assert_eq!(find("prodmq", None, &places), Ok(path));
        }
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is() {
        let root = tempfile::tempdir().unwrap();
        let places = places(root.path());
        write(&root.path().join("a"), "prodmq.yaml", SMALLEST);
        write(&root.path().join("a"), "prodmq.secrets.yaml", "");
        write(&root.path().join("a"), "notes.txt", "");
        write(&root.path().join("c"), "dev.yaml", SMALLEST);
        let error = find("prodmp", None, &places).unwrap_err();
        assert_eq!(error.found, ["dev", "prodmq"]);
        assert_eq!(error.looked, ["a", "b", "c"].map(|folder| root.path().join(folder).join("prodmp.yaml")));
        assert_eq!(error.hint().as_deref(), Some("did you mean `prodmq`?"));
        let shown = error.to_string().replace(&*root.path().to_string_lossy(), "");
        assert_eq!(
            shown,
            "no profile `prodmp`; looked for /a/prodmp.yaml, /b/prodmp.yaml, /c/prodmp.yaml\nprofiles there: dev, prodmq"
        );
    }

    #[test]
    fn a_profile_of_the_same_name_is_seen_on_both_sides() {
        let root = tempfile::tempdir().unwrap();
        let mut places = places(root.path());
        let file = |folder: &str| root.path().join(folder).join("prodmq.yaml");
        let seen = |folder, places: &Places| namesake("prodmq", &file(folder), places);
        assert_eq!(seen("a", &places), None);
        write(&root.path().join("b"), "prodmq.yaml", SMALLEST);
        assert_eq!(seen("a", &places), Some(Namesake::Hides(file("b"))));
        assert_eq!(seen("b", &places), None, "it is no namesake of its own");
        for folder in ["c", "elsewhere"] {
            assert_eq!(seen(folder, &places), Some(Namesake::HiddenBy(file("b"))), "{folder}");
        }
        places.user = places.named.clone();
        assert_eq!(seen("b", &places), None, "one folder that is two of the places");
    }

    #[test]
    fn the_first_profile_of_all_is_a_command_away() {
        let root = tempfile::tempdir().unwrap();
        let hint = find("prodmq", None, &places(root.path())).unwrap_err().hint();
        assert_eq!(hint.as_deref(), Some("mqctl init prodmq"));
        assert_eq!(find("Prod", None, &places(root.path())).unwrap_err().hint(), None);
    }

    #[test]
    fn paths_and_secrets_are_no_names() {
        let root = tempfile::tempdir().unwrap();
        let places = places(root.path());
        write(&root.path().join("a"), "prodmq.secrets.yaml", "");
        for name in ["", "profiles/prodmq", "../prodmq", "prodmq.yaml", ".", "prodmq.secrets", "a\\b"] {
            let error = find(name, None, &places).unwrap_err();
            assert_eq!(error.looked, Vec::<PathBuf>::new(), "{name}");
            assert!(error.hint().unwrap().contains("--profile"));
        }
    }

    #[test]
    fn an_explicit_path_is_taken_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        let path = write(root.path(), "other.yaml", SMALLEST);
        assert_eq!(find("prodmq", Some(&path), &places(root.path())), Ok(path));
        let missing = root.path().join("none.yaml");
        let error = find("prodmq", Some(&missing), &places(root.path())).unwrap_err();
        assert_eq!(error.looked, [missing]);
    }

    #[test]
    fn a_file_becomes_a_profile() {
        let root = tempfile::tempdir().unwrap();
        let path = write(root.path(), "prodmq.yaml", SMALLEST);
        let profile = load(&path).unwrap();
        assert_eq!((profile.name.as_str(), profile.release.as_str()), ("prodmq", "prodmq"));
    }

    #[test]
    fn files_that_are_no_text_are_mistakes() {
        let root = tempfile::tempdir().unwrap();
        let big = vec![b'#'; yaml::LARGEST + 1];
        for (content, expected) in [
            (&b"format: 1\nrelease: \xff\n"[..], "2:10  not UTF-8; save the file in this encoding"),
            (&big[..], "larger than 1 MiB"),
        ] {
            let path = write(root.path(), "prodmq.yaml", content);
            let text = load(&path).unwrap_err().to_string();
            assert!(text.contains("has 1 mistake\n") && text.trim_end().ends_with(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let root = tempfile::tempdir().unwrap();
        for path in [root.path().join("none.yaml"), root.path().to_owned()] {
            let error = load(&path).unwrap_err();
            assert!(matches!(error, LoadError::Unreadable(_)), "{error}");
            assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
        }
    }
}
