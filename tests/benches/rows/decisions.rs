//! Rows without a process: what decisions take by the size of the desk, simulated worlds, an outage of
//! days, and the WebAssembly module.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use hookdesk_core::{Amendment, Answer, Failure, MemoryStore, Millis};
use hookdesk_tests::golden::{Golden, Runtime};
use hookdesk_tests::rig::Rig;
use hookdesk_tests::simulate::{Stores, many};
use serde_json::Value;

use super::Bench;
use crate::Done;

/// Tickets that are opened and updated, each a delivery, over which the time of one is measured.
const OPENED: u32 = 1_000;
/// Lanes of one webhook where there are many in all.
const LANES: usize = 1_000;
const WORLDS: u64 = 500;
const DAY_MS: u64 = 86_400_000;
/// Tickets that are opened evenly over the outage.
const TICKETS: u64 = 1_000;
const OUTAGE_MS: u64 = 3 * DAY_MS;
/// Inputs of the transcript that the module plays, and those that are played at once.
const INPUTS: (usize, usize) = (10_000, 500);

impl Bench<'_> {
    /// What one delivery takes to decide, by what else there is.
    pub(super) fn decisions(&mut self) {
        let mut alone = None;
        for webhooks in [1, 100, 10_000] {
            let row = format!("decisions beside idle {webhooks}");
            self.decided(&row, Rig::beside(webhooks), &mut alone);
        }
        let mut few = None;
        for lanes in [10, LANES, 100 * LANES, 1_000 * LANES] {
            let rig = Rig::with_lanes(lanes.min(LANES)).beside_copies((lanes / LANES).max(1) - 1);
            self.decided(&format!("decisions with lanes {lanes}"), rig, &mut few);
        }
    }

    fn decided(&mut self, row: &str, mut rig: Rig<MemoryStore>, first: &mut Option<f64>) {
        let begun = Instant::now();
        for _ in 0..OPENED {
            rig.open_ticket();
            rig.answer(200);
            rig.update_ticket();
            rig.answer(200);
        }
        let each = begun.elapsed().as_secs_f64() * 1_000_000.0 / f64::from(2 * OPENED);
        self.note(row, "a delivery, µs", each);
        self.note(row, "over the smallest", each / *first.get_or_insert(each));
    }

    pub(super) fn simulated(&mut self) -> Done<()> {
        let begun = Instant::now();
        let run = many(0..WORLDS, Stores::Memory, 1, &|| {});
        if !run.violations.is_empty() {
            return Err("a world broke a rule".into());
        }
        self.note("simulated", "worlds a second", WORLDS as f64 / begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        let requests = outage()?;
        let took = begun.elapsed();
        self.note("simulated", "outage of three days, ms", took.as_secs_f64() * 1_000.0);
        self.note("simulated", "outage of three days, requests", requests as f64);
        Ok(())
    }

    /// What the module takes in Node for decisions that the native desk makes, too, and its size.
    pub(super) fn wasm(&mut self) -> Done<()> {
        const SEED: u64 = 1;
        let (inputs, chunk) = INPUTS;
        let mut node = Runtime::start("node", &Golden::beginning(SEED), None);
        let (mut golden, mut native, mut in_node_ms) = (Golden::new(SEED), Duration::ZERO, 0.0);
        for _ in 0..inputs / chunk {
            let chunk = golden.next(chunk);
            native += chunk.ran;
            node.play(&chunk.inputs);
            let played = node.played();
            if played.hash != golden.hash() {
                return Err("the module decides otherwise".into());
            }
            in_node_ms = played.ran_ms;
        }
        self.note("wasm", "decisions over native", in_node_ms / 1_000.0 / native.as_secs_f64());
        let sizes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/pkg/sizes.json");
        let sizes: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(sizes)?)?;
        let module = sizes.iter().find(|of| of["module"] == "hookdesk_bg.wasm");
        let brotli = module.and_then(|of| of["brotli"].as_f64()).ok_or("the module has no size")?;
        self.note("wasm", "module with brotli, KB", brotli / 1_000.0);
        Ok(())
    }
}

/// A receiver is away for three days and hears of each ticket after them. Returns the requests made.
fn outage() -> Done<u64> {
    let mut rig = Rig::over(MemoryStore::default());
    let start = rig.now();
    rig.register(Amendment::default());
    let (mut opened, mut requests, mut heard) = (0, 0, BTreeSet::new());
    while heard.len() as u64 != TICKETS {
        let next_ticket = (opened < TICKETS).then(|| start.plus(opened * OUTAGE_MS / TICKETS));
        let next = rig.next_wake().into_iter().chain(next_ticket).min();
        let next = next.ok_or_else(|| format!("{} tickets were heard of", heard.len()))?;
        rig.wake_at(next);
        if next_ticket.is_some_and(|at| at <= rig.now()) {
            rig.open_ticket();
            opened += 1;
        }
        while rig.in_flight() > 0 {
            requests += rig.in_flight() as u64;
            let is_back = rig.now() >= Millis(start.0 + OUTAGE_MS);
            rig.report(1, |key| {
                if !is_back {
                    return Answer::Failure(Failure::Connect);
                }
                heard.insert(key.seq);
                Answer::Status { status: 200, retry_after: None, excerpt: String::new() }
            });
        }
    }
    Ok(requests)
}
