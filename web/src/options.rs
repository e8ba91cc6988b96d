//! Options of a desk.

use std::fmt;
use std::str::FromStr;

use hookdesk_core::api::{Api, BadOrigin, Callers, CrossOrigins, OwnNames};
use hookdesk_core::guard::{Network, Targets};
use hookdesk_core::{
    AuditPolicy, HealthOptions, HealthPolicy, Limits, OutOfBounds, Retention, Variable,
};
use serde::{Deserialize, Serialize};
use tsify::Tsify;

use crate::platform;

/// Options of a desk. The defaults are those of the server.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, Tsify)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Options {
    /// Accept calls from this machine only, and allow receivers on it.
    pub open: bool,
    /// The API key that callers must send. Without a key, and not `open`, all calls are accepted.
    pub key: Option<String>,
    /// Whether the host can resolve a name, and connect to just the address that was checked. If
    /// not, receivers are called by public names only (unless the desk is open).
    pub pins_addresses: bool,
    /// Networks that may be called though they are not public, such as `10.0.0.0/8`.
    pub allow_target: Vec<String>,
    /// Other origins whose pages may call the desk with a key, such as `https://console.example`.
    pub cors_origin: Vec<String>,
    /// Requests that may be in flight at once.
    pub most_in_flight: Option<u32>,
    /// Send nothing: calls are answered, and events wait for a desk that is not paused.
    pub paused: bool,
    /// Consecutive failures after which a receiver is down.
    pub down_after: Option<u32>,
    /// Milliseconds from going down to the first probe.
    pub probe_first_ms: Option<u64>,
    /// Milliseconds between probes, at most.
    pub probe_most_ms: Option<u64>,
    /// Seconds of nothing but failures after which a webhook is disabled.
    pub disable_after_s: Option<u64>,
    /// Webhooks that one partner may have.
    pub webhooks_per_partner: Option<u32>,
    /// Seconds that events are kept; 0 keeps them forever.
    pub retain_s: Option<u64>,
    /// Seconds that the audit is kept; 0 keeps it forever.
    pub retain_audit_s: Option<u64>,
}

impl fmt::Debug for Options {
    /// Hides the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("open", &self.open).finish_non_exhaustive()
    }
}

impl Options {
    /// A Worker's bindings.
    const BINDINGS: [&str; 12] = [
        "HOOKDESK_ALLOW_TARGET",
        "HOOKDESK_CORS_ORIGIN",
        "HOOKDESK_DISABLE_AFTER_S",
        "HOOKDESK_DOWN_AFTER",
        "HOOKDESK_KEY",
        "HOOKDESK_OPEN",
        "HOOKDESK_PAUSED",
        "HOOKDESK_PROBE_FIRST_MS",
        "HOOKDESK_PROBE_MOST_MS",
        "HOOKDESK_RETAIN_AUDIT_S",
        "HOOKDESK_RETAIN_S",
        "HOOKDESK_WEBHOOKS_PER_PARTNER",
    ];
    /// Fewest characters of a key: a shorter one could be guessed.
    const MIN_KEY_LENGTH: usize = 16;

    /// The options of a Worker, from its bindings: named as the server's environment variables,
    /// with `HOOKDESK_KEY` for the API key and `HOOKDESK_OPEN=1` for a desk that is open to this
    /// machine. One of these two is required. Bindings of other names are
    /// [unknown](Self::unknown), unless they are like one of these.
    ///
    /// # Errors
    /// A sentence that names the binding and how to correct it, for callers to see: it quotes no
    /// text that is bound.
    pub fn of_worker<'a>(
        bindings: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, String> {
        let mut options = Self { most_in_flight: Some(platform::OPEN_FETCHES), ..Self::default() };
        for (name, value) in bindings {
            options.bind(name, value)?;
        }
        if options.open && options.key.is_some() {
            return Err("HOOKDESK_OPEN and HOOKDESK_KEY exclude each other".to_owned());
        }
        if !options.open && options.key.is_none() {
            let needed = "a Worker needs an API key: bind HOOKDESK_KEY as a secret";
            return Err(needed.to_owned());
        }
        let bound =
            |bad: OutOfBounds| bad.to_string().replacen(bad.option, &binding(bad.option), 1);
        options.health_policy().map_err(bound)?;
        options.retained().map_err(bound)?;
        AuditPolicy::new(options.retain_audit_s).map_err(bound)?;
        Limits::per_partner(options.webhooks_per_partner).map_err(bound)?;
        options.api().map_err(|why| {
            let of = |from, to| why.strip_prefix(from).map(|rest| format!("{}{rest}", binding(to)));
            of("key", "key").or_else(|| of("corsOrigin", "cors_origin")).unwrap_or(why)
        })?;
        Ok(options)
    }

