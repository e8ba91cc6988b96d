//! The store over a host's SQLite, reached by two functions.

use std::fmt;

use hookdesk_core::sql::{BadRow, Statement, Value, sqlite};
use hookdesk_core::{Changes, Commit, Fact, Need, Rows, Store};
use js_sys::{Array, Error, Number};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

#[wasm_bindgen(typescript_custom_section)]
const STORAGE: &str = r#"
/**
 * Where a desk keeps its rows: SQLite. All of it is called while the desk works, and is answered
 * before it goes on.
 */
export interface Storage {
    /** Runs a statement, or several without parameters, and gives the rows of the last. */
    query(sql: string, values: SqlValue[]): SqlValue[][];
    /**
     * Runs statements in one transaction. Where one has `changes` and changes another number of
     * rows, all is undone and the answer is false.
     */
    commit(statements: Write[]): boolean;
}

/** A statement of a commit, its parameters, and the rows that it must change. */
export type Write = [sql: string, values: SqlValue[], changes: number | undefined];
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "Storage")]
    pub type Storage;

    #[wasm_bindgen(method, catch)]
    fn query(this: &Storage, sql: &str, values: Array) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn commit(this: &Storage, statements: Array) -> Result<JsValue, JsValue>;
}

/// The host's SQLite.
pub struct HostStore {
    storage: Storage,
}

/// A fault of the store.
pub enum Fault {
    /// The host's error text, for its own log.
    Host(String),
    BadRow(BadRow),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(words) => f.write_str(words),
            Self::BadRow(bad) => bad.fmt(f),
        }
    }
}

impl From<JsValue> for Fault {
    fn from(thrown: JsValue) -> Self {
        let words = thrown.dyn_ref::<Error>().map(|error| String::from(error.message()));
        Self::Host(words.unwrap_or_else(|| format!("{thrown:?}")))
    }
}

impl HostStore {
    /// Migrates the tables. Their version is a row in a table of its own, as not every host gives
    /// access to the file's header.
    ///
    /// # Errors
    /// [`Fault`] when the host's SQLite fails, or the tables are of a newer version.
    pub fn open(storage: Storage) -> Result<Self, Fault> {
        let store = Self { storage };
        store
            .query("CREATE TABLE IF NOT EXISTS versions (version INTEGER NOT NULL) STRICT", &[])?;
        let rows = store.query("SELECT coalesce(max(version), 0) FROM versions", &[])?;
        let version = match rows.first().map(Vec::as_slice) {
            Some([Value::Integer(version)]) => usize::try_from(*version).unwrap_or(usize::MAX),
            Some(_) | None => usize::MAX,
        };
        if version > sqlite::MIGRATIONS.len() {
            let words = "the store was written by a newer HookDesk: run that version";
            return Err(Fault::Host(words.to_owned()));
        }
        for (step, sql) in sqlite::MIGRATIONS.iter().enumerate().skip(version) {
            let step = u32::try_from(step + 1).unwrap_or(u32::MAX);
            let note = Statement {
                sql: "INSERT INTO versions (version) VALUES (?1)",
                values: vec![step.into()],
                changes: Some(1),
                of_row: false,
            };
            let migrate = Statement { sql, values: Vec::new(), changes: None, of_row: false };
            store.storage.commit([&migrate, &note].map(write).into_iter().collect())?;
        }
        Ok(store)
    }

    fn query(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Vec<Value<'static>>>, Fault> {
        let rows = self.storage.query(sql, values.iter().map(to_host).collect())?;
        let rows = list(rows)?;
        rows.iter()
            .map(|row| Ok(list(row)?.iter().map(|value| from_host(&value)).collect()))
            .collect()
    }
}

impl Rows for HostStore {
    type Fault = Fault;

    fn load(&mut self, need: &Need) -> Result<Fact, Fault> {
        let query = sqlite::query(need);
        let rows = self.query(query.sql, &query.values)?;
        sqlite::fact(need, rows).map_err(Fault::BadRow)
    }
}

impl Store for HostStore {
    fn commit(&mut self, changes: &Changes) -> Result<Commit, Fault> {
        let statements = sqlite::statements(changes);
        let done = self.storage.commit(statements.iter().map(write).collect())?;
        match done.as_bool() {
            Some(true) => Ok(Commit::Done),
            Some(false) => Ok(Commit::Conflict),
            None => Err(Fault::Host("the storage does not say whether it committed".to_owned())),
        }
    }

    fn probe(&mut self) -> Result<(), Fault> {
        let probe =
            Statement { sql: sqlite::PROBE, values: Vec::new(), changes: None, of_row: false };
        self.storage.commit([write(&probe)].into_iter().collect())?;
        Ok(())
    }
}

fn list(value: JsValue) -> Result<Array, Fault> {
    let nonsense = |_| Fault::Host("the storage gives something else than rows".to_owned());
    value.dyn_into::<Array>().map_err(nonsense)
}

fn write(statement: &Statement<'_>) -> JsValue {
    let values: Array = statement.values.iter().map(to_host).collect();
    let changes = statement.changes.and_then(|rows| u32::try_from(rows).ok());
    Array::of3(&statement.sql.into(), &values, &changes.into()).into()
}

/// The desk's integers are at most [`Value::MAX_INTEGER`], which JavaScript's numbers hold.
fn to_host(value: &Value<'_>) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        #[expect(clippy::cast_precision_loss, reason = "at most 2⁵³ − 1")]
        Value::Integer(number) => JsValue::from_f64(*number as f64),
        Value::Text(text) => JsValue::from_str(text),
    }
}

/// A value of a type that the desk's tables do not hold becomes NULL, which makes the row a bad
/// one.
fn from_host(value: &JsValue) -> Value<'static> {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number that is safe to hold")]
    match (value.as_string(), value.as_f64()) {
        (Some(text), _) => text.into(),
        (None, Some(number)) if Number::is_safe_integer(value) => Value::Integer(number as i64),
        (None, Some(_) | None) => Value::Null,
    }
}
