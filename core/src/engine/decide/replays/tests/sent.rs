//! Tests of how many events a replay has sent.

use super::{Rig, end_all, replay, resend, status, webhook};
use crate::{Amendment, Command, Ordering, Reason, ReplayFilter};

#[test]
fn what_waits_for_its_first_request_is_not_counted_as_sent() {
    for is_resent in [false, true] {
        let mut rig = Rig::new();
        let id = rig.register(webhook(Ordering::Ticket, &[]));
        let ticket = rig.open();
        rig.update(ticket);
        end_all(&mut rig, 200);
        rig.run(replay(id, (0, 2), ReplayFilter::All, None));
        let pause = |paused| {
            let settings = Amendment { paused: Some(paused), ..Amendment::default() };
            Command::Amend { id, settings }
        };
        rig.run(pause(true));
        rig.end(status(200));
        assert_eq!(rig.lanes(id)[0].why, Reason::Turn);
        assert_eq!(rig.row(id).1.replay.run.unwrap().sent, 1);
        if is_resent {
            resend(&mut rig, id, 2);
        }
        rig.run(pause(false));
        assert_eq!(rig.row(id).1.replay.run.unwrap().sent, 2, "resent: {is_resent}");
        assert_eq!(end_all(&mut rig, 200), [(2, 2)]);
    }
}
