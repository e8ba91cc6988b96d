//! The real binary under test: started, signalled, killed, started again on the same file and port.
//! In its place, the Worker can be, in its own runtime: `HOOKDESK_HOST=edge` has all tests start that.
//!
//! Its log is a second witness. A server that wrote an `ERROR` line or panicked fails the test that
//! started it, however content the test itself was, unless the test said [`Server::expect_errors`];
//! so does one that ended and was not asked to.
//! All waiting is bounded and woken by what the server does: a line of its log, or the log's end,
//! which is the end of the process.

use std::{
    env,
    ffi::OsString,
    fs,
    net::SocketAddr,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::client::Client;

mod attempt;
mod cluster;
mod folder;
mod host;
mod log;
mod places;
mod port;
pub mod postgres;

pub use attempt::Attempt;
pub use cluster::{Cluster, Stop};
pub use folder::Folder;
pub use host::Host;
use host::{bindings, wait_closed};
use log::{Log, is_error};
pub use port::Port;

/// Until it accepts. A start takes well under a second; taking over from a server that still drains
/// may take the product's own 25 s.
const START_LIMIT: Duration = Duration::from_secs(30);

/// From SIGTERM to the end: the product's own 20 s of draining, and room for a slow disk.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A lease with which a server that was killed is replaced in well under a second.
const LEASE_MS: &str = "500";

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub host: Host,
    /// 0 for any that is free.
    pub port: u16,
    /// Instead of a SQLite file in the server's own folder.
    pub database: Option<String>,
    /// Further arguments of `hookdesk serve`.
    pub arguments: Vec<String>,
    /// A [`FakeDns`](crate::FakeDns) that the binary's server asks instead of the system.
    pub dns: Option<SocketAddr>,
    /// How many files the binary may open, however many it would like to.
    pub files: Option<u32>,
    /// What the server finds in its environment beside ours, from which all settings of HookDesk
    /// and its log are taken out.
    pub environment: Vec<(String, String)>,
    /// Neither `--listen` nor `--database` is given beside the arguments, so that a test of options
    /// says all of them itself; the port is then only what is waited for. A Worker is not open.
    pub bare: bool,
}

impl Options {
    /// These arguments of `hookdesk serve` beside what all tests have.
    pub fn with_arguments(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Self { arguments, ..Self::default() }
    }
}

/// A server under test; dropped, it is killed and its log is judged.
pub struct Server {
    options: Options,
    port: Port,
    folder: Folder,
    log: Arc<Log>,
    running: Option<Running>,
    errors_expected: bool,
    /// Of runs that ended and nobody had asked them to.
    sudden_ends: Vec<String>,
}

struct Running {
    child: Child,
    listener: JoinHandle<()>,
    /// Where in the log this run begins.
    from: usize,
    /// Whether its end was asked for.
    asked: bool,
}

impl Server {
    /// Starts one and waits until it accepts.
    ///
    /// # Panics
    /// If the binary is missing, or ends or keeps silent instead.
    pub fn start(options: Options) -> Self {
        let mut server = Self::launch(options);
        server.wait_ready(START_LIMIT);
        server
    }

    /// Starts one and waits for nothing: for a server that is not meant to come up, or not soon.
    pub fn launch(options: Options) -> Self {
        let port = Port::take(options.port);
        let mut server = Self {
            options,
            port,
            folder: Folder::new(),
            log: Arc::default(),
            running: None,
            errors_expected: false,
            sudden_ends: Vec::new(),
        };
        server.run();
        server
    }

    /// The log of a server that must refuse to start.
    ///
    /// # Panics
    /// If it starts, panics, or does not end in time.
    pub fn refusal(options: Options, within: Duration) -> String {
        let mut server = Self::launch(options);
        server.expect_errors();
        let status = server.wait_exit(within);
        let log = server.log();
        assert!(status.code().is_some_and(|code| code != 0), "{status}: {log}");
        assert!(!log.contains("listening on http") && !log.contains("panicked"), "{log}");
        log
    }

    /// Waits until the server says that it accepts.
    ///
    /// # Panics
    /// If it ends first, or does not say so in time.
    pub fn wait_ready(&mut self, within: Duration) {
        let from = self.running.as_ref().expect("the server was stopped").from;
        let port = format!(":{}", self.port());
        let accepts = |line: &str| line.contains("listening on http") && line.contains(&port);
        let ready = self.log.wait(within, |text, ended| {
            let ready = text[from..].lines().any(accepts);
            (ready || ended).then_some(ready)
        });
        match ready {
            Some(true) => {}
            Some(false) => panic!("the server ended ({}) before it accepted", self.reap()),
            None => panic!("the server did not accept within {within:?}"),
        }
    }

    /// What it runs in: only a binary lets callers wait and streams the log.
    pub fn host(&self) -> Host {
        self.options.host
    }

    /// A caller of this server.
    pub fn client(&self) -> Client {
        Client::new(self.url(""))
    }

