//! `make golden`: one transcript in each runtime.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a person reads it")]

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hookdesk_core::Memory;
use hookdesk_core::incident::Incident;
use hookdesk_tests::Plan;
use hookdesk_tests::golden::{Golden, Runtime, side_by_side};
use hookdesk_tests::simulate::recorded;
use indicatif::{ProgressBar, ProgressStyle};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Plays one transcript in each runtime, and compares what follows to the byte.
#[derive(Parser)]
struct Options {
    /// How many things happen.
    #[arg(long, default_value_t = 10_000)]
    commands: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Things that are played at once.
    #[arg(long, default_value_t = 500)]
    chunk: u64,
    /// The runtimes beside the native one.
    #[arg(long, value_delimiter = ',', default_value = "node,workerd,chromium")]
    runtimes: Vec<String>,
    /// Changes what follows from so manieth a command in the first of them, to see it noticed.
    #[arg(long)]
    damage: Option<u64>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut damage = options.damage;
    let beginning = Golden::beginning(options.seed);
    let wanted = Runtime::ALL.into_iter().filter(|name| options.runtimes.iter().any(|n| n == name));
    let mut runtimes: Vec<Runtime> =
        wanted.map(|name| Runtime::start(name, &beginning, damage.take())).collect();
    let mut golden = Golden::new(options.seed);
    let bar = ProgressBar::new(options.commands);
    let style =
        ProgressStyle::with_template("{wide_bar} {pos}/{len} commands, {per_sec}, {eta} left");
    bar.set_style(style.expect("the template is right"));

    let mut native = Duration::ZERO;
    let mut worked = vec![(0.0, 0.0); runtimes.len()];
    let mut hashes = vec![String::new(); runtimes.len()];
    let mut played = 0;
    while played < options.commands {
        let length = options.chunk.min(options.commands - played);
        let chunk = golden.next(usize::try_from(length).expect("a chunk is small"));
        native += chunk.ran;
        for runtime in &mut runtimes {
            runtime.play(&chunk.inputs);
        }
        for (index, runtime) in runtimes.iter_mut().enumerate() {
            let said = runtime.played();
            worked[index] = (said.worked_ms, said.ran_ms);
            hashes[index] = said.hash;
            if hashes[index] != golden.hash() {
                bar.finish_and_clear();
                let outputs = runtime.outputs();
                let pairs = chunk.outputs.iter().zip(&outputs).enumerate();
                for (place, (native, other)) in pairs {
                    if native != other {
                        let step = played + place as u64;
                        println!("command {step} differs in {}", runtime.name);
                        println!("{}", chunk.inputs[place]);
                        println!("{}", side_by_side(native, other, runtime.name));
                        return ExitCode::FAILURE;
                    }
                }
                println!("{} says another hash, and the same outputs", runtime.name);
                return ExitCode::FAILURE;
            }
        }
        played += length;
        bar.inc(length);
    }
    bar.finish_and_clear();
    let incidents = replay(&mut runtimes);
    eprintln!("{incidents} incident files, raw and redacted, have one chain each");
    println!("native {}", golden.hash());
    let native_ms = native.as_secs_f64() * 1_000.0;
    eprintln!("native: {native_ms:.0} ms of decisions");
    let at = &beginning["at"];
    for ((runtime, hash), (worked_ms, ran_ms)) in runtimes.iter_mut().zip(&hashes).zip(&worked) {
        println!("{} {hash}", runtime.name);
        let (ratio, crossing_us) = (ran_ms / native_ms, runtime.crossing_us(at, CROSSINGS));
        eprintln!(
            "{}: {ran_ms:.0} ms of decisions, {ratio:.1} times native; {worked_ms:.0} ms with \
             hashing; {crossing_us:.0} us for one call apart",
            runtime.name
        );
    }
    ExitCode::SUCCESS
}

/// Calls over which the time of one is measured.
const CROSSINGS: usize = 2_000;
/// Worlds whose recordings are decided again everywhere.
const RECORDED: u64 = 2;

/// Has each runtime decide recordings again, and gives their number.
///
/// # Panics
/// If one of them comes to another chain.
fn replay(runtimes: &mut [Runtime]) -> usize {
    let files = (0..RECORDED).flat_map(|seed| recorded(&Plan::of(seed), Memory::Kept));
    let mut count = 0;
    for raw in files {
        let redacted = Incident::export(&raw, true).expect("it was just written");
        let mut incident = Incident::open(raw.as_str()).expect("it was just written");
        while let Some(step) = incident.step() {
            assert_eq!(step.expect("it was just written").difference, None);
        }
        let chain = incident.chain().to_string();
        for runtime in &mut *runtimes {
            assert_eq!(runtime.replay(&raw), chain, "raw, in {}", runtime.name);
            assert_eq!(runtime.replay(&redacted), chain, "redacted, in {}", runtime.name);
        }
        count += 1;
    }
    count
}
