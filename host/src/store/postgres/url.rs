//! `postgres://` URLs, read as libpq reads them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::config::BadOptions;
use crate::serve::causes;
use crate::store::postgres::tls::Tls;

/// A database of a PostgreSQL server: how it is reached, and as whom.
#[derive(Clone)]
pub struct PostgresUrl {
    /// As it was given, without a password.
    shown: String,
    pub(super) config: Config,
    pub(super) tls: Tls,
    /// Whether a connection's statements are prepared once and named: a pooler that gives each
    /// transaction another connection may not know them.
    pub(super) prepares: bool,
}

/// How a connection is encrypted, by libpq's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsMode {
    Disable,
    /// If the server can; its certificate is not looked at.
    Prefer,
    /// Its certificate is looked at only if certificates to trust are named.
    Require,
    /// Its certificate must be issued by somebody who is trusted.
    VerifyCa,
    /// And be in the host's name.
    VerifyFull,
}

impl TlsMode {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "disable" => Self::Disable,
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }
}

/// The parameters of a URL that this reads itself.
#[derive(Default)]
struct Parameters {
    mode: Option<TlsMode>,
    root_certificates: Option<PathBuf>,
    password_file: Option<PathBuf>,
    prepares: Option<bool>,
    /// Those that are left to the client, in the URL's notation.
    rest: Vec<String>,
}

impl PostgresUrl {
    /// Whether a text is meant to be one.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("postgres://") || text.starts_with("postgresql://")
    }

    /// # Errors
    /// [`BadOptions`] when it is not one, or when the files that it names cannot be read.
    pub fn parse(text: &str) -> Result<Self, BadOptions> {
        let bad = |why: &str| BadOptions::new(format!("--database: {why}"));
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let parameters = Parameters::parse(query).map_err(|why| bad(&why))?;
        let rest = parameters.rest.join("&");
        let plain = if rest.is_empty() { base.to_owned() } else { format!("{base}?{rest}") };
        let mut config = Config::from_str(&plain).map_err(|error| bad(&causes(&error)))?;
        if config.get_hosts().is_empty() {
            config.host("localhost");
        }
        if config.get_user().is_none() {
            config.user(
                std::env::var("PGUSER").or_else(|_| std::env::var("USER")).unwrap_or_default(),
            );
        }
        config.application_name("hookdesk");
        if config.get_password().is_none()
            && let Some(password) = password(&config, parameters.password_file.as_deref())
        {
            config.password(password);
        }
        let mode = parameters.mode.unwrap_or(TlsMode::Prefer);
        config.ssl_mode(match mode {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
        let tls =
            Tls::new(mode, parameters.root_certificates.as_deref()).map_err(|why| bad(&why))?;
        let prepares = parameters.prepares.unwrap_or(true);
        Ok(Self { shown: without_password(base), config, tls, prepares })
    }
}

impl Parameters {
    fn parse(query: &str) -> Result<Self, String> {
        let mut all = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(format!("{pair} is no parameter: give a name and a value"));
            };
            let path = || PathBuf::from(decoded(value));
            match name {
                "sslmode" => {
                    let mode = TlsMode::parse(value).ok_or_else(|| {
                        format!(
                            "sslmode {value}: give disable, prefer, require, verify-ca or verify-full"
                        )
                    })?;
                    all.mode = Some(mode);
                }
                "sslrootcert" => all.root_certificates = Some(path()),
                "passfile" => all.password_file = Some(path()),
                "prepared_statements" => {
                    let prepares = value
                        .parse()
                        .map_err(|_| format!("prepared_statements {value}: give true or false"))?;
                    all.prepares = Some(prepares);
                }
                _ => all.rest.push(pair.to_owned()),
            }
        }
        Ok(all)
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

impl PartialEq for PostgresUrl {
    fn eq(&self, other: &Self) -> bool {
        self.shown == other.shown
    }
}

impl Eq for PostgresUrl {}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn without_password(base: &str) -> String {
    let Some((scheme, rest)) = base.split_once("://") else { return base.to_owned() };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split_once(':').map_or(user, |(user, _password)| user);
            format!("{scheme}://{user}@{host}")
        }
        None => base.to_owned(),
    }
}

