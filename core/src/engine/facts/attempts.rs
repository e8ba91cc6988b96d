//! Cached attempt summaries by webhook and event, for resends and replays.

use std::collections::{BTreeMap, HashMap};

use crate::delivery::attempt::{Attempt, AttemptSummary};
use crate::engine::need::Need;
use crate::model::id::WebhookId;
use crate::model::seq::Seq;

#[derive(Debug, Default)]
pub(super) struct AttemptHistory {
    /// As loaded from the store, with the attempts committed since.
    known: HashMap<(WebhookId, Seq), AttemptSummary>,
    /// Attempts of this batch, which are not in the store yet.
    recent: BTreeMap<(WebhookId, Seq), AttemptSummary>,
}

impl AttemptHistory {
    /// Events whose attempts are loaded at once: as many as events themselves are.
    const PAGE: u64 = 64;
    /// Events that are kept: some 200 KB.
    const KEPT: usize = 4_096;

    pub fn get(&self, webhook: WebhookId, seq: Seq) -> Result<AttemptSummary, Need> {
        let known = self.known.get(&(webhook, seq)).copied();
        let to = Seq(seq.0 + Self::PAGE - 1);
        let known = known.ok_or(Need::AttemptSummaries { webhook, from: seq, to })?;
        Ok(known.with(self.recent.get(&(webhook, seq)).copied().unwrap_or_default()))
    }

    pub fn learn(
        &mut self,
        webhook: WebhookId,
        from: Seq,
        to: Seq,
        tried: Vec<(Seq, AttemptSummary)>,
    ) {
        for seq in from.0..=to.0 {
            self.known.entry((webhook, Seq(seq))).or_default();
        }
        for (seq, tried) in tried {
            let known = self.known.entry((webhook, seq)).or_default();
            *known = known.with(tried);
        }
    }

    pub fn record<'a>(&mut self, attempts: impl Iterator<Item = &'a Attempt>) {
        for attempt in attempts {
            let recent = self.recent.entry((attempt.key.webhook, attempt.key.seq)).or_default();
            *recent = recent.and(attempt);
        }
    }

    /// After a commit: evicts summaries beyond what may be kept.
    pub fn trim(&mut self) {
        if self.known.len() > Self::KEPT {
            self.known.clear();
        }
        while let Some((event, tried)) = self.recent.pop_first() {
            if let Some(known) = self.known.get_mut(&event) {
                *known = known.with(tried);
            }
        }
    }
}
