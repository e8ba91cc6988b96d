//! Incident recordings: export, redaction, and a replay that decides the same.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookdesk_tests::{Folder, Options, Reaction, Receiver, SOON, Server, binary};
use serde_json::{Value, json};

/// The exit code for another decision than was recorded.
const DIFFERS: i32 = 3;

fn hookdesk(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).env_remove("HOOKDESK_DATABASE").env("HOOKDESK_LOG", "error");
    command.output().expect("the binary can be run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("it is text")
}

fn recorded(arguments: &[&str]) -> Server {
    Server::start(Options::with_arguments(&[&["--record"], arguments].concat()))
}

fn database(server: &Server) -> String {
    format!("sqlite://{}", server.database().display())
}

/// The recording as a file, and its chain.
fn export(server: &Server, name: &str, raw: bool) -> (PathBuf, String) {
    let path = server.folder().join(name);
    let (database, output) = (database(server), path.display().to_string());
    let mut arguments = vec!["export", "--database", &database, "--output", &output];
    arguments.extend(raw.then_some("--raw"));
    let done = hookdesk(&arguments);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let said = text(&done.stderr);
    let chain = said.trim().rsplit(' ').next().expect("it ends with the chain").to_owned();
    (path, chain)
}

/// All steps of a file, and the exit code.
fn replay(file: &Path) -> (Vec<Value>, Option<i32>) {
    let done = hookdesk(&["replay", &file.display().to_string(), "--json"]);
    let steps = text(&done.stdout);
    let steps = steps.lines().map(|line| serde_json::from_str(line).expect("a step a line"));
    (steps.collect(), done.status.code())
}

fn last_chain(steps: &[Value]) -> &str {
    steps.last().and_then(|step| step["chain"].as_str()).expect("there are steps")
}

#[tokio::test]
async fn a_redacted_export_has_the_chain_of_the_raw_one_and_nothing_private() {
    let mut server = recorded(&[]);
    let client = server.client();
    let receiver = Receiver::start(|one| match one.attempt() {
        1 => Reaction::Status(500),
        _ => Reaction::Status(200),
    });
    let own = format!("whsec_{}", STANDARD.encode("Beeblebrox has a secret of his own."));
    let webhook = client
        .register_with(json!({
            "callback_url": format!("{}/Marvin?key=Marvin", receiver.url()),
            "description": "Marvin",
            "headers": { "x-key": "Marvin" },
            "retry_schedule": [0, 1, 1],
        }))
        .await;
    let other = json!({ "callback_url": receiver.url(), "secret": own, "retry_schedule": [0, 1] });
    client.register_with(other).await;
    for number in 0..10 {
        let ticket = client.open_ticket(&format!("Zaphod {number} says \"hello\"\n")).await;
        client.update_ticket(&ticket, "Zaphod again: é€").await;
    }
    let body = json!({ "ticket_message": "Zaphod once" }).to_string();
    let once = client.request(reqwest::Method::POST, "/tickets");
    let once = once.header("content-type", "application/json").header("idempotency-key", "k");
    client.send(once.body(body)).await.expect(201);
    server.restart();
    client.post(&format!("/webhooks/{}/secret/rotate", webhook.id), json!({})).await.expect(201);
    client.open_ticket("Zaphod after the kill").await;
    client.wait_told(&webhook.id, SOON).await;

    let (raw, raw_chain) = export(&server, "raw.jsonl", true);
    server.kill();
    let (clean, chain) = export(&server, "clean.jsonl", false);

    let (raw_steps, code) = replay(&raw);
    assert_eq!((code, last_chain(&raw_steps)), (Some(0), &*raw_chain));
    let (steps, code) = replay(&clean);
    assert_eq!((code, last_chain(&steps)), (Some(0), &*chain));
    // What came in between the two is more of the same chain.
    let chain_of = |steps: &[Value]| {
        steps.iter().map(|step| step["chain"].clone()).take(raw_steps.len()).collect::<Vec<_>>()
    };
    assert_eq!(chain_of(&steps), chain_of(&raw_steps));
    let begins = steps.iter().filter(|step| step["input"] == "begin").count();
    assert_eq!(begins, 2, "each start begins anew");
    let sent = |step: &Value| {
        step["decisions"]
            .as_array()
            .expect("a list")
            .iter()
            .cloned()
            .flat_map(|one| one["requests"].as_array().expect("a list").clone())
            .count()
    };
    assert!(steps.iter().map(sent).sum::<usize>() >= receiver.count());

    let (said, hidden) = (fs::read_to_string(raw), fs::read_to_string(clean));
    let (said, hidden) = (said.expect("a file"), hidden.expect("a file"));
    for private in
        ["Zaphod", "Marvin", "hello", &own, &own[6..], &webhook.secret, &webhook.secret[6..]]
    {
        assert!(said.contains(private), "{private} was never there");
        assert!(!hidden.contains(private), "{private} is left");
    }
}

