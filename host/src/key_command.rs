//! `hookdesk key`: makes, lists and revokes API keys, of a desk that is running or not.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::{Args, Subcommand};
use hookdesk_core::Millis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::BoxError;
use crate::api_reply::Data;
use crate::config;
use crate::local_desk::LocalDesk;
use crate::moment::clock;

/// Options of `hookdesk key`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::doc_markdown, reason = "--help shows these lines as they are")]
#[allow(rustdoc::bare_urls, reason = "--help shows these lines as they are")]
pub struct KeyOptions {
    #[command(subcommand)]
    command: KeySubcommand,
    /// Database of the desk [default: sqlite://hookdesk.db]. Its server may be running.
    #[arg(long, env = "HOOKDESK_DATABASE", value_name = "URL", global = true)]
    database: Option<String>,
    /// Print one JSON document.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand, Clone, Debug)]
enum KeySubcommand {
    /// Make a key, and print it: it is not shown again.
    Create {
        /// What the key allows: one or more of read, tickets, webhooks and admin.
        #[arg(long, required = true, num_args = 1.., value_delimiter = ',', value_name = "SCOPE")]
        scope: Vec<String>,
        /// Name of the key, for people.
        #[arg(long)]
        name: Option<String>,
        /// Partner whose key it is: it opens this partner's webhooks alone, for scopes read and
        /// webhooks.
        #[arg(long)]
        partner: Option<String>,
        /// Event types that the partner may be told of [default: all but operational ones].
        #[arg(long, num_args = 1.., value_delimiter = ',', value_name = "TYPE", requires = "partner")]
        events: Vec<String>,
        /// Calls per second, at most [default: 10 for a partner's key, otherwise no limit].
        #[arg(long, value_name = "CALLS")]
        rate: Option<u32>,
        /// When the key ends: after a time such as 90d or 12h, or at one such as
        /// 2030-01-01T00:00:00Z [default: never].
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
    },
    /// List the keys, without their texts.
    List,
    /// End a key at once.
    Revoke {
        /// The key's id, as listed.
        id: String,
    },
}

/// A key as the API shows it.
#[derive(Deserialize, Serialize)]
struct Key {
    id: String,
    prefix: Option<String>,
    name: Option<String>,
    scopes: Vec<String>,
    partner: Option<String>,
    events: Option<Vec<String>>,
    rate_limit: Option<u32>,
    created_at: Option<String>,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    #[serde(default, rename = "key", skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// Does what the options say, and prints it.
///
/// # Errors
/// When the desk refuses it or cannot be reached: the text is for the operator.
pub fn run(options: &KeyOptions) -> Result<(), BoxError> {
    let database = config::database(options.database.as_deref())?;
    let makes_one = matches!(options.command, KeySubcommand::Create { .. });
    if !makes_one && database.file().is_some_and(|file| !file.exists()) {
        return Err(format!("there is no database at {database}").into());
    }
    let mut desk = LocalDesk::open(&database)?;
    let mut out = io::stdout().lock();
    match &options.command {
        KeySubcommand::Create { scope, name, partner, events, rate, expires } => {
            let expires_at = expires.as_deref().map(|when| end(when, clock())).transpose()?;
            let mut asked = Map::from_iter([
                ("scopes".to_owned(), json!(scope)),
                ("name".to_owned(), json!(name)),
                ("partner".to_owned(), json!(partner)),
                ("rate_limit".to_owned(), json!(rate)),
                ("expires_at".to_owned(), json!(expires_at)),
            ]);
            if !events.is_empty() {
                asked.insert("events".to_owned(), json!(events));
            }
            let asked = Value::Object(asked);
            let made: Data<Key> = desk.call("POST", "/keys", Some(&asked))?;
            let text = made.data.text.clone().unwrap_or_default();
            if options.json {
                writeln!(out, "{}", serde_json::to_string(&made.data)?)?;
            } else {
                writeln!(out, "{text}")?;
                let Key { id, scopes, partner, .. } = &made.data;
                let scopes = scopes.join(", ");
                let of = partner.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
                writeln!(io::stderr(), "{id}{of} allows {scopes}; the key is not shown again")?;
            }
        }
        KeySubcommand::List => {
            let keys = listed(&mut desk)?;
            let text =
                if options.json { serde_json::to_string(&keys)? + "\n" } else { table(&keys) };
            out.write_all(text.as_bytes())?;
        }
        KeySubcommand::Revoke { id } => {
            let ended: Data<Value> = desk.call("DELETE", &format!("/keys/{id}"), None)?;
            if options.json {
                writeln!(out, "{}", ended.data)?;
            } else {
                writeln!(out, "{id} is revoked")?;
            }
        }
    }
    Ok(())
}

/// When a key ends, in RFC 3339.
fn end(when: &str, now: Millis) -> Result<String, String> {
    if Millis::parse(when).is_some() {
        return Ok(when.to_owned());
    }
    let bad = || {
        format!("--expires {when}: give a time such as 90d, 12h or 30m, or 2030-01-01T00:00:00Z")
    };
    let unit = when.chars().next_back().ok_or_else(bad)?;
    let seconds = match unit {
        'd' => 86_400,
        'h' => 3_600,
        'm' => 60,
        _ => return Err(bad()),
    };
    let count: u32 = when.trim_end_matches(unit).parse().map_err(|_| bad())?;
    Ok(now.plus(u64::from(count) * seconds * 1_000).rfc3339())
}

fn listed(desk: &mut LocalDesk) -> Result<Vec<Key>, BoxError> {
    let mut keys: Vec<Key> = Vec::new();
    let mut path = "/keys?limit=1000".to_owned();
    loop {
        let page: Data<Vec<Key>> = desk.call("GET", &path, None)?;
        keys.extend(page.data);
        let Some(next) = page.next else { return Ok(keys) };
        path = format!("/keys?limit=1000&after={next}");
    }
}

fn table(keys: &[Key]) -> String {
    let mut text = String::new();
    for key in keys {
        let Key { id, prefix, name, scopes, partner, created_at, expires_at, last_used_at, .. } =
            key;
        let shown = |text: &Option<String>| text.as_deref().unwrap_or("-").to_owned();
        _ = writeln!(
            text,
            "{id}  {:<9}  {:<30}  {:<12}  made {}, expires {}, last used {}  {}",
            shown(prefix),
            scopes.join(","),
            shown(partner),
            shown(created_at),
            shown(expires_at),
            shown(last_used_at),
            name.as_deref().unwrap_or_default(),
        );
    }
    if text.is_empty() { "no keys\n".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_after_a_time_or_at_one() {
        let now = Millis(1_700_000_000_000);
        let end = |when| end(when, now);
        assert_eq!(end("90d").as_deref(), Ok("2024-02-12T22:13:20.000Z"));
        assert_eq!(end("30m").as_deref(), Ok("2023-11-14T22:43:20.000Z"));
        assert_eq!(end("2030-01-01T00:00:00Z").as_deref(), Ok("2030-01-01T00:00:00Z"));
        for bad in ["", "d", "90", "-1d", "1w", "90 d", "tomorrow"] {
            assert!(end(bad).unwrap_err().contains("--expires"), "{bad}");
        }
    }
}
