//! The repository's own budgets and habits; every figure is printed where one is broken.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Every file below a folder of the repository; what is built or kept by git is none of ours.
fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(ROOT).join(folder)];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            let foreign = [".git", "target"].iter().any(|name| path == Path::new(ROOT).join(name));
            match path.is_dir() {
                true if !foreign => folders.push(path),
                _ if path.is_symlink() || foreign => {}
                _ => files.push(path),
            }
        }
    }
    files.sort();
    files
}

fn with_ending(folder: &str, ending: &str) -> Vec<PathBuf> {
    files_below(folder).into_iter().filter(|file| file.extension().is_some_and(|e| e == ending)).collect()
}

/// Without the way to the repository.
fn short(path: &Path) -> String {
    path.strip_prefix(ROOT).unwrap_or(path).display().to_string()
}

/// The lines of every function's body in a file, with their names.
#[derive(Default)]
struct Bodies {
    found: Vec<(usize, String)>,
}

impl Bodies {
    /// The lines between the braces; a body on one line is one.
    fn note(&mut self, name: &syn::Ident, block: &syn::Block) {
        let lines = block.span().end().line - block.span().start().line;
        self.found.push((lines.saturating_sub(1).max(1), name.to_string()));
    }
}

impl<'ast> Visit<'ast> for Bodies {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note(&item.sig.ident, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note(&item.sig.ident, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.note(&item.sig.ident, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

/// Lines and name of each function below `src`, the longest first.
fn functions() -> Vec<(usize, String)> {
    let mut all = Vec::new();
    for file in with_ending("src", "rs") {
        let mut bodies = Bodies::default();
        bodies.visit_file(&syn::parse_file(&std::fs::read_to_string(&file).unwrap()).unwrap());
        all.extend(bodies.found.into_iter().map(|(lines, name)| (lines, format!("{}: {name}", short(&file)))));
    }
    all.sort_by(|a, b| b.cmp(a));
    all
}

#[test]
fn functions_are_small() {
    let all = functions();
    assert!(all.len() > 100, "only {} functions were found: the search is broken", all.len());
    let (median, tenth, longest) = (all[all.len() / 2].0, all[all.len() / 10].0, all[0].0);
    let mut figures =
        format!("{} functions: median {median} lines, 9 of 10 up to {tenth}, longest {longest}", all.len());
    for (lines, name) in all.iter().take(10) {
        write!(figures, "\n  {lines:>3}  {name}").unwrap();
    }
    println!("{figures}");
    assert!(median <= 8 && tenth <= 25 && longest <= 60, "{figures}");
}

/// Sources, tests, and scripts with or without an ending. Locks and modules of other tools are not written by hand.
fn written_by_hand() -> Vec<PathBuf> {
    let all = ["src", "tests", "benches", ".ci"].into_iter().flat_map(files_below);
    let generated = |file: &PathBuf| file.extension().is_some_and(|e| ["sum", "mod", "snap"].iter().any(|g| e == *g));
    all.filter(|file| !generated(file)).collect()
}

#[test]
fn files_are_small() {
    let lines = |file: &PathBuf| std::fs::read_to_string(file).map_or(0, |text| text.lines().count());
    let all: Vec<(usize, String)> = written_by_hand().iter().map(|file| (lines(file), short(file))).collect();
    let large: Vec<_> = all.iter().filter(|(lines, _)| *lines > 400).collect();
    assert!(large.is_empty() && all.len() > 60, "of {} files more than 400 lines: {large:?}", all.len());
}

#[test]
fn no_file_is_named_for_nothing() {
    let nothing = ["util", "utils", "helper", "helpers", "common", "manager", "misc"];
    let named = |file: &PathBuf| file.file_stem().is_some_and(|stem| nothing.iter().any(|name| stem == *name));
    let all: Vec<String> = written_by_hand().iter().filter(|file| named(file)).map(|file| short(file)).collect();
    assert!(all.is_empty(), "{all:?}");
}

#[test]
fn every_file_of_this_test_is_part_of_it() {
    let listed = include_str!("main.rs");
    for file in with_ending("tests/it", "rs") {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(name == "main" || listed.contains(&format!("mod {name};")), "tests/it/main.rs does not list {name}");
    }
}

#[test]
fn the_changelog_knows_this_version() {
    let text = std::fs::read_to_string(Path::new(ROOT).join("CHANGELOG.md")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
    assert!(headings.iter().any(|line| line.contains(version)), "no heading has {version}: {headings:?}");
}

/// Words of unfinished work, and of places that the project does not speak of. Put together here, so that this file has none.
fn forbidden() -> Vec<String> {
    let words = [
        ("TO", "DO"),
        ("FIX", "ME"),
        ("XX", "X"),
        ("to", "do!("),
        ("#[ig", "nore"),
        ("crates", ".io"),
        ("pypi", ".org"),
        ("proxy.golang", ".org"),
        ("deb.debian", ".org"),
        ("registry.npmjs", ".org"),
        ("files.python", "hosted.org"),
        ("/wo", "rk/"),
        ("../sha", "red"),
        ("mq", "dev"),
    ];
    words.iter().map(|(head, tail)| format!("{head}{tail}")).collect()
}

/// All of the repository's text, but what cargo and go write themselves.
fn texts() -> Vec<(String, String)> {
    let written = |file: &PathBuf| !["Cargo.lock", "go.sum", "go.mod"].iter().any(|name| file.ends_with(name));
    let read = |file: PathBuf| Some((short(&file), std::fs::read_to_string(&file).ok()?));
    files_below("").into_iter().filter(written).filter_map(read).collect()
}

#[test]
fn no_forbidden_word() {
    let words = forbidden();
    let mut found = Vec::new();
    for (file, text) in texts() {
        for (number, line) in text.lines().enumerate() {
            // The six letters of a template for mktemp are no word.
            let line = line.replace(&"X".repeat(6), "");
            let word = words.iter().find(|word| line.contains(word.as_str()));
            found.extend(word.map(|word| format!("{file}:{}: {word}", number + 1)));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_dependency_says_why() {
    let manifest = std::fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap();
    let lines: Vec<&str> = manifest.lines().collect();
    let mut section = "";
    let mut seen = 0;
    for (number, line) in lines.iter().enumerate() {
        if line.starts_with('[') {
            section = line;
        }
        if section.ends_with("dependencies]") && line.contains(" = ") && !line.starts_with('#') {
            seen += 1;
            let above = lines[number - 1].starts_with("# ");
            assert!(above || line.contains(" # "), "no reason for: {line}");
        }
    }
    assert!(seen > 20, "only {seen} dependencies were found: the search is broken");
}
