//! `hookdesk copy`: a desk moves between SQLite and PostgreSQL, with every row.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use hookdesk_tests::{
    Client, Folder, Host, Options, Reaction, Receiver, SOON, Server, binary, postgres,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// A database of PostgreSQL without tables.
struct Empty(Folder);

impl Empty {
    fn new() -> Self {
        let folder = Folder::new();
        postgres::create(folder.path());
        Self(folder)
    }

    fn url(&self) -> String {
        postgres::url(self.0.path())
    }

    fn ask(&self, sql: &str) -> String {
        postgres::ask(self.0.path(), sql)
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        postgres::drop(self.0.path());
    }
}

fn file(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

fn command(from: &str, to: &str) -> Command {
    let mut command = Command::new(binary());
    command.args(["copy", from, to, "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn copy(from: &str, to: &str) -> Output {
    command(from, to).output().expect("the binary can be run")
}

/// The tables of a copy that was made, each with its rows and their digest.
fn copied(from: &str, to: &str) -> Vec<Value> {
    let done = copy(from, to);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let told: Value = serde_json::from_slice(&done.stdout).expect("it is JSON");
    told["tables"].as_array().expect("it is a list").clone()
}

/// What the command says of a copy that it does not make.
fn refused(from: &str, to: &str) -> String {
    let done = copy(from, to);
    assert!(!done.status.success(), "it copied");
    String::from_utf8(done.stderr).expect("it is text")
}

fn rows(tables: &[Value], name: &str) -> u64 {
    let table = tables.iter().find(|table| table["table"] == name).expect("it is copied");
    table["rows"].as_u64().expect("a number")
}

/// Rows in every table, some of texts that databases differ over, and events that are not delivered.
async fn fill(server: &Server, receiver: &Receiver, broken: &Receiver) {
    let client = server.client();
    let heard = client.register(&receiver.url()).await;
    let settings = json!({ "callback_url": broken.url(), "retry_schedule": [3600] });
    client.register_with(settings).await;
    for message in ["plain", "\u{1}0 and \u{1}", "ünïcödé \u{1F980} ''\"\\", "\u{feff} bom"] {
        let ticket = client.open_ticket(message).await;
        client.update_ticket(&ticket, "again").await;
    }
    client.announce("/service/unavailable").await;
    let keyed = client.request(reqwest::Method::POST, "/tickets").header("idempotency-key", "once");
    let keyed = keyed.header("content-type", "application/json");
    let body = json!({ "ticket_message": "once" }).to_string();
    client.send(keyed.body(body)).await.expect(201);
    client.wait_told(&heard.id, SOON).await;
    broken.wait_for(|all| all.len() > 1, SOON).await;
}

/// What callers see of a desk.
async fn seen(client: &Client) -> Vec<String> {
    let mut all = Vec::new();
    for path in ["/tickets", "/webhooks", "/events", "/service", "/audit"] {
        all.push(client.get(path).await.expect(200).text);
    }
    all
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn a_desk_goes_to_postgres_and_back_with_every_row() {
    let receiver = Receiver::kind();
    let broken = Receiver::start(|_| Reaction::Answer {
        status: 503,
        headers: Vec::new(),
        body: "\0 and \u{1}1".into(),
    });
    let (empty, folder) = (Empty::new(), Folder::new());
    let mut first = Server::start(Options { host: Host::Native, ..Options::default() });
    fill(&first, &receiver, &broken).await;
    let before = seen(&first.client()).await;
    first.terminate();
    let made = Command::new(binary())
        .args(["key", "create", "--scope", "read", "--database", &first.database_url()])
        .output();
    assert!(made.expect("the binary can be run").status.success());

    let there = copied(&first.database_url(), &empty.url());
    for table in &there {
        assert!(table["rows"].as_u64() > Some(0), "{table} has nothing to compare");
    }
    let back = folder.path().join("back.db");
    assert_eq!(copied(&empty.url(), &file(&back)), there);
    assert_eq!(copied(&first.database_url(), &file(&folder.path().join("other.db"))), there);

    let options =
        Options { host: Host::Postgres, database: Some(empty.url()), ..Options::default() };
    let second = Server::start(options);
    assert_eq!(seen(&second.client()).await[..2], before[..2]);
    let told = receiver.count();
    second.client().open_ticket("after").await;
    let after = receiver.wait_for(|all| all.len() > told, SOON).await;
    let message = &after[told].json()["data"]["ticket_message"];
    assert_eq!(message, "after", "what was told is not told again");
    drop(second);

    let options = Options { host: Host::Native, database: Some(file(&back)), ..Options::default() };
    let third = Server::start(options);
    assert_eq!(seen(&third.client()).await[..3], before[..3]);
}

/// Kills a copy once `begun` says that it wrote something and is not at its end. It stands still while
/// that is asked, which may take longer than all of it.
fn kill_when(mut copy: Child, begun: impl Fn() -> bool) {
    let pid = Pid::from_raw(copy.id().try_into().expect("a process id")).expect("not zero");
    loop {
        sleep(Duration::from_millis(5));
        kill_process(pid, Signal::STOP).expect("it is not waited for yet");
        assert_eq!(copy.try_wait().expect("it can be waited for"), None, "it ended too soon");
        if begun() {
            break;
        }
        kill_process(pid, Signal::CONT).expect("it stands still");
    }
    copy.kill().expect("it can be killed");
    assert!(!copy.wait().expect("it ends").success(), "it had ended");
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn a_copy_that_was_killed_goes_on_with_what_changed_since() {
    const TICKETS: usize = 4_000;
    let empty = Empty::new();
    let mut source = Server::start(Options { host: Host::Native, ..Options::default() });
    let tickets = source.client().open_tickets(TICKETS).await;
    source.terminate();
    let copy = command(&source.database_url(), &empty.url()).spawn().expect("it can be run");
    kill_when(copy, || {
        let is_there = empty.ask("SELECT to_regclass('tickets')") == "tickets";
        is_there && empty.ask("SELECT count(*) FROM tickets") != "0"
    });

    let over = Options { host: Host::Postgres, database: Some(empty.url()), ..Options::default() };
    let refusal = Server::refusal(over, SOON);
    assert!(refusal.contains("not complete"), "{refusal}");
    let other = Folder::new();
    let message = refused(&empty.url(), &file(&other.path().join("other.db")));
    assert!(message.contains("not complete"), "{message}");
    source.restart();
    source.client().close_ticket(&tickets[0]).await;
    source.client().open_ticket("later").await;
    source.terminate();

    let tables = copied(&source.database_url(), &empty.url());
    assert_eq!(rows(&tables, "tickets"), TICKETS as u64 + 1);
    assert_eq!(empty.ask("SELECT count(*) FROM tickets WHERE closed_at IS NOT NULL"), "1");
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn a_file_that_is_not_filled_is_served_to_nobody() {
    const TICKETS: usize = 4_000;
    let folder = Folder::new();
    let target = folder.path().join("target.db");
    let mut source = Server::start(Options { host: Host::Postgres, ..Options::default() });
    source.client().open_tickets(TICKETS).await;
    source.terminate();
    let copy = command(&source.database_url(), &file(&target)).spawn().expect("it can be run");
    let filled = folder.path().join("target.db.copying");
    kill_when(copy, || filled.metadata().is_ok_and(|file| file.len() > 0));

    let options =
        Options { host: Host::Native, database: Some(file(&target)), ..Options::default() };
    let refusal = Server::refusal(options, SOON);
    assert!(refusal.contains("not complete"), "{refusal}");
    let tables = copied(&source.database_url(), &file(&target));
    assert_eq!(rows(&tables, "tickets"), TICKETS as u64);
    assert!(!filled.exists() && target.exists());
}

#[tokio::test]
#[ignore = "wants a server of PostgreSQL: .ci/host-tests postgres"]
async fn a_copy_takes_no_desk_that_runs_and_replaces_none() {
    let (empty, folder) = (Empty::new(), Folder::new());
    let mut native = Server::start(Options { host: Host::Native, ..Options::default() });
    let mut over = Server::start(Options { host: Host::Postgres, ..Options::default() });
    let (of_file, of_postgres) = (native.database_url(), over.database_url());
    let nowhere = file(&folder.path().join("none.db"));

    for from in [&of_file, &of_postgres] {
        let message = refused(from, &nowhere);
        assert!(message.contains("running"), "{message}");
    }
    native.terminate();
    over.terminate();
    for (from, to) in [(&of_file, &of_postgres), (&of_postgres, &of_file), (&of_file, &of_file)] {
        let message = refused(from, to);
        assert!(message.contains("holds a desk already") || from == to, "{message}");
    }
    for from in [&nowhere, &empty.url()] {
        let message = refused(from, &file(&folder.path().join("to.db")));
        assert!(message.contains("has no desk"), "{message}");
    }
    let message = refused(&of_file, "mysql://localhost");
    assert!(message.contains("name a SQLite file"), "{message}");
}
