//! Cached lanes: of each webhook single ones, and the first of them in sending order.

use std::collections::{BTreeMap, BTreeSet};

use crate::delivery::lane::Lane;
use crate::delivery::ordering_key::OrderingKey;
use crate::engine::need::Need;
use crate::model::id::WebhookId;
use crate::model::millis::Millis;
use crate::model::seq::Seq;

type Turn = (Millis, Seq);

/// The part of the order of lanes that is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LoadedTo {
    #[default]
    Nothing,
    /// Every lane up to this turn.
    To(Turn),
    All,
}

impl LoadedTo {
    fn covers(self, turn: Turn) -> bool {
        match self {
            Self::Nothing => false,
            Self::To(last) => turn <= last,
            Self::All => true,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// `None` for an ordering key that is known to have no waiting lane.
    rows: BTreeMap<OrderingKey, Option<Lane>>,
    /// The keys of `rows` whose turn is within the loaded part.
    order: BTreeMap<Turn, OrderingKey>,
    known: LoadedTo,
    /// Whether the store may still have lanes of a replay that was stopped in this batch.
    stopped: bool,
    /// Rows after the last commit.
    counted: usize,
}

impl Lanes {
    /// The lanes of a webhook that is known to have none.
    pub fn none() -> Self {
        Self { known: LoadedTo::All, ..Self::default() }
    }

    /// The next `most` lanes in order.
    pub fn need(webhook: WebhookId, after: Option<Turn>, most: u32) -> Need {
        Need::Lanes { webhook, after, most }
    }

    /// Whether every lane is cached.
    pub fn are_all_known(&self) -> bool {
        self.known == LoadedTo::All
    }

    /// The ordering keys of the cached lanes.
    pub fn keys(&self) -> impl Iterator<Item = OrderingKey> + '_ {
        self.rows.iter().filter(|(_, lane)| lane.is_some()).map(|(key, _)| *key)
    }

    /// Whether a lane of the ordering key is cached.
    pub fn has(&self, ordering_key: OrderingKey) -> bool {
        self.rows.get(&ordering_key).is_some_and(Option::is_some)
    }

    /// The lane of an ordering key. Where it is not known, `page` lanes are needed.
    pub fn get(
        &self,
        (webhook, page): (WebhookId, u32),
        ordering_key: OrderingKey,
    ) -> Result<Option<&Lane>, Need> {
        match self.rows.get(&ordering_key) {
            Some(lane) => Ok(lane.as_ref()),
            None => match self.known {
                LoadedTo::All => Ok(None),
                LoadedTo::To(_) => Err(Need::Lane(webhook, ordering_key)),
                LoadedTo::Nothing => Err(Self::need(webhook, None, page)),
            },
        }
    }

    /// The first lane in order. Where it is not known, `page` lanes are needed.
    pub fn first(
        &self,
        (webhook, page): (WebhookId, u32),
        skip: impl Fn(OrderingKey) -> bool,
    ) -> Result<Option<&Lane>, Need> {
        match self.order.values().find(|ordering_key| !skip(**ordering_key)) {
            Some(ordering_key) => Ok(self.rows.get(ordering_key).and_then(Option::as_ref)),
            None => match self.known {
                LoadedTo::All => Ok(None),
                LoadedTo::To(turn) => Err(Self::need(webhook, Some(turn), page)),
                LoadedTo::Nothing => Err(Self::need(webhook, None, page)),
            },
        }
    }

    /// Caches a row of the store, unless a newer one is known.
    pub fn learn(&mut self, ordering_key: OrderingKey, lane: Option<Lane>) {
        if !self.rows.contains_key(&ordering_key) {
            let lane = lane.filter(|_| !self.is_gone(ordering_key));
            self.put(ordering_key, lane);
        }
    }

    /// Caches the page of lanes after the last known one, in their order.
    pub fn learn_page(&mut self, page: Vec<Lane>, most: u32) {
        let whole = u32::try_from(page.len()).is_ok_and(|count| count < most);
        self.known = match page.last() {
            Some(last) if !whole => LoadedTo::To(last.turn()),
            _ => LoadedTo::All,
        };
        let stopped = self.stopped;
        for lane in page.into_iter().filter(|lane| !(stopped && lane.ordering_key.is_replay())) {
            self.rows.entry(lane.ordering_key).or_insert(Some(lane));
        }
        let known = self.known;
        let covered = self.rows.iter().filter_map(|(ordering_key, lane)| {
            let turn = lane.as_ref()?.turn();
            known.covers(turn).then_some((turn, *ordering_key))
        });
        self.order = covered.collect();
    }

    fn is_gone(&self, ordering_key: OrderingKey) -> bool {
        self.stopped && ordering_key.is_replay()
    }

    /// Drops all lanes of a replay, cached or not.
    pub fn stop_replay(&mut self) {
        self.stopped = true;
        self.rows.retain(|ordering_key, _| !ordering_key.is_replay());
        self.order.retain(|_, ordering_key| !ordering_key.is_replay());
    }

    /// Caches a changed row.
    pub fn put(&mut self, ordering_key: OrderingKey, lane: Option<Lane>) {
        if let Some(Some(old)) = self.rows.get(&ordering_key) {
            self.order.remove(&old.turn());
        }
        match lane {
            Some(lane) if self.known.covers(lane.turn()) => {
                self.order.insert(lane.turn(), ordering_key);
            }
            Some(_) | None => {}
        }
        if lane.is_none() && self.known == LoadedTo::All {
            self.rows.remove(&ordering_key);
        } else {
            self.rows.insert(ordering_key, lane);
        }
    }

    /// After a commit: when there are more lanes than may be `kept`, evicts all but the first half of
    /// that number. Returns the keys of those.
    pub fn trim(&mut self, kept: usize) -> Vec<OrderingKey> {
        self.stopped = false;
        if self.rows.len() <= kept {
            return Vec::new();
        }
        if let Some((&(due, head), _)) = self.order.iter().nth(kept / 2) {
            self.known = LoadedTo::To((due, head));
            self.order.split_off(&(due, head.next()));
        }
        let order = &self.order;
        let is_evicted = |_: &OrderingKey, lane: &mut Option<Lane>| {
            lane.as_ref().is_none_or(|lane| !order.contains_key(&lane.turn()))
        };
        self.rows.extract_if(.., is_evicted).map(|(key, _)| key).collect()
    }
}

/// The cached lanes of all webhooks.
#[derive(Debug, Default)]
pub(super) struct LaneCache {
    webhooks: BTreeMap<WebhookId, Lanes>,
    /// Those whose lanes changed or were loaded since the last commit.
    touched: BTreeSet<WebhookId>,
    /// Ordering keys of which the lanes of all webhooks were loaded since the last commit.
    whole: BTreeSet<OrderingKey>,
    /// Rows of all webhooks after the last commit.
    rows: usize,
}

impl LaneCache {
    /// Rows that are kept in all: some 25 MB. Beyond it, those are evicted that the last batch had
    /// nothing to do with.
    const KEPT: usize = 128 * 1_024;

