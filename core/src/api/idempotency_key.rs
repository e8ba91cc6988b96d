//! Idempotency keys: a caller that did not get the response repeats its call under the same key,
//! and the command is executed once.

use crate::api::{Action, Call, Code, FieldError, Problem};
use crate::engine::command::{Command, Idempotent};
use crate::model::caller::{Authorization, Caller};
use crate::model::digest::Digest;

const HEADER: &str = "idempotency-key";
/// Characters of a key: at most as many as common clients send.
const MAX_LENGTH: usize = 255;
/// Scope of the keys of callers that have no row: an open desk cannot tell its callers apart.
const EVERYBODY: &[u8] = b"";

/// Makes a POST or PATCH with a key idempotent.
pub(super) fn take(
    call: &Call<'_>,
    authorization: Option<Authorization>,
    next: Action,
) -> Result<Action, Problem> {
    match next {
        Action::Decide(command) if is_repeatable(call, &command) => {
            let command = match key(call)? {
                Some(key) => {
                    let (key, request) = digests(call, authorization, key);
                    Command::Idempotent(Idempotent { key, request, command: Box::new(command) })
                }
                None => command,
            };
            Ok(Action::Decide(command))
        }
        Action::CountReplay(preparation) => {
            let key = key(call)?;
            let digests = key.map(|key| digests(call, authorization, key));
            Ok(Action::CountReplay(Box::new(preparation.under_key(digests))))
        }
        other @ (Action::Answer(_)
        | Action::Decide(_)
        | Action::Read(_)
        | Action::List(_)
        | Action::ReadEvents(_)) => Ok(other),
    }
}

/// Signing in is not: the response to a repeated call would have no cookie.
fn is_repeatable(call: &Call<'_>, command: &Command) -> bool {
    matches!(call.method, "POST" | "PATCH") && !matches!(command, Command::SignIn(_))
}

/// The digests of the caller with its key, and of the call.
fn digests(call: &Call<'_>, authorization: Option<Authorization>, key: &str) -> (Digest, Digest) {
    let Call { method, path, query, headers: _, body } = *call;
    let request = Digest::of(&[method.as_bytes(), path.as_bytes(), query.as_bytes(), body]);
    let key = match authorization.map(|authorization| authorization.caller) {
        None | Some(Caller::Binding) => Digest::of(&[EVERYBODY, key.as_bytes()]),
        Some(Caller::Key(id)) => Digest::of(&[id.as_bytes(), key.as_bytes()]),
        Some(Caller::CommandLine { uid }) => {
            Digest::of(&[b"command line", &uid.to_be_bytes(), key.as_bytes()])
        }
    };
    (key, request)
}

fn key<'a>(call: &Call<'a>) -> Result<Option<&'a str>, Problem> {
    let mut keys = call.all(HEADER);
    let Some(key) = keys.next() else { return Ok(None) };
    if keys.next().is_some() {
        return Err(bad_key("must be there once at the most".to_owned()));
    }
    let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if is_visible && (1..=MAX_LENGTH).contains(&key.len()) {
        return Ok(Some(key));
    }
    Err(bad_key(format!("must be 1 to {MAX_LENGTH} visible ASCII characters")))
}

fn bad_key(detail: String) -> Problem {
    let error = FieldError { pointer: "Idempotency-Key".to_owned(), detail };
    Problem::fields(Code::BadField, vec![error])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Api, Callers, LiveKeys, OwnNames};
    use crate::guard::Targets;
    use crate::model::millis::Millis;

    fn open<'a>(method: &'a str, path: &'a str, body: &'a str, keys: &[&'a str]) -> Action {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(keys.iter().map(|key| (HEADER, *key)));
        let (callers, names) = (Callers::All, OwnNames::default());
        let api = Api::new(callers, names, Targets::public());
        let call = Call { method, path, query, headers, body: body.as_bytes() };
        api.open(&call, LiveKeys::none(Millis(0)), || [1; 32]).action
    }

    fn taken(next: Action) -> Idempotent {
        let Action::Decide(Command::Idempotent(once)) = next else { panic!("not once: {next:?}") };
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
            let Action::Answer(response) = open("POST", "/webhooks/ping", "", keys) else {
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
        assert!(matches!(plain, Action::Decide(Command::Ping)));
        let close = open("DELETE", path, "", &["k", "not read"]);
        assert!(matches!(close, Action::Decide(Command::CloseTicket { .. })));
        taken(open("PATCH", path, r#"{"ticket_message":"m"}"#, &["k"]));
    }
}
