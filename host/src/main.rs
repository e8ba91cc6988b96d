//! The `hookdesk` command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hookdesk::config::ServeOptions;
use tracing_subscriber::EnvFilter;

/// A delivery is dozens of short-lived pieces of memory, passed from thread to thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
            options.settle().map_err(Into::into).and_then(hookdesk::serve::serve)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
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
