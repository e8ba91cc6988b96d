//! The example receivers that the page shows, run as they are: they accept deliveries of the real
//! binary and refuse what is forged, changed or replayed.
//!
//! Node and Python must be on the machine. One whose language is not there is told as skipped.

#![expect(clippy::print_stderr, reason = "what is skipped must be seen")]

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver as Lines, Sender};
use std::thread;
use std::time::Duration;

use hookdesk_core::Secret;
use hookdesk_tests::{Folder, Options, Port, SOON, Server, unix_seconds};
use serde_json::json;

/// A compiler of a busy machine, with nothing cached.
const BUILT: Duration = Duration::from_secs(240);

const ID: &str = "evt_01977420dca370008000000000000001";
const BODY: &str = r#"{"event":"ping","created":"2026-01-01T00:00:00Z","data":{}}"#;

/// Whose absence fails the test.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Needed,
    Optional,
}

/// A receiver of the page, running.
struct Program {
    child: Child,
    port: Port,
    lines: Lines<String>,
    /// What it may write: compiled files, ids that it knows.
    _folder: Folder,
}

impl Program {
    /// Runs a file of the page by these words, with `{file}`, `{port}` and `{folder}` in them;
    /// `None` when their program is not on this machine.
    fn start(presence: Presence, file: &str, build: &[&str], run: &[&str]) -> Option<Self> {
        let (port, folder) = (Port::take(0), Folder::new());
        let source = receivers().join(file);
        // A compiler may take the encoding of its locale, which may be ASCII.
        assert!(fs::read(&source).expect("it can be read").is_ascii(), "{file}");
        let put = |word: &str| {
            word.replace("{file}", &source.display().to_string())
                .replace("{port}", &port.number().to_string())
                .replace("{folder}", &folder.path().display().to_string())
        };
        let command = |words: &[&str]| {
            let mut words = words.iter().map(|word| put(word));
            let mut command = Command::new(words.next().expect("a program"));
            command.args(words).stdin(Stdio::null()).env("TMPDIR", folder.path());
            command
        };
        let needed = build.first().or(run.first()).expect("a program");
        if !needed.starts_with('{') && !is_there(needed) {
            assert!(presence == Presence::Optional, "there is no {needed}");
            eprintln!("skipped: {file}, as there is no {needed} here");
            return None;
        }
        if !build.is_empty() {
            let made = command(build).status().expect("it can be run");
            assert!(made.success(), "{file} does not compile");
        }
        let mut child = command(run)
            .env("PORT", port.number().to_string())
            .env("WEBHOOK_SECRET", &*secret().reveal())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it can be run");
        let (told, lines) = mpsc::channel();
        follow(child.stdout.take().expect("it was piped"), told.clone());
        follow(child.stderr.take().expect("it was piped"), told);
        let program = Self { child, port, lines, _folder: folder };
        program.wait_line(&program.port.number().to_string(), BUILT);
        Some(program)
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port.number())
    }

    /// Waits until it prints a line with these words.
    fn wait_line(&self, words: &str, within: Duration) {
        let mut seen = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(within) {
            if line.contains(words) {
                return;
            }
            seen.push(line);
        }
        panic!("it never said {words}, but:\n{}", seen.join("\n"));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().expect("it was not reaped");
        self.child.wait().expect("our own child can be waited for");
    }
}

fn follow(pipe: impl Read + Send + 'static, told: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            // Nobody listens any more when the test has ended.
            let _ = told.send(line);
        }
    });
}

fn receivers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/site/src/signature/receivers")
}