    pub fn get(&self, webhook: WebhookId) -> Option<&Lanes> {
        self.webhooks.get(&webhook)
    }

    /// The lanes of a webhook, to be changed.
    pub fn touch(&mut self, webhook: WebhookId) -> &mut Lanes {
        self.touched.insert(webhook);
        self.webhooks.entry(webhook).or_default()
    }

    /// The lanes of an ordering key are cached, of all webhooks.
    pub fn learned_all_of(&mut self, ordering_key: OrderingKey) {
        self.whole.insert(ordering_key);
    }

    /// Whether the lanes of the ordering key are cached, of all webhooks.
    pub fn has_all_of(&self, ordering_key: OrderingKey) -> bool {
        self.whole.contains(&ordering_key)
    }

    /// A webhook was registered, and has no lanes.
    pub fn register(&mut self, webhook: WebhookId) {
        self.webhooks.insert(webhook, Lanes::none());
    }

    pub fn remove(&mut self, webhook: WebhookId) {
        let counted = self.webhooks.remove(&webhook).map_or(0, |lanes| lanes.counted);
        self.rows -= counted;
    }

    /// After a commit: evicts what is too much, of one webhook with more than `kept` lanes or in all.
    /// Returns the webhooks of which it did, with the keys.
    pub fn trim(&mut self, kept: usize) -> Vec<(WebhookId, Vec<OrderingKey>)> {
        let touched = std::mem::take(&mut self.touched);
        self.whole.clear();
        let mut trimmed = Vec::new();
        for id in &touched {
            let Some(lanes) = self.webhooks.get_mut(id) else { continue };
            let evicted = lanes.trim(kept);
            if !evicted.is_empty() {
                trimmed.push((*id, evicted));
            }
            self.rows = self.rows - lanes.counted + lanes.rows.len();
            lanes.counted = lanes.rows.len();
        }
        if self.rows > Self::KEPT {
            let is_idle =
                |id: &WebhookId, lanes: &mut Lanes| lanes.counted > 0 && !touched.contains(id);
            for (id, lanes) in self.webhooks.extract_if(.., is_idle) {
                self.rows -= lanes.counted;
                trimmed.push((id, lanes.rows.into_keys().collect()));
            }
        }
        trimmed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::ordering_key::OrderingScope;
    use crate::model::id::Stamp;
    use crate::model::reason::Reason;

    fn ordering_key(seq: Seq) -> OrderingKey {
        OrderingKey::Live(OrderingScope::Event(seq))
    }

    fn webhook() -> WebhookId {
        WebhookId::new(Stamp::default(), &[1; 16])
    }

    fn lane(seq: u64, due: u64) -> Lane {
        Lane {
            webhook: webhook(),
            ordering_key: ordering_key(Seq(seq)),
            head: Seq(seq),
            number: 0,
            step: 0,
            due: Millis(due),
            last_queued: None,
            why: Reason::Turn,
        }
    }

    fn first(lanes: &Lanes) -> Result<Option<u64>, Need> {
        Ok(lanes.first((webhook(), 3), |_| false)?.map(|lane| lane.head.0))
    }

    #[test]
    fn a_page_never_replaces_what_was_decided_meanwhile() {
        let mut lanes = Lanes::default();
        lanes.put(ordering_key(Seq(1)), Some(lane(1, 50)));
        lanes.put(ordering_key(Seq(2)), None);
        lanes.put(ordering_key(Seq(9)), Some(lane(9, 15)));
        assert!(first(&lanes).is_err());
        lanes.learn_page(vec![lane(1, 10), lane(2, 11), lane(3, 20)], 3);
        assert_eq!(first(&lanes), Ok(Some(9)), "moved into the page, while 1 and 2 left it");
        lanes.put(ordering_key(Seq(9)), None);
        assert_eq!(first(&lanes), Ok(Some(3)));
        lanes.put(ordering_key(Seq(3)), None);
        assert_eq!(first(&lanes), Err(Lanes::need(webhook(), Some((Millis(20), Seq(3))), 3)));
        lanes.learn_page(vec![], 3);
        assert_eq!(first(&lanes), Ok(Some(1)));
    }

    #[test]
    fn what_is_let_go_is_asked_for_again() {
        let mut lanes = Lanes::none();
        for seq in 1..=1_000 {
            lanes.put(ordering_key(Seq(seq)), Some(lane(seq, 2_000 - seq)));
        }
        lanes.trim(256);
        assert!(lanes.rows.len() <= 256);
        assert_eq!(first(&lanes), Ok(Some(1_000)));
        let gone = ordering_key(Seq(1));
        assert_eq!(lanes.get((webhook(), 3), gone), Err(Need::Lane(webhook(), gone)));
    }

    #[test]
    fn beyond_so_many_in_all_those_go_that_nobody_needs() {
        let mut cache = LaneCache::default();
        let id = |number: u8| WebhookId::new(Stamp::default(), &[number; 16]);
        let fill = |cache: &mut LaneCache, webhook, lanes: u64| {
            cache.register(webhook);
            for seq in 1..=lanes {
                cache.touch(webhook).put(ordering_key(Seq(seq)), Some(lane(seq, seq)));
            }
            let evicted = |(id, keys): (WebhookId, Vec<_>)| (id, keys.len());
            cache.trim(256).into_iter().map(evicted).collect::<Vec<_>>()
        };
        assert_eq!(fill(&mut cache, id(1), 200), []);
        assert_eq!(fill(&mut cache, id(2), 1_000), [(id(2), 1_000 - 128 - 1)], "of one webhook");
        assert_eq!(cache.rows, 200 + 128 + 1);
        cache.rows += LaneCache::KEPT - 400;
        assert_eq!(fill(&mut cache, id(3), 100), [(id(1), 200), (id(2), 128 + 1)]);
        assert!(cache.get(id(1)).is_none() && cache.get(id(3)).is_some());
        assert_eq!(cache.rows, LaneCache::KEPT - 300);
        cache.remove(id(3));
        assert_eq!(cache.rows, LaneCache::KEPT - 400);
    }
}
