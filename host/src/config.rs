//! The operator's configuration: flags, `HOOKDESK_…` variables of the environment, and a TOML file,
//! in that order of precedence.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, Command};
use hookdesk_core::api::{Api, Callers, CrossOrigins, OwnNames, PublicUrl};
use hookdesk_core::guard::{Nat64Prefix, Network, Targets};
use hookdesk_core::{
    AuditPolicy, HealthOptions, HealthPolicy, Limits, OutOfBounds, Retention, nearest,
};
use serde::Deserialize;

use crate::courier::{CONNECTION_AGE_S, DEFAULT_CONNECTION_AGE};
use crate::recording::RecordingWriter;
use crate::store::Database;
use crate::store::postgres::{DEFAULT_LEASE_MS, LEASE_MS};

/// Bytes of an options file: a thousand times what the options take.
const MAX_FILE: u64 = 64 << 10;

/// Options of `hookdesk serve`, as given.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::doc_markdown, reason = "--help shows these lines as they are")]
#[allow(rustdoc::bare_urls, reason = "--help shows these lines as they are")]
pub struct ServeOptions {
    /// Address to listen on [default: 127.0.0.1:8080]. On loopback the desk is open to this
    /// machine, and may call it.
    #[arg(long, env = "HOOKDESK_LISTEN", value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Database [default: sqlite://hookdesk.db]: a SQLite file, created if it does not exist, or a
    /// database of a PostgreSQL server, such as postgres://user@host/name?sslmode=verify-full.
    #[arg(long, env = "HOOKDESK_DATABASE", value_name = "URL")]
    pub database: Option<String>,
    /// With PostgreSQL: milliseconds after which another process takes the place of one that committed
    /// nothing [default: 5000].
    #[arg(long, env = "HOOKDESK_LEASE_MS", value_name = "MILLISECONDS")]
    #[arg(value_parser = clap::value_parser!(u64).range(LEASE_MS))]
    pub lease_ms: Option<u64>,
    /// With PostgreSQL: address where other hosts of the desk reach this one, to forward calls [default:
    /// that of --listen, with any free port]. It speaks to hosts in the database's table alone.
    #[arg(long, env = "HOOKDESK_HOST_LISTEN", value_name = "ADDRESS:PORT")]
    pub host_listen: Option<String>,
    /// TOML file with these options, named as here with underscores: no_auth = true.
    #[arg(long, env = "HOOKDESK_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Require an API key also on loopback; on other addresses it is required anyway. hookdesk key
    /// create makes one.
    #[arg(long, env = "HOOKDESK_AUTH", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub auth: Option<bool>,
    /// Require no key: something in front of the desk authorizes callers.
    #[arg(long, env = "HOOKDESK_NO_AUTH", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub no_auth: Option<bool>,
    /// File with an API key of scope admin, such as a container's secret. If there is no such file,
    /// a key is made and written to it.
    #[arg(long, env = "HOOKDESK_ADMIN_KEY_FILE", value_name = "FILE")]
    pub admin_key_file: Option<PathBuf>,
    /// URL under which browsers reach the desk, such as https://desk.example: what they send from
    /// another page is refused. Can be repeated.
    #[arg(long, env = "HOOKDESK_PUBLIC_URL", value_name = "URL", value_delimiter = ',')]
    pub public_url: Vec<String>,
    /// Origin of other pages that may call the desk, such as https://console.example: each call shows
    /// an API key. Can be repeated.
    #[arg(long, env = "HOOKDESK_CORS_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub cors_origin: Vec<String>,
    /// Calls per second that one peer may make without a key [default: no limit].
    #[arg(long, env = "HOOKDESK_RATE_PER_PEER", value_name = "CALLS")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub rate_per_peer: Option<u32>,
    /// Webhooks that one partner may have [default: 20].
    #[arg(long, env = "HOOKDESK_WEBHOOKS_PER_PARTNER", value_name = "WEBHOOKS")]
    #[arg(value_parser = clap::value_parser!(u32).range(per_partner()))]
    pub webhooks_per_partner: Option<u32>,
    /// Network that may be called though it is not public, such as 10.0.0.0/8. Can be repeated.
    #[arg(long, env = "HOOKDESK_ALLOW_TARGET", value_name = "CIDR", value_delimiter = ',')]
    pub allow_target: Vec<String>,
    /// Prefix of this network's own NAT64, such as 2001:db8:64::/96: addresses under it are judged
    /// by the IPv4 address inside. Can be repeated.
    #[arg(long, env = "HOOKDESK_NAT64_PREFIX", value_name = "CIDR", value_delimiter = ',')]
    pub nat64_prefix: Vec<String>,
    /// Seconds for which a connection to a receiver may carry requests; then its host name is
    /// resolved and its address checked anew [default: 60].
    #[arg(long, env = "HOOKDESK_MAX_CONNECTION_AGE_S", value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u64).range(CONNECTION_AGE_S))]
    pub max_connection_age_s: Option<u64>,
    /// Consecutive failures, over at least three tickets, after which a receiver is down and only
    /// probed [default: 10].
    #[arg(long, env = "HOOKDESK_DOWN_AFTER", value_name = "FAILURES")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub down_after: Option<u32>,
    /// Milliseconds from going down to the first probe; each failed probe doubles the interval
    /// [default: 1000].
    #[arg(long, env = "HOOKDESK_PROBE_FIRST_MS", value_name = "MS")]
    #[arg(value_parser = clap::value_parser!(u64).range(HealthPolicy::PROBES_MS))]
    pub probe_first_ms: Option<u64>,
    /// Milliseconds between probes, at most [default: 900000].
    #[arg(long, env = "HOOKDESK_PROBE_MOST_MS", value_name = "MS")]
    #[arg(value_parser = clap::value_parser!(u64).range(HealthPolicy::PROBES_MS))]
    pub probe_most_ms: Option<u64>,
    /// Seconds of nothing but failures after which a webhook is disabled [default: 432000].
    #[arg(long, env = "HOOKDESK_DISABLE_AFTER_S", value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u64).range(HealthPolicy::DISABLE_AFTER_S))]
    pub disable_after_s: Option<u64>,
    /// Seconds that events and the attempts of their deliveries are kept; 0 keeps them forever
    /// [default: 7776000, 90 days].
    #[arg(long, env = "HOOKDESK_RETAIN_S", value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u64).range(Retention::KEPT_S))]
    pub retain_s: Option<u64>,
    /// Seconds that the audit is kept; 0 keeps it forever [default: 31536000, a year].
    #[arg(long, env = "HOOKDESK_RETAIN_AUDIT_S", value_name = "SECONDS")]
    #[arg(value_parser = clap::value_parser!(u64).range(Retention::KEPT_S))]
    pub retain_audit_s: Option<u64>,
    /// Bytes that the database may use: above that, the oldest events are deleted, whatever their
    /// age; 0 is no limit [default: 0].
    #[arg(long, env = "HOOKDESK_RETAIN_BYTES", value_name = "BYTES")]
    pub retain_bytes: Option<u64>,
    /// Send nothing: calls are answered, and events wait until the server is started without this.
    #[arg(long, env = "HOOKDESK_PAUSED", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub paused: Option<bool>,
    /// Record the desk's inputs, for hookdesk export.
    #[arg(long, env = "HOOKDESK_RECORD", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub record: Option<bool>,
    /// Bytes of a recording: above that, its older half is deleted [default: 67108864, 64 MiB].
    #[arg(long, env = "HOOKDESK_RECORD_BYTES", value_name = "BYTES")]
    #[arg(value_parser = clap::value_parser!(u64).range(RecordingWriter::MIN..))]
    pub record_bytes: Option<u64>,
}

