//! Makes the table of the page's files, which are part of the binary. Where the page was not built
//! the table is empty, and the binary says how to build it.

use std::collections::hash_map::DefaultHasher;
use std::error::Error;
use std::fmt::Write as _;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Endings of compressed files that lie beside the plain ones.
const COMPRESSED: [&str; 2] = ["br", "gz"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let site = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../web/site");
    let page = site.join("dist");
    let page = page.canonicalize().unwrap_or(page);
    // What is not there counts as changed at every build; its folder changes when it comes.
    let watched = if page.is_dir() { &page } else { &site };
    println!("cargo::rerun-if-changed={}", watched.display());
    let mut paths = Vec::new();
    if page.is_dir() {
        collect(&page, &mut paths)?;
    }
    paths.sort();
    let mut table = "&[\n".to_owned();
    for path in paths.iter().filter(|path| !is_compressed(path)) {
        let name = path.strip_prefix(&page)?.to_str().ok_or("a file's name is not UTF-8")?;
        let mut hasher = DefaultHasher::new();
        fs::read(path)?.hash(&mut hasher);
        let [brotli, gzip] = COMPRESSED.map(|ending| compressed(&with(path, ending), &paths));
        let plain = include(path);
        let tag = hasher.finish();
        writeln!(
            table,
            "File {{ path: \"/{name}\", tag: \"{tag:016x}\", plain: {plain}, brotli: {brotli}, \
             gzip: {gzip} }},"
        )?;
    }
    table.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("page.rs"), table)?;
    Ok(())
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else {
            into.push(path);
        }
    }
    Ok(())
}

fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| COMPRESSED.iter().any(|of| ending == *of))
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn compressed(path: &PathBuf, paths: &[PathBuf]) -> String {
    if paths.contains(path) { format!("Some({})", include(path)) } else { "None".to_owned() }
}

fn include(path: &Path) -> String {
    format!("include_bytes!({:?})", path.to_string_lossy())
}
