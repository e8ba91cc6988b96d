//! A database that is filled with a copy of a desk. Nobody leads it before that has ended: its
//! schema's version is below zero until then, which no process takes for its own.

use hookdesk_core::sql::copy::Cells;
use hookdesk_core::sql::postgres::{self, Parameter, Write};
use hookdesk_core::sql::{Statement, Value};
use hookdesk_core::term::DeskRow;

use crate::store::postgres::desk_row::{self, exists, schema};
use crate::store::postgres::link::Link;
use crate::store::postgres::{PostgresFault, PostgresUrl, nonce};

/// A connection that reads rows.
pub struct PostgresReader(Link);

impl PostgresReader {
    /// Connects to a database, if it has a desk's tables.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub fn connect(url: &PostgresUrl) -> Result<Option<Self>, PostgresFault> {
        let mut link = Link::connect(url)?;
        Ok(exists(&mut link)?.then_some(Self(link)))
    }

    /// # Errors
    /// When the connection is lost, or the query fails.
    pub fn rows(&mut self, query: &Statement<'_>) -> Result<Vec<Cells>, PostgresFault> {
        self.0.ask(query.sql, query.values.clone())
    }
}

/// A database that this process fills.
pub struct Filling {
    link: Link,
    nonce: String,
    term: i64,
    rev: i64,
}

/// The version that stands in the desk's row until the database is filled.
fn unfilled() -> i64 {
    -schema()
}

impl Filling {
    /// Creates the tables in an empty database, or goes on with one that a copy began to fill. `None`
    /// if it holds a desk.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or when another version began to fill it.
    pub fn open(url: &PostgresUrl) -> Result<Option<Self>, PostgresFault> {
        let mut link = Link::connect(url)?;
        if !exists(&mut link)? {
            desk_row::create(&mut link, unfilled())?;
        }
        let found = desk_row::read(&mut link)?;
        if found.schema >= 0 {
            return Ok(None);
        }
        if found.schema != unfilled() {
            return Err(PostgresFault::Unfilled { version: found.schema });
        }
        Self::take(link, &found).map(Some)
    }

    /// Takes the database from another copy that may still run, and can write nothing more then.
    fn take(mut link: Link, found: &DeskRow) -> Result<Self, PostgresFault> {
        let nonce = nonce();
        let parameters = vec![
            nonce.clone().into(),
            Value::Integer(found.term),
            found.leader.clone().into(),
            Value::Integer(found.rev),
            Value::Integer(0),
            Value::Integer(unfilled()),
        ];
        if link.ask(postgres::TAKE, parameters)?.is_empty() {
            return Err(PostgresFault::unexpected("another copy fills the database"));
        }
        Ok(Self { link, nonce, term: found.term + 1, rev: found.rev + 1 })
    }

    /// # Errors
    /// When the connection is lost, or the query fails.
    pub fn rows(&mut self, query: &Statement<'_>) -> Result<Vec<Cells>, PostgresFault> {
        self.link.ask(query.sql, query.values.clone())
    }

    /// Runs statements in one transaction.
    ///
    /// # Errors
    /// When one of them fails, or another copy fills the database.
    pub fn write(&mut self, statements: Vec<Statement<'_>>) -> Result<(), PostgresFault> {
        let mut writes = vec![Write { sql: postgres::LEAD, parameters: self.expected() }];
        writes.extend(postgres::grouped(statements));
        self.link.write(&writes)?;
        self.rev += 1;
        Ok(())
    }

    /// Makes the database a desk that can be led.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn complete(mut self) -> Result<(), PostgresFault> {
        let mut parameters = self.expected();
        parameters.push(Parameter::One(Value::Integer(schema())));
        self.link.write(&[Write { sql: postgres::FILLED, parameters }])
    }

    fn expected(&self) -> Vec<Parameter<'static>> {
        let (term, rev) = (Value::Integer(self.term), Value::Integer(self.rev));
        let schema = Value::Integer(unfilled());
        [term, self.nonce.clone().into(), rev, schema].map(Parameter::One).to_vec()
    }
}
