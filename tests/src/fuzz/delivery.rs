//! Fuzz target for the verification of deliveries: none is good whose bytes were not signed.

use arbitrary::{Arbitrary, Unstructured};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use hookdesk_core::{Known, Millis, Verdict, verify};
use sha2::Sha256;

const NOW: Millis = Millis(1_672_531_201_000);
const ID: &str = "evt_01856aa0c80070008000000000000001";
const SECRET: &str = "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const BODY: &[u8] = br#"{"event":"ping","created":"2023-01-01T00:00:00Z","data":{}}"#;

/// A delivery as a text: secrets, header lines, an empty line, the body. A line that begins with a
/// hyphen is a secret that ended, one with a plus another secret.
pub fn read(bytes: &[u8]) {
    let head = bytes.windows(2).position(|two| two == b"\n\n").unwrap_or(bytes.len());
    let Ok(text) = str::from_utf8(&bytes[..head]) else { return };
    let body = bytes.get(head + 2..).unwrap_or_default();
    let mut secrets = vec![Known::current(SECRET)];
    let mut headers = Vec::new();
    for line in text.split('\n') {
        match (line.strip_prefix('-'), line.strip_prefix('+'), line.split_once(": ")) {
            (Some(text), ..) => secrets.push(Known::ended(text)),
            (_, Some(text), _) => secrets.push(Known::current(text)),
            (.., Some(header)) => headers.push(header),
            (.., None) => {}
        }
    }
    judge(&headers, body, &secrets);
}

/// A verdict, which is good only if the right signature is there in so many letters.
fn judge(headers: &[(&str, &str)], body: &[u8], secrets: &[Known<'_>]) -> Verdict {
    let verdict = verify(headers, body, secrets, NOW);
    let told = serde_json::to_string(&verdict).expect("a verdict has a JSON form");
    assert!(told.len() < 2_048 && !told.contains("whsec_Bw"), "{told}");
    if let Verdict::Good { secret } = verdict {
        let known = &secrets[secret];
        assert!(!known.ended);
        let all = |name: &'static str| {
            let named = headers.iter().filter(move |(known, _)| matches(known, name));
            named.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
        };
        let first = |name| all(name).next().expect("it was signed");
        let (id, timestamp) = (first("webhook-id"), first("webhook-timestamp"));
        let right = signature(known.text, &[id, timestamp], body);
        let is_right = |one: &str| one == right;
        let came = all("webhook-signature").any(|value| value.split_whitespace().any(is_right));
        assert!(came, "{right} did not come");
    }
    verdict
}

/// Whether a header of that name is this one, also as CGI spells it.
fn matches(known: &str, name: &str) -> bool {
    let known = known.trim().trim_end_matches(':').to_ascii_lowercase().replace('_', "-");
    known.strip_prefix("http-").unwrap_or(&known) == name
}

/// As Standard Webhooks has it, written down anew.
fn signature(secret: &str, signed: &[&str], body: &[u8]) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
    for part in signed {
        mac.update(part.as_bytes());
        mac.update(b".");
    }
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// What somebody does to a delivery underway.
#[derive(Arbitrary, Debug)]
enum Tampering {
    Put { part: u8, at: u16, byte: u8 },
    Insert { part: u8, at: u16, byte: u8 },
    Remove { part: u8, at: u16 },
    Cut { part: u8, at: u16 },
    Append { part: u8, bytes: [u8; 4] },
    Swap { part: u8, other: u8 },
}

impl Tampering {
    fn perform(&self, parts: &mut [Vec<u8>; 5]) {
        let part = |number: u8| usize::from(number) % 5;
        let place = |at: u16, length: usize| usize::from(at) % length.max(1);
        match *self {
            Self::Put { part: number, at, byte } => {
                let bytes = &mut parts[part(number)];
                let at = place(at, bytes.len());
                bytes.get_mut(at).into_iter().for_each(|old| *old = byte);
            }
            Self::Insert { part: number, at, byte } => {
                let bytes = &mut parts[part(number)];
                bytes.insert(place(at, bytes.len() + 1), byte);
            }
            Self::Remove { part: number, at } => {
                let bytes = &mut parts[part(number)];
                if !bytes.is_empty() {
                    bytes.remove(place(at, bytes.len()));
                }
            }
            Self::Cut { part: number, at } => {
                let bytes = &mut parts[part(number)];
                bytes.truncate(place(at, bytes.len()));
            }
            Self::Append { part: number, bytes } => parts[part(number)].extend(bytes),
            Self::Swap { part: one, other } => parts.swap(part(one), part(other)),
        }
    }
}

/// What is done to a delivery that was right, drawn from the bytes. What is still good has every
/// byte that was signed.
pub fn tampered(bytes: &[u8]) {
    let mut source = Unstructured::new(bytes);
    let Ok(tamperings) = Vec::<Tampering>::arbitrary(&mut source) else { return };
    let signature = signature(SECRET, &[ID, "1672531200"], BODY);
    let right = [ID.as_bytes(), b"1672531200", signature.as_bytes(), BODY, SECRET.as_bytes()]
        .map(<[u8]>::to_vec);
    let mut parts = right.clone();
    tamperings.iter().take(16).for_each(|one| one.perform(&mut parts));
    let [id, timestamp, signatures, body, secret] = &parts;
    let texts = [id, timestamp, signatures, secret].map(|text| String::from_utf8_lossy(text));
    let [id, timestamp, signatures, secret] = &texts;
    let headers: [(&str, &str); 3] =
        [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signatures)];
    let verdict = judge(&headers, body, &[Known::current(secret)]);
    let is_whole = parts == right;
    if is_whole || verdict != (Verdict::Good { secret: 0 }) {
        return assert_eq!(is_whole, verdict == Verdict::Good { secret: 0 });
    }
    // Blanks around a value are not the value's, and the prefix of a secret may be missing.
    let bare = |secret: &str| secret.strip_prefix("whsec_").unwrap_or(secret).to_owned();
    assert_eq!((id.trim(), timestamp.trim(), &body[..]), (ID, "1672531200", BODY));
    assert_eq!(bare(secret), bare(SECRET));
}