/// A server's configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: SocketAddr,
    pub database: Database,
    pub admin_key_file: Option<PathBuf>,
    pub api: Api,
    pub health: HealthPolicy,
    pub retention: Retention,
    pub audit: AuditPolicy,
    pub webhooks_per_partner: u32,
    /// Calls a second of a peer without a key.
    pub rate_per_peer: Option<u32>,
    /// How old a connection to a receiver may be when a request begins.
    pub connection_age: Duration,
    /// How long another process waits for one that commits nothing, before it takes its place.
    pub lease: Duration,
    /// Where other hosts of the desk reach this one.
    pub host_listen: SocketAddr,
    /// Whether nothing is sent.
    pub paused: bool,
    /// Bytes of a recording, if there is to be one.
    pub record: Option<u64>,
}

/// Options that no server can run with. The text says which, and how to correct it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadOptions(String);

impl BadOptions {
    pub(crate) fn new(why: String) -> Self {
        Self(why)
    }
}

impl fmt::Display for BadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadOptions {}

impl ServeOptions {
    const LISTEN: &str = "127.0.0.1:8080";
    const DATABASE: &str = "sqlite://hookdesk.db";
    /// Some hundred thousand tickets and their deliveries: hours of a busy desk.
    const RECORD_BYTES: u64 = 64 << 20;

