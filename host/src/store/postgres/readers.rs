//! Connections that only read, beside the one of the desk.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::StoreFault;
use crate::store::postgres::PostgresUrl;
use crate::store::postgres::link::{Link, Reading};

/// Those that are not in use are kept.
pub struct Readers {
    url: PostgresUrl,
    idle: Mutex<Vec<Link>>,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Readers({})", self.url)
    }
}

impl Readers {
    #[must_use]
    pub fn new(url: &PostgresUrl) -> Self {
        Self { url: url.clone(), idle: Mutex::new(Vec::new()) }
    }

    /// Reads the rows as they are at one moment.
    ///
    /// # Errors
    /// When the server cannot be reached, or `read` fails.
    pub fn at_one_moment<T>(
        &self,
        read: impl FnOnce(&mut Reading<'_>) -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        // Not in the scrutinee, whose lock would be held until the end.
        let idle = self.idle().pop();
        let mut link = match idle {
            Some(link) => link,
            None => Link::connect(&self.url)?,
        };
        let mut reading = link.reading().or_over_another(&self.url);
        let found = read(&mut reading)?;
        reading.end()?;
        self.idle().push(link);
        Ok(found)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Link>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
