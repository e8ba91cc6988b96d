//! `make breaks`: one rule after another is broken in a copy of the sources, as
//! `tests/data/breaks.txt` says, and judged by the core's tests and by simulated worlds apart. What
//! neither notices is not proved.

#![expect(clippy::print_stdout, reason = "a person reads it")]

use std::error::Error;
use std::fs;
use std::iter::Sum;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};
use std::thread;

use clap::Parser;

const BREAKS: &str = include_str!("../../data/breaks.txt");
/// Worlds in which each broken rule is judged.
const WORLDS: u64 = 3_000;
/// Worlds that break, after which it is clear that a rule is held.
const ENOUGH: u64 = 20;
/// Worlds within which a broken rule should show first.
const SOON: u64 = 2_000;
/// A rule whose break shows in fewer of them is held by luck.
const WEAK: u64 = 10;

const _: () = assert!(WEAK < ENOUGH);
/// Of all breaks that change something, in hundredths: those that worlds must notice soon.
const MIN_BY_WORLDS: usize = 95;
/// As mutants are: what counts is the time that it takes to build.
const PROFILE: &str = "mutants";
/// Rules at a time, each in a copy of its own: building one mostly keeps a single core busy.
const JOBS: usize = 2;
/// Seconds after which tests or worlds that do not end have noticed: three thousand worlds without a
/// fault take five minutes on a slow machine, two at a time.
const MAX_S: &str = "1200";
/// What `timeout` ends with when the time was over.
const TIMED_OUT: i32 = 124;

type Done<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Breaks one rule after another, and sees that tests or simulated worlds notice.
#[derive(Parser)]
#[command(name = "breaks")]
struct Options {
    /// Only those whose names begin so.
    #[arg(long, default_value = "")]
    only: String,
    /// Shows what would be broken, and breaks nothing.
    #[arg(long)]
    list: bool,
}

/// A rule, and how to break it.
struct Break {
    /// A short name, and what is broken.
    name: &'static str,
    /// Whether nobody can notice.
    is_vain: bool,
    file: &'static str,
    was: String,
    becomes: String,
}

/// Who noticed a broken rule.
struct Judged {
    /// Failed tests of the core; `None` if they did not end.
    tests: Option<u64>,
    /// `None` if they did not end.
    worlds: Option<Worlds>,
}

/// Worlds that broke, of so many, and the first one's seed.
struct Worlds {
    broken: u64,
    of: u64,
    first: Option<u64>,
}

impl Judged {
    fn by_tests(&self) -> bool {
        self.tests != Some(0)
    }

    fn by_worlds(&self) -> bool {
        let is_soon = |worlds: &Worlds| worlds.first.is_some_and(|seed| seed < SOON);
        self.worlds.as_ref().is_none_or(is_soon)
    }

    fn is_weak(&self) -> bool {
        self.worlds.as_ref().is_some_and(|worlds| (1..WEAK).contains(&worlds.broken))
    }
}

/// How many rules were judged, and how.
#[derive(Default)]
struct Tally {
    judged: usize,
    by_worlds: usize,
    unnoticed: usize,
    weak: usize,
}

impl Tally {
    fn add(&mut self, broken: &Break, by: &Judged) {
        if broken.is_vain {
            return;
        }
        self.judged += 1;
        self.by_worlds += usize::from(by.by_worlds());
        self.unnoticed += usize::from(!by.by_tests() && !by.by_worlds());
        self.weak += usize::from(by.by_worlds() && by.is_weak());
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |a, b| Self {
            judged: a.judged + b.judged,
            by_worlds: a.by_worlds + b.by_worlds,
            unnoticed: a.unnoticed + b.unnoticed,
            weak: a.weak + b.weak,
        })
    }
}

