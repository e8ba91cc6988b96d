//! A fake DNS: a server that resolves names as a test wants, each query anew.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The addresses of a name, by the number of the query for it, from 1.
type Answers = dyn Fn(&str, usize) -> Vec<IpAddr> + Send + Sync;

/// A resolver that a server started with [`Options::dns`](crate::Options) asks.
pub struct FakeDns {
    address: SocketAddr,
    asked: Arc<Mutex<HashMap<String, usize>>>,
}

impl FakeDns {
    /// Starts one on a free port. It ends with the test's process.
    pub fn start(answers: impl Fn(&str, usize) -> Vec<IpAddr> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let asked = Arc::new(Mutex::new(HashMap::new()));
        let (answers, counted): (Arc<Answers>, _) = (Arc::new(answers), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &*answers, &counted);
            }
        });
        Self { address, asked }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often a name was asked for.
    pub fn asked(&self, name: &str) -> usize {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(name).copied().unwrap_or_default()
    }
}

/// A server that is killed while it asks gets no answer.
fn answer(mut stream: TcpStream, answers: &Answers, asked: &Mutex<HashMap<String, usize>>) {
    let mut name = String::new();
    if BufReader::new(&stream).read_line(&mut name).is_err() {
        return;
    }
    let name = name.trim_end();
    let number = {
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let number = asked.entry(name.to_owned()).or_default();
        *number += 1;
        *number
    };
    let addresses: Vec<String> = answers(name, number).iter().map(IpAddr::to_string).collect();
    let _ = stream.write_all(addresses.join(" ").as_bytes());
}
