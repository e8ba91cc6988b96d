use std::time::Duration;

use super::*;
use crate::engine::need::{Fact, Need};
use crate::engine::outcome::Changes;
use crate::engine::store::{Commit, Rows, Store};
use crate::model::log::Log;

const LEASE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Lost,
    Refused,
}

/// What becomes of a statement that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Holds,
    Refused,
    /// The connection is lost after it, or before.
    Done,
    Undone,
}

/// A database in which nothing but the desk row and a count of writes is kept.
#[derive(Debug)]
struct Fake {
    row: DeskRow,
    writes: u32,
    now: Duration,
    /// How long the answer to each statement takes.
    answers_after: Duration,
    /// What becomes of the next writes and takings, the last one first.
    ends: Vec<End>,
    /// Statements that fail from here on, as the database cannot be reached.
    unreachable: u32,
    /// The same from the next loss on.
    unreachable_then: u32,
    is_connected: bool,
    notes: Vec<&'static str>,
    pauses: u32,
}

impl Fake {
    fn new() -> Self {
        let row = DeskRow { schema: 2, term: 7, leader: None, lease: LEASE, rev: 40 };
        Self {
            row,
            writes: 0,
            now: Duration::from_secs(100),
            answers_after: Duration::ZERO,
            ends: Vec::new(),
            unreachable: 0,
            unreachable_then: 0,
            is_connected: false,
            notes: Vec::new(),
            pauses: 0,
        }
    }

    fn reach(&mut self, connects: bool) -> Result<(), Fault> {
        self.now += self.answers_after;
        let is_there = self.unreachable == 0 && (connects || self.is_connected);
        self.unreachable = self.unreachable.saturating_sub(1);
        self.is_connected = is_there;
        if is_there { Ok(()) } else { Err(Fault::Lost) }
    }

    fn end(&mut self, act: impl FnOnce(&mut Self)) -> Result<(), Fault> {
        let end = self.ends.pop().unwrap_or(End::Holds);
        if matches!(end, End::Holds | End::Done) {
            act(self);
        }
        match end {
            End::Holds => Ok(()),
            End::Refused => Err(Fault::Refused),
            End::Done | End::Undone => {
                self.is_connected = false;
                self.unreachable = std::mem::take(&mut self.unreachable_then);
                Err(Fault::Lost)
            }
        }
    }

    fn is_as_left(&self, hold: Hold<'_>) -> bool {
        (self.row.term, self.row.leader.as_deref(), self.row.rev)
            == (hold.term, Some(hold.leader), hold.rev)
    }
}

impl Database for Fake {
    type Fault = Fault;

    fn clock(&self) -> Duration {
        self.now
    }

    fn pause(&mut self, pause: Duration) {
        self.now += pause;
        self.pauses += 1;
    }

    fn read(&mut self) -> Result<DeskRow, Fault> {
        self.reach(true)?;
        Ok(self.row.clone())
    }

    fn take(&mut self, seen: &DeskRow, leader: &str, lease: Duration) -> Result<bool, Fault> {
        self.reach(true)?;
        if self.row != *seen {
            return Ok(false);
        }
        self.end(|fake| {
            fake.row.term += 1;
            fake.row.rev += 1;
            fake.row.lease = lease;
            fake.row.leader = Some(leader.to_owned());
        })?;
        Ok(true)
    }

    fn renew(&mut self, hold: Hold<'_>) -> Result<bool, Fault> {
        self.reach(false)?;
        let is_as_left = self.is_as_left(hold);
        self.row.rev += i64::from(is_as_left);
        Ok(is_as_left)
    }

    fn write(&mut self, hold: Hold<'_>, _: &Changes) -> Result<(), Fault> {
        self.reach(false)?;
        if !self.is_as_left(hold) {
            return Err(Fault::Refused);
        }
        self.end(|fake| {
            fake.row.rev += 1;
            fake.writes += 1;
        })
    }

    fn load_all(&mut self, needs: &[Need]) -> Result<Vec<Fact>, Fault> {
        self.reach(false)?;
        Ok(needs.iter().map(|_| Fact::Log(Log::default())).collect())
    }

    fn release(&mut self, hold: Hold<'_>) -> Result<(), Fault> {
        self.reach(false)?;
        if self.is_as_left(hold) {
            self.row.leader = None;
            self.row.rev += 1;
        }
        Ok(())
    }

