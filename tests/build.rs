//! Build script: passes the target triple on to the tests.

fn main() {
    let target = std::env::var("TARGET").expect("cargo names the target");
    println!("cargo::rustc-env=HOOKDESK_TARGET={target}");
    println!("cargo::rerun-if-changed=build.rs");
}
