//! A PostgreSQL server that restarts, is away, is lost for its standby, wants TLS, or stands behind a
//! pooler: servers of these tests' own.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hookdesk_tests::{
    Client, Cluster, Folder, Host, Options, Port, Receiver, SOON, Server, Stop, ticket_body,
};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

fn over(url: String) -> Options {
    Options { host: Host::Native, database: Some(url), ..Options::default() }
}

/// Opens so many tickets, slowly enough that what happens meanwhile happens between them.
async fn insist_on_tickets(client: &Client, count: usize) {
    for number in 0..count {
        client.insist_on_ticket(number).await;
        sleep(Duration::from_millis(20)).await;
    }
}

/// The tickets that the receiver heard of, each once.
fn heard(receiver: &Receiver) -> BTreeSet<usize> {
    let ticket = |body: &serde_json::Value| body["data"]["ticket_message"].as_str()?.parse().ok();
    receiver.deliveries().iter().filter_map(|one| ticket(&one.json())).collect()
}

fn assert_whole(cluster: &Cluster, tickets: usize) {
    assert_eq!(cluster.ask("SELECT count(*) FROM tickets"), tickets.to_string());
    let missing = "SELECT head - floor - count(*) FROM events, log GROUP BY head, floor";
    assert_eq!(cluster.ask(missing), "0", "events are missing");
}

#[tokio::test]
#[ignore = "wants PostgreSQL to be installed: .ci/host-tests postgres"]
async fn what_was_acknowledged_is_there_once_after_the_server_restarted() {
    const TICKETS: usize = 120;
    let cluster = Cluster::start();
    let mut server = Server::start(over(cluster.url()));
    server.expect_errors();
    let receiver = Receiver::kind();
    let client = server.client();
    let webhook = client.register(&receiver.url()).await;
    let restarts = spawn_blocking(move || {
        for how in [Stop::Fast, Stop::Immediate, Stop::Fast, Stop::Immediate] {
            std::thread::sleep(Duration::from_millis(300));
            cluster.stop(how);
            cluster.begin();
        }
        cluster
    });
    insist_on_tickets(&client, TICKETS).await;
    let cluster = restarts.await.expect("it does not panic");
    client.wait_told(&webhook.id, SOON).await;

    assert_whole(&cluster, TICKETS);
    assert_eq!(heard(&receiver), (0..TICKETS).collect());
}

#[tokio::test]
#[ignore = "wants PostgreSQL to be installed: .ci/host-tests postgres"]
async fn no_host_is_ready_while_the_server_is_away() {
    let cluster = Cluster::start();
    let lease = ["--lease-ms", "1000"].map(str::to_owned).to_vec();
    let start = || Server::start(Options { arguments: lease.clone(), ..over(cluster.url()) });
    let mut hosts = [start(), start()];
    hosts.iter_mut().for_each(Server::expect_errors);
    for is_away in [true, false] {
        if is_away {
            cluster.stop(Stop::Fast);
        } else {
            cluster.begin();
        }
        let status = if is_away { 503 } else { 200 };
        for host in &hosts {
            host.client().wait("/health/ready", |ready| ready.status == status, SOON).await;
        }
    }
}

#[tokio::test]
#[ignore = "wants PostgreSQL to be installed: .ci/host-tests postgres"]
async fn a_server_that_is_away_for_long_is_said_and_found_again() {
    /// Longer than a call waits for it.
    const AWAY: Duration = Duration::from_secs(13);
    let cluster = Cluster::start();
    let mut server = Server::start(over(cluster.url()));
    server.expect_errors();
    let receiver = Receiver::kind();
    let client = server.client();
    let webhook = client.register(&receiver.url()).await;
    client.insist_on_ticket(0).await;
    client.wait_told(&webhook.id, SOON).await;

    cluster.stop(Stop::Fast);
    let back = spawn_blocking(move || {
        std::thread::sleep(AWAY);
        cluster.begin();
        cluster
    });
    let refused = client.post("/tickets", ticket_body("9")).await;
    assert_eq!((refused.status, refused.code()), (503, Some("store_unavailable")));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(client.get("/health/ready").await.status, 503);
    client.insist_on_ticket(1).await;
    let cluster = back.await.expect("it does not panic");
    client.wait_told(&webhook.id, SOON).await;

    client.wait("/health/ready", |answer| answer.status == 200, SOON).await;
    // The refused one was tried while nothing could be stored.
    assert_whole(&cluster, 2);
    assert_eq!(heard(&receiver), BTreeSet::from([0, 1]));
    assert_eq!(server.log().matches("the store failed").count(), 1, "{}", server.log());
}