    /// The settings from these options, the file that they name and the defaults.
    ///
    /// # Errors
    /// [`BadOptions`] when one of them is invalid, or when they would open the desk to everybody
    /// without saying so.
    pub fn settle(self) -> Result<Settings, BadOptions> {
        let file = self.config.as_deref().map(read).transpose()?.unwrap_or_default();
        let listen = self.listen.or(file.listen).unwrap_or_else(|| Self::LISTEN.to_owned());
        let database = self.database.or(file.database).unwrap_or_else(|| Self::DATABASE.to_owned());
        let auth = self.auth.or(file.auth).unwrap_or(false);
        let no_auth = self.no_auth.or(file.no_auth).unwrap_or(false);
        let allowed =
            if self.allow_target.is_empty() { file.allow_target } else { self.allow_target };

        let nat64 =
            if self.nat64_prefix.is_empty() { file.nat64_prefix } else { self.nat64_prefix };

        let listen = address("--listen", &listen)?;
        let host_listen = match self.host_listen.or(file.host_listen) {
            Some(given) => address("--host-listen", &given)?,
            None => SocketAddr::new(listen.ip(), 0),
        };
        let callers = admission(listen, auth, no_auth)?;
        let urls = if self.public_url.is_empty() { file.public_url } else { self.public_url };
        let names = own_names(listen, &urls)?;
        let origins = if self.cors_origin.is_empty() { file.cors_origin } else { self.cors_origin };
        let cross_origins = cross_origins(&origins, &callers)?;
        let public = Targets::public();
        let is_local = callers == Callers::Local;
        let mut targets = if is_local { public.with_loopback() } else { public };
        for text in allowed {
            let network: Network =
                text.parse().map_err(|bad| BadOptions(format!("--allow-target {text}: {bad}")))?;
            targets = targets.allow(network);
        }
        for text in nat64 {
            let prefix: Nat64Prefix =
                text.parse().map_err(|bad| BadOptions(format!("--nat64-prefix {text}: {bad}")))?;
            targets = targets.with_nat64(prefix);
        }
        let database = Database::parse(&database)?;
        // Flags are checked when they are parsed; the file's options are not.
        let health = HealthOptions {
            down_after: self.down_after.or(file.down_after),
            probe_first_ms: self.probe_first_ms.or(file.probe_first_ms),
            probe_most_ms: self.probe_most_ms.or(file.probe_most_ms),
            disable_after_s: self.disable_after_s.or(file.disable_after_s),
        };
        let health = health.policy().map_err(|bad| BadOptions(bad.to_string()))?;
        let bytes = self.retain_bytes.or(file.retain_bytes).filter(|bytes| *bytes > 0);
        let retention = Retention::new(self.retain_s.or(file.retain_s), bytes).map_err(unkept)?;
        let audit = self.retain_audit_s.or(file.retain_audit_s);
        let audit = AuditPolicy::new(audit).map_err(unkept)?;
        let webhooks_per_partner = self.webhooks_per_partner.or(file.webhooks_per_partner);
        let webhooks_per_partner =
            Limits::per_partner(webhooks_per_partner).map_err(|bad| BadOptions(bad.to_string()))?;
        let rate_per_peer = self.rate_per_peer.or(file.rate_per_peer);
        if rate_per_peer == Some(0) {
            return Err(BadOptions("rate_per_peer must be at least 1".to_owned()));
        }
        let age_s = self.max_connection_age_s.or(file.max_connection_age_s);
        let connection_age = age_s.map_or(Ok(DEFAULT_CONNECTION_AGE), connection_age)?;
        let lease_ms = self.lease_ms.or(file.lease_ms).unwrap_or(DEFAULT_LEASE_MS);
        if !LEASE_MS.contains(&lease_ms) {
            let why = format!("lease_ms must be from {} to {}", LEASE_MS.start(), LEASE_MS.end());
            return Err(BadOptions(why));
        }
        let api = Api { can_wait: true, cross_origins, ..Api::new(callers, names, targets) };
        let record_bytes = self.record_bytes.or(file.record_bytes).unwrap_or(Self::RECORD_BYTES);
        if record_bytes < RecordingWriter::MIN {
            return Err(BadOptions(format!(
                "record_bytes must be at least {}",
                RecordingWriter::MIN
            )));
        }
        let record = self.record.or(file.record).unwrap_or(false).then_some(record_bytes);
        if database.file().is_none() && record.is_some() {
            let why = "--record writes beside a SQLite file: leave it out with PostgreSQL";
            return Err(BadOptions(why.to_owned()));
        }
        // Tables of PostgreSQL keep the size that they once had.
        if database.file().is_none() && retention.bytes.is_some() {
            let why = "--retain-bytes is for a SQLite file: give --retain-s with PostgreSQL";
            return Err(BadOptions(why.to_owned()));
        }
        let paused = self.paused.or(file.paused).unwrap_or(false);
        let admin_key_file = self.admin_key_file.or(file.admin_key_file);
        Ok(Settings {
            listen,
            database,
            admin_key_file,
            api,
            health,
            retention,
            audit,
            webhooks_per_partner,
            rate_per_peer,
            connection_age,
            lease: Duration::from_millis(lease_ms),
            host_listen,
            paused,
            record,
        })
    }
}

