//! A PostgreSQL server of one test's own: it may be stopped, lost, followed by a standby, and asked
//! for TLS.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::server::folder::Folder;
use crate::server::port::Port;
use crate::server::postgres;

/// Who the server runs as where this runs as root, which it refuses.
const USER: &str = "postgres";
/// What is not synced is lost with the machine alone, which no test takes away.
const SETTINGS: [&str; 5] = [
    "fsync = off",
    "listen_addresses = '127.0.0.1'",
    "unix_socket_directories = ''",
    "shared_buffers = 32MB",
    "log_min_messages = fatal",
];

/// How a server ends.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// Clients are cut off, what they did is rolled back, and all is written.
    Fast,
    /// As by a crash: the next start recovers.
    Immediate,
}

/// A server with its data.
pub struct Cluster {
    folder: Folder,
    port: Port,
}

impl Cluster {
    /// A server that was just created, and runs.
    ///
    /// # Panics
    /// If PostgreSQL is not installed.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// One with further lines in its configuration.
    ///
    /// # Panics
    /// If PostgreSQL is not installed, or does not take them.
    pub fn with(settings: &[&str]) -> Self {
        let cluster = Self::prepared();
        let data = cluster.data();
        let data = data.to_str().expect("a path of a test");
        let arguments = ["-D", data, "-U", "desk", "-A", "trust", "-E", "UTF8", "--no-sync"];
        cluster.run("initdb", &arguments);
        cluster.configure(&SETTINGS);
        cluster.configure(settings);
        cluster.begin();
        cluster
    }

    /// The user and group that the server runs as, if not as this process.
    ///
    /// # Panics
    /// If there is no such user.
    pub fn user() -> Option<(u32, u32)> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let users = fs::read_to_string("/etc/passwd").expect("every system has it");
        let line = users.lines().find(|line| line.split(':').next() == Some(USER));
        let fields: Vec<_> = line.expect("it was made with PostgreSQL").split(':').collect();
        Some((fields[2].parse().expect("a number"), fields[3].parse().expect("a number")))
    }

    fn prepared() -> Self {
        let cluster = Self { folder: Folder::new(), port: Port::take(0) };
        if let Some((user, group)) = Self::user() {
            chown(cluster.folder.path(), Some(user), Some(group)).expect("this runs as root");
        }
        cluster
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Its own database, as a user who may do all.
    pub fn url(&self) -> String {
        format!("postgres://desk@127.0.0.1:{}/postgres", self.port())
    }

    /// Adds lines to the configuration, for the next start.
    ///
    /// # Panics
    /// If they cannot be written.
    pub fn configure(&self, settings: &[&str]) {
        let path = self.data().join("postgresql.conf");
        let text = fs::read_to_string(&path).expect("initdb made it");
        fs::write(&path, format!("{text}\n{}\n", settings.join("\n"))).expect("it is ours");
    }

    /// Has clients prove who they are by these lines of `pg_hba.conf`, from the next start on.
    ///
    /// # Panics
    /// If they cannot be written.
    pub fn authenticate(&self, lines: &[&str]) {
        fs::write(self.data().join("pg_hba.conf"), lines.join("\n") + "\n").expect("it is ours");
    }

    /// Puts a file that only the server may read into its data.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn install(&self, name: &str, content: &[u8]) {
        let path = self.data().join(name);
        fs::write(&path, content).expect("it is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is there");
        if let Some((user, group)) = Self::user() {
            chown(&path, Some(user), Some(group)).expect("this runs as root");
        }
    }

    /// Starts it on the same data.
    ///
    /// # Panics
    /// If it does not.
    pub fn begin(&self) {
        let port = format!("-p {}", self.port());
        self.control(&["-w", "-o", &port, "-l", "/dev/null", "start"]);
    }

    /// # Panics
    /// If it does not end.
    pub fn stop(&self, how: Stop) {
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        self.control(&["-w", "-m", mode, "stop"]);
    }

    /// Has none of its processes go on, or all of them again.
    ///
    /// # Panics
    /// If it does not run.
    pub fn freeze(&self, frozen: bool) {
        let file = self.data().join("postmaster.pid");
        let text = fs::read_to_string(&file).expect("it runs");
        let server = text.lines().next().expect("its process");
        let file = file.to_str().expect("a path of a test");
        let signal = if frozen { "-STOP" } else { "-CONT" };
        for whom in [["-P", server], ["-F", file]] {
            // There may be no process for a client.
            let _ = Command::new("pkill").arg(signal).args(whom).status();
        }
    }

    /// A server that follows this one, on its own data.
    ///
    /// # Panics
    /// If it cannot.
    pub fn standby(&self) -> Self {
        let standby = Self::prepared();
        let data = standby.data();
        let data = data.to_str().expect("a path of a test");
        standby.run("pg_basebackup", &["-D", data, "-d", &self.url(), "-R", "-c", "fast"]);
        standby.begin();
        standby
    }

    /// Has a standby lead.
    ///
    /// # Panics
    /// If it does not.
    pub fn promote(&self) {
        self.control(&["-w", "promote"]);
    }

    /// Runs statements, and returns what they say.
    ///
    /// # Panics
    /// If it refuses them.
    pub fn ask(&self, sql: &str) -> String {
        postgres::run(&self.url(), &["-tAc", sql])
    }

    fn control(&self, arguments: &[&str]) {
        let data = self.data();
        let place = ["-D", data.to_str().expect("a path of a test")];
        self.run("pg_ctl", &[&place, arguments].concat());
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(programs().join(program));
        command.args(arguments).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        if let Some((user, group)) = Self::user() {
            command.uid(user).gid(group);
        }
        // The server inherits what its parent has open, and would hold a pipe for as long as it runs.
        let said = self.folder.path().join("said");
        command.stderr(fs::File::create(&said).expect("a file of ours"));
        let status = command.status().expect("PostgreSQL is installed");
        let said = fs::read_to_string(&said).unwrap_or_default();
        assert!(status.success(), "{program} {arguments:?}: {said}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.data();
        let mut command = Command::new(programs().join("pg_ctl"));
        command.arg("-D").arg(data).args(["-m", "immediate", "stop"]).current_dir("/");
        if let Some((user, group)) = Self::user() {
            command.uid(user).gid(group);
        }
        // It may have been stopped before.
        let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// The folder of the newest server's programs.
fn programs() -> PathBuf {
    let version = |path: &PathBuf| -> Option<u32> { path.file_name()?.to_str()?.parse().ok() };
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = installed.filter_map(|entry| Some(entry.ok()?.path())).max_by_key(version);
    newest.expect("PostgreSQL is installed (on Debian: apt-get install postgresql)").join("bin")
}
