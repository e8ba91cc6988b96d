//! Fuzz target for callback URLs: the URL that is called is the one that was given.

use hookdesk_core::guard::{CallbackUrl, Targets};
use url::Position;

pub fn read(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let public = Targets::public();
    let named = public.clone().by_name_only();
    let local = public.clone().with_loopback();
    let [named, public, local] = [named, public, local].map(|targets| {
        let parsed = CallbackUrl::parse(text, &targets);
        match &parsed {
            Ok(url) => check(text, url, &targets),
            Err(why) => {
                let why = why.to_string();
                assert!(why.starts_with("The callback URL ") && why.len() < 512, "{why}");
                assert!(!why.contains(char::is_control), "{why:?}");
            }
        }
        parsed.is_ok()
    });
    assert!(named <= public && public <= local, "a stricter guard lets more through: {text}");
}

fn check(text: &str, url: &CallbackUrl, targets: &Targets) {
    assert_eq!(url.as_str(), text);
    assert!(text.len() <= CallbackUrl::MAX_LENGTH);
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
    assert_eq!(url.check(targets), Ok(()));
    let called = url.url().expect("what was parsed is a URL");
    assert_eq!(CallbackUrl::stored(text.to_owned()).url(), Some(called));

    // Cut anew, without the guard's own knife.
    let (scheme, rest) = text.split_once("://").expect("a scheme");
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let target = &rest[authority.len()..];
    assert_eq!(called.scheme(), scheme.to_ascii_lowercase());
    assert_eq!((called.username(), called.password(), called.fragment()), ("", None, None));
    let slash = if target.starts_with('/') { "" } else { "/" };
    assert_eq!(called[Position::BeforePath..], format!("{slash}{target}"), "{text}");
    if !authority.starts_with('[') {
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        assert_eq!(called.host_str(), Some(&*host.to_ascii_lowercase()), "{text}");
        let port = port.parse().ok();
        assert!(port.is_none() || called.port_or_known_default() == port, "{text}");
    }

    // With a slash or a longer address it may have become too long to be given.
    if called.as_str().len() <= CallbackUrl::MAX_LENGTH {
        let again = CallbackUrl::parse(called.as_str(), targets).expect("what is called");
        assert_eq!(again.url(), Some(called));
    }
}
