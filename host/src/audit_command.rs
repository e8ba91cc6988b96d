//! `hookdesk audit`: who changed what, of a desk that is running or not.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::Args;
use serde_json::{Map, Value};

use crate::BoxError;
use crate::api_reply::Data;
use crate::config;
use crate::local_desk::LocalDesk;

/// Rows of one call, at most.
const PAGE: usize = 1_000;

/// Options of `hookdesk audit`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::doc_markdown, reason = "--help shows these lines as they are")]
pub struct AuditOptions {
    /// Changes to list, at most.
    #[arg(long, value_name = "CHANGES", default_value = "100")]
    limit: usize,
    /// Only what was done to this webhook.
    #[arg(long, value_name = "ID", conflicts_with = "key")]
    webhook: Option<String>,
    /// Only what was done with this API key.
    #[arg(long, value_name = "ID")]
    key: Option<String>,
    /// Database of the desk [default: sqlite://hookdesk.db]. Its server may be running.
    #[arg(long, env = "HOOKDESK_DATABASE", value_name = "URL")]
    database: Option<String>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Prints the newest changes, newest first.
///
/// # Errors
/// When the desk refuses it or cannot be reached: the text is for the operator.
pub fn run(options: &AuditOptions) -> Result<(), BoxError> {
    let database = config::database(options.database.as_deref())?;
    if database.file().is_some_and(|file| !file.exists()) {
        return Err(format!("there is no database at {database}").into());
    }
    let rows = listed(&mut LocalDesk::open(&database)?, options)?;
    let text = if options.json { serde_json::to_string(&rows)? + "\n" } else { table(&rows) };
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

fn listed(desk: &mut LocalDesk, options: &AuditOptions) -> Result<Vec<Value>, BoxError> {
    let mut only = String::new();
    for (name, id) in [("webhook", &options.webhook), ("key", &options.key)] {
        if let Some(id) = id {
            write!(only, "&{name}={id}")?;
        }
    }
    let mut rows: Vec<Value> = Vec::new();
    let mut after = String::new();
    while rows.len() < options.limit {
        let limit = PAGE.min(options.limit - rows.len());
        let path = format!("/audit?limit={limit}{only}{after}");
        let page: Data<Vec<Value>> = desk.call("GET", &path, None)?;
        rows.extend(page.data);
        let Some(next) = page.next else { break };
        after = format!("&after={next}");
    }
    Ok(rows)
}

/// A line for each row: when, who and from where, what, to which object, and the change.
fn table(rows: &[Value]) -> String {
    let mut text = String::new();
    for row in rows {
        let (at, action) = (shown(&row["at"]), shown(&row["action"]));
        let objects = ["webhook_id", "event_id", "key_id", "partner"].map(|name| shown(&row[name]));
        let object = objects.into_iter().filter(|id| !id.is_empty()).collect::<Vec<_>>().join(" ");
        let (by, change) = (caller(&row["by"]), change(&row["before"], &row["after"]));
        let from = row["peer"].as_str().map(|peer| format!(" from {peer}")).unwrap_or_default();
        let line = format!("{at}  {by}{from}  {action}  {object}  {change}");
        _ = writeln!(text, "{}", line.trim_end());
    }
    if text.is_empty() { "no changes\n".to_owned() } else { text }
}

fn caller(by: &Value) -> String {
    match (shown(&by["caller"]).as_str(), &by["name"]) {
        ("key", Value::String(name)) => format!("{} ({name:?})", shown(&by["id"])),
        ("session", name) => format!("browser of {} ({name})", shown(&by["id"])),
        ("key", _) => shown(&by["id"]),
        ("command_line", _) => format!("command line (uid {})", by["uid"]),
        (other, _) => other.to_owned(),
    }
}

/// The fields that changed, each with what it was and is; nothing of an object that is new or gone.
fn change(before: &Value, after: &Value) -> String {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return String::new();
    };
    let field = |(name, value): (&String, &Value)| format!("{name} {} → {value}", of(before, name));
    after.iter().map(field).collect::<Vec<_>>().join(", ")
}

fn of<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a Value {
    fields.get(name).unwrap_or(&Value::Null)
}

fn shown(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_when_who_what_and_from_what_to_what() {
        let by = json!({ "caller": "key", "id": "key_1", "name": "Billing", "uid": null });
        let changed = json!({
            "at": "2030-01-01T00:00:00.000Z", "by": by, "action": "webhook_changed",
            "peer": "192.0.2.1", "webhook_id": "whk_1", "event_id": null, "key_id": null, "partner": null,
            "before": { "status": "active" }, "after": { "status": "paused" },
        });
        let made = json!({
            "at": "2030-01-01T00:00:00.000Z", "action": "key_created", "key_id": "key_1",
            "by": { "caller": "command_line", "uid": 0 }, "before": null, "after": {},
        });
        let lines = "2030-01-01T00:00:00.000Z  key_1 (\"Billing\") from 192.0.2.1  webhook_changed  whk_1  \
                     status \"active\" → \"paused\"\n\
                     2030-01-01T00:00:00.000Z  command line (uid 0)  key_created  key_1\n";
        assert_eq!(table(&[changed, made]), lines);
        assert_eq!(table(&[]), "no changes\n");
    }
}
