//! The core's dependencies. The core is sans-IO, and a crate that brings a runtime, a clock,
//! chance, a socket or a database would be a way around that.

use std::collections::BTreeSet;
use std::process::Command;

/// Every crate that the core is compiled from (libc on ARM only, to ask for its features). One more
/// is a decision: add it here with the change that brings it, after a look at what it touches.
const CORE_IS_MADE_OF: &str = "
    hookdesk-core
    serde serde_core serde_derive serde_json itoa memchr zmij
    proc-macro2 quote syn unicode-ident
    uuid chrono num-traits base64 bs58 zeroize
    strsim hmac sha2 digest block-buffer hybrid-array typenum crypto-common const-oid cmov ctutils
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

/// Every crate that a package is compiled from here. It is asked of the package alone: together with
/// others, cargo gives each crate the features that any of them wants.
fn made_of(package: &str, features: &str) -> BTreeSet<String> {
    let alone = ["tree", "--package", package, "--features", features];
    let shown = ["--target", env!("HOOKDESK_TARGET"), "--edges", "normal", "--prefix", "none"];
    let text = cargo(&[&alone[..], &shown, &["--format", "{p}"]].concat());
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_core_gains_no_runtime_clock_chance_socket_or_database() {
    let found = made_of("hookdesk-core", "");
    let allowed: BTreeSet<String> = CORE_IS_MADE_OF.split_whitespace().map(str::to_owned).collect();
    assert!(found.contains("serde"), "the graph was not walked");
    let new: Vec<_> = found.difference(&allowed).collect();
    assert!(new.is_empty(), "the core is now also made of {new:?}");
}

#[test]
fn declarations_for_typescript_are_made_for_the_package_alone() {
    let declares = |package, features| made_of(package, features).contains("tsify");
    assert!(!declares("hookdesk-core", "") && !declares("hookdesk", ""));
    assert!(declares("hookdesk-core", "typescript") && declares("hookdesk-web", ""));
}

#[test]
fn the_cores_dependencies_have_their_clocks_and_dice_switched_off() {
    // Asked of the core alone, as above.
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
