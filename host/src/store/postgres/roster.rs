//! The hosts of a desk, as the database has them: where each is reached, and the key that it proves
//! itself by.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hookdesk_core::sql::Value;
use hookdesk_core::sql::postgres;

use crate::store::postgres::link::Link;
use crate::store::postgres::{PostgresFault, PostgresUrl, desk_row};

/// Between two readings that a stranger can cause.
const BETWEEN: Duration = Duration::from_millis(200);

/// A host of the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRow {
    pub id: String,
    /// Without a port it calls others, and cannot be called.
    pub address: SocketAddr,
    /// Its public key, as a `SubjectPublicKeyInfo`.
    pub key: Vec<u8>,
}

/// The hosts that are known, and the connection by which they are read.
pub struct Roster {
    url: PostgresUrl,
    own: HostRow,
    known: Mutex<HashMap<String, Arc<HostRow>>>,
    link: Mutex<Reader>,
}

#[derive(Default)]
struct Reader {
    link: Option<Link>,
    read: Option<Instant>,
}

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roster({}, host {})", self.url, self.own.id)
    }
}

impl Roster {
    /// How often a host enters itself: often enough that one missed time does not remove it.
    pub const ENTER: Duration = Duration::from_secs(postgres::HOST_GONE_S / 4);

    /// The roster with which a host enters itself. Where it listens on all addresses, others are told
    /// the one that the server sees it at.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub fn enter(url: &PostgresUrl, mut own: HostRow) -> Result<Self, PostgresFault> {
        let mut link = Link::connect(url)?;
        if own.address.ip().is_unspecified() {
            let seen = link.ask_alone(postgres::READ_ADDRESS, vec![])?;
            let seen = seen.first().and_then(|row| row.first());
            let loopback = std::net::Ipv4Addr::LOCALHOST.into();
            own.address.set_ip(match seen {
                Some(Value::Text(address)) => address.parse().unwrap_or(loopback),
                Some(Value::Null | Value::Integer(_)) | None => loopback,
            });
        }
        let link = Mutex::new(Reader { link: Some(link), read: None });
        let roster = Self { url: url.clone(), own, known: Mutex::default(), link };
        roster.renew()?;
        Ok(roster)
    }

    #[must_use]
    pub fn own(&self) -> &HostRow {
        &self.own
    }

    /// A host that is known by its id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<HostRow>> {
        self.known().get(id).cloned()
    }

    /// A host that proves itself by this key.
    #[must_use]
    pub fn of_key(&self, key: &[u8]) -> Option<Arc<HostRow>> {
        self.known().values().find(|host| host.key == key).cloned()
    }

    /// Where others can be called that said that they are there. Some may have died since.
    #[must_use]
    pub fn others(&self) -> Vec<SocketAddr> {
        let known = self.known();
        let others = known.values().filter(|host| host.id != self.own.id);
        others.map(|host| host.address).filter(|address| address.port() != 0).collect()
    }

    /// The host that leads now, if it is known.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub fn leader(&self) -> Result<Option<Arc<HostRow>>, PostgresFault> {
        let row = self.with_link(desk_row::read)?;
        self.read()?;
        Ok(row.leader.and_then(|id| self.find(&id)))
    }

    /// Says that this host is still there, forgets those that did not say so for long, and reads the
    /// others.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub fn renew(&self) -> Result<(), PostgresFault> {
        self.with_link(|link| {
            let HostRow { id, address, key } = &self.own;
            let own = [
                id.clone(),
                address.to_string(),
                BASE64_STANDARD.encode(key),
                env!("CARGO_PKG_VERSION").into(),
            ];
            link.ask_alone(postgres::ENTER_HOST, own.into_iter().map(Value::from).collect())?;
            link.ask_alone(postgres::REMOVE_HOSTS, vec![postgres::HOST_GONE_S.into()])?;
            Ok(())
        })?;
        self.read()
    }

    /// Reads the hosts.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub fn read(&self) -> Result<(), PostgresFault> {
        let rows = self.with_link(|link| link.ask_alone(postgres::READ_HOSTS, vec![]))?;
        let hosts = rows
            .into_iter()
            .filter_map(|row| host(&row))
            .map(|host| (host.id.clone(), Arc::new(host)));
        *self.known() = hosts.collect();
        self.reader().read = Some(Instant::now());
        Ok(())
    }

    /// As [`Self::read`], unless it was done a moment ago.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_again(&self) -> Result<(), PostgresFault> {
        let is_fresh = self.reader().read.is_some_and(|read| read.elapsed() < BETWEEN);
        if is_fresh { Ok(()) } else { self.read() }
    }

    /// Removes this host.
    pub fn leave(&self) {
        let own = Value::from(self.own.id.clone());
        // One that cannot say so is removed by others.
        let _ = self.with_link(|link| link.ask_alone(postgres::LEAVE_HOST, vec![own]));
    }

    fn with_link<T>(
        &self,
        ask: impl FnOnce(&mut Link) -> Result<T, PostgresFault>,
    ) -> Result<T, PostgresFault> {
        let mut reader = self.reader();
        let mut link = match reader.link.take() {
            Some(link) => link,
            None => Link::connect(&self.url)?,
        };
        let asked = ask(&mut link)?;
        reader.link = Some(link);
        Ok(asked)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Arc<HostRow>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The host of a row, unless another version wrote it otherwise.
fn host(row: &[Value<'static>]) -> Option<HostRow> {
    let [Value::Text(id), Value::Text(address), Value::Text(key)] = row else { return None };
    Some(HostRow {
        id: id.to_string(),
        address: address.parse().ok()?,
        key: BASE64_STANDARD.decode(&**key).ok()?,
    })
}
