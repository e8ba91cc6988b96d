use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::event::{EventData, EventType, body};
use crate::model::id::{EventId, Stamp};
use crate::model::reason::Reason;
use crate::model::seq::Seq;
use crate::webhook::sign::Secret;

const NOW: Millis = Millis(1_672_531_200_456);

fn id() -> EventId {
    EventId::new(Stamp { at: NOW, count: 3 }, Seq(42))
}

fn opened(message: &str) -> String {
    let data = EventData { ticket_message: Some(message), ..EventData::default() };
    body(EventType::TicketOpened, NOW, data).to_string()
}

/// A change of a text.
type Change<'a> = &'a dyn Fn(&str) -> String;

/// A delivery as it is signed, to be distorted.
#[derive(Clone)]
struct Delivery {
    id: String,
    timestamp: String,
    signature: String,
    body: Vec<u8>,
    secrets: Vec<(String, bool)>,
    now: Millis,
}

impl Delivery {
    fn of(message: &str) -> Self {
        let (secret, body) = (Secret::new([201; 32]), opened(message));
        Self {
            id: id().to_string(),
            timestamp: NOW.unix_seconds().to_string(),
            signature: secret.signature(id(), NOW.unix_seconds(), &body),
            body: body.into_bytes(),
            secrets: vec![(secret.reveal().to_string(), false)],
            now: NOW,
        }
    }

    fn verdict(&self) -> Verdict {
        let headers = [
            ("webhook-id", self.id.as_str()),
            ("webhook-timestamp", self.timestamp.as_str()),
            ("webhook-signature", self.signature.as_str()),
        ];
        let secrets: Vec<_> =
            self.secrets.iter().map(|(text, ended)| Known { text, ended: *ended }).collect();
        verify(&headers, &self.body, &secrets, self.now)
    }

    /// The mistake that is reported after `change`.
    fn mistake(&self, change: impl FnOnce(&mut Self)) -> Mistake {
        let mut changed = self.clone();
        change(&mut changed);
        match changed.verdict() {
            Verdict::Bad(mistake) => mistake,
            Verdict::Good { .. } => panic!("it is good"),
        }
    }

    fn body(&self, change: impl FnOnce(&str) -> String) -> Mistake {
        self.mistake(|one| one.body = change(str::from_utf8(&one.body).unwrap()).into_bytes())
    }

    fn secret(&self, change: impl FnOnce(&str) -> String) -> Mistake {
        self.mistake(|one| one.secrets[0].0 = change(&one.secrets[0].0))
    }

    fn signature(&self, change: impl FnOnce(&str) -> String) -> Mistake {
        self.mistake(|one| one.signature = change(&one.signature))
    }
}

#[test]
fn what_is_signed_is_good_with_any_secret_that_lives() {
    let one = Delivery::of("It's late");
    assert_eq!(one.verdict(), Verdict::Good { secret: 0 });
    let other = Secret::new([1; 32]).reveal().to_string();
    let mut second = one.clone();
    second.secrets.insert(0, (other, false));
    assert_eq!(second.verdict(), Verdict::Good { secret: 1 });
    // The same secret again, and not ended there.
    second.secrets = vec![(one.secrets[0].0.clone(), true), one.secrets[0].clone()];
    assert_eq!(second.verdict(), Verdict::Good { secret: 1 });
    second.secrets.pop();
    assert_eq!(second.verdict(), Verdict::Bad(Mistake::EndedSecret { index: 0 }));
}

#[test]
fn a_timestamp_may_be_five_minutes_away_either_way() {
    let one = Delivery::of("late");
    let at = |now: Millis| Delivery { now, ..one.clone() }.verdict();
    let second = NOW.0 / 1_000 * 1_000;
    for (now, expected) in [
        (second + 300_999, Verdict::Good { secret: 0 }),
        (second + 301_000, Verdict::Bad(Mistake::Stale { by_s: 301 })),
        (second - 300_000, Verdict::Good { secret: 0 }),
        (second - 300_001, Verdict::Bad(Mistake::Early { by_s: 301 })),
        (0, Verdict::Bad(Mistake::Early { by_s: second / 1_000 })),
        (u64::MAX, Verdict::Bad(Mistake::Stale { by_s: (u64::MAX - second) / 1_000 })),
    ] {
        assert_eq!(at(Millis(now)), expected, "{now}");
    }
}

