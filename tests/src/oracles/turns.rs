//! Whose turn it is: of several webhooks that have something to send, each gets one request in turn.

use hookdesk_core::{Request, WebhookId};

/// The webhook that was served last, if that is known.
#[derive(Debug, Default)]
pub struct Turns(Option<WebhookId>);

impl Turns {
    /// The requests of a wake: whoever is served later in it could be served before, so that nobody
    /// has two turns without them. Returns how often somebody could.
    pub fn wake(&mut self, requests: &[Request]) -> u64 {
        let served = requests.iter().map(|request| request.key.webhook);
        let served: Vec<_> = self.0.into_iter().chain(served).collect();
        self.0 = served.last().copied();
        (1..served.len()).filter(|at| has_rivals(&served, *at)).count() as u64
    }
}

/// Whether others than the one that is served at this place are served after it: each of them is
/// served since its last turn, too.
fn has_rivals(served: &[WebhookId], at: usize) -> bool {
    let id = served[at];
    let Some(before) = served[..at].iter().rposition(|of| *of == id) else { return false };
    let (since, later) = (&served[before..at], &served[at + 1..]);
    let passed = later.iter().find(|of| !since.contains(of));
    assert_eq!(passed, None, "{id} has two turns, and others none");
    later.iter().any(|of| *of != id)
}
