//! The desk of a database as the command line calls it, running or not.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hookdesk_core::api::{self, Action, Api, Call, LiveKeys, Opened};
use hookdesk_core::guard::Targets;
use hookdesk_core::{
    Authorization, Command, Desk, HolderId, Limits, Memory, Moment, Refusal, Reply, Retention,
};
use http_body_util::{BodyExt as _, Full};
use hyper::header::{CONTENT_TYPE, HOST};
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::BoxError;
use crate::api_reply::{MAX_CALL, problem_detail};
use crate::cluster::{CALLER_UID, Forwarder, Identity, Unanswered};
use crate::command_line;
use crate::control;
use crate::moment::{chance, clock};
use crate::serve::causes;
use crate::store::postgres::{HostRow, PostgresUrl, Roster, lead_if_free, nonce};
use crate::store::sqlite::{Lock, Sqlite};
use crate::store::{Database, DeskStore};

/// The desk of a database: one that runs, behind its socket, or the rows themselves.
pub enum LocalDesk {
    Running {
        runtime: Runtime,
        client: reqwest::Client,
    },
    /// One that another host leads, over PostgreSQL.
    Led(Box<LedDesk>),
    Stopped(Box<StoppedDesk>),
}

/// A desk that decides single commands over the rows. It sends nothing, and lets nothing expire:
/// how long things are kept is an option of the server.
pub struct StoppedDesk {
    api: Api,
    desk: Desk<DeskStore>,
}

impl LocalDesk {
    /// # Errors
    /// When the database cannot be opened: the text is for the operator.
    pub fn open(database: &Database) -> Result<Self, BoxError> {
        let path = match database {
            Database::File(path) => path,
            Database::Postgres(url) => {
                return match lead_if_free(url)? {
                    Some(store) => Ok(Self::Stopped(Box::new(StoppedDesk::new(store)?))),
                    None => Ok(Self::Led(Box::new(LedDesk::find(url)?))),
                };
            }
        };
        if let Some(lock) = Lock::try_take(path)? {
            let store = DeskStore::Sqlite(Box::new(Sqlite::open(path)?), lock);
            return Ok(Self::Stopped(Box::new(StoppedDesk::new(store)?)));
        }
        let socket = control::path(path);
        let client = reqwest::Client::builder().unix_socket(socket).timeout(MAX_CALL).build()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self::Running { runtime, client })
    }

    /// Calls the API as a user of the desk's machine.
    ///
    /// # Errors
    /// When the desk refuses the call or cannot be reached: the text is for the operator.
    pub fn call<T: for<'a> Deserialize<'a>>(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, BoxError> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let (status, answer) = match self {
            Self::Running { runtime, client } => {
                runtime.block_on(ask(client, method, path, body))?
            }
            Self::Led(desk) => desk.call(method, path, body)?,
            Self::Stopped(desk) => desk.call(method, path, &body)?,
        };
        if (200..300).contains(&status) {
            return Ok(serde_json::from_str(&answer)?);
        }
        let detail = problem_detail(answer.as_bytes());
        Err(detail.unwrap_or_else(|| format!("the desk answers {status}")).into())
    }
}

/// A desk that another host leads, which is called as hosts call it.
pub struct LedDesk {
    runtime: Runtime,
    forwarder: Forwarder,
    roster: Roster,
    leader: Arc<HostRow>,
}

impl LedDesk {
    fn find(url: &PostgresUrl) -> Result<Self, BoxError> {
        let identity = Identity::draw()?;
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let key = identity.public_key().to_vec();
        let roster = Roster::enter(url, HostRow { id: nonce(), address, key })?;
        let Some(leader) = roster.leader()? else {
            roster.leave();
            return Err("no host leads the desk at the moment: call again in a few seconds".into());
        };
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, forwarder: Forwarder::new(identity), roster, leader })
    }

    fn call(&self, method: &str, path: &str, body: String) -> Result<(u16, String), BoxError> {
        let message = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .header(CALLER_UID, rustix::process::geteuid().as_raw())
            .body(Full::from(body))?;
        let called = async {
            let answer = self.forwarder.send(&self.leader, message).await;
            let answer = answer.map_err(|unanswered| match unanswered {
                Unanswered::Unsent => "it cannot be reached, and nothing was done",
                Unanswered::Lost => "it does not answer, and may have done what it was asked for",
            })?;
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await?.to_bytes();
            Ok::<_, BoxError>((status, String::from_utf8(body.to_vec())?))
        };
        let called = self.runtime.block_on(async { timeout(MAX_CALL, called).await });
        let failed = |why: BoxError| {
            let address = self.leader.address;
            BoxError::from(format!("the host at {address} leads the desk: {why}"))
        };
        called.map_err(|late| failed(late.into()))?.map_err(failed)
    }
}

impl Drop for LedDesk {
    fn drop(&mut self) {
        self.roster.leave();
    }
}

async fn ask(
    client: &reqwest::Client,
    method: &str,
    path: &str,
    body: String,
) -> Result<(u16, String), BoxError> {
    let url = format!("http://localhost{path}");
    let call = client.request(method.parse()?, url).header("content-type", "application/json");
    let answer = call.body(body).send().await.map_err(|error| {
        format!("the desk runs and its control socket does not answer: {}", causes(&error))
    })?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

impl StoppedDesk {
    fn new(store: DeskStore) -> Result<Self, BoxError> {
        let retention = Retention::new(Some(0), None).map_err(|_| "retention can be off")?;
        let limits = Limits { in_flight: 0, retention, ..Limits::default() };
        let desk = Desk::new(store, Memory::Dropped).with_limits(limits);
        let uid = rustix::process::geteuid().as_raw();
        let api = command_line::api(Targets::public(), uid);
        Ok(Self { api, desk })
    }

    fn call(&mut self, method: &str, path: &str, body: &str) -> Result<(u16, String), BoxError> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let headers = vec![("host", "localhost"), ("content-type", "application/json")];
        let call = Call { method, path, query, headers, body: body.as_bytes() };
        let Opened { action, authorization, shown } =
            self.api.open(&call, LiveKeys::none(clock()), chance);
        let response = match action {
            Action::Answer(response) => response,
            Action::Decide(command) => api::answer(self.decide(authorization, command)?, shown),
            Action::Read(reading) => {
                reading.answer(authorization, self.desk.store_mut(), clock())?
            }
            Action::CountReplay(_) | Action::List(_) | Action::ReadEvents(_) => {
                return Err("this needs a running desk".into());
            }
        };
        Ok((response.status, response.body))
    }

    fn decide(
        &mut self,
        authorization: Option<Authorization>,
        command: Command,
    ) -> Result<Result<Reply, Refusal>, BoxError> {
        let now = clock();
        let moment =
            Moment { authorization, ..Moment::new(now, chance(), HolderId::new(now, &chance())) };
        let decided = self.desk.run(&[(command, moment)])?;
        let first = decided.into_iter().next();
        Ok(first.ok_or("a command has a decision")?.reply)
    }
}

impl Drop for StoppedDesk {
    fn drop(&mut self) {
        self.desk.store_mut().release();
    }
}
