//! The API keys, sessions and links that are held, as callers know them: by what replies showed when
//! they were made, and by what ended them since.

use std::collections::BTreeMap;

use hookdesk_core::{
    ApiKey, EventType, Grant, KeyAmendment, KeyId, KeyKind, KeySettings, Millis, Partner, Refusal,
    Scope, Scopes, SignIn,
};

use super::Rights;

/// Milliseconds of a session and of a link.
const SESSION_MS: u64 = 43_200_000;
const LINK_MS: u64 = 86_400_000;
/// Sessions, or links, of one holder.
const MAX_OF_ONE: usize = 20;

/// One that was made and has not been ended.
#[derive(Clone, Debug)]
struct Held {
    kind: KeyKind,
    /// On behalf of which key, if of any.
    parent: Option<KeyId>,
    scopes: Vec<Scope>,
    /// A partner, and what it may hear of.
    grant: Option<(Partner, Vec<EventType>)>,
    ends_at: Option<Millis>,
}

impl Held {
    fn partner(&self) -> Option<Partner> {
        self.grant.as_ref().map(|(partner, _)| *partner)
    }

    fn is_browsers(&self) -> bool {
        self.kind != KeyKind::Bearer
    }

    fn is_live(&self, now: Millis) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }

    fn may_make_links(&self) -> bool {
        self.grant.is_none() && self.scopes.contains(&Scope::Admin)
    }
}

#[derive(Debug, Default)]
pub struct Keys(BTreeMap<KeyId, Held>);

impl Keys {
    /// The holder of a key or a session that can be used.
    pub fn holder(&self, id: KeyId, now: Millis) -> Option<Rights> {
        let held = self.live(id, now).filter(|held| held.kind != KeyKind::Link)?;
        let rights = |of: &Held, key| Rights {
            scopes: of.scopes.clone(),
            grant: of.grant.clone(),
            key: Some(key),
        };
        let Some(parent) = held.parent else { return Some(rights(held, id)) };
        let of = self.live(parent, now)?;
        if held.grant.is_none() {
            return Some(rights(of, parent));
        }
        of.may_make_links().then(|| rights(held, id))
    }

    fn live(&self, id: KeyId, now: Millis) -> Option<&Held> {
        self.0.get(&id).filter(|held| held.is_live(now))
    }

    /// A key was made; one that was there before stays as it is.
    pub fn created(&mut self, id: KeyId, settings: &KeySettings) {
        let KeySettings { name: _, scopes, grant, rate_limit: _, expires_at } = settings;
        let held = Held {
            kind: KeyKind::Bearer,
            parent: None,
            scopes: list(*scopes),
            grant: grant.as_ref().map(granted),
            ends_at: *expires_at,
        };
        self.0.entry(id).or_insert(held);
    }

    /// A link was made by the holder of a key, or by the operator.
    pub fn linked(&mut self, link: &ApiKey, grant: &Grant, by: Option<KeyId>, now: Millis) {
        if !self.0.contains_key(&link.id) {
            let held = Held {
                kind: KeyKind::Link,
                parent: by,
                scopes: vec![Scope::Read, Scope::Webhooks],
                grant: Some(granted(grant)),
                ends_at: Some(ends_at(link, LINK_MS, now)),
            };
            self.make(link.id, held, now);
        }
    }

    /// Whether a browser that shows a key or a link is signed in.
    pub fn signs_in(&self, shown: KeyId, now: Millis) -> bool {
        let Some(held) = self.live(shown, now) else { return false };
        let is_by_another = held.kind == KeyKind::Link;
        let parent = held.parent.filter(|_| is_by_another);
        let may = |of: KeyId| self.live(of, now).is_some_and(Held::may_make_links);
        held.kind != KeyKind::Session && parent.is_none_or(may)
    }

    /// A browser was signed in, which uses a link up. What it may is what the reply says.
    pub fn signed_in(&mut self, sign_in: &SignIn, made: (&ApiKey, &KeySettings), now: Millis) {
        let (session, shown) = made;
        self.signed_out(sign_in.replaced);
        let Some(by) = self.0.get(&sign_in.shown).cloned() else { return };
        let held = match by.kind {
            KeyKind::Link => {
                self.0.remove(&sign_in.shown);
                Held { kind: KeyKind::Session, ..by }
            }
            KeyKind::Bearer | KeyKind::Session => Held {
                kind: KeyKind::Session,
                parent: Some(sign_in.shown),
                scopes: Vec::new(),
                grant: None,
                ends_at: None,
            },
        };
        let ends_at = Some(ends_at(session, SESSION_MS, now));
        self.make(session.id, Held { ends_at, ..held }, now);
        let may = self.holder(session.id, now).expect("who was signed in may do something");
        let is_shown = (list(shown.scopes), shown.grant.as_ref().map(granted));
        assert_eq!((may.scopes, may.grant), is_shown, "{} is signed in", session.id);
    }

