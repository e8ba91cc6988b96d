//! The host that a desk under test runs in: the binary, or the Worker.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::binary;

/// Until nobody listens on the port of a runtime that was killed.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// Which of its hosts a desk runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The binary, over a file of SQLite.
    Native,
    /// The binary, over a database of PostgreSQL.
    Postgres,
    /// The Worker, with its Durable Object, in the runtime that Cloudflare runs it in.
    Edge,
}

impl Default for Host {
    /// What the variable `HOOKDESK_HOST` says: `edge`, `postgres`, or the binary over a file.
    fn default() -> Self {
        match env::var("HOOKDESK_HOST").as_deref() {
            Ok("edge") => Self::Edge,
            Ok("postgres") => Self::Postgres,
            Ok("native") | Err(_) => Self::Native,
            Ok(other) => panic!("HOOKDESK_HOST is {other:?}; it may be native, postgres or edge"),
        }
    }
}

impl Host {
    /// Requests that every host has in flight to a receiver that holds them: half of the six that a
    /// Worker may have open, so that other receivers have room.
    pub const AT_ONCE: usize = 3;

    /// The command to which its own arguments are still to be added.
    pub(super) fn command(self) -> Command {
        match self {
            Self::Native | Self::Postgres => {
                let mut command = Command::new(binary());
                command.arg("serve");
                command
            }
            Self::Edge => {
                let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
                let built = web.join("edge/dist/worker.js");
                assert!(built.is_file(), "no {}; it is made by: make edge", built.display());
                let mut command = Command::new(web.join("node_modules/.bin/node"));
                command.arg(web.join("edge/local.mjs"));
                command
            }
        }
    }

    /// The SQLite file of a desk whose data is in this folder.
    pub(super) fn database(self, folder: &Path) -> PathBuf {
        match self {
            Self::Native => folder.join("hookdesk.db"),
            Self::Postgres => panic!("its rows are in no file"),
            Self::Edge => {
                let objects = folder.join("hookdesk-Desk");
                let files = fs::read_dir(&objects).expect("the runtime has made it");
                let mut files = files.map(|file| file.expect("it can be listed").path());
                let is_object = |path: &PathBuf| {
                    path.extension().is_some_and(|extension| extension == "sqlite")
                        && path.file_stem().is_some_and(|stem| stem != "metadata")
                };
                files.find(is_object).expect("the object has begun")
            }
        }
    }
}

/// An option of the binary's command line as what the Worker finds bound to it: `--retain-s` is
/// `HOOKDESK_RETAIN_S`.
pub(super) fn bindings(arguments: &[String]) -> Vec<(String, String)> {
    let pairs = arguments.chunks(2).map(|pair| match pair {
        [option, value] if option.starts_with("--") => {
            let name = option.trim_start_matches('-').replace('-', "_").to_uppercase();
            (format!("HOOKDESK_{name}"), value.clone())
        }
        other => panic!("not an option and its value: {other:?}"),
    });
    pairs.collect()
}

/// Waits until nobody listens on a port.
///
/// # Panics
/// If somebody goes on.
pub(super) fn wait_closed(port: u16) {
    let deadline = Instant::now() + CLOSE_LIMIT;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
        assert!(Instant::now() < deadline, "somebody still listens on port {port}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_bound_under_the_name_that_it_has_in_the_environment() {
        let arguments = ["--retain-s", "5", "--down-after", "3"].map(str::to_owned);

        let expected = [("HOOKDESK_RETAIN_S", "5"), ("HOOKDESK_DOWN_AFTER", "3")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(bindings(&arguments), expected);
    }
}