/// What `--database` names, or the default one.
///
/// # Errors
/// [`BadOptions`] when it names none.
pub fn database(option: Option<&str>) -> Result<Database, BadOptions> {
    Database::parse(option.unwrap_or(ServeOptions::DATABASE))
}

fn read(file: &Path) -> Result<ServeOptions, BadOptions> {
    let mut text = String::new();
    let read = File::open(file).and_then(|open| open.take(MAX_FILE + 1).read_to_string(&mut text));
    let read =
        read.map_err(|error| BadOptions(format!("cannot read {}: {error}", file.display())))?;
    if read as u64 > MAX_FILE {
        let why = format!("{} has more than {MAX_FILE} bytes", file.display());
        return Err(BadOptions(why));
    }
    parse(&text).map_err(|why| BadOptions(format!("{}: {why}", file.display())))
}

/// Options in TOML. An unknown one is refused by the name that it was probably meant to be, where
/// the parser would list them all.
fn parse(text: &str) -> Result<ServeOptions, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let command = ServeOptions::augment_args(Command::new("serve"));
    let known: Vec<&str> = command.get_arguments().map(|option| option.get_id().as_str()).collect();
    for name in table.keys().filter(|name| !known.contains(&name.as_str())) {
        if let Some(meant) = nearest(name, known.iter().copied()) {
            return Err(format!("{name} is not an option; did you mean {meant}?"));
        }
    }
    toml::from_str(text).map_err(|error| error.to_string())
}

fn address(option: &str, listen: &str) -> Result<SocketAddr, BadOptions> {
    let found = listen.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found.ok_or_else(|| {
        BadOptions(format!("{option} {listen}: give an address and a port, as in 127.0.0.1:8080"))
    })
}

fn connection_age(seconds: u64) -> Result<Duration, BadOptions> {
    if CONNECTION_AGE_S.contains(&seconds) {
        return Ok(Duration::from_secs(seconds));
    }
    let (least, most) = CONNECTION_AGE_S.into_inner();
    Err(BadOptions(format!("max_connection_age_s must be from {least} to {most}")))
}

/// The error of a time for which nothing can be kept.
fn unkept(OutOfBounds { option, bounds, .. }: OutOfBounds) -> BadOptions {
    let (least, most) = bounds.into_inner();
    BadOptions(format!("{option} must be from {least} to {most}"))
}