    /// The full URL of a path that begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port())
    }

    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The SQLite file, unless the options named another database.
    pub fn database(&self) -> PathBuf {
        self.options.host.database(self.folder.path())
    }

    /// The folder that the server runs in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All attempts that the database has, in the order of events, webhooks and attempts.
    pub fn attempts(&self) -> Vec<Attempt> {
        match self.options.host {
            Host::Native | Host::Edge => Attempt::all(&self.records()),
            Host::Postgres => Attempt::all_of_postgres(self.folder.path()),
        }
    }

    /// The number that a query finds in the desk's database.
    ///
    /// # Panics
    /// If it finds anything else.
    pub fn number(&self, sql: &str) -> i64 {
        match self.options.host {
            Host::Native | Host::Edge => {
                self.records().query_row(sql, [], |row| row.get(0)).expect("it finds a number")
            }
            Host::Postgres => {
                postgres::ask(self.folder.path(), sql).parse().expect("it finds a number")
            }
        }
    }

    /// Changes the database of a server that does not run.
    ///
    /// # Panics
    /// If it cannot.
    pub fn change(&self, statements: &str) {
        match self.options.host {
            Host::Native | Host::Edge => {
                let file = Connection::open(self.database()).expect("nobody else has it");
                file.execute_batch(statements).expect("it can be written");
            }
            Host::Postgres => {
                postgres::ask(self.folder.path(), statements);
            }
        }
    }

    /// The database, to look at only.
    pub fn records(&self) -> Connection {
        attempt::open(&self.database())
    }

    /// The column of each value in the database that contains a text, once for each.
    pub fn places(&self, text: &str) -> Vec<String> {
        places::places(&self.records(), text)
    }

    /// All bytes of the database's files, what SQLite left free among them.
    pub fn stored_bytes(&self) -> Vec<u8> {
        let database = self.database();
        let files = fs::read_dir(database.parent().expect("it is in a folder"));
        let files = files.expect("the folder is there");
        let files = files.map(|file| file.expect("it can be listed").path());
        // Its log and its index lie beside it, and have its name and more.
        let name = database.to_string_lossy();
        let is_ours = |path: &PathBuf| path.to_string_lossy().starts_with(&*name) && path.is_file();
        files.filter(is_ours).flat_map(|path| fs::read(path).expect("it can be read")).collect()
    }

    /// KiB of memory that the binary had at its fullest.
    pub fn peak_memory_kib(&self) -> u64 {
        self.memory_kib("VmHWM:")
    }

    /// KiB of memory that the binary has.
    pub fn resident_memory_kib(&self) -> u64 {
        self.memory_kib("VmRSS:")
    }

    /// A line of `proc_pid_status(5)`.
    fn memory_kib(&self, name: &str) -> u64 {
        let status = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(status).expect("the process runs");
        let told = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = told.and_then(|told| told.trim().strip_suffix(" kB")?.parse().ok());
        kib.expect("Linux tells it in kB")
    }

    /// Sockets that the binary has open.
    pub fn open_sockets(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("the process runs");
        let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("the server was stopped").child.id()
    }

    /// All that the server has written to stderr so far, over all of its runs.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Waits until this run's log has these words.
    ///
    /// # Panics
    /// If it ends without them, or does not have them in time.
    pub fn wait_log(&self, words: &str, within: Duration) {
        let from = self.running.as_ref().expect("the server was stopped").from;
        let told = self.log.wait(within, |text, ended| {
            let told = text[from..].contains(words);
            (told || ended).then_some(told)
        });
        assert_eq!(told, Some(true), "the log does not say {words:?}");
    }

    /// Lets this server log errors without failing the test.
    pub fn expect_errors(&mut self) {
        self.errors_expected = true;
    }

    /// SIGKILL to it and the processes that it started, and waits for the end. Does nothing if that
    /// was seen already.
    pub fn kill(&mut self) {
        let Some(running) = &mut self.running else {
            return;
        };
        let asked = running.asked;
        let process = Pid::from_child(&running.child);
        let killed = match self.options.host {
            Host::Native | Host::Postgres => kill_process(process, Signal::KILL),
            // Node's runtime outlives Node.
            Host::Edge => kill_process_group(process, Signal::KILL),
        };
        killed.expect("it was not reaped");
        let status = self.reap();
        // One that was ending when the signal came keeps the status it chose.
        if !asked && status.signal() != Some(Signal::KILL.as_raw()) {
            self.sudden_ends.push(format!("it ended by itself: {status}"));
        }
    }

    /// SIGTERM, and waits for nothing.
    pub fn ask_to_stop(&mut self) {
        let running = self.running.as_mut().expect("the server was stopped");
        running.asked = true;
        kill_process(Pid::from_child(&running.child), Signal::TERM).expect("it was not reaped");
    }

    /// SIGTERM, and waits: how it ended and how long that took.
    pub fn terminate(&mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        self.ask_to_stop();
        (self.wait_exit(STOP_LIMIT), asked.elapsed())
    }

    /// Waits until the server ends by itself.
    ///
    /// # Panics
    /// If it does not in time.
    pub fn wait_exit(&mut self, within: Duration) -> ExitStatus {
        assert!(self.running.is_some(), "the server was stopped");
        let end = self.log.wait(within, |_, ended| ended.then_some(()));
        assert!(end.is_some(), "the server did not end within {within:?}");
        self.reap()
    }

    /// Starts it anew on the same database and port, killed first if it runs, and waits until it
    /// accepts.
    pub fn restart(&mut self) {
        self.kill();
        self.run();
        self.wait_ready(START_LIMIT);
    }

    /// The same with further arguments.
    pub fn restart_with<const MORE: usize>(&mut self, arguments: [&str; MORE]) {
        self.options.arguments.extend(arguments.map(str::to_owned));
        self.restart();
    }

    /// The same in another environment.
    pub fn restart_under(&mut self, environment: &[(&str, &str)]) {
        let own = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.options.environment = own.collect();
        self.restart();
    }

    fn run(&mut self) {
        let mut command = match (self.options.dns, self.options.files) {
            (None, None) => self.options.host.command(),
            (None, Some(files)) => {
                let mut command = Command::new("sh");
                command.args(["-c", r#"ulimit -n "$0" && exec "$@""#, &files.to_string()]);
                command.arg(binary()).arg("serve");
                command
            }
            (Some(dns), _) => {
                let mut command = Command::new(built("fake_dns_host"));
                command.arg("serve").env("FAKE_DNS", dns.to_string());
                command
            }
        };
        for (name, _) in env::vars_os().filter(|(name, _)| is_setting(name)) {
            command.env_remove(name);
        }
        match self.options.host {
            Host::Native | Host::Postgres => self.give_options(&mut command),
            Host::Edge => self.bind_options(&mut command),
        }
        command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server can be run");
        let from = self.log.begin();
        let stderr = child.stderr.take().expect("it was piped");
        let log = Arc::clone(&self.log);
        let listener = thread::spawn(move || log.follow(stderr));
        self.running = Some(Running { child, listener, from, asked: false });
    }

    fn give_options(&self, command: &mut Command) {
        if !self.options.bare {
            let database = self.options.database.clone().unwrap_or_else(|| self.database_url());
            command
                .args(["--listen", &format!("127.0.0.1:{}", self.port())])
                .args(["--database", &database]);
        }
        command.args(&self.options.arguments).env("HOOKDESK_LEASE_MS", LEASE_MS);
        command.env("NO_COLOR", "1").envs(self.options.environment.clone());
    }

    /// The URL of the database that is the desk's alone.
    pub fn database_url(&self) -> String {
        match self.options.host {
            Host::Native | Host::Edge => format!("sqlite://{}", self.database().display()),
            Host::Postgres => {
                postgres::create(self.folder.path());
                postgres::url(self.folder.path())
            }
        }
    }

    fn bind_options(&self, command: &mut Command) {
        let Options { database, arguments, environment, bare, .. } = &self.options;
        assert_eq!(*database, None, "an object has its own database");
        command.arg(self.port().to_string()).arg(self.folder.path()).process_group(0);
        if !bare {
            command.env("HOOKDESK_OPEN", "1");
        }
        command.envs(bindings(arguments)).envs(environment.clone());
    }

    /// Collects what is left of a server that ends or was killed.
    fn reap(&mut self) -> ExitStatus {
        let Running { mut child, listener, .. } = self.running.take().expect("reaped once");
        listener.join().expect("following a log does not panic");
        let status = child.wait().expect("our own child can be waited for");
        match self.options.host {
            Host::Native | Host::Postgres => {}
            // The log ends with Node, and its runtime may live a moment longer.
            Host::Edge => wait_closed(self.port()),
        }
        status
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if self.options.host == Host::Postgres {
            postgres::drop(self.folder.path());
        }
        let log = self.log();
        let mut errors: Vec<&str> = log.lines().filter(|line| is_error(line)).collect();
        errors.extend(self.sudden_ends.iter().map(String::as_str));
        let failed = !self.errors_expected && !errors.is_empty();
        if failed || thread::panicking() {
            eprintln!("the log of the server on port {}:\n{log}", self.port());
        }
        if failed && !thread::panicking() {
            panic!("the server logged errors:\n{}", errors.join("\n"));
        }
    }
}

/// The `hookdesk` that was built into the same target folder and profile as the running test.
///
/// # Panics
/// If it was not built.
pub fn binary() -> PathBuf {
    built("hookdesk")
}

fn built(name: &str) -> PathBuf {
    let mut binary = env::current_exe().expect("a test knows its own file");
    binary.pop();
    if binary.ends_with("deps") || binary.ends_with("examples") {
        binary.pop();
    }
    binary.push(format!("{name}{}", env::consts::EXE_SUFFIX));
    let build = "build it first: cargo build --workspace";
    assert!(binary.is_file(), "no {}; {build}", binary.display());
    binary
}

/// Whether a variable of the environment could change what the server does or says.
fn is_setting(name: &OsString) -> bool {
    name.to_string_lossy().starts_with("HOOKDESK_") || name == "RUST_LOG"
}
