//! What callers may: the holders of API keys, by the settings that replies showed of their keys, and
//! what of the desk is theirs.

use hookdesk_core::api::Response;
use hookdesk_core::{
    Authorization, Caller, Command, EventType, KeyId, Millis, Moment, Partner, Refusal, Scope,
    WebhookId,
};
use serde_json::Value;

use super::Oracles;
use super::held_keys::Keys;
use crate::stores::StoredRows;

impl Oracles {
    /// The list of webhooks that a key's holder is shown: its own, in the order of their ids.
    pub fn listed(&mut self, rows: &StoredRows, (key, now): (KeyId, Millis), list: &Response) {
        let Some(holder) = self.reader(key, now, list) else { return };
        let body: Value = serde_json::from_str(&list.body).expect("a list is JSON");
        let listed = body["data"].as_array().into_iter().flatten();
        let listed: Vec<_> = listed.map(|one| one["id"].as_str().unwrap_or_default()).collect();
        let its = rows.webhooks.iter().filter(|(of, ..)| holder.sees(of.partner));
        let its: Vec<_> = its.map(|(of, ..)| of.id.to_string()).collect();
        assert_eq!(listed, its, "{key} sees {holder:?}");
        self.judged.add("list of a key's holder");
    }

    /// What a key's holder is shown of a webhook or below it, and of one that never was.
    pub fn read(
        &mut self,
        rows: &StoredRows,
        (key, now): (KeyId, Millis),
        webhook: WebhookId,
        (shown, nobodys): (&Response, &Response),
    ) {
        let Some(holder) = self.reader(key, now, shown) else { return };
        let row = rows.webhooks.iter().find(|(of, ..)| of.id == webhook);
        let is_its = row.is_some_and(|(of, ..)| holder.sees(of.partner));
        let is_hidden = shown == nobodys;
        assert!(nobodys.status == 404 && is_its != is_hidden, "{key} sees {webhook}: {shown:?}");
        self.judged.add(if is_its { "own webhook read" } else { "webhook of another read" });
    }

    /// Who reads, unless its key is not good for it.
    fn reader(&mut self, key: KeyId, now: Millis, response: &Response) -> Option<Rights> {
        if !self.sees_all {
            return None;
        }
        let Some(holder) = self.keys.holder(key, now) else {
            assert_eq!(response.status, 401, "{key} is good for nothing: {}", response.body);
            return None;
        };
        let may_read = holder.scopes.iter().any(|scope| !matches!(scope, Scope::Tickets));
        assert_eq!(response.status == 403, !may_read, "{key}: {}", response.body);
        may_read.then_some(holder)
    }
}

/// What a caller may: the operator everything, the holder of a key perhaps less.
#[derive(Clone, Debug)]
pub struct Rights {
    pub scopes: Vec<Scope>,
    /// A partner, and what it may hear of.
    pub grant: Option<(Partner, Vec<EventType>)>,
    /// On behalf of which key it acts, if of any.
    pub key: Option<KeyId>,
}

impl Rights {
    pub fn operator() -> Self {
        Self { scopes: vec![Scope::Admin], grant: None, key: None }
    }

    pub fn is_admin(&self) -> bool {
        self.scopes.contains(&Scope::Admin)
    }

    pub fn partner(&self) -> Option<Partner> {
        self.grant.as_ref().map(|(partner, _)| *partner)
    }

    /// Whether a webhook of this owner is there for the caller.
    pub fn sees(&self, owner: Option<Partner>) -> bool {
        self.grant.as_ref().is_none_or(|(partner, _)| owner == Some(*partner))
    }

    /// The event types that were granted; `None` are all.
    pub fn granted(&self) -> Option<&[EventType]> {
        self.grant.as_ref().map(|(_, events)| events.as_slice())
    }

    /// The first of these types that the caller may not hear of. All may hear of pings.
    pub fn not_granted(&self, types: impl IntoIterator<Item = EventType>) -> Option<EventType> {
        let granted = self.granted()?;
        types.into_iter().find(|kind| *kind != EventType::Ping && !granted.contains(kind))
    }
}

impl Keys {
    /// Who makes a call, and whether its key is good for it.
    pub fn judge(&self, call: &Command, moment: &Moment) -> Result<Rights, Refusal> {
        let Some(Authorization { caller, access }) = moment.authorization else {
            return Ok(Rights::operator());
        };
        let Caller::Key(id) = caller else { return Ok(Rights::operator()) };
        let judged = self.holder(id, moment.now).ok_or(Refusal::Unauthorized)?;
        let (good, is_for_partners) = needs(call);
        if judged.grant.is_some() && !is_for_partners {
            return Err(Refusal::NotForPartners);
        }
        if !good.iter().any(|scope| judged.scopes.contains(scope)) {
            return Err(Refusal::Forbidden(access));
        }
        Ok(judged)
    }
}

/// The scopes of which one is good for the call, and whether partners may make it.
fn needs(call: &Command) -> (&'static [Scope], bool) {
    match call {
        Command::OpenTicket { .. }
        | Command::UpdateTicket { .. }
        | Command::CloseTicket { .. }
        | Command::Announce(_) => (&[Scope::Tickets, Scope::Admin], false),
        Command::Ping => (&[Scope::Webhooks, Scope::Admin], false),
        Command::Idempotent(once) => needs(&once.command),
        Command::CreateKey(_)
        | Command::AmendKey { .. }
        | Command::RevokeKey { .. }
        | Command::CreateLink(_)
        | Command::EndSessions { .. }
        | Command::RemovePartner { .. } => (&[Scope::Admin], false),
        Command::SignOut { .. } => (&Scope::ALL, true),
        _ => (&[Scope::Webhooks, Scope::Admin], true),
    }
}