/// The password of the environment or of the password file, which is `~/.pgpass` unless another is
/// named.
fn password(config: &Config, file: Option<&Path>) -> Option<String> {
    if let Ok(password) = std::env::var("PGPASSWORD") {
        return Some(password);
    }
    let of_home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".pgpass"));
    let of_environment = || std::env::var_os("PGPASSFILE").map(PathBuf::from);
    let path = file.map(Path::to_owned).or_else(of_environment).or_else(of_home)?;
    let lines = std::fs::read_to_string(path).ok()?;
    let user = config.get_user().unwrap_or_default();
    let database = config.get_dbname().unwrap_or(user);
    let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        Some(Host::Unix(_)) | None => "localhost".to_owned(),
    };
    let wanted = [host.as_str(), &port, database, user];
    lines.lines().find_map(|line| password_of(line, &wanted))
}

/// The password of a line `host:port:database:user:password`, if its other fields match; `*` matches
/// everything, and a backslash stands before a colon or backslash that is part of a field.
fn password_of(line: &str, wanted: &[&str; 4]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let last = fields.len() - 1;
        match character {
            ':' if last < wanted.len() => fields.push(String::new()),
            '\\' => fields.get_mut(last)?.extend(characters.next()),
            other => fields.get_mut(last)?.push(other),
        }
    }
    let password = fields.pop().filter(|_| fields.len() == wanted.len())?;
    let matches = |(field, wanted): (&String, &&str)| field == "*" || field == wanted;
    fields.iter().zip(wanted).all(matches).then_some(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_shown_to_nobody() {
        let url = PostgresUrl::parse("postgres://desk:secret@db.example/desk?sslmode=disable");
        let url = url.unwrap();
        assert_eq!(url.to_string(), "postgres://desk@db.example/desk");
        assert_eq!(url.config.get_password(), Some(&b"secret"[..]));
        assert!(!format!("{url:?}").contains("secret"));
    }

    #[test]
    fn parameters_are_those_of_libpq() {
        let parsed = |query: &str| PostgresUrl::parse(&format!("postgres://a@h1:1,h2:2/d?{query}"));
        let url = parsed("target_session_attrs=read-write&connect_timeout=3").unwrap();
        assert_eq!((url.config.get_hosts().len(), url.config.get_ports()), (2, &[1, 2][..]));
        assert_eq!(url.config.get_ssl_mode(), SslMode::Prefer);
        assert_eq!(parsed("sslmode=disable").unwrap().config.get_ssl_mode(), SslMode::Disable);
        assert_eq!(parsed("sslmode=verify-full").unwrap().config.get_ssl_mode(), SslMode::Require);
        let why = |query: &str| parsed(query).unwrap_err().to_string();
        assert!(why("sslmode=maybe").contains("verify-full"));
        assert!(why("sslmode").contains("is no parameter"));
        assert!(why("sslmode=verify-ca&sslrootcert=/nowhere").contains("/nowhere"));
        assert!(why("prepared_statements=maybe").contains("true or false"));
        assert!(why("colour=blue").contains("colour"));
        assert!(
            parsed("").unwrap().prepares && !parsed("prepared_statements=false").unwrap().prepares
        );
    }

    #[test]
    fn passwords_are_found_by_their_line() {
        let wanted = ["db", "5432", "desk", "me"];
        for (line, password) in [
            ("db:5432:desk:me:secret", Some("secret")),
            ("*:*:*:me:a:b", Some("a:b")),
            ("*:*:*:me:a\\:b\\\\", Some("a:b\\")),
            ("db:5433:desk:me:secret", None),
            ("# *:*:*:*:secret", None),
            ("db:5432:desk:me", None),
            ("", None),
        ] {
            assert_eq!(password_of(line, &wanted).as_deref(), password, "{line}");
        }
    }
}
