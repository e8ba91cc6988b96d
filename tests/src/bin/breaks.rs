//! `make breaks`: mutation of one rule after another in a copy of the sources, each of which a
//! named world or a random one must notice. What is not noticed is not proved.

#![expect(clippy::print_stdout, reason = "a person reads it")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

/// A rule, and how to break it.
struct Break {
    name: &'static str,
    file: &'static str,
    was: &'static str,
    becomes: &'static str,
}

const DELIVERIES: &str = "core/src/engine/decide/deliveries.rs";
const REPORTS: &str = "core/src/engine/decide/attempt_results.rs";
const ELIGIBLE: &str = "core/src/engine/decide/eligible.rs";
const TURNS: &str = "core/src/engine/decide/turns.rs";
const DECISION: &str = "core/src/engine/decision/webhooks.rs";

/// The first seven have the names that they have in the executable model of the rules.
const BREAKS: [Break; 21] = [
    Break {
        name: "takeover: what a dead host had in flight is forgotten",
        file: DECISION,
        was: "let lost = reader.sending.clone();",
        becomes: "reader.sending.clear();\n            let lost: Vec<Slot> = Vec::new();",
    },
    Break {
        name: "behind: events queued behind one in flight are forgotten",
        file: DELIVERIES,
        was: "slot.last_queued = Some(event.seq);",
        becomes: "slot.last_queued = slot.last_queued.take();",
    },
    Break {
        name: "poison: only heads are probed",
        file: DELIVERIES,
        was: "let unread_first = down.probes % 2 == 1 || due_lane(decision, webhook)?.is_none();",
        becomes: "let unread_first = false;",
    },
    Break {
        name: "narrow: one ordering key takes a receiver down",
        file: "core/src/delivery/health.rs",
        was: "pub const WIDE: usize = 3;",
        becomes: "pub const WIDE: usize = 1;",
    },
    Break {
        name: "probe-ladder: a failed probe takes a step",
        file: REPORTS,
        was: "let (wait_ms, step, why) = if slot.probe {",
        becomes: "let (wait_ms, step, why) = if slot.probe && slot.seq.0 == 0 {",
    },
    Break {
        name: "paused: a paused webhook's next event takes the free place",
        file: TURNS,
        was: "if stays && decision.may_send_now(webhook)? && decision.has_room(webhook)? {",
        becomes: "if stays && decision.has_room(webhook)? {",
    },
    Break {
        name: "silence: failures are counted over any silence",
        file: REPORTS,
        was: "reader.health.rest();",
        becomes: "let _ = reader;",
    },
    Break {
        name: "order: an event is sent while its ordering key waits",
        file: DELIVERIES,
        was: "} else if let Some(lane) = lane {",
        becomes: "} else if let Some(lane) = lane.filter(|lane| lane.number == 0) {",
    },
    Break {
        name: "revisions: a store takes a reader that somebody else changed",
        file: "core/src/memory.rs",
        was: "&& are_as_expected(&self.readers, &changes.readers, |reader| reader.rev)",
        becomes: "",
    },
    Break {
        name: "pause: changed settings do not reach who sends",
        file: DECISION,
        was: "        self.reader_mut(webhook.id)?;\n        Ok(webhook)",
        becomes: "        Ok(webhook)",
    },
    Break {
        name: "window: one more than the window is in flight",
        file: "core/src/delivery/window.rs",
        was: "in_flight < window && in_flight < process_free",
        becomes: "in_flight <= window && in_flight < process_free",
    },
    Break {
        name: "lost: a request without an end keeps its place for ever",
        file: DELIVERIES,
        was: "slot.lost_at(webhook.timeout_ms) <= now;",
        becomes: "slot.lost_at(webhook.timeout_ms) <= Millis(0);",
    },
    Break {
        name: "early: a host takes over what another still sends",
        file: DECISION,
        was: "claimable_at.is_none_or(|at| at <= self.now())",
        becomes: "claimable_at.is_none_or(|at| at <= self.now().plus(40_000))",
    },
    Break {
        name: "once: what a call was answered is not kept",
        file: "core/src/engine/desk.rs",
        was: "outcome.changes.idempotency_records.insert(call.key, put);",
        becomes: "let _ = (put, &mut outcome.changes);",
    },
    Break {
        name: "overlap: a former secret signs no more",
        file: "core/src/webhook/secrets.rs",
        was: "self.ends_at.is_none_or(|at| at > now)",
        becomes: "self.ends_at.is_none_or(|at| at > now.plus(u64::MAX / 2))",
    },
    Break {
        name: "ended: an ended secret goes on signing",
        file: "core/src/webhook/secrets.rs",
        was: "self.ends_at.is_none_or(|at| at > now)",
        becomes: "self.ends_at.is_none_or(|at| at.plus(60_000) > now)",
    },
    Break {
        name: "owed: a replay takes what is owed",
        file: ELIGIBLE,
        was: "is_owed(decision, webhook, event)? || is_resent(decision, webhook.id, event.seq)?;",
        becomes: "is_resent(decision, webhook.id, event.seq)?;",
    },
    Break {
        name: "again: a replay takes what is resent",
        file: ELIGIBLE,
        was: "is_owed(decision, webhook, event)? || is_resent(decision, webhook.id, event.seq)?;",
        becomes: "is_owed(decision, webhook, event)?;",
    },
    Break {
        name: "stopped: lanes of a stopped replay stay",
        file: "core/src/memory.rs",
        was: "ordering_key.is_replay() && changes.stopped.contains(webhook);",
        becomes: "ordering_key.is_replay() && changes.cleared.contains(webhook);",
    },
    Break {
        name: "floor: what is let go is not put on record",
        file: "core/src/engine/decide/retention.rs",
        was: "reader.owed.add(event.id);\n                reader.expire(event.id);",
        becomes: "reader.owed.add(event.id);",
    },
    Break {
        name: "digest: what is not wanted after all stays counted",
        file: TURNS,
        was: "decision.reader_mut(webhook)?.owed.remove(event.id);",
        becomes: "let _ = (&mut *decision, event);",
    },
];

