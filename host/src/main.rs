//! The `hookdesk` command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hookdesk::config::ServeOptions;
use hookdesk::incident::{self, ExportOptions, ReplayOptions, Verdict};
use tracing_subscriber::EnvFilter;

/// Set because a delivery is dozens of short-lived allocations, passed from thread to thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code of a replay whose result differs from the recording.
const DIFFERS: u8 = 3;

/// A customer-support desk that sends its events to its partners by webhook.
#[derive(Parser)]
#[command(name = "hookdesk", version)]
struct Arguments {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "it is made once, and taken apart at once")]
enum Subcommands {
    /// Run the server.
    Serve(ServeOptions),
    /// Write the recorded inputs of the desk to a file, with private data redacted. Exits with 3 if
    /// replaying it gives another result than was recorded.
    Export(ExportOptions),
    /// Decide an incident file again, step by step. Exits with 3 if that gives another result than
    /// was recorded.
    Replay(ReplayOptions),
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    let filter = EnvFilter::try_from_env("HOOKDESK_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,salvo_core=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let done = match command {
        Subcommands::Serve(options) => {
            let served = options.settle().map_err(Into::into).and_then(hookdesk::serve::serve);
            served.map(|()| Verdict::Same)
        }
        Subcommands::Export(options) => incident::export(&options),
        Subcommands::Replay(options) => incident::replay(&options),
    };
    match done {
        Ok(Verdict::Same) => ExitCode::SUCCESS,
        Ok(Verdict::Differs) => ExitCode::from(DIFFERS),
        Err(error) => {
            complain(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Errors of the command go to the person who typed it, not to a log.
#[expect(clippy::print_stderr, reason = "a person reads it")]
fn complain(error: &dyn std::error::Error) {
    eprintln!("hookdesk: {error}");
}
