//! The layers of the code: which folder may use which, read off the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The core's folders, and those that each may use. A folder stands below all that use it, so the
/// table is free of circles as long as each line names lines above it only.
const CORE: [(&str, &[&str]); 11] = [
    ("guard", &[]),
    ("model", &[]),
    ("verify", &["model"]),
    ("webhook", &["guard", "model"]),
    ("delivery", &["guard", "model", "webhook"]),
    ("engine", &["guard", "model", "webhook", "delivery"]),
    ("api", &["guard", "model", "webhook", "delivery", "engine"]),
    ("sql", &["guard", "model", "webhook", "delivery", "engine"]),
    ("term", &["guard", "model", "webhook", "delivery", "engine"]),
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

/// The code of a source without its comments and the items that are compiled for tests only.
fn code(path: &Path) -> String {
    without_tests(&fs::read_to_string(path).expect("a source"))
}

fn without_tests(text: &str) -> String {
    let mut lines = text.lines();
    let mut code = String::new();
    while let Some(line) = lines.next() {
        let content = line.trim_start();
        if content == "#[cfg(test)]" {
            let indent = line.len() - content.len();
            lines.find(|line| ends_item(line, indent));
        } else if !content.starts_with("//") {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

/// Whether an item ends with this line, formatted as it is by rustfmt and with this indent.
fn ends_item(line: &str, indent: usize) -> bool {
    let content = line.trim_start();
    line.len() - content.len() == indent && content.ends_with([';', '}', ','])
}

/// A module's place in the crate, by the name of its file: `engine`, `desk` for `engine/desk.rs`.
fn module(file: &str) -> Vec<&str> {
    file.trim_end_matches(".rs").split('/').collect()
}

/// The first names, from the crate's root, of all paths of a module that begin with `crate` or
/// `super`; `crate` where a path is the root itself.
fn used<'a>(code: &'a str, module: &[&'a str]) -> BTreeSet<&'a str> {
    let roots = ["crate", "super"].into_iter().flat_map(|root| code.match_indices(root));
    let paths = roots.filter(|(at, root)| {
        let before = code[..*at].chars().next_back();
        let after = code[at + root.len()..].chars().next();
        !before.is_some_and(is_of_name) && !after.is_some_and(|c| is_of_name(c) || c == ')')
    });
    let mut found = BTreeSet::new();
    paths.for_each(|(at, _)| add_used(&code[at..], module, &mut found));
    found
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Adds what the path at the head of the text uses, with each path of its group.
fn add_used<'a>(text: &'a str, within: &[&'a str], found: &mut BTreeSet<&'a str>) {
    let end = text.find(|c| !is_of_name(c) && c != ':' && c != '*').unwrap_or(text.len());
    let (path, rest) = text.split_at(end);
    let mut place = within.to_vec();
    for name in path.split(':').filter(|name| !name.is_empty()) {
        match name {
            "crate" => place.clear(),
            "super" => drop(place.pop()),
            "self" => {}
            name => place.push(name),
        }
    }
    match rest.strip_prefix('{').filter(|_| path.ends_with("::")) {
        Some(group) => members(group).iter().for_each(|member| add_used(member, &place, found)),
        None => drop(found.insert(place.first().copied().unwrap_or("crate"))),
    }
}

/// The members of a group of paths, up to its closing brace.
fn members(group: &str) -> Vec<&str> {
    let (mut members, mut start, mut depth) = (Vec::new(), 0, 0_u32);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            ',' | '}' if depth == 0 => {
                members.push(group[start..at].trim());
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    members.retain(|member| !member.is_empty());
    members
}

/// Each use of a folder by this file that the table does not allow, as `file -> folder`.
fn wrong_uses(file: &str, code: &str) -> Vec<String> {
    let module = module(file);
    let folder = module[0];
    let Some((_, allowed)) = CORE.iter().find(|(of, _)| *of == folder) else {
        return vec![format!("{file} is in no layer")];
    };
    let used = used(code, &module);
    let wrong = used.iter().filter(|of| **of != folder && !allowed.contains(of));
    wrong.map(|of| format!("{file} -> {of}")).collect()
}

fn against_the_layers() -> Vec<String> {
    let root = sources("core");
    let all = files(&root);
    let tests: BTreeSet<PathBuf> = all.iter().flat_map(|path| test_files(path)).collect();
    let is_test = |path: &PathBuf| {
        tests.iter().any(|test| path == test || path.starts_with(test.with_extension("")))
    };
    let kept = all.iter().filter(|path| !is_test(path) && **path != root.join("lib.rs"));
    kept.flat_map(|path| {
        let file = path.strip_prefix(&root).expect("below the root").display().to_string();
        wrong_uses(&file, &code(path))
    })
    .collect()
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
fn a_wrong_use_is_seen_in_each_form() {
    let cases = [
        ("verify.rs", "use crate::api::Problem;", "api"),
        ("verify.rs", "#[cfg(test)]\nmod tests;\n\nuse crate::api::Problem;", "api"),
        ("sql.rs", "#[cfg(test)]\nfn a(\n    b: B,\n) {\n    c();\n}\ncrate::api::d();", "api"),
        ("sql.rs", "#[cfg(test)]\nuse crate::{\n    engine::Desk,\n};\nuse crate::api::A;", "api"),
        ("api.rs", "mod a {\n    #[cfg(test)]\n    use b::C;\n    use crate::sql::D;\n}", "sql"),
        ("model/log.rs", "use crate::{api::Problem, model::seq::Seq};", "api"),
        (
            "model/log.rs",
            "use crate::{\n    model::{seq::Seq, id},\n    sql::{query::{A}},\n};",
            "sql",
        ),
        ("model/log.rs", "use super::super::engine::desk::Desk;", "engine"),
        ("model/log.rs", "use super::{seq::Seq, super::engine};", "engine"),
        ("model/log.rs", "use super::{super::{engine::Desk}};", "engine"),
        ("model/log.rs", "fn a() -> crate::api::Problem {", "api"),
        ("model/log.rs", "let a = crate::sql::query();", "sql"),
        ("memory.rs", "use super::api::Problem;", "api"),
        ("model/log.rs", "use crate::Desk;", "Desk"),
        ("model/log.rs", "use crate::*;", "*"),
        ("model/log.rs", "use super::super::*;", "*"),
        ("model/log.rs", "use crate as root;", "crate"),
        ("model/log.rs", "use crate::{self as root};", "crate"),
        ("model/log.rs", "extern crate self as hookdesk_core;", "crate"),
    ];
    for (file, text, above) in cases {
        let wrong = wrong_uses(file, &without_tests(text));
        assert_eq!(wrong, [format!("{file} -> {above}")], "{text}");
    }
    assert_eq!(wrong_uses("strange.rs", ""), ["strange.rs is in no layer"]);
}

#[test]
fn a_use_within_the_layers_is_no_wrong_one() {
    let cases = [
        ("engine/desk.rs", "use crate::{delivery::{lane::Lane, slot}, engine::need::Need};"),
        ("engine/decide/tickets.rs", "use super::super::facts::Facts;\npub(crate) fn a() {}"),
        ("engine/desk.rs", "use super::super::model::{log::Log, event::{self, Event}};"),
        ("model/log.rs", "use super::*;\npub(super) fn a() {}\nlet mycrate = supers::api::b();"),
        ("model/log.rs", "// crate::api\n#[cfg(test)]\nmod tests {\n    use crate::api::A;\n}"),
    ];
    for (file, text) in cases {
        assert_eq!(wrong_uses(file, &without_tests(text)), Vec::<String>::new(), "{text}");
    }
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
