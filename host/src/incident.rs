//! `hookdesk export` and `hookdesk replay`: writes a recording as one file, and replays such a
//! file.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use hookdesk_core::incident::{Difference, Header, MAX_LINE, Player, ReplayStep, StepDecision};

use crate::BoxError;
use crate::config;
use crate::recording::{RecordingFile, RecordingFiles};
use crate::store::sqlite::{BESIDE, beside, private};

/// Options of `hookdesk export`.
#[derive(Args, Clone, Debug)]
#[expect(clippy::doc_markdown, reason = "--help shows these lines as they are")]
#[allow(rustdoc::bare_urls, reason = "--help shows these lines as they are")]
pub struct ExportOptions {
    /// Database whose recording to export [default: sqlite://hookdesk.db]. Its server may be
    /// running.
    #[arg(long, env = "HOOKDESK_DATABASE", value_name = "URL")]
    pub database: Option<String>,
    /// File to write [default: standard output]. An existing file is replaced.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Keep private data, such as messages and secrets.
    #[arg(long)]
    pub raw: bool,
}

/// Options of `hookdesk replay`.
#[derive(Args, Clone, Debug)]
pub struct ReplayOptions {
    /// The incident file.
    pub file: PathBuf,
    /// Print each step as a line of JSON.
    #[arg(long)]
    pub json: bool,
}

/// The replay's decisions beside the recorded ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Comparison {
    Same,
    Differs,
}

/// Writes a database's recording as one file, with the chain at each step.
///
/// # Errors
/// When there is none, when it is damaged, or when the file cannot be written: the text is for the
/// operator.
pub fn export(options: &ExportOptions) -> Result<Comparison, BoxError> {
    let database = config::database(options.database.as_deref())?;
    let Some(database) = database.file() else {
        return Err(
            format!("{database} has no recording: there is one beside a SQLite file").into()
        );
    };
    let files = files(database)?;
    match &options.output {
        None => write(files, options.raw, io::stdout().lock()),
        Some(path) => {
            let unwritable = |error| format!("cannot write {}: {error}", path.display());
            if belongs_to(path, database).map_err(unwritable)? {
                let path = path.display();
                return Err(format!("{path} belongs to the database: name another file").into());
            }
            // All or nothing, and readable by its owner only, whatever the existing file was.
            let part = beside(path, ".part");
            let _ = fs::remove_file(&part);
            let file = private(&part).map_err(unwritable)?;
            let written = write(files, options.raw, file);
            match &written {
                Ok(_) => fs::rename(&part, path).map_err(unwritable)?,
                Err(_) => fs::remove_file(&part).map_err(unwritable)?,
            }
            written
        }
    }
}

/// Whether a file is the database, or one of the files beside it.
fn belongs_to(path: &Path, database: &Path) -> io::Result<bool> {
    let resolved = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = fs::canonicalize(folder.unwrap_or(Path::new(".")))?;
        Ok::<_, io::Error>(folder.join(path.file_name().unwrap_or_default()))
    };
    let ours = resolved(database)?;
    let path = resolved(path)?;
    Ok(path == ours || BESIDE.iter().any(|ending| beside(&ours, ending) == path))
}

fn write(files: Vec<RecordingFile>, raw: bool, out: impl Write) -> Result<Comparison, BoxError> {
    let mut out = BufWriter::new(out);
    let (mut first, mut playing) = (None, None);
    let redacted = !raw;
    for file in files {
        if playing.is_none() {
            out.write_all(Header { redacted, ..file.header.clone() }.line().as_bytes())?;
        }
        play(file, &mut playing, |step| {
            note(&mut first, step);
            out.write_all(step.line(redacted).as_bytes())
        })?;
    }
    out.flush()?;
    Ok(conclude(first, playing.as_ref()))
}

