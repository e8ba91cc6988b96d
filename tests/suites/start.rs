//! Startup: refusals with their reasons, takeover of a file in use, and precedence of settings.

use std::fs;
use std::time::Duration;

use hookdesk_tests::{Client, Folder, Options, Port, SOON, Server};
use reqwest::Method;
use rusqlite::Connection;
use serde_json::json;

/// A second server waits 25 s for the first.
const PATIENCE: Duration = Duration::from_secs(50);

fn with_arguments(arguments: &[&str]) -> Options {
    Options { bare: true, ..Options::with_arguments(arguments) }
}

/// The log of a server that must refuse to start.
fn refusal(options: Options) -> String {
    Server::refusal(options, PATIENCE)
}

fn shared(database: &std::path::Path) -> Options {
    Options { database: Some(format!("sqlite://{}", database.display())), ..Options::default() }
}

#[tokio::test]
async fn a_second_server_on_the_same_file_waits_and_takes_over() {
    let mut first = Server::start(Options::default());
    let ticket = first.client().open_ticket("from the first").await;

    let mut second = Server::launch(shared(&first.database()));
    second.wait_log("waiting for another server", SOON);
    first.client().update_ticket(&ticket, "still served by the first").await;
    first.ask_to_stop();
    let status = first.wait_exit(SOON);
    second.wait_ready(SOON);

    assert_eq!(status.code(), Some(0));
    let taken_over = second.client().get(&format!("/tickets/{ticket}")).await.expect(200);
    assert_eq!(taken_over.data()["version"], 2);
}

#[tokio::test]
async fn a_second_server_takes_over_at_once_from_one_that_was_killed() {
    let mut first = Server::start(Options::default());
    let ticket = first.client().open_ticket("from the first").await;
    let mut second = Server::launch(shared(&first.database()));
    second.wait_log("waiting for another server", SOON);

    first.kill();

    second.wait_ready(SOON);
    second.client().get(&format!("/tickets/{ticket}")).await.expect(200);
}

#[tokio::test]
async fn a_second_server_gives_up_on_a_first_that_stays() {
    let first = Server::start(Options::default());

    let said = refusal(shared(&first.database()));

    assert!(said.contains("in use by another HookDesk server"), "{said}");
    assert!(said.contains(&first.database().display().to_string()), "{said}");
    first.client().get("/health/ready").await.expect(200);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let mut old = Server::start(Options::default());
    old.client().open_ticket("from the future").await;
    old.terminate();
    let newer = old.folder().join("newer.db");
    fs::copy(old.database(), &newer).expect("it can be copied");
    let records = Connection::open(&newer).expect("it is a database");
    records.pragma_update(None, "user_version", 999).expect("it can be written");
    records.close().expect("it can be closed");
    let before = fs::read(&newer).expect("it can be read");

    let said = refusal(shared(&newer));

    assert!(said.contains("newer HookDesk") && said.contains("schema 999"), "{said}");
    assert_eq!(fs::read(&newer).expect("it can be read"), before);
}

#[test]
fn files_that_are_not_ours_are_refused_and_left_alone() {
    let folder = Folder::new();
    let foreign = folder.path().join("foreign.db");
    let records = Connection::open(&foreign).expect("it can be made");
    records.execute_batch("CREATE TABLE songs (title TEXT)").expect("it can be written");
    records.close().expect("it can be closed");
    let text = folder.path().join("notes.txt");
    fs::write(&text, "not a database at all, but long enough to be looked at".repeat(40))
        .expect("it can be written");

    for (path, words) in [(&foreign, "another program"), (&text, "not a database")] {
        let before = fs::read(path).expect("it can be read");
        let said = refusal(shared(path));
        assert!(said.contains(words) && said.contains(&path.display().to_string()), "{said}");
        assert_eq!(fs::read(path).expect("it can be read"), before);
    }
    let said = refusal(shared(&folder.path().join("no/such/folder.db")));
    assert!(said.contains("no/such/folder.db"), "{said}");
    let said = refusal(shared(folder.path()));
    assert!(said.contains("cannot open"), "{said}");
}