    /// The bindings that are no options of a Worker, nor like one, and are ignored.
    pub fn unknown<'a>(
        bindings: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> impl Iterator<Item = &'a str> {
        let is_unknown =
            |name, value| Variable::of(name, value, &Self::BINDINGS) == Variable::Unknown;
        bindings.filter(move |(name, value)| is_unknown(name, value)).map(|(name, _)| name)
    }

    fn bind(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "HOOKDESK_OPEN" => self.open = yes_or_no(name, value)?,
            "HOOKDESK_PAUSED" => self.paused = yes_or_no(name, value)?,
            "HOOKDESK_KEY" => self.key = Some(value.to_owned()),
            "HOOKDESK_CORS_ORIGIN" => {
                self.cors_origin = list(value);
                self.origins().map_err(|bad| format!("{name}: {bad}"))?;
            }
            "HOOKDESK_ALLOW_TARGET" => {
                self.allow_target = list(value);
                self.targets().map_err(|_| {
                    format!("{name} must be a list of networks, as in 10.0.0.0/8,fd00::/8")
                })?;
            }
            "HOOKDESK_DOWN_AFTER" => self.down_after = Some(number(name, value)?),
            "HOOKDESK_PROBE_FIRST_MS" => self.probe_first_ms = Some(number(name, value)?),
            "HOOKDESK_PROBE_MOST_MS" => self.probe_most_ms = Some(number(name, value)?),
            "HOOKDESK_DISABLE_AFTER_S" => self.disable_after_s = Some(number(name, value)?),
            "HOOKDESK_WEBHOOKS_PER_PARTNER" => {
                self.webhooks_per_partner = Some(number(name, value)?);
            }
            "HOOKDESK_RETAIN_AUDIT_S" => self.retain_audit_s = Some(number(name, value)?),
            "HOOKDESK_RETAIN_S" => self.retain_s = Some(number(name, value)?),
            _ => {
                if let Variable::Misspelt { meant } = Variable::of(name, value, &Self::BINDINGS) {
                    return Err(format!(
                        "{name} is not an option of a Worker; did you mean {meant}?"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The callers that are admitted, and the targets that may be called.
    ///
    /// # Errors
    /// A sentence that names the option and how to correct it.
    pub fn api(&self) -> Result<Api, String> {
        let callers = match (&self.key, self.open) {
            (Some(_), true) => return Err("open and key exclude each other".to_owned()),
            (Some(key), false) if key.chars().count() < Self::MIN_KEY_LENGTH => {
                return Err(format!("key must have at least {} characters", Self::MIN_KEY_LENGTH));
            }
            // A caller could not send it in a header.
            (Some(key), false) if !key.bytes().all(|byte| byte.is_ascii_graphic()) => {
                return Err("key must be visible ASCII characters, without blanks".to_owned());
            }
            (Some(key), false) => Callers::with_key(key),
            (None, true) => Callers::Local,
            (None, false) => Callers::All,
        };
        let cross_origins = self.cross_origins(&callers)?;
        let api = Api::new(callers, OwnNames::OfEachCall, self.targets()?);
        Ok(Api { cross_origins, ..api })
    }

    fn cross_origins(&self, callers: &Callers) -> Result<CrossOrigins, String> {
        let origins = self.origins().map_err(|bad| format!("corsOrigin: {bad}"))?;
        let asks_for_keys = matches!(callers, Callers::Keys { .. });
        if origins.is_empty() || asks_for_keys {
            return Ok(origins);
        }
        Err("corsOrigin is for a desk that asks for a key".to_owned())
    }

    fn origins(&self) -> Result<CrossOrigins, BadOrigin> {
        CrossOrigins::parse(self.cors_origin.iter().map(String::as_str))
    }

    fn targets(&self) -> Result<Targets, String> {
        let public = Targets::public();
        let mut targets = match (self.open, self.pins_addresses) {
            (true, _) => public.with_loopback(),
            (false, true) => public,
            (false, false) => public.by_name_only(),
        };
        for text in &self.allow_target {
            let network: Network =
                text.parse().map_err(|bad| format!("allowTarget {text}: {bad}"))?;
            targets = targets.allow(network);
        }
        Ok(targets)
    }

    /// The health policy.
    ///
    /// # Errors
    /// A sentence that names the option and how to correct it.
    pub fn health(&self) -> Result<HealthPolicy, String> {
        self.health_policy().map_err(|bad| in_camel_case(&bad))
    }

    fn health_policy(&self) -> Result<HealthPolicy, OutOfBounds> {
        let options = HealthOptions {
            down_after: self.down_after,
            probe_first_ms: self.probe_first_ms,
            probe_most_ms: self.probe_most_ms,
            disable_after_s: self.disable_after_s,
        };
        options.policy()
    }

    /// How long the log is kept.
    ///
    /// # Errors
    /// A sentence that names the option and how to correct it.
    pub fn retention(&self) -> Result<Retention, String> {
        self.retained().map_err(|bad| in_camel_case(&bad))
    }

    /// How long the audit is kept.
    ///
    /// # Errors
    /// A sentence that names the option and how to correct it.
    pub fn audit(&self) -> Result<AuditPolicy, String> {
        AuditPolicy::new(self.retain_audit_s).map_err(|bad| in_camel_case(&bad))
    }

    /// The webhooks that one partner may have.
    ///
    /// # Errors
    /// A sentence that names the option and how to correct it.
    pub fn per_partner(&self) -> Result<u32, String> {
        Limits::per_partner(self.webhooks_per_partner).map_err(|bad| in_camel_case(&bad))
    }

    fn retained(&self) -> Result<Retention, OutOfBounds> {
        Retention::new(self.retain_s, None)
    }
}

/// The items between commas.
fn list(value: &str) -> Vec<String> {
    let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(str::to_owned).collect()
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} must be a whole number"))
}

fn yes_or_no(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(format!("{name} must be 1, true, 0 or false")),
    }
}

/// The binding of an option.
fn binding(option: &str) -> String {
    Variable::PREFIX.to_owned() + &option.to_ascii_uppercase()
}

/// The error with the option's name in JavaScript.
fn in_camel_case(bad: &OutOfBounds) -> String {
    let mut words = bad.option.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    let name = words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(1);
        name + &initial.to_ascii_uppercase() + rest
    });
    bad.to_string().replacen(bad.option, &name, 1)
}