    pub fn signed_out(&mut self, session: Option<KeyId>) {
        let is_session = |id: &KeyId| self.0.get(id).is_some_and(|of| of.kind == KeyKind::Session);
        if let Some(id) = session.filter(is_session) {
            self.0.remove(&id);
        }
    }

    /// The sessions and links of a partner, those of its keys too.
    pub fn sessions_of(&self, partner: Partner) -> Vec<KeyId> {
        let is_its = |held: &Held| {
            let is_on_behalf = held.kind == KeyKind::Session && held.grant.is_none();
            let parent = held.parent.filter(|_| is_on_behalf).and_then(|id| self.0.get(&id));
            held.is_browsers() && parent.unwrap_or(held).partner() == Some(partner)
        };
        self.0.iter().filter(|(_, held)| is_its(held)).map(|(id, _)| *id).collect()
    }

    pub fn sessions_ended(&mut self, partner: Partner) {
        for id in self.sessions_of(partner) {
            self.0.remove(&id);
        }
    }

    /// One of a browser's was made: those that have expired go, and the oldest of too many.
    fn make(&mut self, id: KeyId, held: Held, now: Millis) {
        self.0.retain(|_, of| !of.is_browsers() || of.is_live(now));
        let whose = |of: &Held| (of.kind, of.parent, of.partner());
        let of_one = |(_, of): &(&KeyId, &Held)| whose(of) == whose(&held);
        let of_one: Vec<_> = self.0.iter().filter(of_one).map(|(id, _)| *id).collect();
        if of_one.len() >= MAX_OF_ONE {
            self.0.remove(&of_one[0]);
        }
        self.0.insert(id, held);
    }

    /// Why a change of a key is refused.
    pub fn refuses(&self, id: KeyId, amendment: &KeyAmendment) -> Option<Refusal> {
        let held = self.0.get(&id).filter(|held| !held.is_browsers());
        let Some(held) = held else { return Some(Refusal::UnknownKey) };
        let scopes = amendment.scopes.map_or_else(|| held.scopes.clone(), list);
        let too_many = scopes.iter().any(|scope| matches!(scope, Scope::Tickets | Scope::Admin));
        if held.grant.is_some() && too_many {
            return Some(Refusal::NotForPartnerKeys);
        }
        let grants = amendment.events.is_some();
        (held.grant.is_none() && grants).then_some(Refusal::NotAPartnersKey)
    }

    pub fn amended(&mut self, id: KeyId, amendment: &KeyAmendment) {
        let Some(held) = self.0.get_mut(&id) else { return };
        let KeyAmendment { name: _, scopes, events, rate_limit: _, expires_at } = amendment;
        if let Some(scopes) = scopes {
            held.scopes = list(*scopes);
        }
        if let (Some(events), Some((_, granted))) = (events, &mut held.grant) {
            *granted = events.types().collect();
        }
        if let Some(end) = expires_at {
            held.ends_at = *end;
        }
    }

    /// Whether there is such a key, which may have expired.
    pub fn is_known(&self, id: KeyId) -> bool {
        self.0.get(&id).is_some_and(|held| !held.is_browsers())
    }

    /// A key was revoked, and with it what was made on its behalf.
    pub fn revoked(&mut self, id: KeyId) {
        self.0.retain(|of, held| *of != id && held.parent != Some(id));
    }

    /// Keys of a partner.
    pub fn count_of(&self, partner: Partner) -> u64 {
        let its = self.0.values().filter(|held| held.partner() == Some(partner));
        its.filter(|held| !held.is_browsers()).count() as u64
    }

    /// Whether anybody may sign in, or is signed in, as the partner.
    pub fn has_any_of(&self, partner: Partner) -> bool {
        self.0.values().any(|held| held.partner() == Some(partner))
    }

    pub fn removed(&mut self, partner: Partner) {
        let its = self.0.iter().filter(|(_, held)| held.partner() == Some(partner));
        for id in its.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.revoked(id);
        }
    }
}

/// When it ends, by what the reply shows of it.
fn ends_at(made: &ApiKey, lasts_ms: u64, now: Millis) -> Millis {
    let ends_at = made.settings.expires_at.expect("what browsers have ends");
    assert!(made.created_at >= now && ends_at == made.created_at.plus(lasts_ms), "{made:?}");
    ends_at
}

fn granted(grant: &Grant) -> (Partner, Vec<EventType>) {
    (grant.partner, grant.events.types().collect())
}

fn list(scopes: Scopes) -> Vec<Scope> {
    scopes.iter().collect()
}