    fn is_connected(&self) -> bool {
        self.is_connected
    }

    fn disconnect(&mut self) {
        self.is_connected = false;
    }

    fn is_current(&self, row: &DeskRow) -> bool {
        row.schema == 2
    }

    fn is_lost(fault: &Fault) -> bool {
        *fault == Fault::Lost
    }

    fn note(&mut self, note: Note<'_, Fault>) {
        self.notes.push(match note {
            Note::Connected { .. } => "connected",
            Note::Found(_) => "found",
            Note::Again(_) => "again",
            Note::Waits { .. } => "waits",
        });
    }
}

fn candidate() -> Candidate<Fake> {
    Candidate::new(Fake::new(), "me".to_owned(), LEASE).expect("it is there")
}

fn leader() -> Leader<Fake> {
    let mut candidate = candidate();
    assert_eq!(candidate.look(), Ok(Look::Taken));
    candidate.into_leader().expect("it has taken a term")
}

/// Another process takes the next term.
fn replace(fake: &mut Fake) {
    fake.row.term += 1;
    fake.row.rev += 1;
    fake.row.leader = Some("another".to_owned());
}

#[test]
fn a_commit_ends_as_it_came_out_at_the_database() {
    let unknown: Result<Commit, TermFault<Fault>> = Err(TermFault::Unknown(Fault::Lost));
    let refused = Err(TermFault::Database(Fault::Refused));
    let cases: [(&[End], _, u32, &[&str]); 7] = [
        (&[End::Holds], Ok(Commit::Done), 1, &[]),
        (&[End::Refused], refused.clone(), 0, &[]),
        (&[End::Done], Ok(Commit::Done), 1, &["found"]),
        (&[End::Undone], Ok(Commit::Done), 1, &["again"]),
        // The second end is that of the next term's taking, the third that of the second commit.
        (&[End::Undone, End::Holds, End::Refused], refused, 0, &["again"]),
        (&[End::Undone, End::Holds, End::Undone], unknown, 0, &["again"]),
        // A term that is taken without an answer is no commit.
        (&[End::Undone, End::Done, End::Holds], Ok(Commit::Done), 1, &["again"]),
    ];
    for (ends, expected, writes, notes) in cases {
        let mut leader = leader();
        leader.database_mut().ends = ends.iter().rev().copied().collect();
        assert_eq!(leader.commit(&Changes::default()), expected, "{ends:?}");
        assert_eq!(leader.database().writes, writes, "{ends:?}");
        assert_eq!(leader.database().notes, notes, "{ends:?}");
        // It goes on, whatever came of that.
        assert_eq!(leader.probe(), Ok(()), "{ends:?}");
        assert_eq!(leader.commit(&Changes::default()), Ok(Commit::Done), "{ends:?}");
    }
}

#[test]
fn what_came_of_a_commit_is_looked_for_for_ten_seconds() {
    let unknown = Err(TermFault::Unknown(Fault::Lost));
    for (looks_in_vain, expected) in [(50, Ok(Commit::Done)), (51, unknown)] {
        let mut leader = leader();
        let began = leader.database().now;
        leader.database_mut().ends = vec![End::Done];
        leader.database_mut().unreachable_then = looks_in_vain;
        assert_eq!(leader.commit(&Changes::default()), expected, "{looks_in_vain}");
        assert_eq!(leader.database().now, began + Duration::from_secs(10));
        // Later it is found that the desk goes on.
        assert_eq!(leader.probe(), Ok(()));
        assert_eq!(leader.commit(&Changes::default()), Ok(Commit::Done));
    }
}

#[test]
fn a_database_that_answers_slowly_is_asked_no_longer() {
    let mut leader = leader();
    leader.database_mut().ends = vec![End::Done];
    leader.database_mut().unreachable_then = u32::MAX;
    leader.database_mut().answers_after = Duration::from_secs(4);
    let began = leader.database().now;
    assert_eq!(leader.commit(&Changes::default()), Err(TermFault::Unknown(Fault::Lost)));
    // The commit itself, and three looks.
    assert_eq!(leader.database().now, began + Duration::from_millis(4 * 4_000 + 2 * 200));
}

