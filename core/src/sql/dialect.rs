//! SQL dialects: the differences between databases.
//!
//! The rest is the same in SQLite and PostgreSQL, and must stay so: integers have 64 bits, booleans
//! are 0 or 1, lists and structures are JSON in a text, an upsert is `ON CONFLICT … DO UPDATE`, and
//! the count of changed rows includes those that an upsert updated, and not those that it left
//! alone. All texts are written with the parameters `?1`, `?2` …

use std::sync::OnceLock;

/// The dialect of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
}

impl Dialect {
    /// The prefix of a parameter's number.
    fn parameter(self) -> &'static str {
        match self {
            Self::Sqlite => "?",
        }
    }

    /// A query for the bytes in use. Free pages are not counted, as they are reused.
    pub fn size(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT (page_count - freelist_count) * page_size \
                 FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
            }
        }
    }

    /// A query for the first event that was created at a time (1) or later: a binary search, as
    /// events are sorted by age.
    pub fn created_from(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "WITH RECURSIVE step (low, high) AS ( \
                     SELECT floor + 1, head + 1 FROM log \
                     UNION ALL \
                     SELECT iif(created < ?1, seq + 1, low), iif(created < ?1, high, seq) \
                     FROM step JOIN events ON seq = (low + high) / 2 WHERE low < high \
                 ) SELECT low FROM step JOIN log WHERE low = high AND low <= head"
            }
        }
    }

    /// A query for the attempt summaries of a webhook (1) for the events from one (2) to another
    /// (3). It starts from the events, as attempts are indexed by event and webhook.
    pub fn tried(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT events.seq, max(number), max(reason = 'delivered'), \
                 max(reason = 'retries_used_up') \
                 FROM events JOIN attempts ON attempts.seq = events.seq AND webhook = ?1 \
                 WHERE events.seq BETWEEN ?2 AND ?3 GROUP BY events.seq ORDER BY events.seq"
            }
        }
    }
}

/// The text of a statement: built once in each dialect, and kept until the process ends.
#[derive(Debug)]
pub struct Text {
    sqlite: OnceLock<String>,
}

impl Text {
    pub const fn new() -> Self {
        Self { sqlite: OnceLock::new() }
    }

    pub fn in_dialect<T: AsRef<str>>(
        &'static self,
        dialect: Dialect,
        make: impl FnOnce() -> T,
    ) -> &'static str {
        let text = match dialect {
            Dialect::Sqlite => &self.sqlite,
        };
        text.get_or_init(|| make().as_ref().replace('?', dialect.parameter()))
    }
}

/// The [`Text`] of an expression, in a dialect.
macro_rules! text {
    ($dialect:expr, $text:expr) => {{
        static TEXT: $crate::sql::dialect::Text = $crate::sql::dialect::Text::new();
        TEXT.in_dialect($dialect, || $text)
    }};
}

pub(super) use text;