#[test]
fn a_port_in_use_is_named() {
    let first = Server::start(Options::default());
    let address = format!("127.0.0.1:{}", first.port());

    let said = refusal(with_arguments(&["--listen", &address]));

    assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
    assert!(said.contains("in use"), "{said}");
}

#[test]
fn options_that_open_the_desk_unsaid_or_mean_nothing_name_themselves() {
    let table: [(&[&str], &str); 16] = [
        (&["--listen", "0.0.0.0:0"], "hookdesk key create"),
        (&["--listen", "[::]:0"], "--no-auth where something"),
        (&["--listen", "127.0.0.1:0", "--auth"], "hookdesk key create"),
        (&["--listen", "0.0.0.0:0", "--auth"], "--admin-key-file"),
        (&["--auth", "--no-auth"], "exclude each other"),
        (&["--listen", "8080"], "--listen 8080"),
        (&["--listen", "127.0.0.1:99999"], "--listen 127.0.0.1:99999"),
        (&["--listen", "no-such-host.invalid:80"], "--listen no-such-host.invalid:80"),
        (&["--database", "postgres://127.0.0.1:1/desk"], "PostgreSQL cannot be reached"),
        (&["--database", "postgres://localhost/desk?sslmode=maybe"], "sslmode maybe: give disable"),
        (&["--database", "mysql://localhost/desk"], "--database mysql://localhost/desk"),
        (&["--database", "hookdesk.db"], "--database hookdesk.db"),
        (&["--allow-target", "10.0.0.0/33"], "--allow-target 10.0.0.0/33"),
        (&["--config", "no-such.toml"], "no-such.toml"),
        (&["--config", "/dev/zero"], "has more than 65536 bytes"),
        (&["--lisen", "127.0.0.1:0"], "--lisen"),
    ];

    for (arguments, words) in table {
        let said = refusal(with_arguments(arguments));
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}

#[test]
fn a_bad_environment_or_file_names_itself() {
    let folder = Folder::new();
    let environment = |name: &str, value: &str| Options {
        environment: vec![(name.to_owned(), value.to_owned())],
        ..with_arguments(&[])
    };
    let said = refusal(environment("HOOKDESK_NO_AUTH", "perhaps"));
    assert!(said.contains("perhaps") && said.contains("no-auth"), "{said}");
    let said = refusal(environment("HOOKDESK_LISTEN", "nowhere"));
    assert!(said.contains("nowhere"), "{said}");
    for (name, value, words) in [
        ("HOOKDESK_LOG", "verbose", "HOOKDESK_LOG=verbose: give off, error, warn, info"),
        ("HOOKDESK_LOG", "", "HOOKDESK_LOG=: give off"),
        ("HOOKDESK_RETAIN", "5", "did you mean HOOKDESK_RETAIN_S?"),
        ("HOOKDESK_RETAIN_S", "5d", "5d"),
        ("HOOKDESK_PAUSED", "maybe", "maybe"),
        ("HOOKDESK_DATABSE", "sqlite://a.db", "did you mean HOOKDESK_DATABASE?"),
    ] {
        let said = refusal(environment(name, value));
        assert!(said.contains(words), "{said}");
    }

    for (text, words) in [
        ("lisen = \"127.0.0.1:0\"", "lisen is not an option; did you mean listen?"),
        ("retain = 5", "retain is not an option; did you mean retain_s?"),
        ("colour = 5", "unknown field `colour`"),
        ("listen = 8080", "listen"),
        ("listen = ", "desk.toml"),
        ("no_auth = \"yes\"", "no_auth"),
    ] {
        let file = folder.path().join("desk.toml");
        fs::write(&file, text).expect("it can be written");
        let said = refusal(with_arguments(&["--config", &file.display().to_string()]));
        assert!(said.contains(words) && said.contains("desk.toml"), "{said}");
    }
}

/// What Kubernetes gives a server beside a service named `hookdesk`, and what nobody knows.
#[test]
fn an_environment_that_others_made_is_no_reason_to_refuse() {
    let environment = [
        ("HOOKDESK_PORT", "tcp://10.0.0.1:80"),
        ("HOOKDESK_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("HOOKDESK_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("HOOKDESK_SERVICE_HOST", "10.0.0.1"),
        ("HOOKDESK_SERVICE_PORT_HTTP", "80"),
        ("HOOKDESK_IMAGE", "hookdesk:1"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();

    let server = Server::start(Options { environment, ..Options::default() });

    let log = server.log();
    let ignored: Vec<_> = log.lines().filter(|line| line.contains("is ignored")).collect();
    assert_eq!(ignored.len(), 1, "{log}");
    assert!(ignored[0].contains("HOOKDESK_IMAGE is not an option"), "{log}");
}

#[test]
fn a_flag_goes_before_the_environment_before_the_file() {
    let ports: Vec<Port> = (0..3).map(|_| Port::take(0)).collect();
    let address = |index: usize| format!("127.0.0.1:{}", ports[index].number());
    let folder = Folder::new();
    let file = folder.path().join("desk.toml");
    fs::write(&file, format!("listen = \"{}\"\ndatabase = \"sqlite://file.db\"", address(2)))
        .expect("it can be written");
    let config = ("HOOKDESK_CONFIG".to_owned(), file.display().to_string());
    let environment = |name: &str, value: String| (name.to_owned(), value);
    let listen = environment("HOOKDESK_LISTEN", address(1));
    let database = environment("HOOKDESK_DATABASE", "sqlite://environment.db".to_owned());
    let flags = vec!["--listen".to_owned(), address(0)];

    let cases = [
        (flags, vec![listen.clone(), database.clone(), config.clone()], 0, "environment.db"),
        (vec![], vec![listen, config.clone()], 1, "file.db"),
        (vec![], vec![database, config.clone()], 2, "environment.db"),
        (vec![], vec![config], 2, "file.db"),
    ];
    for (arguments, environment, port, database) in cases {
        let port = ports[port].number();
        let options = Options { port, arguments, environment, bare: true, ..Options::default() };
        let server = Server::start(options);
        assert!(server.folder().join(database).is_file(), "{database}");
    }
}

#[tokio::test]
async fn a_flag_or_a_file_pauses_as_the_environment_does() {
    let folder = Folder::new();
    let file = folder.path().join("desk.toml");
    fs::write(&file, "paused = true").expect("it can be written");

    for arguments in [&["--paused"][..], &["--config", &file.display().to_string()]] {
        let server = Server::start(Options::with_arguments(arguments));
        let ready = server.client().get("/health/ready").await.expect(200);
        assert_eq!(ready.data()["paused"], true, "{arguments:?}");
    }
}

#[tokio::test]
async fn a_desk_for_everybody_lets_others_in_and_calls_public_addresses_only() {
    let port = Port::take(0).number();
    let listen = format!("0.0.0.0:{port}");
    let arguments = ["--listen", &listen, "--no-auth", "--public-url", "https://desk.example"];
    let options = Options { port, ..with_arguments(&arguments) };
    let server = Server::start(options);
    let client = server.client();

    let foreign = client.request(Method::GET, "/tickets").header("host", "desk.example");
    let foreign = foreign.header("x-forwarded-for", "203.0.113.9");
    client.send(foreign.header("origin", "https://desk.example")).await.expect(200);

    for url in ["http://127.0.0.1:1/", "http://localhost/", "http://[::1]/", "http://a.localhost/"]
    {
        let refused = client.post("/webhooks/register", json!({ "callback_url": url })).await;
        assert_eq!(refused.expect(422).code(), Some("bad_callback_url"), "{url}");
    }
    client.register("https://partner.example/hook").await;
}

#[tokio::test]
async fn an_allowed_network_may_be_called_and_no_other() {
    let options = Options {
        arguments: ["--no-auth", "--allow-target", "127.0.0.0/8,10.0.0.0/8"]
            .map(str::to_owned)
            .into(),
        ..Options::default()
    };
    let server = Server::start(options);
    let client = server.client();
    let receiver = hookdesk_tests::Receiver::kind();

    let webhook = client.register(&receiver.url()).await;
    client.register("http://10.1.2.3/").await;
    client.ping().await;

    client.wait_told(&webhook.id, SOON).await;
    assert_eq!(receiver.count(), 1);
    let refused = json!({ "callback_url": "http://192.168.0.1/" });
    client.post("/webhooks/register", refused).await.expect(422);
}

/// Each file of a database and its mode, but for those of tests.
fn modes(server: &Server) -> Vec<(String, u32)> {
    use std::os::unix::fs::PermissionsExt as _;
    let files = fs::read_dir(server.folder()).expect("it is there");
    let mode = |file: fs::DirEntry| {
        let mode = file.metadata().expect("it is there").permissions().mode();
        (file.file_name().to_string_lossy().into_owned(), mode & 0o777)
    };
    files.map(|file| mode(file.expect("it can be listed"))).collect()
}

#[tokio::test]
async fn the_files_of_a_database_are_for_its_owner_alone_whatever_they_were() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut server = Server::start(Options::with_arguments(&["--record"]));
    server.client().open_ticket("private").await;
    let made = modes(&server);
    server.kill();
    // Files that it has at other times.
    for ending in ["-journal", ".record.2", ".record.new"] {
        let file = server.folder().join(format!("hookdesk.db{ending}"));
        fs::write(file, "").expect("it can be written");
    }
    let left = modes(&server);
    for (name, _) in &left {
        let readable = fs::Permissions::from_mode(0o644);
        fs::set_permissions(server.folder().join(name), readable).expect("it is ours");
    }

    server.restart();

    let found = modes(&server);
    for (name, mode) in made.iter().chain(&found) {
        assert_eq!(*mode, 0o600, "{name} has mode {mode:o}");
    }
    let endings =
        ["", "-wal", "-shm", ".lock", ".record.1", "-journal", ".record.2", ".record.new"];
    let socket = ("hookdesk.db.sock".to_owned(), 0o600);
    assert!(left.len() == endings.len() + 1 && found.contains(&socket), "{left:?}");
    for ending in endings {
        let mended = format!("hookdesk.db{ending} had mode 0644");
        assert!(server.log().contains(&mended), "no {mended} in {}", server.log());
    }
}

/// Behind a proxy that authorizes callers: browsers send its credentials for any page.
#[tokio::test]
async fn a_desk_behind_a_proxy_takes_from_browsers_what_its_own_pages_send() {
    let arguments = ["--no-auth", "--public-url", "https://desk.example"];
    let server = Server::start(Options::with_arguments(&arguments));
    let ping = async |client: &Client, headers: &[(&str, &str)]| {
        let mut request = client.request(Method::POST, "/webhooks/ping");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        client.send(request).await
    };
    let (own, foreign) = (("host", "desk.example"), ("host", "page.example"));
    let client = server.client();

    ping(&client, &[own, ("origin", "https://desk.example")]).await.expect(202);
    ping(&client, &[own, ("sec-fetch-site", "same-origin")]).await.expect(202);
    // A program, whatever name it calls the desk by.
    ping(&client, &[foreign]).await.expect(202);
    for refused in [
        &[own, ("origin", "https://page.example")],
        &[own, ("origin", "null")],
        &[own, ("sec-fetch-site", "cross-site")],
        &[foreign, ("origin", "https://page.example")],
        &[foreign, ("sec-fetch-site", "same-origin")],
    ] {
        let answer = ping(&client, refused).await.expect(403);
        assert_eq!(answer.code(), Some("cross_site"), "{refused:?}");
        assert!(answer.string("/detail").contains("--public-url"), "{}", answer.text);
    }

    let server = Server::start(Options::with_arguments(&["--no-auth"]));
    let client = server.client();
    let page = client.request(Method::GET, "/").header("sec-fetch-site", "none");
    client.send(page.header("host", "desk.example")).await.expect(200);
    ping(&client, &[own, ("origin", "https://desk.example")]).await.expect(403);
    ping(&client, &[own]).await.expect(202);
}

#[test]
fn a_public_url_that_is_none_is_refused_at_start() {
    let log = Server::refusal(Options::with_arguments(&["--public-url", "desk.example"]), SOON);
    assert!(log.contains("--public-url desk.example: give a URL"), "{log}");
}
