//! The layers of the code: which folder may use which, read off the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The core's folders, and those that each may use. A folder stands below all that use it, so the
/// table is free of circles as long as each line names lines above it only.
const CORE: [(&str, &[&str]); 10] = [
    ("guard", &[]),
    ("model", &[]),
    ("verify", &["model"]),
    ("webhook", &["guard", "model"]),
    ("delivery", &["guard", "model", "webhook"]),
    ("engine", &["guard", "model", "webhook", "delivery"]),
    ("api", &["guard", "model", "webhook", "delivery", "engine"]),
    ("sql", &["guard", "model", "webhook", "delivery", "engine"]),
    ("memory", &["guard", "model", "webhook", "delivery", "engine"]),
    ("incident", &["guard", "model", "webhook", "delivery", "engine", "api", "sql"]),
];

fn sources(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(of).join("src")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The modules below it that are compiled for tests only, as files.
fn test_files(path: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(path).expect("a source");
    let lines: Vec<&str> = text.lines().collect();
    let after = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]").map(|pair| pair[1]);
    let names = after.filter_map(|line| line.strip_suffix(';')?.rsplit_once("mod "));
    names.map(|(_, name)| path.with_extension("").join(format!("{name}.rs"))).collect()
}

/// The code of a source without its comments and its tests, which stand last.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source");
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

/// The folders of the crate that some code uses by `crate::…`.
fn used(code: &str) -> BTreeSet<&str> {
    let paths = code.split("crate::").skip(1);
    let first = paths.map(|path| path.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    first.filter_map(|mut names| names.next()).filter(|name| !name.is_empty()).collect()
}

/// Each use of a folder that the table does not allow, as `file -> folder`.
fn against_the_layers() -> Vec<String> {
    let root = sources("core");
    let all = files(&root);
    let tests: BTreeSet<PathBuf> = all.iter().flat_map(|path| test_files(path)).collect();
    let is_test = |path: &PathBuf| {
        tests.iter().any(|test| path == test || path.starts_with(test.with_extension("")))
    };
    let mut wrong = Vec::new();
    for path in all.iter().filter(|path| !is_test(path)) {
        let name = path.strip_prefix(&root).expect("below the root").display().to_string();
        let folder = name.split('/').next().and_then(|first| first.split('.').next());
        let folder = folder.unwrap_or_default();
        if folder == "lib" {
            continue;
        }
        let Some((_, allowed)) = CORE.iter().find(|(of, _)| *of == folder) else {
            wrong.push(format!("{name} is in no layer"));
            continue;
        };
        let code = code(path);
        let strangers = used(&code).into_iter().filter(|of| *of != folder && !allowed.contains(of));
        wrong.extend(strangers.map(|of| format!("{name} -> {of}")));
    }
    wrong
}

#[test]
fn no_folder_of_the_core_uses_one_above_it() {
    for (index, (folder, allowed)) in CORE.iter().enumerate() {
        let below: Vec<&str> = CORE[..index].iter().map(|(name, _)| *name).collect();
        let circle = allowed.iter().find(|of| !below.contains(of));
        assert_eq!(circle, None, "{folder} may only use folders of lines above it");
    }
    assert_eq!(against_the_layers(), Vec::<String>::new());
}

#[test]
fn a_use_is_seen_wherever_it_stands() {
    let text =
        "use crate::engine::{Desk, Need};\nlet a = crate::sql::query(); // crate::no\nmycrate";
    assert_eq!(used(text), BTreeSet::from(["engine", "no", "sql"]));
    assert!(code(&sources("core").join("engine/session.rs")).contains("crate::engine::desk"));
    assert!(!code(&sources("core").join("engine/session.rs")).contains("crate::memory"));
}

/// Where the host asks the operating system for time or chance.
#[test]
fn the_host_has_one_clock_and_one_source_of_chance() {
    let root = sources("host");
    let asks = |path: &PathBuf| {
        let code = code(path);
        code.contains("SystemTime::now") || code.contains("getrandom::")
    };
    let found: Vec<PathBuf> = files(&root).into_iter().filter(asks).collect();
    assert_eq!(found, [root.join("moment.rs")]);
}
