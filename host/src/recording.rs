//! The recording of the desk's latest inputs: two files beside the database.
//!
//! When one is full, a new one replaces the older. Each begins with a desk that has read nothing,
//! so each can be replayed without the other. If recording fails, the desk goes on unrecorded.
//! Nothing is synced: the files survive the end of the process, however it ends, but not that of
//! the machine.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use hookdesk_core::incident::{Header, MAX_LINE, Recorded, Recorder};
use hookdesk_core::{Command, Committed, Desk, Millis, Moment, RunError, Store};

use crate::moment::{chance, clock};
use crate::store::sqlite::{beside, private};

/// Milliseconds until recording is tried again after it failed: a full disk stays full for a while,
/// and each new file has the desk read all rows anew.
const REST_MS: u64 = 60_000;
/// Bytes that are read to find a header, with room to spare.
const HEADER: u64 = 1_024;

/// The two files of a database's recording.
#[derive(Clone, Debug)]
pub struct RecordingFiles {
    database: PathBuf,
}

/// One of them, open after its header.
#[derive(Debug)]
pub struct RecordingFile {
    pub path: PathBuf,
    pub header: Header,
    pub lines: BufReader<File>,
}

impl RecordingFiles {
    #[must_use]
    pub fn of(database: &Path) -> Self {
        Self { database: database.to_owned() }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        beside(&self.database, ending)
    }

    fn paths(&self) -> [PathBuf; 2] {
        [self.beside(".record.1"), self.beside(".record.2")]
    }

    /// The existing files, the older one first. All are opened at once: their server may replace
    /// one at any time.
    ///
    /// # Errors
    /// When one cannot be read, or is no recording.
    pub fn files(&self) -> io::Result<Vec<RecordingFile>> {
        let mut files = Vec::new();
        for path in self.paths() {
            match RecordingFile::open(&path) {
                Ok(reel) => files.push(reel),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io::Error::other(format!("{}: {error}", path.display()))),
            }
        }
        files.sort_by_key(|reel| reel.header.number);
        Ok(files)
    }

    /// The file that was begun last, if it is a recording.
    fn newest(&self) -> Option<(PathBuf, Header)> {
        let files = self.paths().into_iter().filter_map(|path| RecordingFile::open(&path).ok());
        let newest = files.max_by_key(|reel| reel.header.number)?;
        Some((newest.path, newest.header))
    }
}

impl RecordingFile {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// When it cannot be read, or is no recording.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut lines = BufReader::new(File::open(path)?);
        let mut line = String::new();
        lines.by_ref().take(HEADER).read_line(&mut line)?;
        let header = Header::parse(&line).map_err(io::Error::other)?;
        Ok(Self { path: path.to_owned(), header, lines })
    }

    /// The next line with its line break, which a truncated line does not have; `None` at the end.
    ///
    /// # Errors
    /// When it cannot be read, or is not text.
    pub fn next_line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        self.lines.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        String::from_utf8(line).map(Some).map_err(io::Error::other)
    }
}

/// Records a desk's inputs.
#[derive(Debug)]
pub struct RecordingWriter {
    files: RecordingFiles,
    /// Bytes of one file at most.
    most: u64,
    writing: Option<Writing>,
    /// Whether the last attempt failed, so that a lasting fault is logged once.
    failing: bool,
    again_at: Millis,
    /// Batches that were not recorded since the last one that was.
    lost: u64,
    /// Whether this process has not written yet. Its first file may be an older one that has room:
    /// a server that restarts often keeps the inputs that led to it.
    fresh: bool,
}

#[derive(Debug)]
enum Writing {
    /// The first lines of a file, which are written with the first batch, or not at all.
    Begun(String),
    To {
        file: File,
        size: u64,
    },
}

impl RecordingWriter {
    /// Fewest bytes of both files: with less, the rows of a few webhooks are too much for a file.
    pub const MIN: u64 = 65_536;

    /// A writer of `bytes` in two files beside a database.
    #[must_use]
    pub fn new(database: &Path, bytes: u64) -> Self {
        Self {
            files: RecordingFiles::of(database),
            most: bytes / 2,
            writing: None,
            failing: false,
            again_at: Millis(0),
            lost: 0,
            fresh: true,
        }
    }

