//! Idempotency keys: a caller that does not know what became of its call repeats it under the same
//! key, and nothing is done twice.

use crate::api::{Call, Code, FieldError, Next, Problem};
use crate::engine::command::{Command, Once};
use crate::model::digest::Digest;

const HEADER: &str = "idempotency-key";
/// Characters of a key: as many as common clients send at the most.
const LONGEST: usize = 255;
/// Whose keys they are. An open desk does not tell its callers apart; API keys will.
const EVERYBODY: &[u8] = b"";

/// What comes of a call, carried out once if it is a POST or PATCH with a key.
pub(super) fn take(call: &Call<'_>, next: Next) -> Result<Next, Problem> {
    match next {
        Next::Decide(command) if matches!(call.method, "POST" | "PATCH") => {
            let command = match key(call)? {
                Some(key) => Command::Once(once(call, key, command)),
                None => command,
            };
            Ok(Next::Decide(command))
        }
        Next::Prepare(preparation) => {
            let key = key(call)?;
            let digests = key.map(|key| digests(call, key));
            Ok(Next::Prepare(Box::new(preparation.under_key(digests))))
        }
        other @ (Next::Answer(_)
        | Next::Decide(_)
        | Next::Read(_)
        | Next::List(_)
        | Next::Pull(_)) => Ok(other),
    }
}

fn once(call: &Call<'_>, key: &str, command: Command) -> Once {
    let (key, request) = digests(call, key);
    Once { key, request, command: Box::new(command) }
}

/// What tells the key from others, and the call.
fn digests(call: &Call<'_>, key: &str) -> (Digest, Digest) {
    let Call { method, path, query, headers: _, body } = *call;
    let request = Digest::of(&[method.as_bytes(), path.as_bytes(), query.as_bytes(), body]);
    (Digest::of(&[EVERYBODY, key.as_bytes()]), request)
}

fn key<'a>(call: &Call<'a>) -> Result<Option<&'a str>, Problem> {
    let mut keys = call.all(HEADER);
    let Some(key) = keys.next() else { return Ok(None) };
    if keys.next().is_some() {
        return Err(bad_key("must be there once at the most".to_owned()));
    }
    let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if is_visible && (1..=LONGEST).contains(&key.len()) {
        return Ok(Some(key));
    }
    Err(bad_key(format!("must be 1 to {LONGEST} visible ASCII characters")))
}

fn bad_key(detail: String) -> Problem {
    let error = FieldError { pointer: "Idempotency-Key".to_owned(), detail };
    Problem::fields(Code::BadField, vec![error])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Callers, Door};
    use crate::guard::Targets;

    fn open<'a>(method: &'a str, path: &'a str, body: &'a str, keys: &[&'a str]) -> Next {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(keys.iter().map(|key| (HEADER, *key)));
        let door = Door { callers: Callers::All, can_wait: false, targets: Targets::public() };
        door.open(&Call { method, path, query, headers, body: body.as_bytes() }, || [1; 32])
    }

    fn taken(next: Next) -> Once {
        let Next::Decide(Command::Once(once)) = next else { panic!("not once: {next:?}") };
        once
    }

    #[test]
    fn a_key_is_1_to_255_visible_characters_and_there_once() {
        let (long, longer) = ("k".repeat(255), "k".repeat(256));
        for good in ["k", "8e03978e-40d5-43dd-bc93-6894a57f9324", "\"quoted\"", "~!", &long] {
            taken(open("POST", "/webhooks/ping", "", &[good]));
        }
        let bad: [&[&str]; 6] =
            [&[""], &["a b"], &["\u{e9}"], &["\t"], &[&longer], &["twice", "twice"]];
        for keys in bad {
            let Next::Answer(response) = open("POST", "/webhooks/ping", "", keys) else {
                panic!("taken: {keys:?}")
            };
            assert_eq!(response.status, 422, "{keys:?}");
            assert!(response.body.contains(r#""pointer":"Idempotency-Key""#), "{}", response.body);
        }
    }

    #[test]
    fn a_request_is_its_method_path_query_and_body() {
        let body = r#"{"ticket_message":"m"}"#;
        let first = taken(open("POST", "/tickets", body, &["k"]));
        assert_eq!(first, taken(open("POST", "/tickets", body, &["k"])));
        for (path, body) in [
            ("/tickets?a=b", body),
            ("/tickets", r#"{"ticket_message": "m"}"#),
            ("/tickets", r#"{"ticket_message":"n"}"#),
            ("/webhooks/ping", body),
        ] {
            let other = taken(open("POST", path, body, &["k"]));
            assert_eq!(other.key, first.key);
            assert_ne!(other.request, first.request, "{path} {body}");
        }
        assert_ne!(first.key, taken(open("POST", "/tickets", body, &["l"])).key);
    }

    #[test]
    fn without_a_key_and_for_other_methods_nothing_is_kept() {
        let path = "/tickets/tkt_0197000000017abcaeeeeeeeeeeeeeee";
        let plain = open("POST", "/webhooks/ping", "", &[]);
        assert!(matches!(plain, Next::Decide(Command::Ping)));
        let close = open("DELETE", path, "", &["k", "not read"]);
        assert!(matches!(close, Next::Decide(Command::CloseTicket { .. })));
        taken(open("PATCH", path, r#"{"ticket_message":"m"}"#, &["k"]));
    }
}
