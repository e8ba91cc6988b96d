use super::*;
use crate::api::rig::{START, refused, take_with};
use crate::api::{Callers, LiveKeys, MAX_BODY, OwnNames};
use crate::guard::Targets;

#[test]
fn bodies_are_taken_in_one_coding_and_of_one_type() {
    let post = |headers: &[(&'static str, &'static str)], body: &[u8]| {
        let (callers, names) = (Callers::All, OwnNames::default());
        let api = Api::new(callers, names, Targets::public());
        let headers = headers.to_vec();
        let call = Call { method: "POST", path: "/tickets", query: "", headers, body };
        let keys = LiveKeys::none(START);
        (api.admit(&call, keys).is_ok(), api.open(&call, keys, || [1; 32]).action)
    };
    let json = ("content-type", "application/json");
    let body = br#"{"ticket_message":"m"}"#;
    for headers in [
        &[json][..],
        &[json, json],
        &[("content-type", "Application/JSON; charset=utf-8, application/json")],
        &[json, ("content-encoding", "Identity")],
        &[json, ("content-encoding", "identity, identity"), ("content-encoding", "")],
    ] {
        let (admitted, action) = post(headers, body);
        assert!(admitted && matches!(action, Action::Decide(_)), "{headers:?}: {action:?}");
    }
    for (headers, coded) in [
        (&[][..], false),
        (&[json, ("content-type", "text/plain")], false),
        (&[("content-type", "text/plain"), json], false),
        (&[("content-type", "application/json, text/plain")], false),
        (&[json, ("content-encoding", "gzip")], true),
        (&[json, ("content-encoding", "identity, br")], true),
        (&[json, ("content-encoding", "identity"), ("content-encoding", "x")], true),
    ] {
        let (admitted, action) = post(headers, body);
        let Action::Answer(answer) = action else { panic!("{headers:?}: {action:?}") };
        assert_eq!((admitted, answer.status), (false, 415), "{headers:?}");
        let offer = ("accept-encoding", "identity".to_owned());
        assert_eq!(answer.headers.contains(&offer), coded, "{headers:?}");
    }
    let marked = [b"\xef\xbb\xbf", &body[..]].concat();
    assert!(matches!(post(&[json], &marked).1, Action::Decide(_)));
    for bad in [&[b"\xef\xbb\xbf", &marked[..]].concat(), &b"\xff\xfe{\0}\0"[..]] {
        assert_eq!(refused(post(&[json], bad).1).0, 400);
    }
    assert!(refused(post(&[json], b"\xfe\xff\0{\0}").1).1.contains("UTF-16"));
}