    /// [`Desk::run`], recorded while that is possible.
    ///
    /// # Errors
    /// Those of [`Desk::run`].
    pub fn run<S: Store>(
        &mut self,
        desk: &mut Desk<Recorder<S>>,
        batch: &[(Command, Moment)],
    ) -> Result<Vec<Committed>, RunError<S::Fault>> {
        let now = clock();
        if self.is_due(now) {
            self.writing = Some(Writing::Begun(desk.begin_recording(now, chance(), self.lost)));
        }
        let Recorded { ended, lines } = desk.run_recorded(batch);
        if self.writing.is_some() {
            let written = match lines {
                Some(lines) => self.write(&lines),
                None => Err(io::Error::other("a batch was longer than a line can be")),
            };
            match written {
                Ok(()) => {}
                Err(error) => {
                    self.fail(&error, now);
                    desk.end_recording();
                }
            }
        }
        if self.writing.is_none() {
            self.lost += 1;
        }
        ended
    }

    /// Whether a new file is to begin. Some room is left, so that the last batch still fits.
    fn is_due(&self, now: Millis) -> bool {
        match &self.writing {
            None => now >= self.again_at,
            Some(Writing::Begun(_)) => false,
            Some(Writing::To { size, .. }) => *size > self.full(),
        }
    }

    fn full(&self) -> u64 {
        self.most - (self.most / 8).min(256 << 10)
    }

    fn write(&mut self, lines: &str) -> io::Result<()> {
        match &mut self.writing {
            None => Ok(()),
            Some(Writing::To { file, size }) => {
                let length = lines.len() as u64;
                if *size + length > self.most {
                    // The next batch begins the next file.
                    self.writing = None;
                    return Ok(());
                }
                file.write_all(lines.as_bytes())?;
                *size += length;
                Ok(())
            }
            Some(Writing::Begun(first)) => {
                let begun = format!("{first}{lines}");
                let (file, size) = self.begin(&begun)?;
                if self.failing {
                    tracing::info!("recording resumed");
                }
                (self.writing, self.failing) = (Some(Writing::To { file, size }), false);
                (self.lost, self.fresh) = (0, false);
                Ok(())
            }
        }
    }

    /// Writes the first lines to a new file that replaces the older one, or appends them to a file
    /// of an earlier process.
    fn begin(&self, begun: &str) -> io::Result<(File, u64)> {
        let newest = self.files.newest();
        let number = newest.as_ref().map_or(0, |(_, newest)| newest.number).saturating_add(1);
        let header = Header::raw(number);
        if self.fresh
            && let Some((path, newest)) = &newest
            && newest.version == header.version
            && let Some(appended) = self.append(path, begun)?
        {
            return Ok(appended);
        }
        let text = header.line() + begun;
        if text.len() as u64 > self.most {
            return Err(io::Error::other("a batch is longer than half of --record-bytes"));
        }
        let [first, second] = self.files.paths();
        let is_newest = newest.is_some_and(|(path, _)| path == first);
        let place = if is_newest { second } else { first };
        // A process that reads the older file meanwhile keeps it open.
        let new = self.files.beside(".record.new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = private(&new)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&new, &place)?;
        Ok((file, text.len() as u64))
    }

    /// Appends after the last whole line, if there is room.
    fn append(&self, path: &Path, begun: &str) -> io::Result<Option<(File, u64)>> {
        let mut file = private(path)?;
        let size = whole_lines(&mut file)?;
        if size + begun.len() as u64 > self.full() {
            return Ok(None);
        }
        file.set_len(size)?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(begun.as_bytes())?;
        Ok(Some((file, size + begun.len() as u64)))
    }

    fn fail(&mut self, error: &io::Error, now: Millis) {
        if !self.failing {
            tracing::warn!("nothing is recorded for a while: {error}");
            self.failing = true;
        }
        self.writing = None;
        self.again_at = now.plus(REST_MS);
    }
}

/// Bytes of a file up to the end of its last whole line.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    const PART: u64 = 65_536;
    let mut end = file.metadata()?.len();
    let mut part = Vec::new();
    while end > 0 {
        let from = end.saturating_sub(PART);
        file.seek(SeekFrom::Start(from))?;
        part.clear();
        file.take(end - from).read_to_end(&mut part)?;
        if let Some(place) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(from + place as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}
