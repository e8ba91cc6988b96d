//! The published Standard Webhooks libraries of other languages, which `make setup` installs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::server::Folder;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("verify")
}

/// A file that the set-up makes.
fn set_up(path: &str) -> PathBuf {
    let path = folder().join(path);
    assert!(path.exists(), "no {}; it is made by: make setup", path.display());
    path
}

/// Has every library verify deliveries, as [`Delivery::to_verify`](crate::Delivery::to_verify)
/// gives them.
///
/// # Panics
/// If one of them accepts what it should not, or refuses what it should accept.
pub fn libraries_verify(entries: &[Value]) {
    set_up("node_modules/standardwebhooks");
    let python = set_up(".venv/bin/python");
    let valid = entries.iter().filter(|entry| entry["valid"] == true).count();
    let expected = format!("verified {valid}, refused {}", entries.len() - valid);
    assert_eq!(run(Path::new("node"), "verify.mjs", entries), expected);
    assert_eq!(run(&python, "verify.py", entries), expected);
}

/// Runs a verifier over entries, and gives what it says.
fn run(program: &Path, script: &str, entries: &[Value]) -> String {
    let own = Folder::new();
    let file = own.path().join("entries.json");
    fs::write(&file, json!(entries).to_string()).expect("it can be written");
    let mut command = Command::new(program);
    command.arg(folder().join(script)).arg(&file);
    let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {said}{complaint}");
    said.trim().to_owned()
}