#[cfg(test)]
mod tests {
    use hookdesk_core::guard::CallbackUrl;

    use super::*;

    #[test]
    fn a_worker_is_open_or_has_a_key() {
        let of = |bindings: &[(&'static str, &'static str)]| {
            Options::of_worker(bindings.iter().copied())
        };
        assert!(of(&[]).unwrap_err().contains("HOOKDESK_KEY"));
        assert!(of(&[("HOOKDESK_OPEN", "0")]).is_err());
        let open = of(&[("HOOKDESK_OPEN", "1"), ("OTHER", "x")]).unwrap();
        assert_eq!((open.open, open.most_in_flight), (true, Some(platform::OPEN_FETCHES)));
        assert_eq!(open.api().unwrap().callers, Callers::Local);
        assert!(of(&[("HOOKDESK_OPEN", "1"), ("HOOKDESK_KEY", "0123456789abcdef")]).is_err());
        for key in ["short", "0123456789abcdef\n", " 0123456789abcdef", "                    "] {
            let why = of(&[("HOOKDESK_KEY", key)]).unwrap_err();
            assert!(why.starts_with("HOOKDESK_KEY must ") && !why.contains("short"), "{why}");
        }
        let networks = [("HOOKDESK_OPEN", "1"), ("HOOKDESK_ALLOW_TARGET", "10.0.0.0/8, ::1,")];
        assert_eq!(of(&networks).unwrap().allow_target, ["10.0.0.0/8", "::1"]);
    }

