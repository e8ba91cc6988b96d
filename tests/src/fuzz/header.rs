//! Fuzz target for extra headers: each is one line of a request, and no header of ours.

use std::collections::BTreeSet;

use hookdesk_core::ExtraHeaders;

/// Names that must stay the connection's, as CGI has them (RFC 3875 §4.1.18): in capitals, and with
/// no other sign than `_`, whatever sign there was.
const RESERVED: [&str; 9] = [
    "CONNECTION",
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "EXPECT",
    "HOST",
    "TE",
    "TRAILER",
    "TRANSFER_ENCODING",
    "UPGRADE",
];

/// Beginnings of names that must stay ours, or a proxy's.
const RESERVED_BEGINNINGS: [&str; 3] = ["WEBHOOK_", "HOOKDESK_", "PROXY_"];

/// A list of pairs in JSON.
pub fn read(bytes: &[u8]) {
    let Ok(pairs) = serde_json::from_slice::<Vec<(String, String)>>(bytes) else { return };
    let headers = match ExtraHeaders::parse(pairs.clone()) {
        Ok(headers) => headers,
        Err(bad) => {
            let named = bad.name().is_none_or(|name| pairs.iter().any(|(known, _)| known == name));
            assert!(named && bad.to_string().len() < 256, "{bad:?}");
            return;
        }
    };
    assert_eq!(headers.as_slice(), pairs);
    check(&pairs);
}

/// Whether they are, written as HTTP/1.1 has them, read as just these.
pub fn check(pairs: &[(String, String)]) {
    let mut names = BTreeSet::new();
    let mut request = "POST / HTTP/1.1\r\n".to_owned();
    for (name, value) in pairs {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let variable = name.chars().map(plain).collect::<String>().to_ascii_uppercase();
        let begins = RESERVED_BEGINNINGS.iter().any(|begin| variable.starts_with(begin));
        assert!(!begins && !RESERVED.contains(&&*variable), "{name}");
        assert!(names.insert(name.to_ascii_lowercase()), "{name} is there twice");
        request += &format!("{name}: {value}\r\n");
    }
    assert!(request.len() <= 32 + ExtraHeaders::MAX * 1_068);
    request += "\r\n";
    let mut slots = [httparse::EMPTY_HEADER; ExtraHeaders::MAX];
    let mut parsed = httparse::Request::new(&mut slots);
    let status = parsed.parse(request.as_bytes());
    assert_eq!(status, Ok(httparse::Status::Complete(request.len())), "{request}");
    let read = parsed.headers.iter().map(|header| (header.name, header.value));
    let meant = pairs.iter().map(|(name, value)| (&**name, value.as_bytes()));
    assert!(read.eq(meant), "{request}");
}
