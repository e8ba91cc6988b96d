//! Budgets of the hot paths: instructions and allocations under Valgrind, held against
//! `tests/data/budgets.json` by `make test`. They are the same on each run, whatever else the
//! machine does, as no wall time is.

use std::collections::BTreeMap;
use std::hint::black_box;

use gungraun::prelude::*;
use gungraun::{Callgrind, Dhat, DhatMetric, EventKind};
use hookdesk::store::sqlite::Sqlite;
use hookdesk_core::{Amendment, EventId, MemoryStore, Secret, Seq, Stamp};
use hookdesk_tests::rig::Rig;
use serde::Deserialize;

/// What one run may cost.
#[derive(Deserialize)]
struct Budget {
    instructions: u64,
    allocations: u64,
}

/// Hundredths that a run may cost more than its budget: the system's libraries differ by less, and a
/// change that matters by more.
const TOLERANCE: u64 = 5;

/// The C library picks how it copies by the processor. This has it take what each x86-64 has.
const PROCESSOR: &str =
    "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-ERMS,-FSRM,-Fast_Unaligned_Copy";

fn within(row: &str) -> LibraryBenchmarkConfig {
    let text = include_str!("../../data/budgets.json");
    let budgets: BTreeMap<String, Budget> = serde_json::from_str(text).expect("budgets are JSON");
    let Budget { instructions, allocations } = budgets.get(row).expect("each row has a budget");
    let most = |budget: &u64| budget + budget * TOLERANCE / 100;
    let mut config = LibraryBenchmarkConfig::default();
    config.env("GLIBC_TUNABLES", PROCESSOR);
    let mut counted = Callgrind::with_args(["cache-sim=no"]);
    config.tool(counted.hard_limits([(EventKind::Ir, most(instructions))]));
    // A block counts where the row's function is among so many callers: more than there are.
    let mut allocated = Dhat::with_args(["num-callers=100"]);
    config.tool(allocated.hard_limits([(DhatMetric::TotalBlocks, most(allocations))]));
    config
}

fn sending_beside(webhooks: usize) -> Rig<MemoryStore> {
    sending(Rig::beside(webhooks))
}

fn sending_with_lanes(lanes: usize) -> Rig<MemoryStore> {
    sending(Rig::with_lanes(lanes))
}

/// Beside so many webhooks whose lanes are more than are kept in memory, with a ticket.
fn opened_beside_lanes(webhooks: usize) -> Rig<MemoryStore> {
    let mut rig = sending(Rig::with_lanes(300).beside_copies(webhooks));
    rig.answer(200);
    rig
}

/// With one request in flight.
fn sending(mut rig: Rig<MemoryStore>) -> Rig<MemoryStore> {
    rig.open_ticket();
    assert_eq!(rig.in_flight(), 1, "what is counted is the report of one request");
    rig
}

fn on_file() -> Rig<Sqlite> {
    let path = std::env::temp_dir().join(format!("hookdesk-budget-{}.db", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let mut rig = Rig::over(Sqlite::open(&path).expect("SQLite makes a database"));
    rig.register(Amendment::default());
    // The first of each statement is prepared here.
    rig.open_ticket();
    rig.answer(200);
    rig
}

// A ticket is opened, and the request about it goes out.
#[library_benchmark]
#[bench::beside_1(args = (1), setup = Rig::beside, config = within("ticket.beside_1"))]
#[bench::beside_10000(args = (10_000), setup = Rig::beside, config = within("ticket.beside_10000"))]
fn ticket(mut rig: Rig<MemoryStore>) -> Rig<MemoryStore> {
    rig.open_ticket();
    rig
}

// A ticket is updated, and the request about it goes out.
#[library_benchmark]
#[bench::beside_100_with_lanes(args = (100), setup = opened_beside_lanes, config = within("update.beside_100_with_lanes"))]
fn update(mut rig: Rig<MemoryStore>) -> Rig<MemoryStore> {
    rig.update_ticket();
    rig
}

// A receiver's success is recorded.
#[library_benchmark]
#[bench::beside_1(args = (1), setup = sending_beside, config = within("report.beside_1"))]
#[bench::beside_10000(args = (10_000), setup = sending_beside, config = within("report.beside_10000"))]
#[bench::with_10_lanes(args = (10), setup = sending_with_lanes, config = within("report.with_10_lanes"))]
#[bench::with_1000_lanes(args = (1_000), setup = sending_with_lanes, config = within("report.with_1000_lanes"))]
fn report(mut rig: Rig<MemoryStore>) -> Rig<MemoryStore> {
    rig.answer(200);
    rig
}

// A wake finds nothing to do.
#[library_benchmark]
#[bench::beside_1(args = (1), setup = Rig::beside, config = within("wake.beside_1"))]
#[bench::beside_10000(args = (10_000), setup = Rig::beside, config = within("wake.beside_10000"))]
fn wake(mut rig: Rig<MemoryStore>) -> Rig<MemoryStore> {
    rig.run();
    rig
}

// A ticket is opened, sent and heard, over the store of the host.
#[library_benchmark]
#[bench::on_sqlite(setup = on_file, config = within("delivery.on_sqlite"))]
fn delivery(mut rig: Rig<Sqlite>) -> Rig<Sqlite> {
    rig.open_ticket();
    rig.answer(200);
    rig
}

fn secret_and_body() -> (Secret, EventId, String) {
    (Secret::new([9; 32]), EventId::new(Stamp::default(), Seq(1)), "x".repeat(400))
}

// A body of the usual size is signed.
#[library_benchmark]
#[bench::of_400_bytes(setup = secret_and_body, config = within("signature.of_400_bytes"))]
fn signature((secret, event, body): (Secret, EventId, String)) -> String {
    black_box(secret.signature(event, 1_750_000_000, &body))
}

library_benchmark_group!(
    name = decisions,
    benchmarks = [ticket, update, report, wake, delivery, signature]
);
main!(library_benchmark_groups = decisions);