#[test]
fn headers_that_are_missing_or_malformed_are_named() {
    let one = Delivery::of("late");
    for (header, empty) in [
        (Header::Id, one.mistake(|one| one.id.clear())),
        (Header::Timestamp, one.mistake(|one| one.timestamp = " ".into())),
        (Header::Signature, one.mistake(|one| one.signature.clear())),
    ] {
        assert_eq!(empty, Mistake::MissingHeader(header));
        assert_eq!(empty.header(), Some(header));
        assert!(empty.to_string().contains(header.name()));
    }
    for (text, offset) in
        [("1672531200.5", 10), ("-1", 0), ("1 2", 1), ("99999999999999999999", 20)]
    {
        let told = one.mistake(|one| one.timestamp = text.into());
        assert_eq!(told, Mistake::TimestampMalformed { offset }, "{text}");
    }
    let longest = one.mistake(|one| one.timestamp = u64::MAX.to_string());
    assert_eq!(longest, Mistake::TimestampMilliseconds);
    assert_eq!(one.mistake(|one| one.id = "msg_1".into()).name(), "id_malformed");
}

#[test]
fn names_of_headers_are_taken_as_servers_give_them() {
    let one = Delivery::of("late");
    let secrets = [Known::current(&one.secrets[0].0)];
    let upper = ["HTTP_WEBHOOK_ID", "HTTP_WEBHOOK_TIMESTAMP", "HTTP_WEBHOOK_SIGNATURE"];
    let mixed = ["webhook_id:", " webhook_timestamp", "http_webhook_signature"];
    for (names, others) in [
        (["Webhook-Id", "Webhook-Timestamp", "WEBHOOK-SIGNATURE"], &[][..]),
        (upper, &upper),
        (mixed, &mixed),
        (
            ["webhook-id", "WEBHOOK_TIMESTAMP", "webhook-signature "],
            &["WEBHOOK_TIMESTAMP", "webhook-signature "],
        ),
    ] {
        let values = [&one.id, &one.timestamp, &one.signature].map(|value| format!(" {value}\t"));
        let headers: Vec<_> = names.into_iter().zip(values.iter().map(String::as_str)).collect();
        assert_eq!(verify(&headers, &one.body, &secrets, NOW), Verdict::Good { secret: 0 });
        let told: Vec<_> = renamed(&headers).iter().map(|one| one.name).collect();
        assert_eq!(told, others);
    }
    let (id, time) =
        (("webhook-id", one.id.as_str()), ("webhook-timestamp", one.timestamp.as_str()));
    let lines = [id, time, ("webhook-signature", "v1,AAAA"), ("webhook-signature", &one.signature)];
    assert_eq!(verify(&lines, &one.body, &secrets, NOW), Verdict::Good { secret: 0 });
}

#[test]
fn only_headers_that_count_are_renamed() {
    let headers = [
        ("webhook-id", "evt_1"),
        ("HTTP_WEBHOOK_ID", "evt_2"),
        ("HTTP_WEBHOOK_TIMESTAMP", " "),
        ("webhook-timestamp", "1"),
        ("webhook-signature", "v1,AAAA"),
        ("webhook_signature", "v1,BBBB"),
    ];
    assert_eq!(
        json!(renamed(&headers)),
        json!([{ "name": "webhook_signature", "header": "webhook-signature" }])
    );
}

