//! Limits of Cloudflare's platform for a Worker (developers.cloudflare.com, "Limits" of Workers and
//! of Durable Objects, 2026). The tests of this module check the core's statements and pages
//! against them.

/// Requests that a Worker may have open at once. The platform queues further ones, and a request
/// that is queued there uses up its receiver's time.
pub const OPEN_FETCHES: u32 = 6;
/// Parameters of a statement.
pub const PARAMETERS: usize = 100;
/// Bytes of a statement's text.
pub const STATEMENT_BYTES: usize = 100_000;
/// Bytes of a text in a row, and of the row.
pub const ROW_BYTES: usize = 2_000_000;
/// Bytes of memory of everything that runs in an object.
pub const MEMORY_BYTES: usize = 128 << 20;

#[cfg(test)]
mod tests {
    use hookdesk_core::api::{Action, Api, Call, Callers, LiveKeys, OwnNames};
    use hookdesk_core::guard::Targets;
    use hookdesk_core::sql::{Statement, Value, sqlite};
    use hookdesk_core::{
        Changes, Command, Commit, Desk, Fact, HolderId, Memory, MemoryStore, Millis, Moment, Need,
        Rows, Store, TicketMessage, Webhook,
    };

    use super::*;

    /// A store that checks its statements against the platform's limits.
    #[derive(Default)]
    struct Narrow {
        rows: MemoryStore,
        longest: usize,
    }

    impl Rows for Narrow {
        type Fault = std::convert::Infallible;

        fn load(&mut self, need: &Need) -> Result<Fact, Self::Fault> {
            keeps_to_the_platform(&sqlite::query(need));
            self.rows.load(need)
        }
    }

    impl Store for Narrow {
        fn commit(&mut self, changes: &Changes) -> Result<Commit, Self::Fault> {
            for statement in sqlite::statements(changes) {
                self.longest = self.longest.max(keeps_to_the_platform(&statement));
            }
            self.rows.commit(changes)
        }
    }

    fn keeps_to_the_platform(statement: &Statement<'_>) -> usize {
        let length = |value: &Value<'_>| match value {
            Value::Text(text) => text.len(),
            Value::Integer(_) | Value::Null => 8,
        };
        let bytes = statement.values.iter().map(length).sum();
        assert!(statement.values.len() <= PARAMETERS, "{}", statement.sql);
        assert!(statement.sql.len() <= STATEMENT_BYTES, "{}", statement.sql);
        assert!(bytes <= ROW_BYTES, "{}: {bytes} bytes", statement.sql);
        bytes
    }

    fn ask(desk: &mut Desk<Narrow>, path: &str, body: &serde_json::Value) {
        let (callers, names) = (Callers::All, OwnNames::default());
        let api = Api::new(callers, names, Targets::public());
        let headers = vec![("content-type", "application/json")];
        let body = body.to_string();
        let call = Call { method: "POST", path, query: "", headers, body: body.as_bytes() };
        let next = api.open(&call, LiveKeys::none(Millis(0)), || [7; 32]).action;
        let Action::Decide(command) = next else { panic!("{path} is no command: {next:?}") };
        let now = Millis(1_700_000_000_000);
        let moment = Moment::new(now, [1; 16], HolderId::new(now, &[2; 16]));
        let batch = [(command, moment), (Command::Wake, moment)];
        let decided = desk.run(&batch).unwrap();
        assert!(decided[0].reply.is_ok(), "{:?}", decided[0].reply);
    }

    #[test]
    fn the_longest_rows_fit() {
        let mut desk = Desk::new(Narrow::default(), Memory::Kept);
        let headers: serde_json::Map<_, _> =
            (0..16).map(|n| (format!("x-header-{n}"), "v".repeat(1_000).into())).collect();
        let webhook = serde_json::json!({
            "callback_url": format!("https://example.com/{}", "a".repeat(2_000)),
            "headers": headers,
            "max_in_flight": Webhook::WINDOWS.end(),
        });
        ask(&mut desk, "/webhooks/register", &webhook);
        // Each byte of such a message is six in JSON.
        let longest = "\u{1}".repeat(TicketMessage::MAX_LENGTH);
        ask(&mut desk, "/tickets", &serde_json::json!({ "ticket_message": longest }));
        for _ in 0..*Webhook::WINDOWS.end() {
            ask(&mut desk, "/tickets", &serde_json::json!({ "ticket_message": "m" }));
        }
        let longest = desk.store().longest;
        assert!(
            (6 * TicketMessage::MAX_LENGTH..ROW_BYTES / 4).contains(&longest),
            "{longest} bytes"
        );
    }

    #[test]
    fn a_page_of_the_longest_messages_leaves_room_for_its_copies() {
        let mut desk = Desk::new(Narrow::default(), Memory::Kept);
        let longest = "\u{1}".repeat(TicketMessage::MAX_LENGTH);
        for _ in 0..30 {
            ask(&mut desk, "/tickets", &serde_json::json!({ "ticket_message": longest }));
        }
        let (callers, names) = (Callers::All, OwnNames::default());
        let api = Api::new(callers, names, Targets::public());
        let call = Call { method: "GET", path: "/tickets", query: "", headers: vec![], body: b"" };
        let next = api.open(&call, LiveKeys::none(Millis(0)), || [7; 32]).action;
        let Action::List(mut listing) = next else { panic!("it is a list: {next:?}") };
        // It is in memory as rows, as JSON, as a JavaScript string and as bytes.
        assert!(
            listing.page(desk.store_mut(), Millis(0)).unwrap().unwrap().len() <= MEMORY_BYTES / 8
        );
        assert!(!listing.is_complete());
    }

    #[test]
    fn the_tables_are_made_with_statements_that_are_short_enough() {
        assert!(sqlite::MIGRATIONS.iter().all(|sql| sql.len() <= STATEMENT_BYTES));
    }
}