#[test]
fn a_leader_that_was_replaced_changes_and_proves_nothing() {
    let deposed = TermFault::Deposed { is_unknown: false };
    let replaced = || {
        let mut leader = leader();
        replace(leader.database_mut());
        leader
    };
    let commit = replaced().commit(&Changes::default());
    assert_eq!(commit, Err(TermFault::Deposed { is_unknown: true }));
    assert_eq!(replaced().attest(), Err(deposed.clone()));
    assert_eq!(replaced().probe(), Err(deposed.clone()));
    let mut leader = replaced();
    leader.database_mut().now += LEASE / 5;
    assert_eq!(leader.renew(), Err(deposed.clone()));
    let mut leader = replaced();
    leader.database_mut().is_connected = false;
    assert_eq!(leader.load(&Need::Log), Err(deposed));
    let mut leader = replaced();
    let row = leader.database().row.clone();
    leader.release().expect("the database answers");
    assert_eq!(leader.database().row, row);
    assert_eq!(leader.database().writes, 0);
}

#[test]
fn a_fault_says_whether_something_may_have_been_done_and_whether_another_leads() {
    let cases = [
        (TermFault::Database(Fault::Lost), false, false),
        (TermFault::Unknown(Fault::Lost), true, false),
        (TermFault::Deposed { is_unknown: true }, true, true),
        (TermFault::Deposed { is_unknown: false }, false, true),
    ];
    for (fault, is_unknown, is_deposed) in cases {
        let told = (fault.leaves_fate_unknown(), fault.is_deposed());
        assert_eq!(told, (is_unknown, is_deposed), "{fault:?}");
    }
}

#[test]
fn a_lease_lasts_from_before_a_commit_was_sent() {
    let mut leader = leader();
    let slow = Duration::from_secs(3);
    leader.database_mut().answers_after = slow;
    let began = leader.database().now;
    assert_eq!(leader.commit(&Changes::default()), Ok(Commit::Done));
    assert_eq!(leader.lease_end(), began + LEASE);
    assert_eq!(leader.attest(), Ok(()));
    assert_eq!(leader.lease_end(), began + slow + LEASE);
    // What fails extends nothing, and the next term has a lease of its own.
    leader.database_mut().ends = vec![End::Holds, End::Undone];
    let (term, began) = (leader.term(), leader.database().now);
    assert_eq!(leader.commit(&Changes::default()), Ok(Commit::Done));
    assert_eq!(leader.term(), term + 1);
    // The write, and the row that was read; the term that was taken; the write again.
    assert_eq!(leader.lease_end(), began + 3 * slow + LEASE);
}

#[test]
fn a_lease_is_renewed_after_a_fifth_of_it() {
    let mut leader = leader();
    let rev = leader.database().row.rev;
    assert_eq!(leader.renewal(), LEASE / 5);
    leader.database_mut().now += Duration::from_millis(999);
    assert_eq!(leader.renew(), Ok(()));
    assert_eq!((leader.renewal(), leader.database().row.rev), (Duration::from_millis(1), rev));
    leader.database_mut().now += Duration::from_millis(1);
    assert_eq!(leader.renew(), Ok(()));
    assert_eq!((leader.renewal(), leader.database().row.rev), (LEASE / 5, rev + 1));
    leader.database_mut().now += Duration::from_millis(10);
    assert_eq!(leader.commit(&Changes::default()), Ok(Commit::Done));
    assert_eq!(leader.renewal(), LEASE / 5);
}

#[test]
fn rows_are_loaded_over_the_next_term_where_the_connection_is_lost() {
    let mut leader = leader();
    let term = leader.term();
    leader.database_mut().is_connected = false;
    assert_eq!(leader.load(&Need::Log), Ok(Fact::Log(Log::default())));
    assert_eq!((leader.term(), leader.database().notes.clone()), (term + 1, vec!["connected"]));
    // One that has no connection connects before it commits.
    leader.database_mut().is_connected = false;
    assert_eq!(leader.commit(&Changes::default()), Ok(Commit::Done));
    assert_eq!((leader.term(), leader.database().writes), (term + 2, 1));
    leader.database_mut().unreachable = 2;
    assert_eq!(leader.load(&Need::Log), Err(TermFault::Database(Fault::Lost)));
    assert!(!leader.database().is_connected);
}

