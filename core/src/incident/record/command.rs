//! Commands in JSON.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Read;
use super::amendment::{AmendmentForm, KeyAmendmentForm};
use super::grant::GrantForm;
use super::names::ScopesForm;
use super::report::ReportForm;
use super::secret::SecretForm;
use crate::delivery::replay::{ReplayCount, ReplayRange};
use crate::engine::command::{
    Command, Handover, Idempotent, NewKey, NewLink, Registration, Rotation, SignIn,
};
use crate::guard::CallbackUrl;
use crate::model::api_key::KeySettings;
use crate::model::digest::Digest;
use crate::model::id::{EventId, KeyId, SecretId, TicketId, WebhookId};
use crate::model::millis::Millis;
use crate::model::partner::Partner;
use crate::model::service::Availability;
use crate::model::ticket::TicketMessage;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum CommandForm<'a> {
    OpenTicket {
        message: Cow<'a, str>,
    },
    UpdateTicket {
        id: TicketId,
        message: Cow<'a, str>,
    },
    CloseTicket {
        id: TicketId,
    },
    Announce {
        available: bool,
    },
    Register {
        callback_url: Cow<'a, str>,
        secret: SecretForm,
        settings: AmendmentForm<'a>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partner: Option<Partner>,
    },
    Unregister {
        id: WebhookId,
    },
    Amend {
        id: WebhookId,
        settings: AmendmentForm<'a>,
    },
    HandOver {
        id: WebhookId,
        settings: AmendmentForm<'a>,
        partner: Partner,
        secret: SecretForm,
    },
    Enable {
        id: WebhookId,
    },
    Rotate {
        webhook: WebhookId,
        secret: SecretForm,
        overlap_ms: u64,
    },
    EndSecret {
        webhook: WebhookId,
        secret: SecretId,
    },
    PingOne {
        id: WebhookId,
    },
    Ping,
    Resend {
        id: WebhookId,
        event: EventId,
    },
    Replay {
        id: WebhookId,
        range: ReplayRange,
        counted: ReplayCount,
        dry_run: bool,
    },
    StopReplay {
        id: WebhookId,
    },
    CreateKey {
        digest: Digest,
        prefix: Cow<'a, str>,
        name: Option<Cow<'a, str>>,
        scopes: ScopesForm<'a>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grant: Option<GrantForm<'a>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rate_limit: Option<u32>,
        expires_at: Option<Millis>,
    },
    AmendKey {
        id: KeyId,
        amendment: KeyAmendmentForm<'a>,
    },
    RevokeKey {
        id: KeyId,
    },
    RemovePartner {
        partner: Partner,
    },
    CreateLink {
        digest: Digest,
        prefix: Cow<'a, str>,
        grant: GrantForm<'a>,
    },
    SignIn {
        shown: KeyId,
        digest: Digest,
        prefix: Cow<'a, str>,
        replaced: Option<KeyId>,
    },
    SignOut {
        session: KeyId,
    },
    EndSessions {
        partner: Partner,
    },
    NoteKeyUse {
        used: Vec<(KeyId, Millis)>,
    },
    NoteRefusedKeys {
        refused: Vec<(Option<IpAddr>, u64)>,
    },
    #[serde(rename = "once")]
    Idempotent {
        key: Digest,
        request: Digest,
        command: Box<CommandForm<'a>>,
    },
    Report(ReportForm<'a>),
    Wake,
    Retain,
}

impl<'a> CommandForm<'a> {
    pub fn of(command: &'a Command) -> Self {
        match command {
            Command::OpenTicket { message } => {
                Self::OpenTicket { message: message.as_str().into() }
            }
            Command::UpdateTicket { id, message } => {
                Self::UpdateTicket { id: *id, message: message.as_str().into() }
            }
            Command::CloseTicket { id } => Self::CloseTicket { id: *id },
            Command::Announce(availability) => {
                Self::Announce { available: *availability == Availability::Available }
            }
            Command::Register(Registration { callback_url, secret, settings, partner }) => {
                Self::Register {
                    callback_url: callback_url.as_str().into(),
                    secret: SecretForm(secret.clone()),
                    settings: AmendmentForm::of(settings),
                    partner: *partner,
                }
            }
            Command::Unregister { id } => Self::Unregister { id: *id },
            Command::Amend { id, settings } => {
                Self::Amend { id: *id, settings: AmendmentForm::of(settings) }
            }
            Command::HandOver { id, settings, to: Handover { partner, secret } } => {
                Self::HandOver {
                    id: *id,
                    settings: AmendmentForm::of(settings),
                    partner: *partner,
                    secret: SecretForm(secret.clone()),
                }
            }
            Command::Enable { id } => Self::Enable { id: *id },
            Command::Rotate(Rotation { webhook, secret, overlap_ms }) => Self::Rotate {
                webhook: *webhook,
                secret: SecretForm(secret.clone()),
                overlap_ms: *overlap_ms,
            },
            Command::EndSecret { webhook, secret } => {
                Self::EndSecret { webhook: *webhook, secret: *secret }
            }
            Command::PingOne { id } => Self::PingOne { id: *id },
            Command::Ping => Self::Ping,
            Command::Resend { id, event } => Self::Resend { id: *id, event: *event },
            Command::Replay { id, range, counted, dry_run } => {
                Self::Replay { id: *id, range: *range, counted: *counted, dry_run: *dry_run }
            }
            Command::StopReplay { id } => Self::StopReplay { id: *id },
            Command::CreateKey(NewKey { digest, prefix, settings }) => Self::CreateKey {
                digest: *digest,
                prefix: prefix.as_str().into(),
                name: settings.name.as_deref().map(Cow::Borrowed),
                scopes: ScopesForm::of(settings.scopes),
                grant: settings.grant.as_ref().map(GrantForm::of),
                rate_limit: settings.rate_limit,
                expires_at: settings.expires_at,
            },
            Command::AmendKey { id, amendment } => {
                Self::AmendKey { id: *id, amendment: KeyAmendmentForm::of(amendment) }
            }
            Command::RevokeKey { id } => Self::RevokeKey { id: *id },
            Command::RemovePartner { partner } => Self::RemovePartner { partner: *partner },
            Command::CreateLink(NewLink { digest, prefix, grant }) => Self::CreateLink {
                digest: *digest,
                prefix: prefix.as_str().into(),
                grant: GrantForm::of(grant),
            },
            Command::SignIn(SignIn { shown, digest, prefix, replaced }) => Self::SignIn {
                shown: *shown,
                digest: *digest,
                prefix: prefix.as_str().into(),
                replaced: *replaced,
            },
            Command::SignOut { session } => Self::SignOut { session: *session },
            Command::EndSessions { partner } => Self::EndSessions { partner: *partner },
            Command::NoteKeyUse { used } => Self::NoteKeyUse { used: used.clone() },
            Command::NoteRefusedKeys { refused } => {
                Self::NoteRefusedKeys { refused: refused.clone() }
            }
            Command::Idempotent(Idempotent { key, request, command }) => {
                let command = Box::new(Self::of(command));
                Self::Idempotent { key: *key, request: *request, command }
            }
            Command::Report(report) => Self::Report(ReportForm::of(report)),
            Command::Wake => Self::Wake,
            Command::Retain => Self::Retain,
        }
    }

