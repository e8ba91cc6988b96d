//! A connection to PostgreSQL whose statements are sent together: what a transaction asks is one
//! round trip, however many statements it has.
//!
//! Nothing of it outlives its transaction but prepared statements, so it may go through a pooler.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::maybe_done;
use hookdesk_core::sql::postgres::{self, Parameter, Write};
use hookdesk_core::sql::{Statement, Value};
use hookdesk_core::{Fact, Need, Rows};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

use crate::store::StoreFault;
use crate::store::postgres::PostgresFault;
use crate::store::postgres::cells::{Cell, values};
use crate::store::postgres::url::PostgresUrl;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take, after which the connection is given up: less than the server lets a
/// statement take, because it would end the wait for a standby with a warning alone.
const ANSWER: Duration = Duration::from_secs(8);

/// Settings of each transaction. A transaction never waits for its client or for a lock for long, and
/// plans do not depend on statistics that a new database does not have yet. (A plan that is forbidden
/// has a cost for which the server would compile each statement anew.)
const SETTINGS: &str = "SELECT set_config('hookdesk.batch', $1, true), \
     set_config('statement_timeout', '10s', true), \
     set_config('lock_timeout', '3s', true), \
     set_config('idle_in_transaction_session_timeout', '5s', true), \
     set_config('jit', 'off', true), \
     set_config('plan_cache_mode', 'force_generic_plan', true), \
     set_config('enable_seqscan', 'off', true), \
     set_config('enable_hashjoin', 'off', true), \
     set_config('enable_mergejoin', 'off', true)";
const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const COMMIT: &str = "COMMIT";

/// A runtime of the thread that asks a connection, which drives it.
struct Driver(Option<Runtime>);

impl Driver {
    fn new() -> Result<Self, PostgresFault> {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.map(|of| Self(Some(of))).map_err(|error| PostgresFault::Lost(error.to_string()))
    }

    /// Waits for an answer as long as `most`.
    fn wait<T>(
        &self,
        most: Duration,
        answer: impl Future<Output = Result<T, PostgresFault>>,
    ) -> Result<T, PostgresFault> {
        let runtime = self.0.as_ref().ok_or_else(PostgresFault::silent)?;
        let answer = async { timeout(most, answer).await };
        runtime.block_on(answer).unwrap_or_else(|_| Err(PostgresFault::silent()))
    }
}

impl Drop for Driver {
    /// A task of another runtime may be what drops it, and must not wait.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A connection. It is driven by the thread that asks it.
pub struct Link {
    driver: Driver,
    client: Client,
    prepared: HashMap<&'static str, tokio_postgres::Statement>,
    /// Transactions so far.
    batch: u64,
}

/// A statement with its parameters.
struct Sent<'a> {
    sql: &'static str,
    parameters: Vec<Box<dyn ToSql + Sync + 'a>>,
}

impl<'a> Sent<'a> {
    fn plain(sql: &'static str) -> Self {
        Self { sql, parameters: Vec::new() }
    }

    fn query(query: &'a Statement<'_>) -> Self {
        let parameter = |value: &'a Value<'_>| -> Box<dyn ToSql + Sync> { Box::new(Cell(value)) };
        Self { sql: query.sql, parameters: query.values.iter().map(parameter).collect() }
    }

    fn write(write: &'a Write<'_>, batch: &'a Value<'_>) -> Self {
        let parameter = |parameter: &'a Parameter<'_>| -> Box<dyn ToSql + Sync> {
            match parameter {
                Parameter::One(value) => Box::new(Cell(value)),
                Parameter::Array(values) => Box::new(values.iter().map(Cell).collect::<Vec<_>>()),
            }
        };
        let mut parameters: Vec<_> = write.parameters.iter().map(parameter).collect();
        parameters.push(Box::new(Cell(batch)));
        Self { sql: write.sql, parameters }
    }
}