#[tokio::test]
#[ignore = "wants PostgreSQL to be installed: .ci/host-tests postgres"]
async fn a_commit_that_nobody_can_tell_of_is_called_unknown() {
    let cluster = Cluster::start();
    // It renews its lease seldom, so that the next commit is that of a call.
    let arguments = vec!["--lease-ms".to_owned(), "60000".to_owned()];
    let mut server = Server::start(Options { arguments, ..over(cluster.url()) });
    server.expect_errors();
    let client = server.client();
    client.insist_on_ticket(0).await;

    cluster.freeze(true);
    // What is to be loaded first, as for an idempotency key, would be known to be undone.
    let answer = client.post("/tickets", ticket_body("1")).await;
    cluster.freeze(false);
    assert_eq!((answer.status, answer.code()), (503, Some("store_unavailable")));
    assert!(answer.text.contains("not known whether"), "{}", answer.text);
    client.insist_on_ticket(2).await;

    let made = cluster.ask("SELECT count(*) FROM tickets WHERE message = '1'");
    let made = made.parse::<usize>().expect("a number");
    assert!(made <= 1, "{made}");
    assert_whole(&cluster, 2 + made);
}

#[tokio::test]
#[ignore = "wants PostgreSQL to be installed: .ci/host-tests postgres"]
async fn a_synchronous_standby_has_all_that_was_acknowledged() {
    const TICKETS: usize = 80;
    let primary = Cluster::start();
    let standby = primary.standby();
    primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary.ask("SELECT pg_reload_conf()");
    let url = format!(
        "postgres://desk@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=read-write",
        primary.port(),
        standby.port()
    );
    let mut server = Server::start(over(url));
    server.expect_errors();
    let receiver = Receiver::kind();
    let client = server.client();
    let webhook = client.register(&receiver.url()).await;
    let lost = spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(600));
        primary.stop(Stop::Immediate);
        standby.promote();
        standby
    });
    insist_on_tickets(&client, TICKETS).await;
    let standby = lost.await.expect("it does not panic");
    client.wait_told(&webhook.id, SOON).await;

    assert_whole(&standby, TICKETS);
    assert_eq!(heard(&receiver), (0..TICKETS).collect());
}

#[tokio::test]
#[ignore = "wants PostgreSQL to be installed: .ci/host-tests postgres"]
async fn an_idle_desk_asks_its_server_little() {
    const WATCHED_S: u64 = 8;
    const PER_HOST_AND_SECOND: u64 = 2;
    let cluster = Cluster::with(&["shared_preload_libraries = 'pg_stat_statements'"]);
    cluster.ask("CREATE EXTENSION pg_stat_statements");
    let hosts: Vec<_> = (0..2)
        .map(|_| {
            let arguments = vec!["--lease-ms".to_owned(), "5000".to_owned()];
            Server::start(Options { arguments, ..over(cluster.url()) })
        })
        .collect();
    let receiver = Receiver::kind();
    let webhook = hosts[1].client().register(&receiver.url()).await;
    hosts[1].client().insist_on_ticket(0).await;
    hosts[0].client().wait_told(&webhook.id, SOON).await;

    cluster.ask("SELECT pg_stat_statements_reset()");
    sleep(Duration::from_secs(WATCHED_S)).await;
    let asked = cluster.ask("SELECT sum(calls) FROM pg_stat_statements");
    let asked: u64 = asked.parse().expect("a number");

    let most = PER_HOST_AND_SECOND * hosts.len() as u64 * WATCHED_S;
    assert!((WATCHED_S..=most).contains(&asked), "{asked} statements, and {most} may be");
}

/// A certificate in the name of localhost, its key, and the certificate of who issued it.
struct Issued {
    folder: Folder,
}

impl Issued {
    fn new() -> Self {
        let folder = Folder::new();
        let script = "
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
                -subj /CN=issuer -addext basicConstraints=critical,CA:TRUE -keyout ca.key -out ca.pem
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
                -subj /CN=localhost -keyout server.key -out server.csr
            printf 'subjectAltName=DNS:localhost' > names
            openssl x509 -req -days 2 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
                -extfile names -out server.pem";
        let made = Command::new("sh").args(["-ec", script]).current_dir(folder.path()).output();
        let made = made.expect("openssl is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { folder }
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(name)).expect("it was made")
    }

    fn authority(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }
}