/// The bounds as the parser of flags takes them.
fn per_partner() -> RangeInclusive<i64> {
    let (least, most) = Limits::PARTNER_WEBHOOKS.into_inner();
    i64::try_from(least).unwrap_or_default()..=i64::try_from(most).unwrap_or(i64::MAX)
}

/// The callers that are admitted: those with an API key, unless the desk is this machine's own or a
/// flag opens it.
fn admission(listen: SocketAddr, auth: bool, no_auth: bool) -> Result<Callers, BadOptions> {
    match (auth, no_auth, listen.ip().is_loopback()) {
        (true, true, _) => Err(BadOptions("--auth and --no-auth exclude each other".to_owned())),
        (true, false, _) | (false, false, false) => Ok(Callers::Keys { binding: None }),
        (false, true, _) => Ok(Callers::All),
        (false, false, true) => Ok(Callers::Local),
    }
}

fn own_names(listen: SocketAddr, urls: &[String]) -> Result<OwnNames, BadOptions> {
    let parse = |url: &String| {
        PublicUrl::parse(url).map_err(|bad| BadOptions(format!("--public-url {url}: {bad}")))
    };
    let public = urls.iter().map(parse).collect::<Result<_, _>>()?;
    Ok(OwnNames::Known { loopback: listen.ip().is_loopback(), public })
}

/// The origins of pages that may call the desk, which show a key: a desk that asks for none would be
/// open to all who can publish there.
fn cross_origins(origins: &[String], callers: &Callers) -> Result<CrossOrigins, BadOptions> {
    let parsed = CrossOrigins::parse(origins.iter().map(String::as_str));
    let parsed =
        parsed.map_err(|bad| BadOptions(format!("--cors-origin {}: {bad}", origins.join(","))))?;
    let asks_for_keys = matches!(callers, Callers::Keys { .. });
    if parsed.is_empty() || asks_for_keys {
        return Ok(parsed);
    }
    let why = "--cors-origin is for a desk that asks for API keys: start it with --auth";
    Err(BadOptions(why.to_owned()))
}

#[cfg(test)]
mod tests {
    use hookdesk_core::guard::check_target;
    use url::Host;

    use super::*;

    fn may_call(settings: &Settings, address: [u8; 4]) -> bool {
        check_target(&Host::Ipv4(address.into()), None, &settings.api.targets).is_ok()
    }

    fn options(listen: &str) -> ServeOptions {
        ServeOptions { listen: Some(listen.to_owned()), ..ServeOptions::default() }
    }

    #[test]
    fn loopback_is_open_and_anything_else_must_be_said() {
        let local = options("127.0.0.1:0").settle().unwrap();
        assert_eq!(local.api.callers, Callers::Local);
        assert!(may_call(&local, [127, 0, 0, 1]));
        assert_eq!(options("[::1]:0").settle().unwrap().api.callers, Callers::Local);
        let keyed = options("0.0.0.0:8080").settle().unwrap();
        assert_eq!(keyed.api.callers, Callers::Keys { binding: None });
        assert!(!may_call(&keyed, [127, 0, 0, 1]));
        let told = ServeOptions { no_auth: Some(true), ..options("0.0.0.0:8080") };
        let public = told.settle().unwrap();
        assert_eq!(public.api.callers, Callers::All);
        assert!(!may_call(&public, [127, 0, 0, 1]));
        let keyed = ServeOptions { auth: Some(true), ..options("127.0.0.1:0") }.settle().unwrap();
        assert_eq!(keyed.api.callers, Callers::Keys { binding: None });
        assert!(!may_call(&keyed, [127, 0, 0, 1]), "loopback is open to an open desk alone");
        let both = ServeOptions { auth: Some(true), no_auth: Some(true), ..options("[::1]:0") };
        assert!(both.settle().is_err());
    }

    #[test]
    fn networks_are_allowed_by_name() {
        let allow_target = vec!["10.0.0.0/8".to_owned()];
        let settings = ServeOptions { allow_target, ..options("127.0.0.1:0") }.settle().unwrap();
        assert!(may_call(&settings, [10, 1, 2, 3]));
        assert!(!may_call(&settings, [192, 168, 0, 1]));
        let allow_target = vec!["10.0.0.0/33".to_owned()];
        assert!(ServeOptions { allow_target, ..options("127.0.0.1:0") }.settle().is_err());
    }

