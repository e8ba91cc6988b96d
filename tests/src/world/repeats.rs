//! Calls under idempotency keys, checked as callers see them: each is carried out once, and every
//! repetition gets the same response.

use std::collections::{BTreeMap, BTreeSet};

use hookdesk_core::api::{self, Response};
use hookdesk_core::{Command, Digest, Idempotent, Millis, Refusal, Reply};

use crate::stores::StoredRows;

/// The call itself, with or without a key.
pub fn plain(call: &Command) -> &Command {
    match call {
        Command::Idempotent(once) => &once.command,
        call => call,
    }
}

/// The first response under a key, the call that got it, and when.
#[derive(Debug)]
struct First {
    request: Digest,
    at: Millis,
    answer: Response,
}

/// Milliseconds for which a key certainly belongs to one call. It is a day from the first response,
/// which may have been lost up to an hour before the first that is seen.
const KEPT_MS: u64 = 23 * 3_600_000;

#[derive(Debug, Default)]
pub struct Repeats {
    answers: BTreeMap<Digest, First>,
    /// Messages and secrets of calls under a key. No other call has the same.
    messages: BTreeSet<String>,
    secrets: BTreeSet<String>,
}

impl Repeats {
    /// A call is made.
    pub fn asked(&mut self, call: &Command) {
        let Command::Idempotent(Idempotent { command, .. }) = call else { return };
        match &**command {
            Command::OpenTicket { message } | Command::UpdateTicket { message, .. } => {
                self.messages.insert(message.as_str().to_owned());
            }
            Command::Register(registration) => {
                self.secrets.insert(registration.secret.reveal().to_string());
            }
            Command::Rotate(rotation) => {
                self.secrets.insert(rotation.secret.reveal().to_string());
            }
            _ => {}
        }
    }

    /// A call under a key got its reply.
    pub fn told(&mut self, once: &Idempotent, reply: &Result<Reply, Refusal>, now: Millis) {
        if *reply == Err(Refusal::KeyReused) {
            return;
        }
        let mut answer = api::answer(reply.clone(), None);
        let key = once.key;
        let headers = answer.headers.len();
        answer.headers.retain(|(name, _)| *name != "idempotent-replayed");
        let is_first = answer.headers.len() == headers;
        let known = self.answers.get(&key).filter(|first| first.at.plus(KEPT_MS) > now);
        let Some(First { request, answer: first, .. }) = known else {
            self.answers.insert(key, First { request: once.request, at: now, answer });
            return;
        };
        assert_eq!(once.request, *request, "{key} is taken for two calls");
        assert!(!is_first, "{key} was carried out twice: {once:?}");
        if answer.body != first.body {
            let hidden = first.body.split_once(",\"secret\":");
            let hidden = hidden.map(|(open, _)| format!("{open}}}}}"));
            assert_eq!(Some(&answer.body), hidden.as_ref(), "{key} is answered otherwise");
            answer.body.clone_from(&first.body);
        }
        assert_eq!(&answer, first, "{key} is answered otherwise");
    }

    /// Messages and secrets of calls under a key are stored at most once, if no key outlived its
    /// day.
    pub fn at_rest(&self, rows: &StoredRows) {
        for message in &self.messages {
            let data = format!("{{\"ticket_message\":\"{message}\"}}");
            let told = rows.events.iter().filter(|event| event.body.contains(&data)).count();
            assert!(told <= 1, "{message} came under a key, and is told {told} times");
        }
        let stored = rows.webhooks.iter().flat_map(|(webhook, ..)| webhook.secrets.stored());
        let mut seen = BTreeSet::new();
        for one in stored {
            let text = one.secret.reveal().to_string();
            let is_new = seen.insert(text.clone()) || !self.secrets.contains(&text);
            assert!(is_new, "{} came under a key, and is there twice", one.id);
        }
    }
}
