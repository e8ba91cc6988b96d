//! The sender under test: how it is started, told of receivers, and given events. Another sender can
//! stand here with these three.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::load::{Connection, closed_loop, get, post};
use crate::receiver::now_us;
use crate::{Done, process};

/// A desk of its own, on an empty database; or a further host of one.
pub struct Desk {
    child: Child,
    pub port: u16,
    binary: PathBuf,
    folder: PathBuf,
    database: String,
    /// From its start to its first answer.
    pub booted: Duration,
}

impl Desk {
    /// One over a file of SQLite.
    pub async fn start(binary: &Path) -> Done<Self> {
        Self::launch(binary, None).await
    }

    /// One over a server of PostgreSQL, in a database of its own.
    pub async fn start_over_postgres(binary: &Path) -> Done<Self> {
        let server = std::env::var("HOOKDESK_TEST_POSTGRES")
            .map_err(|_| "no server of PostgreSQL: make bench starts one")?;
        let name = format!("bench_{}", free_port()?);
        let mut psql = Command::new("psql");
        psql.args([&format!("{server}/postgres"), "-Xqc", &format!("CREATE DATABASE {name}")]);
        if !psql.status()?.success() {
            return Err("psql made no database".into());
        }
        Self::launch(binary, Some(format!("{server}/{name}"))).await
    }

    /// A further host of the same desk.
    pub async fn beside(&self) -> Done<Self> {
        Self::launch(&self.binary, Some(self.database.clone())).await
    }

    async fn launch(binary: &Path, database: Option<String>) -> Done<Self> {
        let port = free_port()?;
        let folder = std::env::temp_dir().join(format!("hookdesk-bench-{port}"));
        fs::create_dir_all(&folder)?;
        let file = || format!("sqlite://{}", folder.join("desk.db").display());
        let database = database.unwrap_or_else(file);
        let (child, booted) = boot(binary, port, &database, &[]).await?;
        Ok(Self { child, port, binary: binary.to_owned(), folder, database, booted })
    }

    /// Stops it and starts it on the same database, with these options.
    pub async fn restart(&mut self, options: &[&str]) -> Done<()> {
        self.child.kill()?;
        self.child.wait()?;
        (self.child, self.booted) = boot(&self.binary, self.port, &self.database, options).await?;
        Ok(())
    }

    pub fn cpu_us(&self) -> Done<f64> {
        process::cpu_us(self.child.id())
    }

    pub fn memory(&self) -> Done<(u64, u64)> {
        process::memory(self.child.id())
    }

    /// Registers so many webhooks, each at a path of its own, with these settings beside its URL.
    pub async fn register(&self, url: &str, count: usize, settings: &str) -> Done<Vec<String>> {
        let mut connection = Connection::open(self.port).await?;
        let mut ids = Vec::with_capacity(count);
        for number in 0..count {
            let body = format!(r#"{{"callback_url":"{url}{number}"{settings}}}"#);
            let answer = connection.ask(&post("/webhooks/register", "", &body)).await?;
            let answer: serde_json::Value = serde_json::from_slice(&answer)?;
            ids.push(answer["data"]["id"].as_str().ok_or("no id")?.to_owned());
        }
        Ok(ids)
    }

    pub async fn set_status(&self, id: &str, status: &str) -> Done<()> {
        let body = format!(r#"{{"status":"{status}"}}"#);
        let text = String::from_utf8(post(&format!("/webhooks/{id}"), "", &body))?;
        let request = text.replacen("POST", "PATCH", 1);
        Connection::open(self.port).await?.ask(request.as_bytes()).await?;
        Ok(())
    }

    /// Opens so many tickets or a few more, as fast as it takes them, and returns how many.
    pub async fn fill(&self, count: u64) -> Done<u64> {
        let mut opened = 0;
        while opened < count {
            opened +=
                closed_loop(self.port, 32, Duration::from_secs(1), Self::event).await?.requests;
        }
        Ok(opened)
    }

    /// A request that makes an event, with the time at which it was made.
    pub fn event() -> Vec<u8> {
        let body = format!(r#"{{"ticket_message":"made at {} us"}}"#, now_us());
        post("/tickets", "", &body)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn boot(
    binary: &Path,
    port: u16,
    database: &str,
    options: &[&str],
) -> Done<(Child, Duration)> {
    let begun = Instant::now();
    let mut command = Command::new(binary);
    command.arg("serve").args(options);
    command.args(["--listen", &format!("127.0.0.1:{port}")]);
    command.args(["--database", database]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    loop {
        let asked = async {
            let mut connection = Connection::open(port).await?;
            connection.ask(&get("/service", "")).await
        };
        match asked.await {
            Ok(_) => return Ok((child, begun.elapsed())),
            Err(error) if begun.elapsed() > Duration::from_secs(30) => return Err(error),
            Err(_) => sleep(Duration::from_millis(1)).await,
        }
    }
}

fn free_port() -> Done<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
