//! A desk over a store that its host brings.

use std::cell::{RefCell, RefMut};
use std::fmt;

use hookdesk_core::api::{self, Call, MAX_BODY, Problem};
use hookdesk_core::sql::{BadRow, Statement, Value, sqlite};
use hookdesk_core::{Answer, Changes, Commit, Fact, Need, Rows, Store};
use js_sys::{Array, Error, Number, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

use crate::border::{bad, entries, give, sound, take, watch_panics};
use crate::face::Face;
use crate::options::Options;
use crate::shapes::{self, At, Report};

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
struct HostStore {
    storage: Storage,
}

enum Fault {
    /// The host's words, for its own log.
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
    /// Brings the tables up to date. Which version they have is a row of their own, as not every
    /// host lets us write into the file's head.
    fn open(storage: Storage) -> Result<Self, Fault> {
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
            };
            let migrate = Statement { sql, values: Vec::new(), changes: None };
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

/// Whole numbers of the desk are at most [`Value::MAX_INTEGER`], which JavaScript's numbers hold.
fn to_host(value: &Value<'_>) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        #[expect(clippy::cast_precision_loss, reason = "at most 2⁵³ − 1")]
        Value::Integer(number) => JsValue::from_f64(*number as f64),
        Value::Text(text) => JsValue::from_str(text),
    }
}

/// What our tables do not hold is as good as nothing: it makes the row a bad one.
fn from_host(value: &JsValue) -> Value<'static> {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number that is safe to hold")]
    match (value.as_string(), value.as_f64()) {
        (Some(text), _) => text.into(),
        (None, Some(number)) if Number::is_safe_integer(value) => Value::Integer(number as i64),
        (None, Some(_) | None) => Value::Null,
    }
}

/// A desk over a store that its host brings. The host hands it calls, sends the requests that it
/// gives back, reports how each ended, and lets it wake when it wants to.
#[wasm_bindgen]
pub struct StoredDesk {
    face: RefCell<Face<HostStore>>,
}

#[wasm_bindgen]
impl StoredDesk {
    /// Opens the desk that `storage` holds, or a new one, and brings its tables up to date.
    ///
    /// # Errors
    /// A `TypeError` when an argument is not as described. An error of the name `Fault` when the
    /// store cannot be opened.
    #[wasm_bindgen(constructor)]
    pub fn new(
        storage: Storage,
        #[wasm_bindgen(unchecked_param_type = "At")] at: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Options")] options: &JsValue,
    ) -> Result<Self, JsValue> {
        watch_panics();
        sound()?;
        let (at, options): (At, Options) = (take("at", at)?, take("options", options)?);
        let store = HostStore::open(storage).map_err(|fault| failed(&fault.to_string()))?;
        let face = Face::new(store, &options, &at).map_err(|why| bad("options", &why))?;
        Ok(Self { face: RefCell::new(face) })
    }

    /// Takes a call whose body came in as bytes, of which one more than `mostBody()` are enough.
    ///
    /// # Errors
    /// A `TypeError` when an argument is not as described. An error of the name `Broken` when this
    /// instance of the module is of no more use: open the desk again in a new one.
    #[wasm_bindgen(unchecked_return_type = "Handled")]
    pub fn call(
        &self,
        #[wasm_bindgen(unchecked_param_type = "At")] at: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Call")] call: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Uint8Array")] body: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let mut face = self.face()?;
        let bytes = body.dyn_ref::<Uint8Array>().ok_or_else(|| bad("body", "it has no bytes"))?;
        let body = &bytes.to_vec();
        let (at, call): (At, shapes::Call) = (take("at", at)?, take("call", call)?);
        give(&face.call(&at, &called(&call, body)))
    }

    /// The answer to a call that is not let in, whatever its body: to be asked before that is taken
    /// in.
    ///
    /// # Errors
    /// As for `call`.
    #[wasm_bindgen(unchecked_return_type = "Response | undefined")]
    pub fn refuse(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Call")] call: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let call: shapes::Call = take("call", call)?;
        let refused = self.face()?.refuse(&called(&call, b""));
        refused.map_or(Ok(JsValue::UNDEFINED), |response| give(&response))
    }

