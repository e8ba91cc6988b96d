//! `hookdesk copy`: moves a desk from SQLite to PostgreSQL, or back.
//!
//! Each table is copied page by page, each page in one transaction, and then read again at both ends
//! in the same order: a copy is complete only if both have the same rows.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::Args;
use hookdesk_core::sql::copy::{CopiedTable, PAGE, Sum, TABLES};
use hookdesk_core::sql::{Dialect, Statement, Value};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::BoxError;
use crate::store::copy::{Source, Target};
use crate::store::{Database, StoreFault};

/// Options of `hookdesk copy`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::doc_markdown, reason = "--help shows these lines as they are")]
#[allow(rustdoc::bare_urls, reason = "--help shows these lines as they are")]
pub struct CopyOptions {
    /// Database of the desk, which must be stopped: sqlite://FILE or postgres://…
    #[arg(value_name = "FROM")]
    from: String,
    /// Database to fill: a SQLite file that does not exist, or an empty PostgreSQL database.
    #[arg(value_name = "TO")]
    to: String,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// A table as both ends have it.
struct Copied {
    name: &'static str,
    sum: Sum,
}

/// Copies a desk, and prints what was copied.
///
/// # Errors
/// When a database cannot be opened, read or written, or when the copy is not the same: the text is
/// for the operator.
pub fn run(options: &CopyOptions) -> Result<(), BoxError> {
    let (from, to) = (Database::parse(&options.from)?, Database::parse(&options.to)?);
    let mut source = Source::open(&from)?;
    let mut target = Target::open(&to)?;
    let bar = progress_bar(&mut source)?;
    for table in &TABLES {
        bar.set_message(format!("copying {}", table.name()));
        copy(table, &mut source, &mut target, &bar)?;
    }
    let mut all = Vec::new();
    for table in &TABLES {
        bar.set_message(format!("comparing {}", table.name()));
        all.push(compare(table, &mut source, &mut target, &bar)?);
    }
    target.complete()?;
    bar.finish_and_clear();
    let told = if options.json {
        document(&from, &to, &all).to_string() + "\n"
    } else {
        summary(&from, &to, &all)
    };
    Ok(io::stdout().write_all(told.as_bytes())?)
}

/// A bar on a terminal, and nothing elsewhere. Each row is counted twice: it is copied and compared.
fn progress_bar(source: &mut Source) -> Result<ProgressBar, BoxError> {
    let mut rows = 0;
    for table in &TABLES {
        let found = source.rows(&table.count(source.dialect()))?;
        if let Some(Value::Integer(count)) = found.first().and_then(|row| row.first()) {
            rows += count.unsigned_abs();
        }
    }
    let style = ProgressStyle::with_template("{msg:28} {wide_bar} {percent:>3} %  {eta} left")?;
    Ok(ProgressBar::new(rows * 2).with_style(style))
}

/// Copies the rows of a table that the target does not have as they are.
fn copy(
    table: &'static CopiedTable,
    source: &mut Source,
    target: &mut Target,
    bar: &ProgressBar,
) -> Result<(), StoreFault> {
    let mut after = table.start();
    loop {
        let rows = source.rows(&table.page(source.dialect(), &after))?;
        let is_last = rows.len() < PAGE;
        let last = rows.last().map(|row| table.key(row));
        // The last page takes away what the target has after it.
        let to = last.as_deref().filter(|_| !is_last);
        let dialect = target.dialect();
        let was = target.rows(&table.range(dialect, &after, to))?;
        if was != rows {
            target.write(table.replace(dialect, (&after, to), (&was, &rows)))?;
        }
        bar.inc(rows.len() as u64);
        match last {
            Some(last) if !is_last => after = last,
            Some(_) | None => return Ok(()),
        }
    }
}

/// Reads a table again at both ends.
fn compare(
    table: &'static CopiedTable,
    source: &mut Source,
    target: &mut Target,
    bar: &ProgressBar,
) -> Result<Copied, BoxError> {
    let dialect = source.dialect();
    let sum = total(table, dialect, |query| {
        let rows = source.rows(query)?;
        bar.inc(rows.len() as u64);
        Ok(rows)
    })?;
    let dialect = target.dialect();
    let copied = total(table, dialect, |query| target.rows(query))?;
    let name = table.name();
    if sum != copied {
        return Err(format!(
            "the rows of {name} are not the same in both: {} rows with the digest {}, and {} with \
             {}. Did another process write to one of them? Start the copy again.",
            sum.rows, sum.digest, copied.rows, copied.digest
        )
        .into());
    }
    Ok(Copied { name, sum })
}

/// The rows of a table in order.
fn total(
    table: &'static CopiedTable,
    dialect: Dialect,
    mut rows: impl FnMut(&Statement<'_>) -> Result<Vec<Vec<Value<'static>>>, StoreFault>,
) -> Result<Sum, StoreFault> {
    let mut sum = Sum::default();
    let mut after = table.start();
    loop {
        let page = rows(&table.page(dialect, &after))?;
        for row in &page {
            sum.add(row);
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = table.key(last),
            Some(_) | None => return Ok(sum),
        }
    }
}

fn document(from: &Database, to: &Database, all: &[Copied]) -> serde_json::Value {
    let table = |Copied { name, sum }: &Copied| {
        let digest = sum.digest.to_string();
        json!({ "table": name, "rows": sum.rows, "digest": digest })
    };
    let tables: Vec<_> = all.iter().map(table).collect();
    json!({ "from": from.to_string(), "to": to.to_string(), "tables": tables })
}

fn summary(from: &Database, to: &Database, all: &[Copied]) -> String {
    let mut text = String::new();
    for Copied { name, sum } in all {
        let digest = sum.digest.to_string();
        let digest = digest.get(..16).unwrap_or_default();
        _ = writeln!(text, "{name:10} {:>12} rows  {digest}", sum.rows);
    }
    let rows: u64 = all.iter().map(|copied| copied.sum.rows).sum();
    _ = writeln!(text, "{to} has the {rows} rows of {from}, compared one by one.");
    text
}