    pub fn read(self) -> Read<Command> {
        Ok(match self {
            Self::OpenTicket { message } => {
                Command::OpenTicket { message: TicketMessage::stored(message.into_owned()) }
            }
            Self::UpdateTicket { id, message } => {
                Command::UpdateTicket { id, message: TicketMessage::stored(message.into_owned()) }
            }
            Self::CloseTicket { id } => Command::CloseTicket { id },
            Self::Announce { available: true } => Command::Announce(Availability::Available),
            Self::Announce { available: false } => Command::Announce(Availability::Unavailable),
            Self::Register { callback_url, secret, settings, partner } => {
                Command::Register(Registration {
                    callback_url: CallbackUrl::stored(callback_url.into_owned()),
                    secret: secret.0,
                    settings: settings.read()?,
                    partner,
                })
            }
            Self::Unregister { id } => Command::Unregister { id },
            Self::Amend { id, settings } => Command::Amend { id, settings: settings.read()? },
            Self::HandOver { id, settings, partner, secret } => {
                let to = Handover { partner, secret: secret.0 };
                Command::HandOver { id, settings: settings.read()?, to }
            }
            Self::Enable { id } => Command::Enable { id },
            Self::Rotate { webhook, secret, overlap_ms } => {
                Command::Rotate(Rotation { webhook, secret: secret.0, overlap_ms })
            }
            Self::EndSecret { webhook, secret } => Command::EndSecret { webhook, secret },
            Self::PingOne { id } => Command::PingOne { id },
            Self::Ping => Command::Ping,
            Self::Resend { id, event } => Command::Resend { id, event },
            Self::Replay { id, range, counted, dry_run } => {
                Command::Replay { id, range, counted, dry_run }
            }
            Self::StopReplay { id } => Command::StopReplay { id },
            Self::CreateKey { digest, prefix, name, scopes, grant, rate_limit, expires_at } => {
                let settings = KeySettings {
                    name: name.map(Cow::into_owned),
                    scopes: scopes.read()?,
                    grant: grant.map(GrantForm::read).transpose()?,
                    rate_limit,
                    expires_at,
                };
                Command::CreateKey(NewKey { digest, prefix: prefix.into_owned(), settings })
            }
            Self::AmendKey { id, amendment } => {
                Command::AmendKey { id, amendment: amendment.read()? }
            }
            Self::RevokeKey { id } => Command::RevokeKey { id },
            Self::RemovePartner { partner } => Command::RemovePartner { partner },
            Self::CreateLink { digest, prefix, grant } => Command::CreateLink(NewLink {
                digest,
                prefix: prefix.into_owned(),
                grant: grant.read()?,
            }),
            Self::SignIn { shown, digest, prefix, replaced } => {
                Command::SignIn(SignIn { shown, digest, prefix: prefix.into_owned(), replaced })
            }
            Self::SignOut { session } => Command::SignOut { session },
            Self::EndSessions { partner } => Command::EndSessions { partner },
            Self::NoteKeyUse { used } => Command::NoteKeyUse { used },
            Self::NoteRefusedKeys { refused } => Command::NoteRefusedKeys { refused },
            Self::Idempotent { key, request, command } => {
                Command::Idempotent(Idempotent { key, request, command: Box::new(command.read()?) })
            }
            Self::Report(report) => Command::Report(report.read()?),
            Self::Wake => Command::Wake,
            Self::Retain => Command::Retain,
        })
    }
}