    /// Takes in how a request ended.
    ///
    /// # Errors
    /// As for `call`.
    #[wasm_bindgen(unchecked_return_type = "Handled")]
    pub fn report(
        &self,
        #[wasm_bindgen(unchecked_param_type = "At")] at: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Report")] report: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let mut face = self.face()?;
        let (at, report): (At, Report) = (take("at", at)?, take("report", report)?);
        give(&face.report(&at, report).map_err(|why| bad("report", why))?)
    }

    /// Lets time pass: at the start, and whenever `nextWakeMs` is reached.
    ///
    /// # Errors
    /// As for `call`.
    #[wasm_bindgen(unchecked_return_type = "Handled")]
    pub fn wake(
        &self,
        #[wasm_bindgen(unchecked_param_type = "At")] at: &JsValue,
    ) -> Result<JsValue, JsValue> {
        let mut face = self.face()?;
        give(&face.wake(&take("at", at)?))
    }

    /// The next part of the body of a response that has a `list`.
    ///
    /// # Errors
    /// An error of the name `Fault` when the list was given up, or the store cannot be read.
    #[wasm_bindgen(unchecked_return_type = "Page")]
    pub fn page(&self, list: u32) -> Result<JsValue, JsValue> {
        let page = self.face()?.page(list);
        give(&page.map_err(|fault| failed(&fault))?)
    }

    /// Lets go of a list that nobody reads any more.
    ///
    /// # Errors
    /// As for `call`.
    #[wasm_bindgen(js_name = closeList)]
    pub fn close_list(&self, list: u32) -> Result<(), JsValue> {
        self.face()?.close_list(list);
        Ok(())
    }

    fn face(&self) -> Result<RefMut<'_, Face<HostStore>>, JsValue> {
        sound()?;
        self.face.try_borrow_mut().map_err(|_| failed("the desk is called while it works"))
    }
}

fn called<'a>(call: &'a shapes::Call, body: &'a [u8]) -> Call<'a> {
    let headers = call.headers.iter();
    Call {
        method: &call.method,
        path: &call.path,
        query: &call.query,
        headers: headers.map(|(name, value)| (&**name, &**value)).collect(),
        body,
    }
}

/// The options of a Worker, from what is bound to it: options as the server has them in its
/// environment, and `HOOKDESK_KEY` or `HOOKDESK_OPEN`.
///
/// # Errors
/// A `TypeError` that names the binding and what would be right.
#[wasm_bindgen(js_name = workerOptions, unchecked_return_type = "Options")]
pub fn worker_options(
    #[wasm_bindgen(unchecked_param_type = "object")] env: &JsValue,
) -> Result<JsValue, JsValue> {
    let mut texts = Vec::new();
    for (name, value) in entries("env", env)? {
        if !name.starts_with(Options::BINDING) {
            continue;
        }
        // Only whole numbers are told as they were given.
        let number = value.as_f64().filter(|_| Number::is_safe_integer(&value));
        let text = value.as_string().or_else(|| number.map(|number| number.to_string()));
        texts.push((name.clone(), text.ok_or_else(|| bad(&name, "it must be a text"))?));
    }
    let bindings = texts.iter().map(|(name, value)| (&**name, &**value));
    give(&Options::of_worker(bindings).map_err(|why| bad("env", &why))?)
}

/// The answer to a call of which nobody knows what became: the desk broke over it, or cannot be
/// reached.
///
/// # Errors
/// Never: it has a JSON form.
#[wasm_bindgen(unchecked_return_type = "Response")]
pub fn unanswered() -> Result<JsValue, JsValue> {
    give(&shapes::Response::from(api::Response::from(Problem::unreadable())))
}

/// Bytes of a call's body that are looked at; a longer one is refused.
#[must_use]
#[wasm_bindgen(js_name = mostBody)]
pub fn most_body() -> u32 {
    u32::try_from(MAX_BODY).unwrap_or(u32::MAX)
}

/// Bytes of an answer's body that are read.
#[must_use]
#[wasm_bindgen(js_name = mostRead)]
pub fn most_read() -> u32 {
    u32::try_from(Answer::MAX_READ).unwrap_or(u32::MAX)
}

fn failed(words: &str) -> JsValue {
    let error = Error::new(words);
    error.set_name("Fault");
    error.into()
}