impl Link {
    /// # Errors
    /// When the server cannot be reached or refuses the connection.
    pub fn connect(url: &PostgresUrl) -> Result<Self, PostgresFault> {
        let driver = Driver::new()?;
        let client = driver.wait(CONNECT, async {
            let (client, connection) = url.config.connect(url.tls.connector()).await?;
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!("a connection to PostgreSQL ended: {error}");
                }
            });
            Ok(client)
        })?;
        Ok(Self { driver, client, prepared: HashMap::new(), batch: 0 })
    }

    /// Whether the server has closed it meanwhile.
    pub fn is_closed(&self) -> bool {
        // What arrived since the last answer is read.
        let read = self.driver.wait(ANSWER, async {
            tokio::task::yield_now().await;
            Ok(())
        });
        read.is_err() || self.client.is_closed()
    }

    /// Runs a text of several statements.
    ///
    /// # Errors
    /// When the connection is lost, or a statement fails.
    pub fn execute(&self, text: &str) -> Result<(), PostgresFault> {
        self.driver.wait(ANSWER, async { Ok(self.client.batch_execute(text).await?) })
    }

    /// The rows of a statement, in a transaction of its own.
    ///
    /// # Errors
    /// As [`Self::transaction`].
    pub fn ask(
        &mut self,
        sql: &'static str,
        parameters: Vec<Value<'_>>,
    ) -> Result<Vec<Vec<Value<'static>>>, PostgresFault> {
        let query = Statement { sql, values: parameters, changes: None, of_row: false };
        let found = self.transaction(BEGIN_WRITE, &Value::Null, vec![Sent::query(&query)])?;
        found.iter().flatten().map(|row| Ok(values(row)?)).collect()
    }

    /// Loads the rows of needs, all as they are at one moment.
    ///
    /// # Errors
    /// When the connection is lost, or a row is bad.
    pub fn load_all(&mut self, needs: &[Need]) -> Result<Vec<Fact>, StoreFault> {
        let mut reading = self.reading();
        let facts = reading.load_all(needs)?;
        reading.end()?;
        Ok(facts)
    }

    /// Begins to read, with the first load.
    pub fn reading(&mut self) -> Reading<'_> {
        Reading { link: self, has_begun: false }
    }

    /// Runs statements that write, each of which asks for the batch that it is of.
    ///
    /// # Errors
    /// As [`Self::transaction`].
    pub fn write(&mut self, writes: &[Write<'_>]) -> Result<(), PostgresFault> {
        self.batch += 1;
        let batch = Value::from(self.batch.to_string());
        let sent = writes.iter().map(|write| Sent::write(write, &batch)).collect();
        self.transaction(BEGIN_WRITE, &batch, sent).map(drop)
    }

    /// Runs statements in one transaction and one round trip, and returns the rows of each.
    ///
    /// # Errors
    /// When any of them fails, `BEGIN` and `COMMIT` among them: whether anything was stored is then
    /// not known here.
    fn transaction(
        &mut self,
        begin: &'static str,
        batch: &Value<'_>,
        sent: Vec<Sent<'_>>,
    ) -> Result<Vec<Vec<Row>>, PostgresFault> {
        let settings = Sent { sql: SETTINGS, parameters: vec![Box::new(Cell(batch))] };
        let head = [Sent::plain(begin), settings];
        let mut rows = self.send(head.into_iter().chain(sent).chain([Sent::plain(COMMIT)]))?;
        // Of the statements that were asked for.
        rows.pop();
        rows.drain(..2);
        Ok(rows)
    }

    /// Sends statements in one round trip, and returns the rows of each.
    fn send<'a>(
        &mut self,
        sent: impl IntoIterator<Item = Sent<'a>>,
    ) -> Result<Vec<Vec<Row>>, PostgresFault> {
        let all: Vec<_> = sent.into_iter().collect();
        let Self { driver, client, prepared, .. } = self;
        let client = &*client;
        driver.wait(ANSWER, async {
            for sent in &all {
                if !prepared.contains_key(sent.sql) {
                    prepared.insert(sent.sql, client.prepare(sent.sql).await?);
                }
            }
            let requests = all.iter().filter_map(|sent| {
                let prepared = prepared.get(sent.sql)?;
                Some(async move {
                    let parameters: Vec<_> = sent.parameters.iter().map(|of| &**of).collect();
                    client.query(prepared, &parameters).await
                })
            });
            Ok(in_order(requests).await.into_iter().collect::<Result<Vec<_>, _>>()?)
        })
    }
}

/// A transaction that reads: all its loads see the rows as they are at the moment of the first.
pub struct Reading<'a> {
    link: &'a mut Link,
    has_begun: bool,
}

impl Reading<'_> {
    /// Ends the transaction.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn end(self) -> Result<(), PostgresFault> {
        if self.has_begun {
            self.link.send([Sent::plain(COMMIT)])?;
        }
        Ok(())
    }
}

impl Rows for Reading<'_> {
    type Fault = StoreFault;

    fn load(&mut self, need: &Need) -> Result<Fact, StoreFault> {
        let mut facts = self.load_all(std::slice::from_ref(need))?;
        facts.pop().ok_or_else(|| PostgresFault::silent().into())
    }

    fn load_all(&mut self, needs: &[Need]) -> Result<Vec<Fact>, StoreFault> {
        let settings = Sent { sql: SETTINGS, parameters: vec![Box::new(Cell(&Value::Null))] };
        let head = [Sent::plain(BEGIN_READ), settings];
        let began = if self.has_begun { 0 } else { head.len() };
        self.has_begun = true;
        let queries: Vec<_> = needs.iter().map(postgres::query).collect();
        let sent = head.into_iter().take(began).chain(queries.iter().map(Sent::query));
        let found = self.link.send(sent)?.into_iter().skip(began);
        let fact = |(need, rows): (&Need, Vec<Row>)| {
            let rows: Result<_, PostgresFault> = rows.iter().map(|row| Ok(values(row)?)).collect();
            Ok(postgres::fact(need, rows?)?)
        };
        needs.iter().zip(found).map(fact).collect()
    }
}

/// The outcomes of requests that are sent in order, before any is answered.
async fn in_order<F: Future>(requests: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> =
        requests.into_iter().map(|request| Box::pin(maybe_done(request))).collect();
    poll_fn(|context| {
        let mut is_pending = false;
        for one in &mut all {
            is_pending |= one.as_mut().poll(context).is_pending();
        }
        if is_pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    all.iter_mut().filter_map(|one| one.as_mut().take_output()).collect()
}
