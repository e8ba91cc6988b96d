//! Simulated worlds: `HOOKDESK_WORLDS=n` runs so many over memory, and a tenth over all stores.

use std::sync::atomic::{AtomicUsize, Ordering};

use hookdesk_core::Memory;
use hookdesk_core::incident::Incident;
use hookdesk_tests::Plan;
use hookdesk_tests::simulate::{Run, Stores, cut_down, many, recorded, world};
use hookdesk_tests::two_hosts::{Step, TwoHosts};
#[cfg(feature = "host")]
use sha2::{Digest, Sha256};

fn worlds() -> u64 {
    let number = std::env::var("HOOKDESK_WORLDS").ok();
    number.map_or(5_000, |text| text.parse().expect("a whole number"))
}

fn check(run: &Run, stores: Stores) {
    if let Some(violation) = run.violations.first() {
        panic!("{}", cut_down(violation.clone(), stores, 300));
    }
    let missing = run.never_met();
    assert!(missing.is_empty(), "never met: {missing:?}");
}

#[test]
fn every_world_keeps_the_invariants() {
    check(&many(0..worlds(), Stores::Memory, 1, &|| {}), Stores::Memory);
}

#[test]
fn every_store_tells_the_same_story() {
    check(&many(0..worlds() / 10, Stores::All, 1, &|| {}), Stores::All);
}

/// Steps of which every order is tried: `HOOKDESK_STEPS=n`.
fn steps() -> u32 {
    let number = std::env::var("HOOKDESK_STEPS").ok();
    number.map_or(4, |text| text.parse().expect("a whole number"))
}

#[test]
fn two_hosts_keep_the_order_of_two_events_in_every_order_of_their_steps() {
    let all = Step::ALL.len();
    let cases = all.pow(steps());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(|| {
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= cases {
                        break;
                    }
                    let digit = |place| Step::ALL[case / all.pow(place) % all];
                    let story: Vec<Step> = (0..steps()).map(digit).collect();
                    let run = || {
                        let mut hosts = TwoHosts::begin();
                        for step in &story {
                            hosts.step(*step);
                        }
                        hosts.end();
                    };
                    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
                    assert!(ran.is_ok(), "after {story:?}");
                }
            });
        }
    });
}

/// Worlds whose stories have one digest on every machine.
#[cfg(feature = "host")]
const DIGESTED: u64 = 50;

// It notices every change of a rule, also of one that nothing else holds: mutants are not shown to it.
#[cfg(feature = "host")]
#[test]
fn a_seed_tells_the_same_story_on_every_machine() {
    let mut digest = Sha256::new();
    for seed in 0..DIGESTED {
        let (trace, _) = world(&Plan::of(seed), Stores::Memory).expect("no rule is broken");
        digest.update(trace.join("\n"));
    }
    let told = hookdesk_tests::hex(&digest.finalize());
    let known = include_str!("../data/worlds.sha256").trim();
    assert_eq!(
        told, known,
        "where rules or worlds were changed, this belongs into data/worlds.sha256"
    );
}

/// Worlds whose hosts are recorded, each with facts kept and with facts dropped.
const RECORDED: u64 = 10;

#[test]
fn what_hosts_were_told_decides_the_same_again_raw_and_redacted() {
    let play = |file: &str| {
        let mut incident = Incident::open(file).expect("a header");
        while let Some(step) = incident.step() {
            let step = step.unwrap_or_else(|bad| panic!("{bad}"));
            assert_eq!(step.difference, None, "{step:?}");
        }
        (incident.chain(), incident.is_cut())
    };
    for seed in 0..RECORDED {
        for memory in [Memory::Kept, Memory::Dropped] {
            for file in recorded(&Plan::of(seed), memory) {
                let redacted = Incident::export(&file, true).expect("it was just written");
                assert!(!redacted.contains("\"m1"), "a message is left");
                assert_eq!(play(&file), play(&redacted), "{seed} {memory:?}");
            }
        }
    }
}

/// A redacted recording of a server whose types and fields had other names than today's: calls under
/// idempotency keys and their repetitions, retries, a resend, a replay, a rotation, a receiver that is
/// gone.
#[test]
fn a_recording_of_an_earlier_server_decides_the_same() {
    const CHAIN: &str = "355ee8d0491fc46899b41190a6fd07cad1c17eae07ba906d8456b45fe29ded57";
    let file = include_str!("../data/incidents/1.jsonl");
    let mut incident = Incident::open(file).expect("a header");
    while let Some(step) = incident.step() {
        let step = step.unwrap_or_else(|bad| panic!("{bad}"));
        assert_eq!(step.difference, None, "{step:?}");
    }
    assert_eq!((incident.chain().to_string().as_str(), incident.is_cut()), (CHAIN, false));
}

/// Worlds in which a rule was broken once, by mistake or on purpose, each cut down to what it took.
#[test]
fn what_was_broken_once_holds() {
    for line in include_str!("../data/worlds.jsonl").lines() {
        let plan: Plan = serde_json::from_str(line).expect("a plan a line");
        if let Err(violation) = world(&plan, Stores::All) {
            panic!("{}\n{line}", violation.what);
        }
    }
}
