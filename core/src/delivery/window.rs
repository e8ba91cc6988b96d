//! The window of requests in flight: congestion control by the answers of a receiver.

use crate::webhook::Webhook;

/// Requests that one process has in flight, at most: a thousand file descriptors, the usual
/// limit, leave three for each, and 256 bodies of the longest message are 16 MiB.
pub const PER_PROCESS: u32 = 256;

const _: () = assert!(*Webhook::WINDOWS.end() == PER_PROCESS);
const _: () = assert!(Webhook::MAX_IN_FLIGHT <= PER_PROCESS / 4);

/// Whether a webhook with `in_flight` requests may send another, with a window of `window` and
/// while the process could send `process_free` more. `share` counts the requests of all webhooks
/// that share with it: those of its partner, or its own alone.
///
/// A slot is taken only while fewer are in flight in the share than the process has free. So the
/// more one webhook or partner holds, the more it leaves: there is room for the first request of
/// another webhook until ten of the greediest hang at once.
#[must_use]
pub fn has_room(in_flight: u32, share: u32, window: u32, process_free: u32) -> bool {
    in_flight < window && share < process_free
}

/// Requests that one webhook may have in flight.
///
/// A round is as many answers as the window. One with trouble in it (a timeout, 429 or 503) halves
/// the window, once; one without doubles it up to half of its size at the last trouble, and from
/// there adds one, up to the webhook's own limit. (TCP's slow start and congestion avoidance, RFC
/// 5681 §3.1, at webhook size.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub size: u32,
    /// The size up to which it doubles: the slow-start threshold.
    pub steep_to: u32,
    /// Answers of this round so far.
    pub answers: u32,
    /// Whether this round had trouble.
    pub trouble: bool,
}

impl Window {
    /// A window of the webhook's limit.
    #[must_use]
    pub fn open(most: u32) -> Self {
        Self { size: most, steep_to: most, answers: 0, trouble: false }
    }

    /// Restarts with one request at a time, as the receiver is back from being down.
    pub fn restart(&mut self) {
        self.size = 1;
        self.answers = 0;
    }

    /// Records the end of a request; `trouble` if it is to narrow the window.
    pub fn answered(&mut self, trouble: bool, most: u32) {
        if trouble && !self.trouble {
            let half = (self.size / 2).max(1);
            *self = Self { size: half, steep_to: half, trouble: true, ..*self };
        }
        self.answers += 1;
        if self.answers < self.size {
            return;
        }
        if !self.trouble {
            let doubled = self.size.saturating_mul(2);
            let grown = if doubled <= self.steep_to { doubled } else { self.size + 1 };
            self.size = grown.min(most);
        }
        self.answers = 0;
        self.trouble = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_has_room_inside_its_window_and_while_the_process_has_more_free() {
        // in flight, of the share, window, free in the process, room
        const TABLE: [(u32, u32, u32, u32, bool); 11] = [
            (0, 0, 64, 256, true),
            (63, 63, 64, 256, true),
            (64, 64, 64, 256, false),
            (0, 0, 64, 1, true),
            (0, 0, 64, 0, false),
            (1, 1, 64, 1, false),
            (63, 63, 64, 64, true),
            (5, 5, 64, 5, false),
            (5, 200, 64, 201, true),
            (5, 200, 64, 200, false),
            (0, 128, 64, 128, false),
        ];
        for (in_flight, share, window, free, room) in TABLE {
            let has = has_room(in_flight, share, window, free);
            assert_eq!(has, room, "{in_flight} {share} {window} {free}");
        }
    }

    #[test]
    fn greedy_webhooks_never_take_the_last_place() {
        let mut held: Vec<u32> = Vec::new();
        while held.iter().sum::<u32>() < PER_PROCESS {
            assert!(held.len() < 100, "nobody takes what is left: {held:?}");
            held.push(0);
            for index in 0..held.len() {
                let has_room = |held: &[u32]| {
                    let free = PER_PROCESS - held.iter().sum::<u32>();
                    has_room(held[index], held[index], 64, free)
                };
                while has_room(&held) {
                    held[index] += 1;
                }
            }
        }
        assert!(held.len() >= 10, "ten that hang, and each got a place: {held:?}");
        assert!(held.iter().all(|places| *places > 0), "{held:?}");
    }

    /// The window after each round of good answers.
    fn rounds(window: &mut Window, most: u32, count: usize) -> Vec<u32> {
        let round = |_| {
            for _ in 0..window.size {
                window.answered(false, most);
            }
            window.size
        };
        (0..count).map(round).collect()
    }

    #[test]
    fn a_window_doubles_to_half_of_what_it_was_and_then_adds_one() {
        let mut window = Window::open(64);
        assert_eq!(rounds(&mut window, 64, 2), [64, 64]);
        window.answered(true, 64);
        assert_eq!(window.size, 32);
        window.answered(true, 64);
        assert_eq!(window.size, 32, "one trouble a round");
        window.restart();
        window.trouble = false;
        assert_eq!(rounds(&mut window, 64, 7), [2, 4, 8, 16, 32, 33, 34]);
    }

    #[test]
    fn a_window_is_never_closed_and_keeps_to_the_webhooks_limit() {
        let mut window = Window::open(4);
        for _ in 0..20 {
            window.answered(true, 4);
            assert!(window.size >= 1);
        }
        window.restart();
        assert_eq!(rounds(&mut window, 2, 4), [2, 2, 2, 2]);
    }
}