#[test]
fn a_leader_that_lets_go_is_followed_at_once() {
    let mut leader = leader();
    leader.release().expect("the database answers");
    let row = leader.database().row.clone();
    assert_eq!((row.leader, row.term, row.rev), (None, 8, 42));
}

#[test]
fn a_candidate_takes_the_place_of_one_that_commits_nothing_for_its_lease_and_a_fifth() {
    let lease = Duration::from_secs(10);
    let mut candidate = candidate();
    replace(candidate.database_mut());
    candidate.database_mut().row.lease = lease;
    assert_eq!(candidate.look(), Ok(Look::Led));
    assert_eq!((candidate.leader(), candidate.interval()), (Some("another"), lease / 5));
    // As long as it commits, it leads.
    candidate.database_mut().now += 2 * lease;
    candidate.database_mut().row.rev += 1;
    assert_eq!(candidate.look(), Ok(Look::Led));
    candidate.database_mut().now += Duration::from_millis(11_999);
    assert_eq!(candidate.look(), Ok(Look::Led));
    candidate.database_mut().now += Duration::from_millis(1);
    assert_eq!(candidate.look(), Ok(Look::Taken));
    let leader = candidate.into_leader().expect("it has taken a term");
    let row = leader.database().row.clone();
    let expected =
        DeskRow { schema: 2, term: 9, leader: Some("me".to_owned()), lease: LEASE, rev: 43 };
    assert_eq!(row, expected);
    assert_eq!(leader.renewal(), LEASE / 5);
}

#[test]
fn a_candidate_that_saw_nobody_commit_knows_no_leader() {
    let mut fake = Fake::new();
    replace(&mut fake);
    let mut candidate = Candidate::new(fake, "me".to_owned(), LEASE).expect("it is there");
    assert_eq!(candidate.look(), Ok(Look::Silent));
    assert_eq!((candidate.leader(), candidate.interval()), (None, LEASE / 5));
    candidate.database_mut().row.rev += 1;
    assert_eq!(candidate.look(), Ok(Look::Led));
    assert_eq!(candidate.leader(), Some("another"));
    // Hosts of an older version are not spoken to.
    candidate.database_mut().row.schema = 1;
    assert_eq!(candidate.look(), Ok(Look::Silent));
    assert_eq!(candidate.leader(), None);
    assert!(candidate.into_leader().is_err());
}

#[test]
fn a_database_that_does_not_answer_is_no_sign_that_nobody_leads() {
    let mut candidate = candidate();
    replace(candidate.database_mut());
    assert_eq!(candidate.look(), Ok(Look::Led));
    candidate.database_mut().now += Duration::from_millis(5_999);
    candidate.database_mut().unreachable = 1;
    assert_eq!(candidate.look(), Err(Fault::Lost));
    assert_eq!(candidate.leader(), None);
    candidate.database_mut().now += Duration::from_millis(5_999);
    assert_eq!(candidate.look(), Ok(Look::Silent));
    candidate.database_mut().now += Duration::from_millis(1);
    assert_eq!(candidate.look(), Ok(Look::Taken));
}

#[test]
fn what_a_slow_answer_shows_may_be_as_old_as_the_question() {
    let mut candidate = candidate();
    replace(candidate.database_mut());
    assert_eq!(candidate.look(), Ok(Look::Led));
    candidate.database_mut().now += Duration::from_secs(5);
    candidate.database_mut().answers_after = Duration::from_secs(2);
    assert_eq!(candidate.look(), Ok(Look::Led));
    assert_eq!(candidate.look(), Ok(Look::Taken));
}

#[test]
fn a_candidate_that_joins_waits_until_it_knows_who_leads() {
    let mut fake = Fake::new();
    replace(&mut fake);
    let mut waiting = Candidate::new(fake, "me".to_owned(), LEASE).expect("it is there");
    let began = waiting.database().now;
    assert_eq!(waiting.join(), Ok(Look::Taken));
    assert_eq!(waiting.database().now, began + LEASE + LEASE / 5);
    assert_eq!((waiting.database().notes.clone(), waiting.database().pauses), (vec!["waits"], 30));
    let mut first = candidate();
    assert_eq!(first.join(), Ok(Look::Taken));
    assert_eq!((first.database().notes.len(), first.database().pauses), (0, 0));
}
