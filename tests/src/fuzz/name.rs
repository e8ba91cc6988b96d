//! Fuzz targets for ids, cursors, times, names of types, and secrets: what is read is printed the
//! same.

use hookdesk_core::api::{Action, Api, Call, Callers, DeliveryState, LiveKeys, OwnNames};
use hookdesk_core::guard::Targets;
use hookdesk_core::{
    EventId, EventType, Failure, HolderId, Known, Millis, Ordering, Secret, SecretId, Seq, Stamp,
    TicketId, Verdict, WebhookId, verify,
};

pub fn read(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let ids = [
        TicketId::parse(text).map(|id| id.to_string()),
        WebhookId::parse(text).map(|id| id.to_string()),
        SecretId::parse(text).map(|id| id.to_string()),
        EventId::parse(text).map(|id| id.to_string()),
        HolderId::parse(text).map(|id| id.to_string()),
    ];
    let found: Vec<_> = ids.iter().flatten().collect();
    assert!(found.len() <= 1 && found.iter().all(|id| *id == text), "{text} is {found:?}");
    let read = serde_json::from_value::<TicketId>(text.into()).ok();
    assert_eq!(read, TicketId::parse(text));
    if let Some(event) = EventId::parse(text) {
        let stamp = Stamp { at: event.made_at(), count: 0 };
        let other = EventId::new(stamp, event.seq());
        assert_eq!((other.seq(), other.made_at()), (event.seq(), event.made_at()));
        assert!(event.seq() < Seq(1 << 62));
    }
    // RFC 3339 has years of four digits.
    if let Some(time) = Millis::parse(text).filter(|time| *time < Millis(253_402_300_800_000)) {
        assert_eq!(Millis::parse(&time.rfc3339()), Some(time), "{text}");
    }
    let names = [
        EventType::parse(text).map(EventType::name),
        DeliveryState::parse(text).map(DeliveryState::name),
        Ordering::parse(text).map(Ordering::name),
        Failure::parse(text).map(Failure::name),
    ];
    assert!(names.iter().flatten().all(|name| *name == text), "{text} is {names:?}");
    cursor(text);
}

/// A cursor is taken when it is an id of what is listed, and no other text is.
fn cursor(text: &str) {
    // A query is more than a text where it has these.
    if text.contains(['&', '%']) {
        return;
    }
    let (callers, names) = (Callers::All, OwnNames::default());
    let api = Api { can_wait: true, ..Api::new(callers, names, Targets::public()) };
    let query = format!("after={text}");
    let taken = |path| {
        let call = Call { method: "GET", path, query: &query, headers: Vec::new(), body: b"" };
        match api.open(&call, LiveKeys::none(Millis(0)), || [1; Secret::LENGTH]).action {
            Action::Answer(response) => {
                assert_eq!(response.status, 422, "{query}");
                false
            }
            Action::List(_) | Action::ReadEvents(_) => true,
            other => panic!("{query} is {other:?}"),
        }
    };
    assert_eq!(taken("/tickets"), TicketId::parse(text).is_some(), "{text}");
    assert_eq!(taken("/webhooks"), WebhookId::parse(text).is_some(), "{text}");
    assert_eq!(taken("/events"), EventId::parse(text).is_some(), "{text}");
}

/// A secret is shown as it was given, and signs so that it verifies.
pub fn secret(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let parsed = Secret::parse(text);
    assert_eq!(
        parsed.as_ref().map(|secret| secret.reveal().to_string()).as_deref().unwrap_or(text),
        text
    );
    let Ok(secret) = Secret::own(text.to_owned()) else { return };
    assert_eq!(Some(&secret), parsed.as_ref());
    assert!(!format!("{secret:?}").contains(text));
    let now = Millis(1_700_000_000_000);
    let id = EventId::new(Stamp { at: now, count: 0 }, Seq(1));
    let (id, signature) = (id.to_string(), secret.signature(id, now.unix_seconds(), "{}"));
    let seconds = now.unix_seconds().to_string();
    let headers = [
        ("webhook-id", &*id),
        ("webhook-timestamp", &*seconds),
        ("webhook-signature", &*signature),
    ];
    let verdict = verify(&headers, b"{}", &[Known::current(text)], now);
    assert_eq!(verdict, Verdict::Good { secret: 0 });
}
