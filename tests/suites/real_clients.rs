//! What people call the binary with, API keys and all: curl, Python and Node.js, straight and through
//! the nginx that the documents show.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hookdesk_tests::{Client, Folder, SOON, Server};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::keys::{keyed_desk_with, make};

const DOCUMENT: &str = include_str!("../../web/docs/operate.md");
/// What each client prints.
const PRINTED: &str = "caller key\nrepeated true\nwrong 401\nlimited 1\nheard ticket_closed\n";

fn client_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// A desk with a public URL, its administrator, and a key that may call once a second.
async fn desk(url: &str) -> (Server, Client, String, Folder) {
    let (server, admin, folder) = keyed_desk_with(&["--public-url", url]);
    let made = admin.post("/keys", json!({ "scopes": ["read"], "rate_limit": 1 })).await;
    let limited = made.expect(201).string("/data/key").clone();
    (server, admin, limited, folder)
}

/// Runs a client against the desk at `base`, and returns what it prints.
async fn printed(program: &str, file: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(program);
    command.arg(client_file(file)).envs(variables.iter().copied()).stderr(Stdio::inherit());
    let done = tokio::task::spawn_blocking(move || command.output()).await;
    let done = done.expect("it does not panic").expect("the client is installed");
    String::from_utf8(done.stdout).expect("it is text")
}

async fn call_with_each(base: &str, key: &str, limited: &str, certificate: Option<&str>) {
    let trusted = certificate.map(|file| [("CA", file), ("NODE_EXTRA_CA_CERTS", file)]);
    let mut variables = vec![("BASE", base), ("KEY", key), ("LIMITED", limited)];
    variables.extend(trusted.into_iter().flatten());
    for (program, file) in [("bash", "client.sh"), ("python3", "client.py"), ("node", "client.mjs")]
    {
        assert_eq!(printed(program, file, &variables).await, PRINTED, "{file} at {base}");
    }
}

#[tokio::test]
async fn curl_python_and_node_call_with_keys() {
    let (server, admin, limited, _folder) = desk("https://desk.example").await;
    let (_, key) = make(&admin, &["read", "tickets"]).await;
    let base = format!("http://127.0.0.1:{}", server.port());
    call_with_each(&base, &key, &limited, None).await;
}

/// nginx, until it is dropped.
struct Nginx {
    process: Child,
    certificate: PathBuf,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server of the document, with this machine's names in place of the example's.
fn configuration(folder: &Path, port: u16, desk: u16) -> String {
    let begin = DOCUMENT.find("    server {\n").expect("the document shows a server");
    let shown = DOCUMENT[begin..].split("\n\n").next().expect("it ends");
    let at = |name: &str| folder.join(name).display().to_string();
    let server = shown
        .replace("443 ssl", &format!("127.0.0.1:{port} ssl"))
        .replace("desk.example;", "localhost;")
        .replace("/etc/ssl/desk.pem", &at("desk.pem"))
        .replace("/etc/ssl/desk.key", &at("desk.key"))
        .replace("127.0.0.1:8080", &format!("127.0.0.1:{desk}"));
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};\n", at(kind)))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\npid {};\nerror_log stderr;\nevents {{}}\n\
         http {{\naccess_log off;\n{paths}{server}\n}}\n",
        at("nginx.pid")
    )
}

async fn nginx(folder: &Path, port: u16, desk: u16) -> Nginx {
    let (certificate, key) = (folder.join("desk.pem"), folder.join("desk.key"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let file = folder.join("nginx.conf");
    let mut written = fs::File::create(&file).expect("the folder is there");
    written.write_all(configuration(folder, port, desk).as_bytes()).expect("there is room");
    // Debian has it where only administrators' programs are found.
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("nginx");
    let process = command.env("PATH", path).arg("-c").arg(file).arg("-p").arg(folder).spawn();
    let process = process.expect("nginx is installed: .ci/program nginx nginx-light does it");
    let up = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, up).await.expect("nginx listens");
    Nginx { process, certificate }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

#[tokio::test]
async fn behind_the_nginx_of_the_documents_keys_and_sessions_work() {
    let port = free_port();
    let base = format!("https://localhost:{port}");
    let (server, admin, limited, folder) = desk(&base).await;
    let (_, key) = make(&admin, &["read", "tickets"]).await;
    let nginx = nginx(folder.path(), port, server.port()).await;
    let certificate = nginx.certificate.to_str().expect("it is text");
    call_with_each(&base, &key, &limited, Some(certificate)).await;

    // The page that nginx shows signs its browser in, and no other one does.
    let trusted = fs::read(&nginx.certificate).expect("it was made");
    let trusted = reqwest::Certificate::from_pem(&trusted).expect("it is a certificate");
    let browser = reqwest::Client::builder().tls_certs_merge([trusted]).build();
    let browser = browser.expect("it trusts the certificate");
    let send = async |path: &str, headers: &[(&str, &str)], body: serde_json::Value| {
        let request = browser.post(format!("{base}{path}")).body(body.to_string());
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.header("content-type", "application/json").send().await.expect("nginx answers")
    };
    let (own, stranger) = (("origin", base.as_str()), ("origin", "https://page.example"));
    let shown = json!({ "key": key });
    assert_eq!(send("/session", &[stranger], shown.clone()).await.status(), 403);
    let signed_in = send("/session", &[own], shown).await;
    assert_eq!(signed_in.status(), 201);
    let cookie = signed_in.headers()["set-cookie"].to_str().expect("it is text");
    assert!(cookie.starts_with("__Host-hookdesk=hds_") && cookie.ends_with("; Secure"), "{cookie}");
    let session = ("cookie", cookie.split(';').next().expect("it has a value"));
    let ticket = json!({ "ticket_message": "by cookie" });
    assert_eq!(send("/tickets", &[own, session], ticket.clone()).await.status(), 201);
    assert_eq!(send("/tickets", &[stranger, session], ticket).await.status(), 403);
}
