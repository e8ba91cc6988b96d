//! What the core is made of. It decides and touches nothing, and a dependency that brings a
//! runtime, a clock, chance, a socket or a database would be a way around that.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Every crate that the core is compiled from (libc on ARM only, to ask for its features). One more is a decision: add it here
/// with the change that brings it, after a look at what it touches.
const CORE_IS_MADE_OF: &str = "
    hookdesk-core
    serde serde_core serde_derive serde_json itoa memchr zmij
    proc-macro2 quote syn unicode-ident
    uuid chrono num-traits base64 zeroize
    hmac sha2 digest block-buffer hybrid-array typenum crypto-common const-oid cmov ctutils
    cpufeatures cfg-if libc
    url form_urlencoded percent-encoding idna idna_adapter utf8_iter smallvec
    icu_collections icu_locale_core icu_normalizer icu_normalizer_data icu_properties
    icu_properties_data icu_provider displaydoc litemap potential_utf stable_deref_trait
    synstructure tinystr writeable yoke yoke-derive zerofrom zerofrom-derive zerotrie zerovec
    zerovec-derive utf_types
";

/// Features that would give a crate of that list a clock or chance.
const FORBIDDEN_FEATURES: [(&str, &[&str]); 2] = [
    ("chrono", &["clock", "now", "iana-time-zone", "wasmbind"]),
    ("uuid", &["rng", "rng-getrandom", "rng-rand", "v1", "v4", "v6", "v7", "js"]),
];

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .args(["--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

/// The workspace as it is compiled here. Crates for other platforms may not be at hand.
fn metadata() -> Value {
    let target = env!("HOOKDESK_TARGET");
    let text = cargo(&["metadata", "--format-version", "1", "--filter-platform", target]);
    serde_json::from_str(&text).expect("cargo's metadata is JSON")
}

/// The dependencies of each package that are part of what it is compiled from.
fn graph(metadata: &Value) -> BTreeMap<&str, Vec<&str>> {
    let nodes = metadata["resolve"]["nodes"].as_array().expect("a resolved graph");
    let normal = |dependency: &&Value| {
        let kinds = dependency["dep_kinds"].as_array().expect("kinds");
        kinds.iter().any(|kind| kind["kind"].is_null())
    };
    let edges = nodes.iter().map(|node| {
        let dependencies = node["deps"].as_array().expect("dependencies").iter();
        let ids = dependencies.filter(normal).filter_map(|of| of["pkg"].as_str());
        (node["id"].as_str().expect("an id"), ids.collect())
    });
    edges.collect()
}

#[test]
fn the_core_gains_no_runtime_clock_chance_socket_or_database() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let names: BTreeMap<&str, &str> = packages
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect();
    let graph = graph(&metadata);
    let (core, _) = names.iter().find(|(_, name)| **name == "hookdesk-core").expect("the core");
    let (mut found, mut open) = (BTreeSet::new(), vec![*core]);
    while let Some(id) = open.pop() {
        if found.insert(names[id]) {
            open.extend(&graph[id]);
        }
    }
    let allowed: BTreeSet<&str> = CORE_IS_MADE_OF.split_whitespace().collect();
    assert!(found.contains("serde"), "the graph was not walked");
    let new: Vec<_> = found.difference(&allowed).collect();
    assert!(new.is_empty(), "the core is now also made of {new:?}");
}

#[test]
fn the_cores_dependencies_have_their_clocks_and_dice_switched_off() {
    // Asked of the core alone: together with the host, cargo gives each crate what either wants.
    let core = ["tree", "--package", "hookdesk-core", "--edges", "normal", "--prefix", "none"];
    let text = cargo(&[&core[..], &["--format", "{p} [{f}]"]].concat());
    for (name, forbidden) in FORBIDDEN_FEATURES {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} v")));
        let line = line.unwrap_or_else(|| panic!("{name} is not among: {text}"));
        let features = line.split(['[', ']', ',']).skip(1);
        let on: Vec<_> = features.filter(|feature| forbidden.contains(feature)).collect();
        assert!(on.is_empty(), "{name} has {on:?}");
    }
}
