//! `make simulate`: many simulated worlds, or one again.

#![expect(clippy::print_stdout, reason = "a person reads it")]

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use hookdesk_tests::Plan;
use hookdesk_tests::simulate::{Run, Stores, cut_down, many, world};
use indicatif::{ProgressBar, ProgressStyle};

/// A world is made of small pieces of memory that come and go.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs simulated worlds on all cores.
#[derive(Parser)]
struct Options {
    /// How many worlds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first one's seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// One world, by its plan or by its seed, with its whole trace.
    #[arg(long, value_parser = plan)]
    plan: Option<Plan>,
    #[arg(long, value_enum, default_value_t = Over::Memory)]
    stores: Over,
    /// Violations after which the run ends: one mistake breaks many worlds.
    #[arg(long, default_value_t = 8)]
    violations: usize,
    /// Smaller worlds that are tried for each violation.
    #[arg(long, default_value_t = 1_000)]
    tries: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Over {
    /// The store in memory.
    Memory,
    /// Memory and SQLite, with facts kept and dropped: all must tell the same trace.
    All,
}

/// Situations that are shown as rare.
const RARE: usize = 12;

fn plan(text: &str) -> Result<Plan, String> {
    match text.parse() {
        Ok(seed) => Ok(Plan::of(seed)),
        Err(_) => serde_json::from_str(text).map_err(|error| error.to_string()),
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let stores = match options.stores {
        Over::Memory => Stores::Memory,
        Over::All => Stores::All,
    };
    let run = match &options.plan {
        Some(plan) => one(plan, stores),
        None => all(&options, stores),
    };
    println!("worlds {} violations {}", run.worlds, run.violations.len());
    if run.violations.is_empty() && run.never_met().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Tells the whole trace of one world.
fn one(plan: &Plan, stores: Stores) -> Run {
    let mut run = Run { worlds: 1, ..Run::default() };
    match world(plan, stores) {
        Ok((trace, situations)) => {
            println!("{}\n\n{situations}", trace.join("\n"));
            run.situations = situations;
        }
        Err(violation) => {
            println!("{}\n{violation}", violation.trace.join("\n"));
            run.violations.push(violation);
        }
    }
    run
}

/// Tells of many worlds, and the whole trace of none.
fn all(options: &Options, stores: Stores) -> Run {
    let start = Instant::now();
    let bar = ProgressBar::new(options.seeds);
    let style =
        ProgressStyle::with_template("{wide_bar} {pos}/{len} worlds, {per_sec}, {eta} left");
    bar.set_style(style.expect("the template is right"));
    let seeds = options.first..options.first + options.seeds;
    let run = many(seeds, stores, options.violations, &|| bar.inc(1));
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64();
    for violation in &run.violations {
        let seed = violation.plan.seed;
        println!("seed {seed}: {}\n", violation.what);
    }
    if let Some(violation) = run.violations.first() {
        println!("cut down:\n{}\n", cut_down(violation.clone(), stores, options.tries));
    } else {
        report(&run);
    }
    let rate = u64::try_from(Instant::now().duration_since(start).as_millis()).unwrap_or(u64::MAX);
    println!("{seconds:.1} s, {} worlds a second", run.worlds * 1_000 / rate.max(1));
    run
}

fn report(run: &Run) {
    println!("{}", run.situations);
    println!("rare: {}", run.situations.rare(RARE).join("; "));
    let missing = run.never_met();
    if !missing.is_empty() {
        println!("never met: {}", missing.join("; "));
    }
}
