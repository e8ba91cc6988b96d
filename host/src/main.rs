//! The `hookdesk` command.

use std::error::Error;
use std::process::ExitCode;

use clap::{Args as _, Command, Parser, Subcommand};
use hookdesk::BoxError;
use hookdesk::audit_command::{self, AuditOptions};
use hookdesk::config::ServeOptions;
use hookdesk::copy_command::{self, CopyOptions};
use hookdesk::environment;
use hookdesk::incident::{self, Comparison, ExportOptions, ReplayOptions};
use hookdesk::key_command::{self, KeyOptions};
use hookdesk::status::{self, Condition, StatusOptions};

/// Set because a delivery is dozens of short-lived allocations, passed from thread to thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code of a desk or webhook that somebody should look at.
const AILS: u8 = 4;

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
enum Subcommands {
    /// Run the server.
    Serve(Box<ServeOptions>),
    /// Write the recorded inputs of the desk to a file, with private data redacted. Exits with 3 if
    /// replaying it gives another result than was recorded.
    Export(ExportOptions),
    /// Decide an incident file again, step by step. Exits with 3 if that gives another result than
    /// was recorded.
    Replay(ReplayOptions),
    /// Make, list and revoke API keys.
    Key(KeyOptions),
    /// List who changed what, newest first: keys, partners, webhooks and their secrets, replays, the
    /// service.
    Audit(AuditOptions),
    /// Copy a desk that is stopped to another database: from SQLite to PostgreSQL, or back. What it
    /// was interrupted in it goes on with when it is started again.
    Copy(CopyOptions),
    /// Say whether a running desk works and how its webhooks are. Exits with 4 if the desk is not
    /// ready, a webhook is disabled, or a receiver is down.
    Status(StatusOptions),
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    match run(command) {
        Ok(code) => code,
        Err(error) => {
            complain(&*error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Subcommands) -> Result<ExitCode, BoxError> {
    let filter = environment::log_filter()?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    match command {
        Subcommands::Serve(options) => serve(*options).map(|()| ExitCode::SUCCESS),
        Subcommands::Export(options) => incident::export(&options).map(of_comparison),
        Subcommands::Replay(options) => incident::replay(&options).map(of_comparison),
        Subcommands::Key(options) => key_command::run(&options).map(|()| ExitCode::SUCCESS),
        Subcommands::Audit(options) => audit_command::run(&options).map(|()| ExitCode::SUCCESS),
        Subcommands::Copy(options) => copy_command::run(&options).map(|()| ExitCode::SUCCESS),
        Subcommands::Status(options) => status::status(&options).map(of_condition),
    }
}

fn of_comparison(comparison: Comparison) -> ExitCode {
    match comparison {
        Comparison::Same => ExitCode::SUCCESS,
        Comparison::Differs => ExitCode::from(DIFFERS),
    }
}

fn of_condition(condition: Condition) -> ExitCode {
    match condition {
        Condition::Well => ExitCode::SUCCESS,
        Condition::Ailing => ExitCode::from(AILS),
    }
}

fn serve(options: ServeOptions) -> Result<(), BoxError> {
    for name in environment::check(&ServeOptions::augment_args(Command::new("serve")))? {
        tracing::warn!(
            "{name} is not an option, and is ignored (hookdesk serve --help lists them)"
        );
    }
    hookdesk::serve::serve(options.settle()?)
}

/// Errors of the command go to the person who typed it, not to a log.
#[expect(clippy::print_stderr, reason = "a person reads it")]
fn complain(error: &dyn Error) {
    eprintln!("hookdesk: {error}");
}
