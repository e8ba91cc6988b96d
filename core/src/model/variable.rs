//! Variables of an environment that begin with `HOOKDESK_`: options of the desk, and what others put
//! there.
//!
//! A misspelt option must not be passed over in silence. Neither may a desk refuse to start because
//! it runs in Kubernetes beside a service of its name, which gives it variables such as
//! `HOOKDESK_PORT=tcp://10.0.0.1:80`.

use crate::model::nearest::nearest;

/// What a host makes of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable<'a> {
    /// An option, or a name without our prefix.
    Option,
    /// Kubernetes injects it for a service.
    Injected,
    /// No option, and so like one that it was probably meant: the host refuses to start.
    Misspelt { meant: &'a str },
    /// No option, nor like one: the host logs that it is ignored.
    Unknown,
}

impl<'a> Variable<'a> {
    /// What options' names begin with.
    pub const PREFIX: &'static str = "HOOKDESK_";

    /// Judges a variable by the options that a host knows, named in full.
    #[must_use]
    pub fn of(name: &str, value: &str, known: &[&'a str]) -> Self {
        let upper = name.to_ascii_uppercase();
        let Some(own) = upper.strip_prefix(Self::PREFIX) else { return Self::Option };
        if known.contains(&name) {
            return Self::Option;
        }
        if is_injected(own, value) {
            return Self::Injected;
        }
        let stem = |known: &&'a str| known.strip_prefix(Self::PREFIX);
        let meant = nearest(own, known.iter().filter_map(stem));
        let meant = meant.and_then(|meant| known.iter().find(|known| stem(known) == Some(meant)));
        meant.map_or(Self::Unknown, |meant| Self::Misspelt { meant })
    }
}

/// Whether Kubernetes makes such a variable for a service, `hookdesk` or `hookdesk-…`: those of its
/// own, and those of Docker's links.
fn is_injected(name: &str, value: &str) -> bool {
    let words: Vec<&str> = name.split('_').collect();
    let of_service = words.windows(2).any(|two| matches!(two, ["SERVICE", "HOST" | "PORT"]));
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let of_port = words.windows(3).any(|three| match three {
        ["PORT", number, "TCP" | "UDP" | "SCTP"] => is_number(number),
        _ => false,
    });
    of_service || of_port || (words.last() == Some(&"PORT") && value.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] =
        ["HOOKDESK_LISTEN", "HOOKDESK_LOG", "HOOKDESK_RETAIN_BYTES", "HOOKDESK_RETAIN_S"];

    #[test]
    fn misspelt_options_are_told_from_what_others_put_there() {
        let misspelt = |meant| Variable::Misspelt { meant };
        for (name, value, expected) in [
            ("HOOKDESK_RETAIN_S", "5", Variable::Option),
            ("HOOKDESC_RETAIN", "5", Variable::Option),
            ("PATH", "/bin", Variable::Option),
            ("HOOKDESK_RETAIN", "5", misspelt("HOOKDESK_RETAIN_S")),
            ("HOOKDESK_RETAIN_BYTE", "5", misspelt("HOOKDESK_RETAIN_BYTES")),
            ("HOOKDESK_LISEN", "127.0.0.1:1", misspelt("HOOKDESK_LISTEN")),
            ("HOOKDESK_LOG_LEVEL", "info", misspelt("HOOKDESK_LOG")),
            ("hookdesk_retain_s", "5", misspelt("HOOKDESK_RETAIN_S")),
            ("HOOKDESK_IMAGE_TAG", "v1", Variable::Unknown),
            ("HOOKDESK_KEY", "secret", Variable::Unknown),
            ("HOOKDESK_PORT", "8080", Variable::Unknown),
            ("HOOKDESK_", "", Variable::Unknown),
            ("HOOKDESK_PORT", "tcp://10.3.0.1:8080", Variable::Injected),
            ("HOOKDESK_PORT_8080_TCP", "tcp://10.3.0.1:8080", Variable::Injected),
            ("HOOKDESK_PORT_8080_TCP_PROTO", "tcp", Variable::Injected),
            ("HOOKDESK_PORT_8080_TCP_PORT", "8080", Variable::Injected),
            ("HOOKDESK_PORT_8080_TCP_ADDR", "10.3.0.1", Variable::Injected),
            ("HOOKDESK_PORT_53_UDP", "udp://10.3.0.1:53", Variable::Injected),
            ("HOOKDESK_SERVICE_HOST", "10.3.0.1", Variable::Injected),
            ("HOOKDESK_SERVICE_PORT", "8080", Variable::Injected),
            ("HOOKDESK_SERVICE_PORT_HTTP", "8080", Variable::Injected),
            ("HOOKDESK_LISTEN_SERVICE_HOST", "10.3.0.1", Variable::Injected),
            ("HOOKDESK_LISTEN_PORT", "tcp://10.3.0.1:8080", Variable::Injected),
        ] {
            assert_eq!(Variable::of(name, value, &KNOWN), expected, "{name}={value}");
        }
    }
}