fn main() -> Done<ExitCode> {
    let Options { only, list } = Options::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
    let breaks = read();
    // One that the code has left behind is told at once, whichever are asked for.
    for broken in &breaks {
        broken.text(root)?;
    }
    let asked = || breaks.iter().filter(|broken| broken.name.starts_with(&only));
    if list {
        asked().for_each(|broken| println!("{} | {}", broken.name, broken.file));
        println!("breaks {}", asked().count());
        return Ok(ExitCode::SUCCESS);
    }
    let rest = Mutex::new(asked());
    let next = || rest.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = |job: usize| -> Done<Tally> {
        let tree = root.join(format!("target/breaks/{job}/tree"));
        let mut tally = Tally::default();
        copy(root, &tree)?;
        prepare(&tree)?;
        while let Some(broken) = next() {
            copy(root, &tree)?;
            fs::write(tree.join(broken.file), broken.text(&tree)?)?;
            let by = judge(&tree)?;
            println!("{} | {}", broken.name, tell(&by));
            tally.add(broken, &by);
        }
        Ok(tally)
    };
    let tallies: Done<Vec<Tally>> = thread::scope(|scope| {
        let jobs: Vec<_> = (0..JOBS).map(|job| scope.spawn(move || work(job))).collect();
        jobs.into_iter().map(|job| job.join().map_err(|_| "a job broke down")?).collect()
    });
    let Tally { judged, by_worlds, unnoticed, weak } = tallies?.into_iter().sum();
    println!("breaks {judged}, by worlds {by_worlds}, weakly {weak}, by nobody {unnoticed}");
    let is_enough = 100 * by_worlds >= MIN_BY_WORLDS * judged;
    let all_well = judged > 0 && unnoticed == 0 && (is_enough || !only.is_empty());
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The breaks of the list.
fn read() -> Vec<Break> {
    let blocks = BREAKS
        .split("\n\n")
        .map(|block| block.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>());
    let blocks = blocks.filter(|lines| lines.len() > 2);
    let marked = |lines: &[&str], mark| {
        let marked = lines[2..].iter().filter_map(|line| line.strip_prefix(mark));
        marked.collect::<Vec<_>>().join("\n")
    };
    let breaks = blocks.map(|lines| Break {
        name: lines[0],
        is_vain: lines[0].split(':').next().is_some_and(|name| name.ends_with('=')),
        file: lines[1],
        was: marked(&lines, '-'),
        becomes: marked(&lines, '+'),
    });
    breaks.collect()
}

impl Break {
    /// The text of its file, broken.
    fn text(&self, tree: &Path) -> Done<String> {
        let text = fs::read_to_string(tree.join(self.file))?;
        if text.matches(&self.was).count() != 1 {
            return Err(format!("{}: {:?} is not there once", self.file, self.was).into());
        }
        Ok(text.replace(&self.was, &self.becomes))
    }
}

fn tell(by: &Judged) -> String {
    let tests = match by.tests {
        None => "tests do not end".to_owned(),
        Some(0) => "no test".to_owned(),
        Some(failed) => format!("{failed} tests"),
    };
    let worlds = match &by.worlds {
        None => "worlds do not end".to_owned(),
        Some(Worlds { broken, of, first: Some(first) }) => {
            format!("{broken} of {of} worlds, first {first}")
        }
        Some(_) => "no world".to_owned(),
    };
    let judgement = match (by.by_tests(), by.by_worlds()) {
        (false, false) => " | NOT NOTICED",
        (true, false) => " | not by worlds",
        (_, true) if by.is_weak() => " | weak",
        (_, true) => "",
    };
    format!("{tests} | {worlds}{judgement}")
}

/// The sources as they are in the working tree.
fn copy(root: &Path, tree: &Path) -> Done<()> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output()?;
    for name in String::from_utf8(listed.stdout)?.split_terminator('\0') {
        let (from, to): (PathBuf, PathBuf) = (root.join(name), tree.join(name));
        let text = fs::read(&from)?;
        // A file that is as it was keeps its time, and is not built again.
        if fs::read(&to).is_ok_and(|known| known == text) {
            continue;
        }
        fs::create_dir_all(to.parent().ok_or("no folder")?)?;
        fs::write(to, text)?;
    }
    Ok(())
}

/// The core's own tests, and the simulator, as arguments of cargo.
const TESTS: [&str; 9] = [
    "test",
    "--profile",
    PROFILE,
    "--locked",
    "--package",
    "hookdesk-core",
    "--quiet",
    "--lib",
    "--no-default-features",
];
const SIMULATOR: [&str; 7] = [
    "--locked",
    "--quiet",
    "--no-default-features",
    "--package",
    "hookdesk-tests",
    "--bin",
    "simulate",
];

/// Builds what judges, with nothing broken and without a limit: what a break costs is then what it
/// changes.
fn prepare(tree: &Path) -> Done<()> {
    for arguments in [[&TESTS[..], &["--no-run"]].concat(), [&["build"], &SIMULATOR[..]].concat()] {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(&arguments).current_dir(tree);
        let built = cargo.env("CARGO_TARGET_DIR", tree.with_file_name("target")).output()?;
        if !built.status.success() {
            let said = String::from_utf8_lossy(&built.stderr);
            return Err(format!("what judges cannot be built:\n{said}").into());
        }
    }
    Ok(())
}

fn judge(tree: &Path) -> Done<Judged> {
    let tests = cargo(tree, &[&TESTS[..], &["--no-fail-fast"]].concat())?;
    let failed = |said: &str| number(said, "passed; ", " failed");
    let tests = match tests {
        None => None,
        Some(said) => Some(failed(&said).ok_or_else(|| format!("no tests ran:\n{said}"))?),
    };
    let worlds = match simulate(tree, "memory")? {
        // What is wrong only without facts in memory shows where stores are compared.
        Some(Worlds { broken: 0, .. }) => simulate(tree, "all")?,
        met => met,
    };
    Ok(Judged { tests, worlds })
}

/// What so many worlds come to; `None` if they do not end.
fn simulate(tree: &Path, stores: &str) -> Done<Option<Worlds>> {
    let (most, worlds) = (ENOUGH.to_string(), WORLDS.to_string());
    let options = ["--violations", &most, "--tries", "0", "--seeds", &worlds, "--stores", stores];
    let simulate = [&["run"], &SIMULATOR[..], &["--"], &options].concat();
    let Some(said) = cargo(tree, &simulate)? else { return Ok(None) };
    // Its last line: a simulator that did not come to its end has not judged.
    let last = said.lines().last().unwrap_or_default();
    let (of, broken) = (number(last, "worlds ", " violations"), number(last, " violations ", "\n"));
    let (broken, of) = broken.zip(of).ok_or_else(|| format!("the worlds did not run:\n{said}"))?;
    let first = said.lines().filter_map(|line| number(line, "seed ", ":")).min();
    Ok(Some(Worlds { broken, of, first }))
}

/// The number between two texts.
fn number(said: &str, before: &str, after: &str) -> Option<u64> {
    let (_, rest) = said.split_once(before)?;
    rest.split(after).next()?.trim().parse().ok()
}

/// What cargo said; `None` if it did not end in time.
fn cargo(tree: &Path, arguments: &[&str]) -> Done<Option<String>> {
    let mut cargo = Command::new("timeout");
    cargo.args([MAX_S, env!("CARGO")]).args(arguments).current_dir(tree);
    let output = cargo.env("CARGO_TARGET_DIR", tree.with_file_name("target")).output()?;
    if output.status.code() == Some(TIMED_OUT) {
        return Ok(None);
    }
    let said = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    Ok(Some(String::from_utf8_lossy(&said).into_owned()))
}