/// Random worlds in which a broken rule must show.
const SEEDS: &str = "2000";
/// Smaller worlds that are tried then.
const TRIES: &str = "60";

type Done<T> = Result<T, Box<dyn Error>>;

fn main() -> Done<ExitCode> {
    let only = std::env::args().nth(1).unwrap_or_default();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
    let tree = root.join("target/breaks/tree");
    let (mut tried, mut caught) = (0, 0);
    for broken in BREAKS.iter().filter(|broken| broken.name.starts_with(&only)) {
        copy(root, &tree)?;
        let file = tree.join(broken.file);
        let text = fs::read_to_string(&file)?;
        if text.matches(broken.was).count() != 1 {
            return Err(format!("{}: {:?} is not there once", broken.file, broken.was).into());
        }
        fs::write(&file, text.replace(broken.was, broken.becomes))?;
        let by = judge(&tree)?;
        println!("{} | {}", broken.name, by.as_deref().unwrap_or("NOT NOTICED"));
        tried += 1;
        caught += u32::from(by.is_some());
    }
    println!("breaks {tried} noticed {caught}");
    Ok(if tried == caught { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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

/// Who notices, if anybody does.
fn judge(tree: &Path) -> Done<Option<String>> {
    let named = cargo(tree, &["test", "--quiet", "--package", "hookdesk-core", "--lib", "named"])?;
    let told = String::from_utf8_lossy(&named.stdout).into_owned();
    if !named.status.success() {
        let failed = told.lines().find_map(|line| line.strip_prefix("---- "));
        let world = failed.and_then(|line| line.split(' ').next());
        return world.map(|world| Some(world.to_owned())).ok_or_else(|| {
            format!("it does not build:\n{}", String::from_utf8_lossy(&named.stderr)).into()
        });
    }
    let run = ["run", "--release", "--quiet", "--no-default-features"];
    let run = [&run[..], &["--package", "hookdesk-tests", "--bin", "simulate"]].concat();
    let run = [&run[..], &["--", "--violations", "1", "--tries", TRIES, "--seeds", SEEDS]].concat();
    let random = cargo(tree, &run)?;
    let told = String::from_utf8_lossy(&random.stdout).into_owned();
    let line = |start| told.lines().find(|line: &&str| line.starts_with(start));
    if line("worlds ").is_none() && line("seed ").is_none() {
        let why = String::from_utf8_lossy(&random.stderr);
        return Err(format!("the simulator did not run:\n{why}").into());
    }
    let seed = line("seed ").map(|line| line.chars().take(160).collect::<String>());
    Ok(seed.map(|seed| format!("{seed}\n    {}", line("replay:").unwrap_or_default())))
}

fn cargo(tree: &Path, arguments: &[&str]) -> Done<Output> {
    let target = tree.with_file_name("target");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).current_dir(tree).env("CARGO_TARGET_DIR", target);
    Ok(cargo.output()?)
}
