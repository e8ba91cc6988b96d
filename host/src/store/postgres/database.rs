//! The database, as the processes that share a desk lead it in turn.

use std::fmt;
use std::thread;
use std::time::Duration;

use hookdesk_core::sql::Value;
use hookdesk_core::sql::postgres::{self, Parameter, Write};
use hookdesk_core::term::{Database, DeskRow, Hold, Note};
use hookdesk_core::{Changes, Fact, Need};

use crate::moment::boot_clock;
use crate::store::StoreFault;
use crate::store::postgres::desk_row::{self, missing, prepare};
use crate::store::postgres::link::Link;
use crate::store::postgres::{PostgresFault, PostgresUrl};

/// A database, and the connection to it.
pub struct PostgresDatabase {
    url: PostgresUrl,
    /// `None` after it broke.
    link: Option<Link>,
}

impl fmt::Debug for PostgresDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresDatabase({})", self.url)
    }
}

impl PostgresDatabase {
    /// Connects, and creates the tables if there are none.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or when the tables are a newer version's.
    pub fn prepare(url: &PostgresUrl) -> Result<Self, PostgresFault> {
        let mut link = Link::connect(url)?;
        prepare(&mut link)?;
        Ok(Self { url: url.clone(), link: Some(link) })
    }

    #[must_use]
    pub fn url(&self) -> &PostgresUrl {
        &self.url
    }

    /// The connection, or a new one.
    fn linked(&mut self) -> Result<&mut Link, PostgresFault> {
        let link = match self.link.take() {
            Some(link) => link,
            None => Link::connect(&self.url)?,
        };
        Ok(self.link.insert(link))
    }

    /// The connection of this term.
    fn current(&mut self) -> Result<&mut Link, PostgresFault> {
        let ended = || PostgresFault::Unreachable("the connection of this term ended".to_owned());
        self.link.as_mut().ok_or_else(ended)
    }
}

/// The desk row as it was left, and the schema's version that this process writes.
fn expected(hold: Hold<'_>) -> Vec<Value<'_>> {
    let (term, rev) = (Value::Integer(hold.term), Value::Integer(hold.rev));
    vec![term, hold.leader.into(), rev, Value::Integer(desk_row::schema())]
}

impl Database for PostgresDatabase {
    type Fault = StoreFault;

    fn clock(&self) -> Duration {
        boot_clock()
    }

    fn pause(&mut self, pause: Duration) {
        thread::sleep(pause);
    }

    fn read(&mut self) -> Result<DeskRow, StoreFault> {
        let row = desk_row::read(self.linked()?)?;
        missing(&row)?;
        Ok(row)
    }

    fn take(&mut self, seen: &DeskRow, leader: &str, lease: Duration) -> Result<bool, StoreFault> {
        let parameters = vec![
            leader.into(),
            Value::Integer(seen.term),
            seen.leader.clone().into(),
            Value::Integer(seen.rev),
            u64::try_from(lease.as_millis()).unwrap_or(u64::MAX).into(),
            Value::Integer(seen.schema),
        ];
        Ok(desk_row::take(self.linked()?, seen, parameters)?)
    }

    fn renew(&mut self, hold: Hold<'_>) -> Result<bool, StoreFault> {
        let renewed = self.current()?.ask_alone(postgres::RENEW, expected(hold))?;
        Ok(!renewed.is_empty())
    }

    fn write(&mut self, hold: Hold<'_>, changes: &Changes) -> Result<(), StoreFault> {
        let lead = expected(hold).into_iter().map(Parameter::One).collect();
        let mut writes = vec![Write { sql: postgres::LEAD, parameters: lead }];
        writes.extend(postgres::statements(changes));
        Ok(self.current()?.write(&writes)?)
    }

    fn load_all(&mut self, needs: &[Need]) -> Result<Vec<Fact>, StoreFault> {
        self.current()?.load_all(needs)
    }

    fn release(&mut self, hold: Hold<'_>) -> Result<(), StoreFault> {
        let Hold { term, leader, rev } = hold;
        let parameters = vec![Value::Integer(term), leader.into(), Value::Integer(rev)];
        self.current()?.ask(postgres::RELEASE, parameters)?;
        Ok(())
    }

    fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    fn disconnect(&mut self) {
        self.link = None;
    }

    fn is_current(&self, row: &DeskRow) -> bool {
        missing(row).is_ok_and(<[_]>::is_empty)
    }

    fn is_lost(fault: &StoreFault) -> bool {
        matches!(fault, StoreFault::Postgres(PostgresFault::Unreachable(_)))
    }

    fn note(&mut self, note: Note<'_, StoreFault>) {
        let url = &self.url;
        match note {
            Note::Connected { term } => tracing::info!("connected again, in term {term}"),
            Note::Found(lost) => {
                tracing::info!("a commit was carried out, though its answer was lost: {lost}");
            }
            Note::Again(lost) => {
                tracing::info!("a commit is made again, as its connection was lost: {lost}");
            }
            Note::Waits { patience } => tracing::info!(
                "another process led {url}: it is replaced after {} ms without a commit, or when it \
                 lets go",
                patience.as_millis()
            ),
        }
    }
}