#[tokio::test]
async fn a_full_recording_turns_over_and_still_replays() {
    let server = recorded(&["--record-bytes", "65536"]);
    let client = server.client().with_pool();
    let receiver = Receiver::kind();
    let webhook = client.register(&receiver.url()).await;
    for number in 0..200 {
        client.open_ticket(&format!("ticket {number}")).await;
    }
    client.wait_told(&webhook.id, SOON).await;

    for number in [1, 2] {
        let path = format!("{}.record.{number}", server.database().display());
        let file = fs::metadata(path).expect("both files are there");
        assert!(file.len() <= 32_768, "{} bytes", file.len());
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }
    let (clean, chain) = export(&server, "clean.jsonl", false);
    let (steps, code) = replay(&clean);
    assert_eq!((code, last_chain(&steps)), (Some(0), &*chain));
    assert_eq!(steps.iter().filter(|step| step["input"] == "begin").count(), 2);
    assert!(steps.iter().all(|step| step["lost"] == 0), "a batch was not recorded");
}

#[tokio::test]
async fn a_desk_that_cannot_be_recorded_goes_on() {
    let folder = Folder::new();
    let database = folder.path().join("desk.db");
    fs::create_dir(folder.path().join("desk.db.record.new")).expect("a folder in the way");
    let server = Server::start(Options {
        arguments: vec!["--record".to_owned()],
        database: Some(format!("sqlite://{}", database.display())),
        ..Options::default()
    });
    for _ in 0..3 {
        server.client().open_ticket("a ticket").await;
    }
    assert_eq!(server.log().matches("nothing is recorded for a while").count(), 1);
}

#[tokio::test]
async fn what_is_no_recording_or_was_changed_is_told_in_words() {
    let server = Server::start(Options::default());
    server.client().open_ticket("unrecorded").await;
    let missing = hookdesk(&["export", "--database", &database(&server)]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("has no recording. Start its server with --record"));
    let stored = fs::read_dir(server.folder()).expect("the folder is there");
    let mut names = stored.map(|file| file.expect("listed").file_name());
    assert!(!names.any(|name| name.to_string_lossy().contains("record")));

    let server = recorded(&[]);
    server.client().open_ticket("Zaphod").await;
    let (path, _) = export(&server, "clean.jsonl", false);
    let good = fs::read_to_string(&path).expect("a file");
    let newer = good.replacen("\"hookdesk_incident\":3", "\"hookdesk_incident\":4", 1);
    let damaged = good.replacen("\"said\"", "\"sad\"", 1);
    for (file, code, words) in [
        (good.replacen("xxxxxx", "xxxxxy", 1), DIFFERS, "step 3 differs"),
        (good.replacen("\"open_ticket\"", "\"open_ticker\"", 1), 1, "line 4 is damaged"),
        (newer, 1, "a newer HookDesk wrote it (format 4"),
        (damaged, 1, "is damaged: "),
        ("{}\n".to_owned(), 1, "not an incident file"),
        (good[..good.len() - 20].to_owned(), 0, "every step decides as it was recorded"),
    ] {
        fs::write(&path, file).expect("it can be written");
        let done = hookdesk(&["replay", &path.display().to_string()]);
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{words}: {said}");
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn an_export_never_replaces_what_belongs_to_the_database() {
    let server = recorded(&[]);
    server.client().open_ticket("one").await;
    let (database, file) = (database(&server), server.database().display().to_string());
    for ending in ["", "-wal", "-shm", ".lock", ".record.1", ".record.2"] {
        let output = format!("{file}{ending}");
        let before = fs::read(&output).ok();
        let done = hookdesk(&["export", "--database", &database, "--output", &output]);
        assert!(!done.status.success(), "{output}");
        assert!(text(&done.stderr).contains("belongs to the database"), "{}", text(&done.stderr));
        assert_eq!(fs::read(&output).ok().map(|bytes| bytes.len()), before.map(|b| b.len()));
    }
    server.client().open_ticket("two").await;
}

#[tokio::test]
async fn a_raw_export_is_its_owners_alone_whatever_was_there() {
    let server = recorded(&[]);
    server.client().open_ticket("one").await;
    let path = server.folder().join("raw.jsonl");
    fs::write(&path, "what was there").expect("it can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let (written, _) = export(&server, "raw.jsonl", true);
    let mode = fs::metadata(&written).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!fs::read_to_string(&written).expect("it is text").contains("what was there"));
}