fn is_there(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

fn secret() -> Secret {
    Secret::new([7; Secret::LENGTH])
}

/// A request by hand: its three headers, those that are there, and its body.
struct Forged {
    what: &'static str,
    id: Option<String>,
    timestamp: Option<String>,
    signature: Option<String>,
    body: Vec<u8>,
}

impl Forged {
    /// One that a desk could have sent so long ago.
    fn signed(what: &'static str, id: &str, seconds: u64) -> Self {
        Self {
            what,
            id: Some(id.to_owned()),
            timestamp: Some(seconds.to_string()),
            signature: Some(secret().signature_of_any(id, seconds, BODY.as_bytes())),
            body: BODY.into(),
        }
    }

    /// The status that it is answered.
    async fn send(&self, url: &str) -> u16 {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
        let mut request = client.post(url).body(self.body.clone());
        let headers = [
            ("webhook-id", &self.id),
            ("webhook-timestamp", &self.timestamp),
            ("webhook-signature", &self.signature),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let answer = request.timeout(SOON).send().await;
        answer.unwrap_or_else(|error| panic!("{}: {error}", self.what)).status().as_u16()
    }
}

/// What no receiver may take.
fn refused(now: u64) -> Vec<Forged> {
    let fresh = |what| Forged::signed(what, ID, now);
    let with = |what, change: fn(&mut Forged)| {
        let mut one = fresh(what);
        change(&mut one);
        one
    };
    let signature = |one: &mut Forged, change: fn(&str) -> String| {
        one.signature = one.signature.as_deref().map(change);
    };
    let resigned = |what, change: fn(&str) -> String| {
        let mut one = fresh(what);
        signature(&mut one, change);
        one
    };
    let foreign = Secret::new([8; Secret::LENGTH]).signature_of_any(ID, now, BODY.as_bytes());
    let far = 99_999_999_999_999_999_999_u128;
    vec![
        with("a changed body", |one| one.body[2] = b'E'),
        with("a longer body", |one| one.body.push(b'\n')),
        with("no body", |one| one.body.clear()),
        with("another id", |one| one.id = Some(ID.replace('7', "8"))),
        with("another timestamp", |one| {
            let seconds: u64 = one.timestamp.as_deref().unwrap_or_default().parse().unwrap_or(0);
            one.timestamp = Some((seconds - 1).to_string());
        }),
        with("no id", |one| one.id = None),
        with("no timestamp", |one| one.timestamp = None),
        with("no signature", |one| one.signature = None),
        with("an empty signature", |one| one.signature = Some(String::new())),
        with("a timestamp that is none", |one| one.timestamp = Some("soon".into())),
        with("a timestamp with a sign", |one| {
            one.timestamp = one.timestamp.as_deref().map(|text| format!("+{text}"));
        }),
        Forged { timestamp: Some(far.to_string()), ..fresh("a timestamp beyond all numbers") },
        Forged { signature: Some(foreign), ..fresh("another secret") },
        resigned("another version", |text| text.replace("v1,", "v2,")),
        resigned("no version", |text| text.replace("v1,", "")),
        resigned("a signature cut short", |text| text[..text.len() - 2].to_owned()),
        resigned("a signature in other case", |text| text.replace("v1,", "V1,")),
        resigned("a version alone", |_| "v1,".into()),
        resigned("several that are wrong", |_| "v1,AAAA v1a,BBBB v1, ,".into()),
        Forged::signed("one that is ten minutes old", ID, now - 600),
        Forged::signed("one from ten minutes ahead", ID, now + 600),
    ]
}

/// Everything that is asked of a receiver.
async fn judge(program: &Program) {
    // A desk tells it everything, and all is taken at once.
    let server = Server::start(Options::default());
    let client = server.client();
    let settings = json!({ "callback_url": program.url(), "secret": *secret().reveal() });
    let webhook = client.register_with(settings).await;
    let first = client.ping().await;
    let long = "ß".repeat(32_768);
    for message in ["plain", "Grüße aus Köln, 東京 \u{1f525}", "\"\\/\u{8}\u{2028}", &long] {
        let ticket = client.open_ticket(message).await;
        client.close_ticket(&ticket).await;
    }
    client.wait_told(&webhook.id, SOON).await;
    let deliveries = client.deliveries(&webhook.id, "").await;
    assert_eq!(deliveries.len(), 1 + 2 * 4);
    for one in &deliveries {
        assert_eq!((&one["state"], &one["attempts"]), (&json!("delivered"), &json!(1)), "{one}");
    }
    program.wait_line(&format!("new {first}"), SOON);

    // With a second secret there are two signatures.
    client.post(&format!("/webhooks/{}/secret/rotate", webhook.id), None).await.expect(201);
    let second = client.ping().await;
    client.wait_told(&webhook.id, SOON).await;
    program.wait_line(&format!("new {second}"), SOON);

    // What comes again is taken and known.
    client.resend(&webhook.id, &second).await.expect(202);
    program.wait_line(&format!("known {second}"), SOON);

    let now = unix_seconds();
    for one in refused(now) {
        let status = one.send(&program.url()).await;
        assert!((400..500).contains(&status), "{}: answered {status}", one.what);
    }
    // What differs from those in nothing but being right is taken, so they were refused for that.
    for age_s in [0, 240] {
        let id = format!("{ID}{age_s}");
        let one = Forged::signed("one that is right", &id, now - age_s);
        assert_eq!(one.send(&program.url()).await, 204, "{age_s} s old");
        program.wait_line(&format!("new {id}"), SOON);
    }
}

#[tokio::test]
async fn the_receiver_in_javascript_takes_what_is_right_and_nothing_else() {
    let run = ["node", "{file}"];
    let program = Program::start(Presence::Needed, "receiver.mjs", &[], &run);
    judge(&program.expect("it is needed")).await;
}

#[tokio::test]
async fn the_receiver_in_python_takes_what_is_right_and_nothing_else() {
    let run = ["python3", "{file}"];
    let program = Program::start(Presence::Needed, "receiver.py", &[], &run);
    judge(&program.expect("it is needed")).await;
}

#[tokio::test]
async fn the_receiver_in_go_takes_what_is_right_and_nothing_else() {
    let build = ["go", "build", "-o", "{folder}/receiver", "{file}"];
    let run = ["{folder}/receiver"];
    if let Some(program) = Program::start(Presence::Optional, "receiver.go", &build, &run) {
        judge(&program).await;
    }
}

#[tokio::test]
async fn the_receiver_in_java_takes_what_is_right_and_nothing_else() {
    let build = ["javac", "-d", "{folder}", "{file}"];
    let run = ["java", "-cp", "{folder}", "Receiver"];
    if let Some(program) = Program::start(Presence::Optional, "Receiver.java", &build, &run) {
        judge(&program).await;
    }
}

#[tokio::test]
async fn the_receiver_in_php_takes_what_is_right_and_nothing_else() {
    let run = ["php", "-S", "127.0.0.1:{port}", "{file}"];
    if let Some(program) = Program::start(Presence::Optional, "receiver.php", &[], &run) {
        judge(&program).await;
    }
}