    #[test]
    fn a_bad_binding_is_named_and_its_text_is_not_quoted() {
        for (name, value, why) in [
            ("HOOKDESK_DOWN_AFTER", "s3cret", "HOOKDESK_DOWN_AFTER must be a whole number"),
            (
                "HOOKDESK_DOWN_AFTER",
                "0",
                "HOOKDESK_DOWN_AFTER must be from 1 to 4294967295, and is 0",
            ),
            ("HOOKDESK_PROBE_MOST_MS", "0", "HOOKDESK_PROBE_MOST_MS must be from"),
            ("HOOKDESK_RETAIN_S", "-1", "HOOKDESK_RETAIN_S must be a whole number"),
            ("HOOKDESK_RETAIN_S", "9999999999", "HOOKDESK_RETAIN_S must be from 0 to 3153600000"),
            ("HOOKDESK_ALLOW_TARGET", "s3cret", "HOOKDESK_ALLOW_TARGET must be a list of networks"),
            ("HOOKDESK_CORS_ORIGIN", "s3cret", "HOOKDESK_CORS_ORIGIN: give the origin of a page"),
            ("HOOKDESK_OPEN", "s3cret", "HOOKDESK_OPEN must be 1, true, 0 or false"),
            ("HOOKDESK_OPEN", "", "HOOKDESK_OPEN must be"),
            (
                "HOOKDESK_RETAIN",
                "s3cret",
                "not an option of a Worker; did you mean HOOKDESK_RETAIN_S?",
            ),
            ("HOOKDESK_RETAIN_BYTES", "1", "did you mean HOOKDESK_RETAIN_S?"),
            ("HOOKDESK_KEYS", "s3cret", "did you mean HOOKDESK_KEY?"),
        ] {
            let bindings = [("HOOKDESK_KEY", "0123456789abcdef"), (name, value)];
            let said = Options::of_worker(bindings.into_iter()).unwrap_err();
            assert!(said.contains(why) && !said.contains("s3cret"), "{said}");
        }
    }

    #[test]
    fn bindings_that_are_like_no_option_are_ignored_and_known() {
        let bindings = [
            ("HOOKDESK_KEY", "0123456789abcdef"),
            ("HOOKDESK_LISTEN", "127.0.0.1:8080"),
            ("HOOKDESK_PORT", "tcp://10.0.0.1:80"),
            ("OTHER", "x"),
        ];
        assert!(Options::of_worker(bindings.into_iter()).is_ok());
        let unknown: Vec<_> = Options::unknown(bindings.into_iter()).collect();
        assert_eq!(unknown, ["HOOKDESK_LISTEN"]);
    }

    #[test]
    fn each_known_binding_is_bound() {
        for name in Options::BINDINGS {
            let mut options = Options::default();
            let taken = options.bind(name, "1");
            let changed = options != Options::default();
            assert!(taken.is_err() || changed, "{name} is known, and means nothing");
        }
    }

    #[test]
    fn a_worker_calls_public_names_alone_unless_it_is_open() {
        let api = |name, value| Options::of_worker([(name, value)].into_iter()).unwrap().api();
        let public = api("HOOKDESK_KEY", "0123456789abcdef").unwrap().targets;
        let open = api("HOOKDESK_OPEN", "true").unwrap().targets;
        for (url, when_public, when_open) in [
            ("https://example.com/hook", true, true),
            ("http://127.0.0.1:9000/hook", false, true),
            ("https://1.1.1.1/hook", false, true),
            ("https://10.0.0.1/hook", false, false),
            ("https://db/hook", false, true),
        ] {
            assert_eq!(CallbackUrl::parse(url, &public).is_ok(), when_public, "{url}");
            assert_eq!(CallbackUrl::parse(url, &open).is_ok(), when_open, "{url}");
        }
    }

    #[test]
    fn figures_out_of_range_name_themselves() {
        let options = Options { down_after: Some(0), ..Options::default() };
        let why = options.health().unwrap_err();
        assert_eq!(why, "downAfter must be from 1 to 4294967295, and is 0");
        let options = Options { retain_s: Some(u64::MAX), ..Options::default() };
        let why = options.retention().unwrap_err();
        let audit = Options { retain_audit_s: Some(u64::MAX), ..Options::default() };
        assert!(audit.audit().unwrap_err().starts_with("retainAuditS must be from 0 to"));
        assert_eq!(why, format!("retainS must be from 0 to 3153600000, and is {}", u64::MAX));
    }
}