#[tokio::test]
#[ignore = "wants PostgreSQL to be installed: .ci/host-tests postgres"]
async fn a_server_with_tls_is_who_the_url_says_it_must_be() {
    let (ours, others) = (Issued::new(), Issued::new());
    let cluster = Cluster::with(&["password_encryption = 'scram-sha-256'"]);
    cluster.ask("ALTER USER desk PASSWORD 'open sesame'");
    cluster.stop(Stop::Fast);
    cluster.install("server.crt", &ours.read("server.pem"));
    cluster.install("server.key", &ours.read("server.key"));
    cluster.configure(&["ssl = on"]);
    cluster.authenticate(&["hostssl all all 127.0.0.1/32 scram-sha-256"]);
    cluster.begin();
    let passwords = ours.folder.path().join("passwords");
    fs::write(&passwords, "*:*:*:desk:open sesame\n").expect("the folder is ours");
    let url = |host: &str, parameters: &str| {
        let (port, passwords) = (cluster.port(), passwords.display());
        format!("postgres://desk@{host}:{port}/postgres?passfile={passwords}&{parameters}")
    };
    let (ca, other_ca) = (ours.authority(), others.authority());

    for (host, parameters) in [
        ("localhost", format!("sslmode=verify-full&sslrootcert={ca}")),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={ca}")),
        ("127.0.0.1", format!("sslmode=require&sslrootcert={ca}")),
        ("127.0.0.1", "sslmode=require".to_owned()),
        ("127.0.0.1", "sslmode=prefer".to_owned()),
        ("127.0.0.1", String::new()),
    ] {
        let mut server = Server::start(over(url(host, &parameters)));
        server.client().open_ticket("through TLS").await;
        server.terminate();
    }
    for (host, parameters, why) in [
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={ca}"), "not valid for name"),
        ("localhost", format!("sslmode=verify-full&sslrootcert={other_ca}"), "certificate"),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={other_ca}"), "certificate"),
        ("127.0.0.1", format!("sslmode=require&sslrootcert={other_ca}"), "certificate"),
        ("localhost", "sslmode=verify-full".to_owned(), "certificate"),
        ("127.0.0.1", "sslmode=disable".to_owned(), "no encryption"),
    ] {
        let said = Server::refusal(over(url(host, &parameters)), SOON);
        assert!(said.contains(why), "{host} with {parameters}: {said}");
        assert!(!said.contains("sesame"), "{said}");
    }
    let without =
        url("localhost", "sslmode=require").replace(&passwords.display().to_string(), "/dev/null");
    let said = Server::refusal(over(without), SOON);
    assert!(said.contains("password"), "{said}");
}

/// A pooler that gives each transaction another of a few connections.
struct Pooler {
    process: Child,
    port: Port,
    _folder: Folder,
}

impl Pooler {
    fn before(cluster: &Cluster) -> Self {
        let (folder, port) = (Folder::new(), Port::take(0));
        let file = folder.path().join("pgbouncer.ini");
        let configuration = format!(
            "[databases]\npostgres = host=127.0.0.1 port={} user=desk\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 3\nserver_round_robin = 1\n",
            cluster.port(),
            port.number()
        );
        fs::write(&file, configuration).expect("the folder is ours");
        let mut command = Command::new("pgbouncer");
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        if let Some((user, group)) = Cluster::user() {
            chown(folder.path(), Some(user), Some(group)).expect("this runs as root");
            command.uid(user).gid(group);
        }
        command.arg("-q").arg(file).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("pgbouncer is installed");
        Self { process, port, _folder: folder }
    }

    fn url(&self, parameters: &str) -> String {
        format!("postgres://desk@127.0.0.1:{}/postgres?{parameters}", self.port.number())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
#[ignore = "wants PgBouncer to be installed: .ci/host-tests postgres"]
async fn a_desk_works_through_a_pooler_of_transactions() {
    const TICKETS: usize = 60;
    let cluster = Cluster::start();
    let pooler = Pooler::before(&cluster);
    wait_for(pooler.port.number()).await;
    let mut first = Server::start(over(pooler.url("prepared_statements=false")));
    let receiver = Receiver::kind();
    let webhook = first.client().register(&receiver.url()).await;
    let client = first.client();
    for number in 0..TICKETS / 2 {
        client.insist_on_ticket(number).await;
        let listed = client.get("/tickets?limit=5").await.expect(200);
        assert!(!listed.items().is_empty());
    }
    let mut second = Server::launch(over(pooler.url("prepared_statements=false")));
    second.wait_log("another process led", SOON);
    first.kill();
    second.wait_ready(SOON);
    let client = second.client();
    for number in TICKETS / 2..TICKETS {
        client.insist_on_ticket(number).await;
    }
    client.wait_told(&webhook.id, SOON).await;
    assert_whole(&cluster, TICKETS);
    assert_eq!(heard(&receiver), (0..TICKETS).collect());
    second.terminate();

    let said = Server::refusal(over(pooler.url("")), SOON);
    assert!(said.contains("prepared_statements=false"), "{said}");
}

async fn wait_for(port: u16) {
    let up = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, up).await.expect("it listens");
}