#[test]
fn unknown_fields_and_parameters_name_the_nearest_known_ones() {
    let webhook = "/webhooks/whk_0197000000017abcaeeeeeeeeeeeeeee";
    let event = "evt_0197000000017abcaeeeeeeeeeeeeeee";
    let resend = format!("{webhook}/deliveries/{event}/resend");
    let at = |path: &str| format!("{webhook}{path}");
    for (method, path, body, pointer, words) in [
        ("POST", "/webhooks/register", r#"{"event":[1]}"#, "#/event", "events"),
        ("POST", "/webhooks/register", r#"{"a~/":1}"#, "#/a~0~1", "callback_url, "),
        ("PATCH", webhook, r#"{"retry_shedule":[1]}"#, "#/retry_shedule", "retry_schedule"),
        ("PATCH", webhook, r#"{"id":1}"#, "#/id", "there are callback_url"),
        ("POST", &at("/secret/rotate"), r#"{"overlap_ms":1}"#, "#/overlap_ms", "overlap_seconds"),
        ("POST", &at("/replay"), r#"{"dryRun":true}"#, "#/dryRun", "dry_run"),
        ("POST", &at("/ping"), r#"{"a":1}"#, "#/a", "there is none"),
        ("POST", &at("/enable"), r#"{"a":1}"#, "#/a", "there is none"),
        ("POST", &resend, r#"{"a":1}"#, "#/a", "there is none"),
        ("GET", "/events?ticket=x", "", "?ticket", "there are after, limit, wait"),
        ("GET", "/tickets?state=open", "", "?state", "the nearest is status"),
        ("GET", "/service?a", "", "?a", "there is none"),
        ("POST", "/tickets?a=1", "", "?a", "there is none"),
        ("DELETE", &at("/replay?a=1"), "", "?a", "there is none"),
        ("GET", "/health/live?a=1", "", "?a", "there is none"),
    ] {
        let (status, said) = refused(take_with(method, path, "application/json", body.as_bytes()));
        assert_eq!(status, 422, "{path} {body}: {said}");
        let pointer = format!(r#""pointer":"{pointer}""#);
        assert!(said.contains(&pointer) && said.contains(words), "{path} {body}: {said}");
    }
    for (path, body) in [
        ("/tickets", r#"{"ticket_message":"m","a":1}"#),
        ("/webhooks/ping", r#"{"a":1}"#),
        ("/service/available", "a=1"),
        (&at("/ping"), "{}"),
        (&at("/enable"), ""),
    ] {
        let taken = take_with("POST", path, "application/json", body.as_bytes());
        assert!(matches!(taken, Action::Decide(_)), "{path} {body}: {taken:?}");
    }
}

#[test]
fn bad_bodies_are_told_apart() {
    let long = format!("{{\"ticket_message\":\"{}\"}}", "x".repeat(65_537));
    let huge = vec![b' '; MAX_BODY + 1];
    let table: [(&str, &[u8], u16, &str); 12] = [
        ("text/plain", b"{}", 415, "unsupported_media_type"),
        ("", b"{}", 415, "unsupported_media_type"),
        ("application/json", &huge, 413, "too_large"),
        ("application/json", b"", 400, "bad_json"),
        ("application/json", b"{\"ticket_message\":", 400, "bad_json"),
        ("application/json", b"{\"ticket_message\":\"\xff\"}", 400, "bad_json"),
        ("application/json", b"[]", 422, "\"#\""),
        ("application/json; charset=utf-8", b"{}", 422, "is missing"),
        ("application/json", b"{\"ticket_message\":7}", 422, "must be a string"),
        ("application/json", b"{\"ticket_message\":\"\"}", 422, "must not be empty"),
        ("application/json", b"{\"ticket_message\":\"a\\u0000\"}", 422, "U+0000"),
        ("application/json", long.as_bytes(), 422, "#/ticket_message"),
    ];
    for (content_type, body, status, words) in table {
        let said = refused(take_with("POST", "/tickets", content_type, body));
        assert_eq!(said.0, status, "{}", said.1);
        assert!(said.1.contains(words), "{words}: {}", said.1);
    }
}

#[test]
fn bad_settings_are_all_named_at_once() {
    let body = br#"{"callback_url": 1, "ordering": "x", "retry_schedule": [1, -1],
        "timeout_ms": 999, "max_in_flight": 1.5, "events": ["x"], "headers": {"host": "a"}, "rate_limit": 0,
        "status": "disabled", "secret": "whsec_AAAA"}"#;
    let (status, body) = refused(take_with("POST", "/webhooks/register", "application/json", body));
    assert_eq!(status, 422);
    for pointer in [
        "callback_url",
        "ordering",
        "retry_schedule/1",
        "timeout_ms",
        "max_in_flight",
        "events/0",
        "headers/host",
        "rate_limit",
        "status",
        "secret",
    ] {
        assert!(body.contains(&format!("\"#/{pointer}\"")), "{pointer}: {body}");
    }
}

#[test]
fn lists_take_limits_and_cursors_of_their_own_kind() {
    for query in [
        "limit=0",
        "limit=1001",
        "limit=",
        "limit=x",
        "limit=-1",
        "after=",
        "after=whk_1",
        "after=whk_0197000000017abcaeeeeeeeeeeeeeee",
        "status=ajar",
        "order=any",
        "status",
    ] {
        let (status, body) = refused(take_with("GET", &format!("/tickets?{query}"), "", b""));
        assert_eq!((status, body.contains("bad_field")), (422, true), "{query}");
    }
    let query = "/tickets?limit=1000&after=tkt_0197000000017abcaeeeeeeeeeeeeeee&status=open";
    assert!(matches!(take_with("GET", query, "", b""), Action::List(_)));
}
