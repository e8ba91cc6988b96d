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
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::store::StoreFault;
use crate::store::postgres::PostgresFault;
use crate::store::postgres::cells::{Cell, type_of, type_of_all, values};
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
        runtime
            .map(|of| Self(Some(of)))
            .map_err(|error| PostgresFault::Unreachable(error.to_string()))
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
    /// Whether statements are prepared.
    prepares: bool,
    prepared: HashMap<&'static str, tokio_postgres::Statement>,
    /// Transactions so far.
    batch: u64,
}

/// A statement with its parameters and their types.
struct Sent<'a> {
    sql: &'static str,
    parameters: Vec<(Box<dyn ToSql + Sync + 'a>, Type)>,
}

impl<'a> Sent<'a> {
    fn new(sql: &'static str) -> Self {
        Self { sql, parameters: Vec::new() }
    }

    fn with(mut self, value: &'a Value<'_>) -> Self {
        self.parameters.push((Box::new(Cell(value)), type_of(value)));
        self
    }

    fn with_all(mut self, values: &'a [Value<'_>]) -> Self {
        let cells: Vec<_> = values.iter().map(Cell).collect();
        self.parameters.push((Box::new(cells), type_of_all(values)));
        self
    }

    fn query(query: &'a Statement<'_>) -> Self {
        query.values.iter().fold(Self::new(query.sql), Self::with)
    }

    fn write(write: &'a Write<'_>, batch: &'a Value<'_>) -> Self {
        let with = |sent: Self, parameter: &'a Parameter<'_>| match parameter {
            Parameter::One(value) => sent.with(value),
            Parameter::Array(values) => sent.with_all(values),
        };
        write.parameters.iter().fold(Self::new(write.sql), with).with(batch)
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
        let prepares = url.prepares;
        Ok(Self { driver, client, prepares, prepared: HashMap::new(), batch: 0 })
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

    /// The rows of a statement by itself: in the transaction that [`Self::execute`] began, or in one that
    /// the server begins and commits with it.
    ///
    /// # Errors
    /// When the connection is lost, or the statement fails.
    pub fn ask_alone(
        &mut self,
        sql: &'static str,
        parameters: Vec<Value<'_>>,
    ) -> Result<Vec<Vec<Value<'static>>>, PostgresFault> {
        let query = Statement { sql, values: parameters, changes: None, of_row: false };
        let found = self.send([Sent::query(&query)])?;
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
        Reading { link: self, has_begun: false, again: None }
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
        let settings = Sent::new(SETTINGS).with(batch);
        let head = [Sent::new(begin), settings];
        let mut rows = self.send(head.into_iter().chain(sent).chain([Sent::new(COMMIT)]))?;
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
        let Self { driver, client, prepared, prepares, .. } = self;
        let client = &*client;
        driver.wait(ANSWER, async {
            for sent in all.iter().filter(|_| *prepares) {
                if !prepared.contains_key(sent.sql) {
                    prepared.insert(sent.sql, client.prepare(sent.sql).await?);
                }
            }
            let answers = all.iter().map(|sent| answer(client, prepared.get(sent.sql), sent));
            Ok(in_order(answers).await.into_iter().collect::<Result<Vec<_>, _>>()?)
        })
    }
}

/// Sends a statement, by its name if it has one.
async fn answer(
    client: &Client,
    named: Option<&tokio_postgres::Statement>,
    sent: &Sent<'_>,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let parameters = sent.parameters.iter();
    if let Some(named) = named {
        let values: Vec<&(dyn ToSql + Sync)> = parameters.map(|(value, _)| &**value as _).collect();
        return client.query(named, &values).await;
    }
    let typed: Vec<(&(dyn ToSql + Sync), Type)> =
        parameters.map(|(value, kind)| (&**value as _, kind.clone())).collect();
    client.query_typed(sent.sql, &typed).await
}

/// A transaction that reads: all its loads see the rows as they are at the moment of the first.
pub struct Reading<'a> {
    link: &'a mut Link,
    has_begun: bool,
    /// Where to connect again if the first load finds that the connection ended.
    again: Option<&'a PostgresUrl>,
}

impl<'a> Reading<'a> {
    /// The same, over a connection that may have ended while it was idle: another takes its place.
    pub fn or_over_another(self, url: &'a PostgresUrl) -> Self {
        Self { again: Some(url), ..self }
    }

    /// Ends the transaction.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn end(self) -> Result<(), PostgresFault> {
        if self.has_begun {
            self.link.send([Sent::new(COMMIT)])?;
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
        let loaded = self.load_here(needs);
        match (self.again.take(), &loaded) {
            (Some(url), Err(StoreFault::Postgres(PostgresFault::Unreachable(_)))) => {
                *self.link = Link::connect(url)?;
                self.has_begun = false;
                self.load_here(needs)
            }
            _ => loaded,
        }
    }
}

impl Reading<'_> {
    fn load_here(&mut self, needs: &[Need]) -> Result<Vec<Fact>, StoreFault> {
        let settings = Sent::new(SETTINGS).with(&Value::Null);
        let head = [Sent::new(BEGIN_READ), settings];
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
