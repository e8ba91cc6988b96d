//! Tells the tests which target they are built for.

fn main() {
    let target = std::env::var("TARGET").expect("cargo names the target");
    println!("cargo::rustc-env=HOOKDESK_TARGET={target}");
    println!("cargo::rerun-if-changed=build.rs");
}
