//! Commands in JSON.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::Read;
use crate::delivery::answer::{Answer, Failure};
use crate::delivery::replay::{ReplayCount, ReplayRange};
use crate::delivery::request::RequestKey;
use crate::engine::command::{
    Command, Handover, Idempotent, KeyAmendment, NewKey, Registration, Report, Rotation,
};
use crate::guard::CallbackUrl;
use crate::model::api_key::KeySettings;
use crate::model::digest::Digest;
use crate::model::event::EventType;
use crate::model::id::{EventId, KeyId, SecretId, TicketId, WebhookId};
use crate::model::millis::Millis;
use crate::model::partner::{Grant, Partner};
use crate::model::scope::{Scope, Scopes};
use crate::model::seq::Seq;
use crate::model::service::Availability;
use crate::model::subscription::Subscription;
use crate::model::ticket::TicketMessage;
use crate::webhook::extra_headers::ExtraHeaders;
use crate::webhook::retry_schedule::RetrySchedule;
use crate::webhook::sign::Secret;
use crate::webhook::{Amendment, Ordering};

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
    NoteKeyUse {
        used: Vec<(KeyId, Millis)>,
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

/// A partner with what is granted to it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantForm<'a> {
    partner: Partner,
    events: TypesForm<'a>,
}

/// Event types by name.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct TypesForm<'a>(Vec<Cow<'a, str>>);

impl TypesForm<'_> {
    fn of(events: &Subscription) -> Self {
        Self(events.types().map(|kind| kind.name().into()).collect())
    }

    fn read(&self) -> Read<Subscription> {
        let kinds = self.0.iter().map(|name| EventType::parse(name));
        let kinds: Option<Vec<_>> = kinds.collect();
        Ok(Subscription::of(kinds.ok_or("not a type of events")?))
    }
}

/// A secret in plain text.
pub(super) struct SecretForm(Secret);

impl Serialize for SecretForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.reveal())
    }
}

impl<'de> Deserialize<'de> for SecretForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let secret = Secret::parse(&text);
        secret.map(Self).ok_or_else(|| serde::de::Error::custom("not a secret"))
    }
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
                grant: settings.grant.as_ref().map(|Grant { partner, events }| GrantForm {
                    partner: *partner,
                    events: TypesForm::of(events),
                }),
                rate_limit: settings.rate_limit,
                expires_at: settings.expires_at,
            },
            Command::AmendKey { id, amendment } => {
                Self::AmendKey { id: *id, amendment: KeyAmendmentForm::of(amendment) }
            }
            Command::RevokeKey { id } => Self::RevokeKey { id: *id },
            Command::RemovePartner { partner } => Self::RemovePartner { partner: *partner },
            Command::NoteKeyUse { used } => Self::NoteKeyUse { used: used.clone() },
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
                let read_grant = |GrantForm { partner, events }: GrantForm<'_>| {
                    events.read().map(|events| Grant { partner, events })
                };
                let settings = KeySettings {
                    name: name.map(Cow::into_owned),
                    scopes: scopes.read()?,
                    grant: grant.map(read_grant).transpose()?,
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
            Self::NoteKeyUse { used } => Command::NoteKeyUse { used },
            Self::Idempotent { key, request, command } => {
                Command::Idempotent(Idempotent { key, request, command: Box::new(command.read()?) })
            }
            Self::Report(report) => Command::Report(report.read()?),
            Self::Wake => Command::Wake,
            Self::Retain => Command::Retain,
        })
    }
}

/// Scopes by name.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ScopesForm<'a>(Vec<Cow<'a, str>>);

impl ScopesForm<'_> {
    fn of(scopes: Scopes) -> Self {
        Self(scopes.iter().map(|scope| scope.name().into()).collect())
    }

    fn read(&self) -> Read<Scopes> {
        let scopes = self.0.iter().map(|name| Scope::parse(name).ok_or("not a scope"));
        Ok(Scopes::of(scopes.collect::<Result<Vec<_>, _>>()?))
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::option_option, reason = "it may stay, go, or be another")]
pub(super) struct KeyAmendmentForm<'a> {
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    name: Option<Option<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<ScopesForm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<TypesForm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    rate_limit: Option<Option<u32>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    expires_at: Option<Option<Millis>>,
}

impl<'a> KeyAmendmentForm<'a> {
    fn of(amendment: &'a KeyAmendment) -> Self {
        let KeyAmendment { name, scopes, events, rate_limit, expires_at } = amendment;
        Self {
            name: name.as_ref().map(|name| name.as_deref().map(Cow::Borrowed)),
            scopes: scopes.map(ScopesForm::of),
            events: events.as_ref().map(TypesForm::of),
            rate_limit: *rate_limit,
            expires_at: *expires_at,
        }
    }