    #[test]
    fn public_urls_are_checked_at_start() {
        let urls = |public_url: &[&str]| {
            let public_url = public_url.iter().map(ToString::to_string).collect();
            ServeOptions { public_url, ..options("127.0.0.1:0") }.settle()
        };
        assert!(urls(&["https://desk.example", "http://desk.internal:8080"]).is_ok());
        assert!(urls(&["desk.example"]).unwrap_err().0.contains("--public-url desk.example: give"));
    }

    #[test]
    fn other_origins_are_for_a_desk_with_keys() {
        let settled = |listen: &str, origins: &[&str]| {
            let cors_origin = origins.iter().map(ToString::to_string).collect();
            let settled = ServeOptions { cors_origin, ..options(listen) }.settle();
            settled.map(|settings| settings.api.cross_origins.is_empty()).map_err(|bad| bad.0)
        };
        assert_eq!(settled("0.0.0.0:0", &["https://console.example"]), Ok(false));
        assert_eq!(settled("127.0.0.1:0", &[]), Ok(true));
        let open = settled("127.0.0.1:0", &["https://console.example"]);
        assert!(open.unwrap_err().contains("start it with --auth"));
        let pattern = settled("0.0.0.0:0", &["https://console.example", "*"]);
        assert!(pattern.unwrap_err().starts_with("--cors-origin https://console.example,*: give"));
    }

    #[test]
    fn translators_are_named_by_their_prefix() {
        let judged = |prefix: &[&str]| {
            let nat64_prefix = prefix.iter().map(ToString::to_string).collect();
            let options = ServeOptions { nat64_prefix, ..options("127.0.0.1:0") };
            let settings = options.settle().map_err(|bad| bad.0)?;
            let inside = Host::Ipv6("2606:64::10.0.0.1".parse().unwrap());
            Ok(check_target(&inside, None, &settings.api.targets).is_ok())
        };
        assert_eq!(judged(&[]), Ok(true));
        assert_eq!(judged(&["2606:64::/96"]), Ok(false));
        let bad: Result<bool, String> = judged(&["2606:64::/95"]);
        assert!(bad.unwrap_err().starts_with("--nat64-prefix 2606:64::/95: A NAT64 prefix is"));
    }

    #[test]
    fn databases_are_files_or_on_a_server() {
        assert_eq!(database(Some("sqlite://a/b.db")), Ok(Database::File("a/b.db".into())));
        assert_eq!(database(Some("sqlite:///a.db")), Ok(Database::File("/a.db".into())));
        assert!(matches!(database(Some("postgres://db/desk")), Ok(Database::Postgres(_))));
        assert!(database(Some("sqlite://")).is_err());
        assert!(database(Some("mysql://db/desk")).unwrap_err().0.contains("postgres://"));
        let recorded = ServeOptions {
            database: Some("postgres://db/desk".to_owned()),
            record: Some(true),
            ..options("127.0.0.1:0")
        };
        assert!(recorded.settle().unwrap_err().0.contains("--record"));
        let sized = ServeOptions {
            database: Some("postgres://db/desk".to_owned()),
            retain_bytes: Some(1),
            ..options("127.0.0.1:0")
        };
        assert!(sized.settle().unwrap_err().0.contains("--retain-s"));
    }

    #[test]
    fn a_file_has_the_same_names() {
        let file: ServeOptions = toml::from_str(
            "listen = \"127.0.0.1:9\"\nno_auth = true\nallow_target = [\"10.0.0.0/8\"]",
        )
        .unwrap();
        assert_eq!((file.listen.as_deref(), file.no_auth), (Some("127.0.0.1:9"), Some(true)));
        assert!(toml::from_str::<ServeOptions>("lisen = \"x\"").is_err());
        let never = ServeOptions { probe_first_ms: Some(0), ..options("127.0.0.1:0") };
        assert!(never.settle().unwrap_err().0.contains("probe_first_ms"));
        let old = ServeOptions { max_connection_age_s: Some(3_601), ..options("127.0.0.1:0") };
        assert!(old.settle().unwrap_err().0.contains("max_connection_age_s"));
    }
}
