//! Sets of event types and of scopes in JSON: lists of names.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Read;
use crate::model::event::EventType;
use crate::model::scope::{Scope, Scopes};
use crate::model::subscription::Subscription;

/// Event types by name.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct TypesForm<'a>(Vec<Cow<'a, str>>);

impl TypesForm<'_> {
    pub fn of(events: &Subscription) -> Self {
        Self(events.types().map(|kind| kind.name().into()).collect())
    }

    pub fn read(&self) -> Read<Subscription> {
        let kinds = self.0.iter().map(|name| EventType::parse(name));
        let kinds: Option<Vec<_>> = kinds.collect();
        Ok(Subscription::of(kinds.ok_or("not a type of events")?))
    }
}

/// Scopes by name.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ScopesForm<'a>(Vec<Cow<'a, str>>);

impl ScopesForm<'_> {
    pub fn of(scopes: Scopes) -> Self {
        Self(scopes.iter().map(|scope| scope.name().into()).collect())
    }

    pub fn read(&self) -> Read<Scopes> {
        let scopes = self.0.iter().map(|name| Scope::parse(name).ok_or("not a scope"));
        Ok(Scopes::of(scopes.collect::<Result<Vec<_>, _>>()?))
    }
}
