//! How much may be in flight at once.

/// Requests that one process has in flight at the most: a thousand file descriptors, the usual
/// limit, leave three for each, and 256 bodies of the longest message are 16 MiB.
pub const PER_PROCESS: u32 = 256;

/// Whether a webhook with `in_flight` requests may send another, with a window of `window` and
/// while the process could send `process_free` more.
///
/// A webhook takes a place only while it has fewer in flight than the process has free. So the more
/// one webhook holds, the more it leaves: however many receivers hang, there is always room for one
/// more webhook's first request.
#[must_use]
pub fn has_room(in_flight: u32, window: u32, process_free: u32) -> bool {
    in_flight < window && in_flight < process_free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_has_room_inside_its_window_and_while_the_process_has_more_free() {
        // in flight, window, free in the process, room
        const TABLE: [(u32, u32, u32, bool); 8] = [
            (0, 64, 256, true),
            (63, 64, 256, true),
            (64, 64, 256, false),
            (0, 64, 1, true),
            (0, 64, 0, false),
            (1, 64, 1, false),
            (63, 64, 64, true),
            (5, 64, 5, false),
        ];
        for (in_flight, window, free, room) in TABLE {
            assert_eq!(has_room(in_flight, window, free), room, "{in_flight} {window} {free}");
        }
    }

    #[test]
    fn greedy_webhooks_never_take_the_last_place() {
        let mut held: Vec<u32> = Vec::new();
        for _ in 0..40 {
            held.push(0);
            for index in 0..held.len() {
                while has_room(held[index], 64, PER_PROCESS - held.iter().sum::<u32>()) {
                    held[index] += 1;
                }
            }
            if held.iter().sum::<u32>() < PER_PROCESS {
                continue;
            }
            break;
        }
        assert!(held.len() >= 8, "the eighth webhook still got a place: {held:?}");
    }
}
