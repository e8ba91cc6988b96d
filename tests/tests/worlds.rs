//! Simulated worlds. `HOOKDESK_SEED=n` replays one world, `HOOKDESK_WORLDS=n` runs so many.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use hookdesk::store::sqlite::Sqlite;
use hookdesk_core::{Memory, MemoryStore};
use hookdesk_tests::{Story, World};

/// The same world over every store: each tells the same story.
fn world(seed: u64) {
    let sqlite = || Sqlite::in_memory().expect("SQLite makes a database in memory");
    let told = World::new(seed, MemoryStore::default(), Memory::Kept).run();
    same(&told, &World::new(seed, MemoryStore::default(), Memory::Dropped).run());
    same(&told, &World::new(seed, sqlite(), Memory::Kept).run());
    same(&told, &World::new(seed, sqlite(), Memory::Dropped).run());
}

fn same(told: &Story, other: &Story) {
    for (step, (one, another)) in told.iter().zip(other).enumerate() {
        assert_eq!(one, another, "the stories part at step {step}");
    }
    assert_eq!(told.len(), other.len());
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a whole number"))
}

#[test]
fn every_world_keeps_the_invariants_over_every_store() {
    if let Some(seed) = number("HOOKDESK_SEED") {
        return world(seed);
    }
    let worlds = number("HOOKDESK_WORLDS").unwrap_or(1_000);
    let next = AtomicU64::new(0);
    let failed = AtomicU64::new(u64::MAX);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= worlds.min(failed.load(Ordering::Relaxed)) {
                        return;
                    }
                    if catch_unwind(AssertUnwindSafe(|| world(seed))).is_err() {
                        failed.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    assert_eq!(
        failed,
        u64::MAX,
        "replay it: HOOKDESK_SEED={failed} cargo test -p hookdesk-tests --test worlds"
    );
    println!("{worlds} worlds");
}
