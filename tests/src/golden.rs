//! Golden transcripts: inputs of a desk, drawn from a seed, and all output that they lead to. It must
//! be the same in every runtime, to the byte.
//!
//! The native desk goes ahead, because the next inputs depend on its output: which requests are open,
//! which tickets there are. The others get the same inputs, some hundred at a time.

mod inputs;
mod runtime;

use std::time::{Duration, Instant};

use hookdesk_web::{Driver, Input, NotedStore, Options};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::world::hex;
use inputs::{BINDING, Caller};
pub use runtime::{Played, Runtime};

/// Some inputs in a row, and what follows from each.
#[derive(Debug)]
pub struct Chunk {
    pub inputs: Vec<Value>,
    /// How long the native desk took, values on their way in and out among it.
    pub ran: Duration,
    /// As JSON.
    pub outputs: Vec<String>,
}

/// A transcript as the native desk makes it.
#[derive(Debug)]
pub struct Golden {
    driver: Driver<NotedStore>,
    caller: Caller,
    chain: Chain,
}

impl Golden {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let caller = Caller::new(seed);
        let options: Options = serde_json::from_value(options()).expect("these are options");
        let at = serde_json::from_value(caller.at()).expect("this is a time");
        let driver =
            Driver::new(NotedStore::noting(), &options, &at).expect("the options make sense");
        Self { driver, caller, chain: Chain::default() }
    }

    /// How a desk elsewhere must begin to say the same.
    #[must_use]
    pub fn beginning(seed: u64) -> Value {
        serde_json::json!({ "at": Caller::new(seed).at(), "options": options() })
    }

    /// The next inputs. What follows goes into the hash.
    pub fn next(&mut self, length: usize) -> Chunk {
        let mut chunk =
            Chunk { inputs: Vec::with_capacity(length), ran: Duration::ZERO, outputs: Vec::new() };
        for _ in 0..length {
            let input = self.caller.next();
            let text = input.to_string();
            let start = Instant::now();
            let happens: Input = serde_json::from_str(&text).expect("this is an input");
            let effects = self.driver.handle(happens).expect("the input makes sense");
            chunk.outputs.push(serde_json::to_string(&effects).expect("it has a JSON form"));
            chunk.ran += start.elapsed();
            self.caller.hear(&effects);
            chunk.inputs.push(input);
        }
        self.chain.add(&chunk.outputs);
        chunk
    }

    /// Of all that followed so far.
    #[must_use]
    pub fn hash(&self) -> String {
        self.chain.0.clone()
    }
}

/// A small log, so that a long transcript also sees what is let go.
fn options() -> Value {
    serde_json::json!({
        "key": BINDING, "pinsAddresses": true, "retainS": 7_200, "disableAfterS": 1_800,
    })
}

/// A hash over hashes: each is of the one before it and of what was added.
#[derive(Debug, Default)]
struct Chain(String);

impl Chain {
    fn add(&mut self, outputs: &[String]) {
        let text = format!("{}\n{}", self.0, outputs.join("\n"));
        self.0 = hex(&Sha256::digest(text));
    }
}

/// Two texts from where they begin to differ, one above the other.
#[must_use]
pub fn side_by_side(native: &str, other: &str, name: &str) -> String {
    /// Characters that are shown before and behind the place.
    const AROUND: usize = 60;
    let place = native.chars().zip(other.chars()).take_while(|(left, right)| left == right).count();
    let part = |text: &str| -> String {
        text.chars().skip(place.saturating_sub(AROUND)).take(2 * AROUND).collect()
    };
    let width = name.len().max("native".len());
    let mark = " ".repeat(place.min(AROUND));
    format!(
        "from character {place} on\n{:width$} {}\n{name:width$} {}\n{:width$} {mark}^",
        "native",
        part(native),
        part(other),
        ""
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_make_equal_transcripts() {
        let hash = |seed| {
            let mut golden = Golden::new(seed);
            let chunk = golden.next(300);
            assert_eq!(chunk.inputs.len(), chunk.outputs.len());
            golden.hash()
        };
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
    }

    #[test]
    fn a_transcript_meets_all_kinds_of_answers() {
        let mut golden = Golden::new(3);
        let outputs = golden.next(4_000).outputs;
        let met = |text: &str| outputs.iter().any(|output| output.contains(text));
        for text in [
            "\"status\":200",
            "\"status\":201",
            "\"status\":202",
            "\"status\":404",
            "\"status\":405",
            "\"status\":409",
            "\"status\":413",
            "\"status\":415",
            "\"status\":422",
            "bad_json",
            "bad_callback_url",
            "idempotent-replayed",
            "idempotency_key_reused",
            "ticket_closed",
            "not_its_turn",
            "webhook-signature",
            "DELETE FROM events",
            "INSERT INTO attempts",
            "DELETE FROM webhooks",
            "loop_detected",
            "replay_running",
            "last_secret",
        ] {
            assert!(met(text), "{text} was never met");
        }
    }

    #[test]
    fn a_difference_is_shown_where_it_is() {
        let shown = side_by_side("{\"a\":1}", "{\"a\":2}", "node");
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[0], "from character 5 on");
        let mark = lines[3].find('^').unwrap();
        assert_eq!((&lines[1][mark..=mark], &lines[2][mark..=mark]), ("1", "2"));
    }
}
