//! The runner of simulated worlds: one, or many on all cores, with failures minimised.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::thread;

#[cfg(feature = "host")]
use hookdesk::store::sqlite::Sqlite;
use hookdesk_core::{Memory, MemoryStore, Quotas};

use crate::plan::Plan;
use crate::world::{Situations, Trace, World};

/// Steps of a trace that are shown: what led to a violation is mostly near its end.
const SHOWN: usize = 40;

/// Over which stores a world runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stores {
    Memory,
    /// Memory and SQLite, where it is built in, each with facts kept and with facts dropped: all
    /// stories must be the same.
    All,
}

/// A world in which a rule was broken.
#[derive(Clone, Debug)]
pub struct Violation {
    pub plan: Plan,
    pub what: String,
    pub trace: Trace,
}

thread_local! {
    static IN_WORLD: Cell<bool> = const { Cell::new(false) };
    /// What the last panic in a world said.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What a person needs: the last steps, the rule, and the one line that makes the same world again.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, what, trace } = self;
        for step in &trace[trace.len().saturating_sub(SHOWN)..] {
            writeln!(f, "{step}")?;
        }
        let plan = serde_json::to_string(plan).map_err(|_| fmt::Error)?;
        write!(f, "broken: {what}\nreplay: make simulate PLAN='{plan}'")
    }
}

/// Runs one world.
///
/// # Errors
/// The rule that was broken, and the trace until then.
pub fn world(plan: &Plan, stores: Stores) -> Result<(Trace, Situations), Box<Violation>> {
    let mut situations = Situations::default();
    let kept = tell(plan, MemoryStore::default(), Memory::Kept, &mut situations)?;
    if stores == Stores::Memory {
        return Ok((kept, situations));
    }
    let mut again = Situations::default();
    #[cfg(feature = "host")]
    same(plan, &kept, &tell(plan, sqlite(), Memory::Kept, &mut again)?)?;
    let dropped = tell(plan, MemoryStore::default(), Memory::Dropped, &mut again)?;
    #[cfg(feature = "host")]
    same(plan, &dropped, &tell(plan, sqlite(), Memory::Dropped, &mut again)?)?;
    // Who keeps facts does not notice that the store answers nothing, until there is a change.
    // Who evicts lanes looks for them when they may be due, which can be in vain. Who leads no more
    // notices when it loads facts, or when it changes something.
    let evicts = plan.quotas.cached_lanes < Quotas::HOST.cached_lanes;
    if plan.odds.store_refuses == 0 && !evicts && plan.hosts == 1 {
        same(plan, &kept, &dropped)?;
    }
    Ok((kept, situations))
}

/// Runs one world over memory, and gives what each of its hosts was told.
#[must_use]
pub fn recorded(plan: &Plan, memory: Memory) -> Vec<String> {
    let (mut trace, mut situations) = (Trace::new(), Situations::default());
    World::new(plan, MemoryStore::default(), memory, &mut trace, &mut situations).record()
}

#[cfg(feature = "host")]
fn sqlite() -> Sqlite {
    Sqlite::in_memory().expect("SQLite makes a database in memory")
}

/// Whether two stores told the same trace of one world.
fn same(plan: &Plan, one: &Trace, other: &Trace) -> Result<(), Box<Violation>> {
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    if same == one.len().max(other.len()) {
        return Ok(());
    }
    let mut trace = one[..same].to_vec();
    trace.extend(one.get(same).map(|line| format!("one:     {line}")));
    trace.extend(other.get(same).map(|line| format!("another: {line}")));
    let what = "another store tells another trace".to_owned();
    Err(Box::new(Violation { plan: plan.clone(), what, trace }))
}

fn tell<S: crate::stores::Inspect>(
    plan: &Plan,
    store: S,
    memory: Memory,
    situations: &mut Situations,
) -> Result<Trace, Box<Violation>>
where
    S::Fault: std::fmt::Debug,
{
    let mut trace = Trace::new();
    let run = || World::new(plan, store, memory, &mut trace, situations).run();
    hush();
    IN_WORLD.set(true);
    let ran = panic::catch_unwind(AssertUnwindSafe(run));
    IN_WORLD.set(false);
    if ran.is_ok() {
        return Ok(trace);
    }
    Err(Box::new(Violation { plan: plan.clone(), what: PANIC.take(), trace }))
}

/// A smaller world in which a rule is broken too: fewer steps, hosts and faults, as few as `tries`
/// find.
#[must_use]
pub fn cut_down(violation: Box<Violation>, stores: Stores, mut tries: u32) -> Box<Violation> {
    let mut smallest = violation;
    'smaller: loop {
        for plan in smallest.plan.smaller() {
            if tries == 0 {
                return smallest;
            }
            tries -= 1;
            if let Err(violation) = world(&plan, stores) {
                smallest = violation;
                continue 'smaller;
            }
        }
        return smallest;
    }
}

/// What a run of many worlds came to.
#[derive(Debug, Default)]
pub struct Run {
    pub worlds: u64,
    pub violations: Vec<Box<Violation>>,
    pub situations: Situations,
}

/// Worlds from which on a run must have met every situation that there is.
const ENOUGH: u64 = 1_000;

impl Run {
    /// Situations that so many worlds must have met, and did not.
    #[must_use]
    pub fn never_met(&self) -> Vec<String> {
        if self.worlds < ENOUGH { Vec::new() } else { self.situations.missing() }
    }
}

/// Runs the worlds of `seeds` on all cores, until so many violations are found. `progress` hears of
/// each world that is done.
///
/// # Panics
/// When a thread cannot be started.
#[must_use]
pub fn many(
    seeds: Range<u64>,
    stores: Stores,
    most_violations: usize,
    progress: &(dyn Fn() + Sync),
) -> Run {
    let next = AtomicU64::new(seeds.start);
    let run = Mutex::new(Run::default());
    let work = || {
        let mut situations = Situations::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            let met = world(&Plan::of(seed), stores);
            progress();
            let mut run = run.lock().expect("no thread panics");
            run.worlds += 1;
            match met {
                Ok((_, met)) => situations.add(&met),
                Err(violation) => run.violations.push(violation),
            }
            if run.violations.len() >= most_violations {
                break;
            }
        }
        run.lock().expect("no thread panics").situations.add(&situations);
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    run.into_inner().expect("no thread panics")
}

/// Keeps the words of panics in worlds for [`world`], in place of printing them.
fn hush() {
    static HUSHED: Once = Once::new();
    HUSHED.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IN_WORLD.get() {
                return print(panic);
            }
            let place = panic.location().map(|at| format!(" ({}:{})", at.file(), at.line()));
            let what = panic.payload_as_str().unwrap_or("a panic without words");
            PANIC.set(format!("{what}{}", place.unwrap_or_default()));
        }));
    });
}
