//! A desk in memory, for pages and tests.

use std::cell::RefCell;
use std::convert::Infallible;

use hookdesk_core::sql::{Statement, sqlite};
use hookdesk_core::{Changes, Commit, Fact, MemoryStore, Millis, Need, Rows, Store};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::driver::Driver;
use crate::effects::Effects;
use crate::input::{Input, JsMoment};
use crate::js::{bad, ensure_usable, from_js, to_js, watch_panics};
use crate::options::Options;
use crate::row_changes::{RowChanges, Watch};

/// A store in memory that can keep its statements and note changed rows.
#[derive(Clone, Debug, Default)]
pub struct NotedStore {
    rows: MemoryStore,
    noted: Option<Vec<Statement<'static>>>,
    watch: Option<Watch>,
}

impl NotedStore {
    /// A store that keeps the committed statements until they are taken.
    #[must_use]
    pub fn noting() -> Self {
        Self { noted: Some(Vec::new()), ..Self::default() }
    }

    /// Rows that are new or changed since the last call, if it is watched.
    fn row_changes(&mut self, now: Millis) -> Option<RowChanges> {
        Some(self.watch.as_mut()?.take(&mut self.rows, now))
    }
}

impl Rows for NotedStore {
    type Fault = Infallible;

    fn load(&mut self, need: &Need) -> Result<Fact, Infallible> {
        self.rows.load(need)
    }
}

impl Store for NotedStore {
    fn commit(&mut self, changes: &Changes) -> Result<Commit, Infallible> {
        let done = self.rows.commit(changes)?;
        if done == Commit::Done {
            if let Some(noted) = &mut self.noted {
                noted.extend(sqlite::statements(changes).into_iter().map(Statement::into_owned));
            }
            if let Some(watch) = &mut self.watch {
                watch.note(changes);
            }
        }
        Ok(done)
    }
}

impl Driver<NotedStore> {
    /// Handles an input.
    ///
    /// # Errors
    /// A sentence when the input is invalid.
    pub fn handle(&mut self, input: Input) -> Result<Effects, &'static str> {
        let now = Millis(input.at.now_ms);
        let mut effects = match (input.call, input.report) {
            (Some(_), Some(_)) => return Err("an input is a call or a report, and not both"),
            (None, Some(report)) => self.report(&input.at, report)?,
            (None, None) => self.wake(&input.at),
            (Some(call), None) => {
                let effects = self.call(&input.at, &call.with_body(call.body.as_bytes()));
                self.whole(&input.at, effects)
            }
        };
        effects.changes = self.store_mut().noted.as_mut().map(std::mem::take);
        effects.row_changes = self.store_mut().row_changes(now);
        Ok(effects)
    }

    /// Completes a list, so that the response has the whole body.
    fn whole(&mut self, at: &JsMoment, mut effects: Effects) -> Effects {
        let Some(response) = &mut effects.response else { return effects };
        let mut list = response.list.take();
        while let Some(page) = list.take().and_then(|id| Some((id, self.page(at, id).ok()?))) {
            let (id, page) = page;
            response.body += &page.text;
            list = page.more.then_some(id);
        }
        effects
    }
}

/// A desk in memory, whose data ends with it. It has no clock, no randomness and no network: its
/// caller passes the inputs, and carries out their effects.
#[wasm_bindgen]
#[derive(Debug)]
pub struct MemoryDesk {
    driver: RefCell<Driver<NotedStore>>,
}

#[wasm_bindgen]
impl MemoryDesk {
    /// An empty desk. With `noting`, all effects have their `changes`.
    ///
    /// # Errors
    /// A `TypeError` when an argument is not as described.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "At")] at: &JsValue,
        #[wasm_bindgen(unchecked_param_type = "Options")] options: &JsValue,
        noting: Option<bool>,
    ) -> Result<Self, JsValue> {
        watch_panics();
        ensure_usable()?;
        let (at, options): (JsMoment, Options) = (from_js("at", at)?, from_js("options", options)?);
        let noting = noting.unwrap_or(false);
        let store = if noting { NotedStore::noting() } else { NotedStore::default() };
        let driver = Driver::new(store, &options, &at).map_err(|why| bad("options", &why))?;
        Ok(Self { driver: RefCell::new(driver) })
    }

    /// From here on all effects have `told`: rows that are new or changed.
    ///
    /// # Errors
    /// An error of the name `Broken` when this instance of the module can no longer be used.
    pub fn watch(&self) -> Result<(), JsValue> {
        ensure_usable()?;
        let mut driver =
            self.driver.try_borrow_mut().map_err(|_| bad("watch", "the desk is busy"))?;
        driver.store_mut().watch = Some(Watch::default());
        Ok(())
    }

    /// Begins a recording, and returns the first lines of its file; the effects of each input have
    /// the next ones. `IncidentPlayer` and `hookdesk replay` replay such a file. The random bytes
    /// of `at` are its key.
    ///
    /// # Errors
    /// A `TypeError` when the argument is not as described.
    pub fn record(
        &self,
        #[wasm_bindgen(unchecked_param_type = "At")] at: &JsValue,
    ) -> Result<String, JsValue> {
        ensure_usable()?;
        let at: JsMoment = from_js("at", at)?;
        let mut driver = self.driver.try_borrow_mut().map_err(|_| bad("at", "the desk is busy"))?;
        Ok(driver.record(&at))
    }

    /// Handles inputs in order, and returns the effects of each.
    ///
    /// # Errors
    /// A `TypeError` that names the first input that is not as described; those before it took
    /// effect. An error of the name `Broken` when this instance of the module can no longer be
    /// used.
    #[wasm_bindgen(unchecked_return_type = "Handled[]")]
    pub fn run(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Input[]")] inputs: &JsValue,
    ) -> Result<JsValue, JsValue> {
        ensure_usable()?;
        let inputs: Vec<Input> = from_js("inputs", inputs)?;
        let mut driver =
            self.driver.try_borrow_mut().map_err(|_| bad("inputs", "the desk is busy"))?;
        let mut all = Vec::with_capacity(inputs.len());
        for (index, input) in inputs.into_iter().enumerate() {
            let effects = driver.handle(input);
            all.push(effects.map_err(|why| bad(&format!("inputs[{index}]"), why))?);
        }
        to_js(&all)
    }
}
