//! SQL dialects: the differences between databases.
//!
//! The rest is the same in SQLite and PostgreSQL, and must stay so: integers have 64 bits, booleans
//! are 0 or 1, lists and structures are JSON in a text, an upsert is `ON CONFLICT … DO UPDATE`, and
//! the count of changed rows includes those that an upsert updated, and not those that it left
//! alone. All texts are written with the parameters `?1`, `?2` …

use std::sync::OnceLock;

use super::column::Kind;
use super::table::list;

/// The dialect of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    /// Statements of one text are one statement, whose parameters are arrays, and each write asks
    /// whether the transaction of its batch began: after a `BEGIN` that failed it changes nothing.
    Postgres,
}

impl Dialect {
    /// The prefix of a parameter's number.
    fn parameter(self) -> &'static str {
        match self {
            Self::Sqlite => "?",
            Self::Postgres => "$",
        }
    }

    /// A query for the bytes in use. Free pages are not counted, as they are reused.
    pub fn size(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT (page_count - freelist_count) * page_size \
                 FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
            }
            Self::Postgres => {
                "SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class \
                 WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
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
            Self::Postgres => {
                "WITH RECURSIVE step (low, high) AS ( \
                     SELECT floor + 1, head + 1 FROM log \
                     UNION ALL \
                     SELECT CASE WHEN created < ?1 THEN seq + 1 ELSE low END, \
                     CASE WHEN created < ?1 THEN high ELSE seq END \
                     FROM step JOIN events ON seq = (low + high) / 2 WHERE low < high \
                 ) SELECT low FROM step CROSS JOIN log WHERE low = high AND low <= head"
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
            Self::Postgres => {
                "SELECT events.seq, max(number), max((reason = 'delivered')::int)::bigint, \
                 max((reason = 'retries_used_up')::int)::bigint \
                 FROM events JOIN attempts ON attempts.seq = events.seq AND webhook = ?1 \
                 WHERE events.seq BETWEEN ?2 AND ?3 GROUP BY events.seq ORDER BY events.seq"
            }
        }
    }
}

impl Dialect {
    /// The rows of an INSERT: one, or those in arrays. Their parameters are `?1` and so on.
    pub fn inserted(self, columns: &[(&str, Kind)]) -> String {
        match self {
            Self::Sqlite => {
                let parameters = (1..=columns.len()).map(|place| format!("?{place}"));
                format!("VALUES ({})", list(parameters))
            }
            Self::Postgres => {
                let in_batch = self.and_in_batch(columns.len() + 1).replacen(" AND", " WHERE", 1);
                format!("SELECT * FROM {}{in_batch}", unnested(columns))
            }
        }
    }

    /// The name of a column where nothing stands before it.
    pub fn column(self, name: &str) -> String {
        match self {
            Self::Postgres if name == "window" => format!("\"{name}\""),
            Self::Sqlite | Self::Postgres => name.to_owned(),
        }
    }

    /// The end of a write's condition, which asks at `?place` whether its batch began.
    pub fn and_in_batch(self, place: usize) -> String {
        match self {
            Self::Sqlite => String::new(),
            Self::Postgres => format!(" AND current_setting('hookdesk.batch', true) = ?{place}"),
        }
    }

    /// A write of rows in arrays that fails unless it changes each of them. In SQLite the caller
    /// counts.
    pub fn counted(self, table: &str, first: Kind, write: String) -> String {
        match self {
            Self::Sqlite => write,
            Self::Postgres => format!(
                "WITH changed AS ({write} RETURNING 1) SELECT hookdesk_expect_rows('{table}', \
                 cardinality(?1::{}), (SELECT count(*) FROM changed))",
                first.array()
            ),
        }
    }
}

/// Rows whose columns are array parameters, as `r`.
pub fn unnested(columns: &[(&str, Kind)]) -> String {
    let arrays =
        columns.iter().zip(1..).map(|((_, kind), place)| format!("?{place}::{}", kind.array()));
    let names = columns.iter().map(|(name, _)| Dialect::Postgres.column(name));
    format!("unnest({}) AS r ({})", list(arrays), list(names))
}

/// The text of a statement: built once in each dialect, and kept until the process ends.
#[derive(Debug)]
pub struct Text {
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
}

impl Text {
    pub const fn new() -> Self {
        Self { sqlite: OnceLock::new(), postgres: OnceLock::new() }
    }

    pub fn in_dialect<T: AsRef<str>>(
        &'static self,
        dialect: Dialect,
        make: impl FnOnce() -> T,
    ) -> &'static str {
        let text = match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
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