    fn read(self) -> Read<KeyAmendment> {
        Ok(KeyAmendment {
            name: self.name.map(|name| name.map(Cow::into_owned)),
            scopes: self.scopes.map(|scopes| scopes.read()).transpose()?,
            events: self.events.map(|events| events.read()).transpose()?,
            rate_limit: self.rate_limit,
            expires_at: self.expires_at,
        })
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::option_option, reason = "it may stay, go, or be another")]
pub(super) struct AmendmentForm<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<TypesForm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ordering: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    description: Option<Option<Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Cow<'a, [(String, String)]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_schedule: Option<Cow<'a, [u32]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_in_flight: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    rate_limit: Option<Option<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<bool>,
}

/// A field that is present, be it null.
#[expect(clippy::option_option, reason = "it may stay, go, or be another")]
fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

impl<'a> AmendmentForm<'a> {
    fn of(amendment: &'a Amendment) -> Self {
        let Amendment {
            callback_url,
            events,
            ordering,
            description,
            headers,
            retry_schedule,
            timeout_ms,
            max_in_flight,
            rate_limit,
            paused,
        } = amendment;
        Self {
            callback_url: callback_url.as_ref().map(|url| url.as_str().into()),
            events: events.as_ref().map(TypesForm::of),
            ordering: ordering.map(|ordering| ordering.name().into()),
            description: description.as_ref().map(|text| text.as_deref().map(Cow::Borrowed)),
            headers: headers.as_ref().map(|headers| headers.as_slice().into()),
            retry_schedule: retry_schedule.as_ref().map(|waits| waits.waits_s().into()),
            timeout_ms: *timeout_ms,
            max_in_flight: *max_in_flight,
            rate_limit: *rate_limit,
            paused: *paused,
        }
    }

    fn read(self) -> Read<Amendment> {
        let ordering = |name: Cow<'_, str>| Ordering::parse(&name).ok_or("not an ordering");
        Ok(Amendment {
            callback_url: self.callback_url.map(|url| CallbackUrl::stored(url.into_owned())),
            events: self.events.map(|events| events.read()).transpose()?,
            ordering: self.ordering.map(ordering).transpose()?,
            description: self.description.map(|text| text.map(Cow::into_owned)),
            headers: self.headers.map(|headers| ExtraHeaders::stored(headers.into_owned())),
            retry_schedule: self.retry_schedule.map(|s| RetrySchedule::stored(s.into_owned())),
            timeout_ms: self.timeout_ms,
            max_in_flight: self.max_in_flight,
            rate_limit: self.rate_limit,
            paused: self.paused,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportForm<'a> {
    webhook: WebhookId,
    seq: Seq,
    number: u32,
    sent_at: Millis,
    duration_ms: u64,
    answer: AnswerForm<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum AnswerForm<'a> {
    Status { status: u16, retry_after: Option<Cow<'a, str>>, excerpt: Cow<'a, str> },
    Failure(Cow<'a, str>),
}

impl<'a> ReportForm<'a> {
    fn of(report: &'a Report) -> Self {
        let Report { key: RequestKey { webhook, seq, number, sent_at }, duration_ms, answer } =
            report;
        let answer = match answer {
            Answer::Status { status, retry_after, excerpt } => AnswerForm::Status {
                status: *status,
                retry_after: retry_after.as_deref().map(Cow::Borrowed),
                excerpt: excerpt.as_str().into(),
            },
            Answer::Failure(failure) => AnswerForm::Failure(failure.name().into()),
        };
        Self {
            webhook: *webhook,
            seq: *seq,
            number: *number,
            sent_at: *sent_at,
            duration_ms: *duration_ms,
            answer,
        }
    }

    fn read(self) -> Read<Report> {
        let Self { webhook, seq, number, sent_at, duration_ms, answer } = self;
        let answer = match answer {
            AnswerForm::Status { status, retry_after, excerpt } => Answer::Status {
                status,
                retry_after: retry_after.map(Cow::into_owned),
                excerpt: excerpt.into_owned(),
            },
            AnswerForm::Failure(name) => {
                Answer::Failure(Failure::parse(&name).ok_or("not a failure")?)
            }
        };
        Ok(Report { key: RequestKey { webhook, seq, number, sent_at }, duration_ms, answer })
    }
}
