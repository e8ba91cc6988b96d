//! The desk of a database as the command line calls it, running or not.

use hookdesk_core::api::{self, Action, Api, Call, LiveKeys, Opened};
use hookdesk_core::guard::Targets;
use hookdesk_core::{
    Authorization, Command, Desk, HolderId, Limits, Memory, Moment, Refusal, Reply, Retention,
};
use serde::Deserialize;
use serde_json::Value;

use crate::BoxError;
use crate::api_reply::{MAX_CALL, problem_detail};
use crate::control;
use crate::moment::{chance, clock};
use crate::serve::causes;
use crate::store::postgres::{Candidate, nonce};
use crate::store::sqlite::{Lock, Sqlite};
use crate::store::{Database, DeskStore};

/// The desk of a database: one that runs, behind its socket, or the rows themselves.
pub enum LocalDesk {
    Running { runtime: tokio::runtime::Runtime, client: reqwest::Client },
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
                let store = DeskStore::Postgres(Box::new(Candidate::lead_if_free(url, nonce())?));
                return Ok(Self::Stopped(Box::new(StoppedDesk::new(store)?)));
            }
        };
        if let Some(lock) = Lock::try_take(path)? {
            let store = DeskStore::Sqlite(Box::new(Sqlite::open(path)?), lock);
            return Ok(Self::Stopped(Box::new(StoppedDesk::new(store)?)));
        }
        let socket = control::path(path);
        let client = reqwest::Client::builder().unix_socket(socket).timeout(MAX_CALL).build()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
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
            Self::Stopped(desk) => desk.call(method, path, &body)?,
        };
        if (200..300).contains(&status) {
            return Ok(serde_json::from_str(&answer)?);
        }
        let detail = problem_detail(answer.as_bytes());
        Err(detail.unwrap_or_else(|| format!("the desk answers {status}")).into())
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
        let api = control::command_line(Targets::public(), uid);
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