/// Decides all of a file again, and prints each step.
///
/// # Errors
/// When it cannot be read, or is damaged: the text is for the operator.
pub fn replay(options: &ReplayOptions) -> Result<Comparison, BoxError> {
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut first, mut playing) = (None, None);
    let named = |error| format!("{}: {error}", options.file.display());
    play(RecordingFile::open(&options.file).map_err(named)?, &mut playing, |step| {
        note(&mut first, step);
        if options.json {
            serde_json::to_writer(&mut out, step)?;
            writeln!(out)
        } else {
            tell(&mut out, step)
        }
    })?;
    out.flush()?;
    Ok(conclude(first, playing.as_ref()))
}

/// The files of a recording, at least one.
fn files(database: &Path) -> Result<Vec<RecordingFile>, BoxError> {
    let files = RecordingFiles::of(database).files()?;
    if files.is_empty() {
        return Err(format!(
            "{} has no recording. Start its server with --record: what comes then is recorded.",
            database.display()
        )
        .into());
    }
    Ok(files)
}

/// Plays a file after those that were played already.
fn play(
    mut file: RecordingFile,
    playing: &mut Option<Player>,
    mut each: impl FnMut(&ReplayStep) -> io::Result<()>,
) -> Result<(), BoxError> {
    let path = file.path.display().to_string();
    let player = playing.get_or_insert_with(|| Player::new(file.header.clone()));
    while let Some(line) = file.next_line().map_err(|error| format!("{path}: {error}"))? {
        match player.play(&line) {
            Ok(step) => each(&step)?,
            // The process ended while it wrote this line.
            Err(_) if !line.ends_with('\n') && line.len() <= MAX_LINE => break,
            Err(bad) => return Err(format!("{path}: {bad}").into()),
        }
    }
    Ok(())
}

fn note(first: &mut Option<(u64, Difference)>, step: &ReplayStep) {
    if let (None, Some(difference)) = (&first, &step.difference) {
        *first = Some((step.number, difference.clone()));
    }
}

/// Prints the result to standard error, apart from the file or the steps.
#[expect(clippy::print_stderr, reason = "a person reads it")]
fn conclude(first: Option<(u64, Difference)>, playing: Option<&Player>) -> Comparison {
    let chain = playing.map(|player| player.chain().to_string()).unwrap_or_default();
    let Some((step, difference)) = first else {
        eprintln!("hookdesk: every step decides as it was recorded; chain {chain}");
        return Comparison::Same;
    };
    eprintln!("hookdesk: step {step} differs: {difference}; chain {chain}");
    Comparison::Differs
}

fn tell(out: &mut impl Write, step: &ReplayStep) -> io::Result<()> {
    let at = step.now_ms.map(hookdesk_core::Millis::rfc3339).unwrap_or_default();
    let chain = step.chain.to_string();
    let chain = chain.get(..16).unwrap_or_default();
    writeln!(out, "{:>7}  {at:24}  {chain}  {}", step.number, step.input)?;
    if step.lost > 0 {
        writeln!(out, "         {} batches before it were not recorded", step.lost)?;
    }
    for decision in &step.decisions {
        tell_decision(out, decision)?;
    }
    if let Some(failure) = step.failure {
        writeln!(out, "         nothing: {failure}")?;
    }
    if let Some(difference) = &step.difference {
        writeln!(out, "         differs: {difference:?}")?;
    }
    Ok(())
}

fn tell_decision(out: &mut impl Write, decision: &StepDecision) -> io::Result<()> {
    let StepDecision {
        command,
        keyed: _,
        reply,
        about,
        status,
        events: _,
        requests,
        next_wake_ms: _,
    } = decision;
    let about = about.as_deref().unwrap_or_default();
    match status {
        Some(status) => writeln!(out, "         {command}: {status} {reply} {about}")?,
        None if requests.is_empty() && *command == "wake" => {}
        None => writeln!(out, "         {command}")?,
    }
    for sent in requests {
        let (event, webhook, attempt) = (&sent.event, sent.webhook, sent.attempt);
        writeln!(out, "           sends {event} to {webhook}, attempt {attempt}")?;
    }
    Ok(())
}