#[test]
fn what_is_visible_is_not_called_proven_by_a_signature() {
    let one = Delivery::of("late");
    for (told, certainty) in [
        (one.mistake(|one| one.id.clear()), Certainty::Evident),
        (one.mistake(|one| one.timestamp.push('s')), Certainty::Evident),
        (one.mistake(|one| one.timestamp = u64::MAX.to_string()), Certainty::Evident),
        (one.mistake(|one| one.now = Millis(0)), Certainty::Evident),
        (one.mistake(|one| one.now = Millis(u64::MAX)), Certainty::Evident),
        (one.mistake(|one| one.secrets.clear()), Certainty::Evident),
        (one.mistake(|one| one.secrets[0].1 = true), Certainty::Proven),
        (one.body(|text| format!("{text} ")), Certainty::Proven),
        (one.signature(|text| text.replace("v1,", "v1=")), Certainty::Proven),
        (one.mistake(|one| one.id = "msg_1".into()), Certainty::Likely),
        (one.body(|text| text.replace("late", "soon")), Certainty::Likely),
    ] {
        assert_eq!(told.certainty(), certainty, "{told:?}");
        assert_eq!(told.is_proven(), certainty != Certainty::Likely, "{told:?}");
    }
}

#[test]
fn each_spelling_of_a_signature_has_its_own_name() {
    let one = Delivery::of("late");
    let mac = STANDARD.decode(one.signature.trim_start_matches("v1,")).unwrap();
    let hex = String::from_utf8(keys::digits(&mac)).unwrap();
    for (text, name) in [
        (format!("v1,{hex}"), "signature_hex"),
        (format!("sha256={hex}"), "signature_hex"),
        (format!("v1,{}", STANDARD.encode(&hex)), "signature_hex_in_base64"),
        (one.signature.replace("v1,", ""), "signature_version_missing"),
        (one.signature.replace("v1,", "v1,v1,v1,"), "signature_version_repeated"),
        (one.signature.replace("v1,", "v1:"), "signature_version_spelling"),
        (one.signature.replace('=', ""), "signature_unpadded"),
        (one.signature.replace('=', "%3D"), "signature_escaped"),
        (format!("\"{}\"", one.signature), "signature_escaped"),
        (one.signature.to_lowercase(), "signature_case_changed"),
        (one.signature[..20].to_owned(), "signature_cut_short"),
        (format!("{}, v1,{}", one.signature, STANDARD.encode([0; 32])), "signature_joined"),
        (one.signature.replace("v1,", "v2,"), "signature_no_v1"),
        ("v1,AAAA".into(), "signature_length"),
        ("v1,?!".into(), "signature_not_base64"),
        (format!("v1,{}", STANDARD.encode([0; 20])), "algorithm"),
        (format!("v1,{}", STANDARD.encode([0; 32])), "no_secret_matches"),
    ] {
        assert_eq!(one.signature(|_| text.clone()).name(), name, "{text}");
    }
    let told = one.signature(|text| format!("v2,AAAA {}?", text.replace('=', "")));
    let offset = "v2,AAAA v1,".len() + 43;
    let flaw = SignatureFlaw::NotBase64;
    assert_eq!(told, Mistake::Signature { flaw, offset, proven: false });
}

