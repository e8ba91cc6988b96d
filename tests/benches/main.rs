//! `make bench`: what the desk does for its CPU, measured from outside the process, and what its
//! decisions take, in this one. Ratios are to a ceiling or a smaller case of the same run, and a run
//! that loses or doubles an event fails.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a person reads it")]
#![expect(clippy::cast_precision_loss, reason = "no count is near 2 to the power of 52")]

mod desk;
mod load;
mod process;
mod receiver;
mod report;
mod rows;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use tokio::runtime::Builder;

/// The server's, as some rows decide in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub type Done<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Measures the desk against a receiver on this machine.
#[derive(Clone, Debug, Parser)]
pub struct Options {
    /// Rows whose name begins so.
    #[arg(long, default_value = "")]
    only: String,
    /// Rounds, in each of which every row and its ceiling are measured once.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of load in each measurement.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Events of the long backlog, or a few more.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// The binary.
    #[arg(long, default_value = "target/release/hookdesk")]
    binary: PathBuf,
    /// Another binary, measured in turn with the first.
    #[arg(long)]
    base: Option<PathBuf>,
    /// Is the receiver, on a port that it prints.
    #[arg(long, hide = true)]
    receive: bool,
    /// What cargo tells every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    fn load_time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

fn main() -> Done<()> {
    let options = Options::parse();
    if options.receive {
        // One thread, as the ceiling is.
        return Builder::new_current_thread().enable_all().build()?.block_on(receiver::run());
    }
    Builder::new_multi_thread().enable_all().build()?.block_on(measure(&options))
}

async fn measure(options: &Options) -> Done<()> {
    let mut report = report::Report::default();
    for round in 0..options.rounds {
        let binaries = [Some(&options.binary), options.base.as_ref()].into_iter().flatten();
        for binary in binaries {
            eprintln!("round {} of {}: {}", round + 1, options.rounds, binary.display());
            rows::measure(options, binary, &mut report).await?;
        }
    }
    report.print();
    Ok(())
}
