//! The `hookdesk` command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hookdesk::config::ServeOptions;
use hookdesk::incident::{self, ExportOptions, ReplayOptions, Verdict};
use tracing_subscriber::EnvFilter;

/// A delivery is dozens of short-lived pieces of memory, passed from thread to thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code of a replay that comes to something else than was recorded.
const DIFFERS: u8 = 3;

/// A customer-support desk that tells its partners everything by webhook.
#[derive(Parser)]
#[command(name = "hookdesk", version)]
struct Arguments {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Runs the desk.
    Serve(ServeOptions),
    /// Writes what the desk was told lately as a file, without what is private. Ends with 3 if
    /// replaying it comes to something else than was recorded.
    Export(ExportOptions),
    /// Decides an incident file again, step by step. Ends with 3 if that comes to something else
    /// than was recorded.
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

/// What keeps the command from its work is for the person who typed it, not for a log.
#[expect(clippy::print_stderr, reason = "a person reads it")]
fn complain(error: &dyn std::error::Error) {
    eprintln!("hookdesk: {error}");
}