#[test]
fn each_spelling_of_a_secret_has_its_own_name() {
    let one = Delivery::of("late");
    let spelled: [(Change<'_>, &str, bool); 12] = [
        (&|text| format!("{text}\n"), "secret_untidy", true),
        (&|text| format!("\u{feff}'{text}';"), "secret_untidy", true),
        (&|text| format!("export SECRET=\"{text}\""), "secret_untidy", true),
        (&|text| text.replace('=', ""), "secret_unpadded", true),
        (&|_| format!("whsec_{}", "c9".repeat(32)), "secret_hex", true),
        (&|_| id().to_string().replace("evt_", "sec_"), "secret_is_a_name", false),
        (&|_| " ".into(), "secret_empty", false),
        (&|_| "x".repeat(2_000), "secret_empty", false),
        (&|_| "whsec_…".into(), "secret_not_base64", false),
        (&|text| text[..14].into(), "secret_length", false),
        (&|_| Secret::new([2; 32]).reveal().to_string(), "no_secret_matches", false),
        (&|_| "whsec_".repeat(3), "secret_not_base64", false),
    ];
    for (change, name, proven) in spelled {
        let told = one.secret(change);
        assert_eq!((told.name(), told.is_proven()), (name, proven), "{told:?}");
    }
    assert_eq!(one.mistake(|one| one.secrets.clear()), Mistake::NoSecrets);
    let url = Delivery::of("late").mistake(|one| {
        let secret = Secret::new([0xfb; 32]);
        one.signature = secret.signature(id(), NOW.unix_seconds(), &opened("late"));
        one.secrets[0].0 = secret.reveal().replace('+', "-").replace('/', "_");
    });
    assert_eq!(url, Mistake::Secret { index: 0, flaw: SecretFlaw::Base64Url, proven: true });
}

#[test]
fn a_body_that_was_serialised_anew_is_told_with_what_changed() {
    let one = Delivery::of("a/b é");
    let none = Changes::default();
    let created = "2023-01-01T00:00:00";
    let table: [(Change<'_>, Changes, usize); 7] = [
        (&|text| text.replace("\":", "\": "), Changes { spaces: true, ..none }, 9),
        (&|text| text.replace('é', "\\u00e9"), Changes { escapes: true, ..none }, 88),
        (&|text| text.replace('/', "\\/"), Changes { escapes: true, ..none }, 85),
        (
            &|text| {
                text.replace(r#""event":"ticket_opened","#, "")
                    .replace("}}", r#"},"event":"ticket_opened"}"#)
            },
            Changes { order: true, ..none },
            2,
        ),
        (
            &|text| text.replace(created, &format!("{created}.000")),
            Changes { values: true, ..none },
            55,
        ),
        (
            &|text| text.replace("ticket_message", "ticketMessage"),
            Changes { values: true, ..none },
            73,
        ),
        (
            &|text| text.replace("}}", r#","reason":null}}"#).replace(',', ",\n\t"),
            Changes { spaces: true, values: true, ..none },
            25,
        ),
    ];
    for (change, changes, offset) in table {
        let flaw = BodyFlaw::Reserialised(changes);
        let expected = Mistake::Body { flaw, offset: Some(offset), proven: true };
        assert_eq!(one.body(change), expected);
    }
    let words = one.body(|text| text.replace(':', ": ").replace('/', "\\/")).to_string();
    assert!(words.contains("changed spaces, escapes."), "{words}");
}

#[test]
fn what_happened_to_a_body_has_its_own_name() {
    let one = Delivery::of("Straße \"1\" <b>\r\n");
    let table: [(Change<'_>, &str, bool); 18] = [
        (&|text| format!("{text}\n"), "body_ends_changed", true),
        (&|text| format!("\u{feff}{text}"), "body_bom", true),
        (&|text| text.replace('ß', "\u{c3}\u{178}"), "body_mojibake", true),
        (&|text| text.replace("\\r\\n", "\\n"), "body_line_ends_changed", true),
        (&|text| STANDARD.encode(text), "body_base64", true),
        (&|text| text.replace('<', "&lt;").replace('"', "&#34;"), "body_html_escaped", true),
        (&|text| text.replace('"', "%22").replace(' ', "+"), "body_percent_encoded", true),
        (&|text| json!(text).to_string(), "body_quoted", true),
        (&|text| format!("{text}{text}"), "body_repeated", true),
        (&|text| format!("json={text}"), "body_surrounded", true),
        (&|text| text[..text.len() - 3].into(), "body_cut_short", true),
        (&|text| text[..text.len() - 9].into(), "body_cut_short", false),
        (&|text| format!("{:?}", text.as_bytes()), "body_printed", true),
        (&|_| "[object Object]".into(), "body_printed", false),
        (&|_| String::new(), "body_empty", false),
        (&|text| text.replace('ß', "\u{fffd}\u{fffd}"), "body_characters_replaced", false),
        (&|_| "<html>".into(), "body_not_json", false),
        (&|_| "[1]".into(), "body_not_ours", false),
    ];
    for (change, name, proven) in table {
        let told = one.body(change);
        assert_eq!((told.name(), told.is_proven()), (name, proven), "{told:?}");
    }
    let latin1 = |one: &mut Delivery| {
        one.body =
            str::from_utf8(&one.body).unwrap().chars().map(|c| u8::try_from(c).unwrap()).collect();
    };
    assert_eq!(one.mistake(latin1).name(), "body_latin1");
    let binary = one.mistake(|one| one.body.insert(5, 0xff));
    assert_eq!((binary.name(), binary.offset()), ("body_not_utf8", Some(5)));
}

#[test]
fn a_part_of_another_message_is_told_by_the_times_of_the_others() {
    const SECOND: u64 = 1_000;
    let one = Delivery::of("late");
    let earlier =
        |by_s: u64| EventId::new(Stamp { at: Millis(NOW.0 - by_s * SECOND), count: 0 }, Seq(1));
    for by_s in [1, 3_000] {
        let told = one.mistake(|one| one.id = earlier(by_s).to_string());
        assert_eq!(told, Mistake::Foreign { part: Part::Id, proven: false });
    }
    // A second attempt, long after the event.
    let sent = |after_s: u64, shown_s: u64| {
        one.mistake(|one| {
            let (secret, body) = (Secret::new([201; 32]), opened("late"));
            one.signature = secret.signature(id(), NOW.unix_seconds() + after_s, &body);
            one.timestamp = shown_s.to_string();
        })
    };
    let start = NOW.unix_seconds();
    for (after_s, shown_s, proven) in [
        (0, start - 100_000, true),
        (900, start - 100_000, true),
        (901, start - 100_000, false),
        (5_000, start + 4_100, true),
        (5_000, start + 5_900, true),
    ] {
        let expected = Mistake::Foreign { part: Part::Timestamp, proven };
        assert_eq!(sent(after_s, shown_s), expected, "{after_s} {shown_s}");
    }
    assert_eq!(sent(5_000, start + 4_099), Mistake::NoSecretMatches);
    let body = one.body(|text| text.replace("2023", "2024"));
    assert_eq!(body, Mistake::Foreign { part: Part::Body, proven: false });
}

#[test]
fn no_text_repeats_a_secret() {
    let one = Delivery::of("late");
    let text = &one.secrets[0].0;
    assert!(!format!("{:?}", Known::current(text)).contains("whsec_y"));
    for told in [one.secret(|text| format!("{text} ")), one.secret(|text| text.replace('y', "_"))] {
        assert!(!format!("{told} {told:?}").contains(&text[10..20]), "{told}");
    }
}

#[test]
fn a_verdict_is_one_flat_object() {
    let one = Delivery::of("late");
    assert_eq!(
        json!(one.verdict()),
        json!({
            "verdict": "good", "code": "good", "detail": "The delivery verifies.",
            "certainty": "proven", "proven": true, "secret": 0,
        })
    );
    let told = Verdict::Bad(one.mistake(|one| one.timestamp.push('s')));
    assert_eq!(
        json!(told),
        json!({
            "verdict": "bad", "code": "timestamp_malformed", "certainty": "evident",
            "proven": true,
            "detail": "webhook-timestamp is not a whole number. Take the header as it came: unix time in seconds, in digits.",
            "header": "webhook-timestamp", "offset": 10,
        })
    );
}

#[test]
fn a_body_beyond_all_limits_is_verified_and_its_work_bounded() {
    let one = Delivery::of(&"x".repeat(700_000));
    assert_eq!(one.verdict(), Verdict::Good { secret: 0 });
    assert_eq!(one.body(|text| format!("{text} ")).name(), "body_reserialised");
    let many = one.mistake(|one| {
        one.secrets = (0..40).map(|n| (Secret::new([n; 32]).reveal().to_string(), false)).collect();
    });
    assert_eq!(many, Mistake::NoSecretMatches);
    let long = Delivery::of(&"é\n/".repeat(100_000)).mistake(|one| {
        one.secrets = (0..16).map(|n| (Secret::new([n; 32]).reveal().to_string(), false)).collect();
    });
    assert_eq!(long, Mistake::NoSecretMatches);
    let deep = one.mistake(|one| one.body = "[".repeat(400_000).into_bytes());
    assert_eq!(deep.name(), "body_not_json");
}

/// Pieces of typical pasted texts, and anything else.
fn pasted() -> impl Strategy<Value = Vec<u8>> {
    let delivery = Delivery::of("Größe \"1\"");
    let pieces = [
        delivery.body,
        delivery.signature.into_bytes(),
        delivery.secrets[0].0.clone().into_bytes(),
        delivery.id.into_bytes(),
        delivery.timestamp.into_bytes(),
        b"\"data\":[{\\u00e9\\".to_vec(),
        b"&#xffffffff;&#;&amp%zz%4%".to_vec(),
        b"\xef\xbb\xbf\xff\xfe\x00\xd8b'\\x".to_vec(),
        b"v1,v1, =sha256=,".to_vec(),
    ];
    let piece = prop_oneof![
        proptest::sample::select(pieces.to_vec()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

fn text() -> impl Strategy<Value = String> {
    pasted().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

proptest! {
    #[test]
    fn nothing_that_is_pasted_makes_it_panic(
        names in proptest::collection::vec(proptest::sample::select(vec![
            "webhook-id", "Webhook-Timestamp", "webhook-signature", "HTTP_", "é", "",
        ]), 0..5),
        values in proptest::collection::vec(text(), 5),
        body in pasted(),
        secrets in proptest::collection::vec((text(), any::<bool>()), 0..3),
        now in any::<u64>(),
    ) {
        let headers: Vec<_> = names.iter().copied().zip(values.iter().map(String::as_str)).collect();
        let secrets: Vec<_> = secrets.iter().map(|(text, ended)| Known { text, ended: *ended }).collect();
        let verdict = verify(&headers, &body, &secrets, Millis(now));
        prop_assert!(json!(verdict)["detail"].is_string());
    }

    #[test]
    fn no_change_of_a_delivery_makes_it_panic_or_good(
        part in 0..5_usize, at in any::<proptest::sample::Index>(), piece in pasted(), cut in 0..9_usize,
    ) {
        let one = Delivery::of("Größe \"1\"");
        let mut parts = [
            one.body, one.id.into_bytes(), one.timestamp.into_bytes(), one.signature.into_bytes(),
            one.secrets[0].0.clone().into_bytes(),
        ];
        let before = parts.clone();
        let from = at.index(parts[part].len() + 1);
        let to = (from + cut).min(parts[part].len());
        parts[part].splice(from..to, piece);
        let [id, timestamp, signature, secret] =
            [1, 2, 3, 4].map(|part| String::from_utf8_lossy(&parts[part]).into_owned());
        let body = parts[0].clone();
        let one = Delivery { id, timestamp, signature, body, secrets: vec![(secret, false)], now: NOW };
        if matches!(one.verdict(), Verdict::Good { .. }) {
            prop_assert_eq!(&parts[0], &before[0]);
            // Blanks around a header are not part of it.
            for signed in 1..3 {
                let now = String::from_utf8_lossy(&parts[signed]);
                let was = String::from_utf8_lossy(&before[signed]);
                prop_assert_eq!(now.trim(), was.trim());
            }
        }
    }

    #[test]
    fn whatever_the_core_signs_verifies(
        message in any::<String>(), key in any::<[u8; 32]>(), seq in 1..1_u64 << 53,
        at in 0..100_000_000_000_000_u64, later_ms in 0..300_000_u64,
    ) {
        let (at, secret) = (Millis(at), Secret::new(key));
        let id = EventId::new(Stamp { at, count: 9 }, Seq(seq));
        let data = EventData {
            ticket_message: Some(&message), event_id: Some(id), reason: Some(Reason::Gone), ..EventData::default()
        };
        let body = body(EventType::DeliveryAbandoned, at, data);
        let (signature, time) = (secret.signature(id, at.unix_seconds(), &body), at.unix_seconds());
        let (id, time, secret) = (id.to_string(), time.to_string(), secret.reveal());
        let headers = [
            ("webhook-id", id.as_str()), ("webhook-timestamp", &time), ("webhook-signature", &signature),
        ];
        let verdict = verify(&headers, body.as_bytes(), &[Known::current(&secret)], at.plus(later_ms));
        prop_assert_eq!(verdict, Verdict::Good { secret: 0 });
    }
}
