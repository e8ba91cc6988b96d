//! A database of a PostgreSQL server that tests share, as the place of one desk's data.

use std::{env, path::Path, process::Command};

/// The variable that says where that server is, without a database: `.ci/postgres` sets it.
const SERVER: &str = "HOOKDESK_TEST_POSTGRES";

/// The URL of the database of the desk in a folder.
///
/// # Panics
/// If there is no server.
pub fn url(folder: &Path) -> String {
    let server = env::var(SERVER);
    let server = server.expect("tests over PostgreSQL are run by .ci/postgres");
    format!("{server}/{}", name(folder))
}

fn name(folder: &Path) -> String {
    let folder = folder.file_name().expect("it has a name of its own");
    folder.to_string_lossy().replace(['-', '.'], "_")
}

/// Creates a folder's database, unless it is there.
///
/// # Panics
/// If PostgreSQL does not.
pub fn create(folder: &Path) {
    let name = name(folder);
    let exists = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
    if psql(&["-tAc", &exists]).is_empty() {
        psql(&["-qc", &format!("CREATE DATABASE {name}")]);
    }
}

/// Drops a folder's database, also under whoever still uses it.
pub fn drop(folder: &Path) {
    psql(&["-qc", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", name(folder))]);
}

/// Runs statements in the database of a folder, and returns what they say.
///
/// # Panics
/// If PostgreSQL refuses them.
pub fn ask(folder: &Path, sql: &str) -> String {
    run(&url(folder), &["-tAc", sql])
}

fn psql(arguments: &[&str]) -> String {
    let server = env::var(SERVER).expect("it was there before");
    run(&format!("{server}/postgres"), arguments)
}

pub(super) fn run(database: &str, arguments: &[&str]) -> String {
    let mut psql = Command::new("psql");
    psql.arg(database).args(["-X", "-v", "ON_ERROR_STOP=1"]).args(arguments);
    let psql = psql.env("PGOPTIONS", "--client-min-messages=warning").output();
    let psql = psql.expect("psql is installed with the server");
    let said = String::from_utf8_lossy(&psql.stderr);
    assert!(psql.status.success(), "psql {arguments:?}: {said}");
    String::from_utf8_lossy(&psql.stdout).trim().to_owned()
}
