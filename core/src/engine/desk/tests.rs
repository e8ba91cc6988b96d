use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use super::*;
use crate::engine::command::Registration;
use crate::engine::store::Rows;
use crate::guard::{CallbackUrl, Targets};
use crate::memory::MemoryStore;
use crate::model::id::HolderId;
use crate::webhook::Amendment;
use crate::webhook::sign::Secret;

/// A store that another process changes too.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<MemoryStore>>);

impl Rows for Shared {
    type Fault = Infallible;

    fn load(&mut self, need: &Need) -> Result<Fact, Infallible> {
        self.0.borrow_mut().load(need)
    }
}

impl Store for Shared {
    fn commit(&mut self, changes: &Changes) -> Result<Commit, Infallible> {
        self.0.borrow_mut().commit(changes)
    }
}

fn run(desk: &mut Desk<Shared>, command: Command) -> Committed {
    let now = Millis(1_750_000_000_000);
    let moment = Moment::new(now, [7; 16], HolderId::new(now, &[1; 16]));
    let mut committed = desk.run(&[(command, moment)]).expect("memory does not fail");
    committed.pop().expect("a command was run")
}

fn register(desk: &mut Desk<Shared>) -> WebhookId {
    let url = "https://receiver.example/hook";
    let callback_url = CallbackUrl::parse(url, &Targets::public()).expect("a good URL");
    let (secret, settings) = (Secret::new([9; 32]), Amendment::default());
    let registration = Registration { callback_url, secret, settings, partner: None };
    let Ok(Reply::Registered(webhook)) = run(desk, Command::Register(registration)).reply else {
        panic!("it is registered");
    };
    webhook.id
}

#[test]
fn a_batch_over_rows_that_somebody_else_changed_is_decided_again() {
    let store = Shared::default();
    let desk = || Desk::new(store.clone(), Memory::Kept);
    let (mut one, mut other) = (desk(), desk());
    let id = register(&mut one);
    let amend = |settings| Command::Amend { id, settings };
    // Each has cached the webhook before the other changes it.
    run(&mut other, Command::Wake);
    let slower = Amendment { rate_limit: Some(Some(5)), ..Amendment::default() };
    run(&mut one, amend(slower));
    run(&mut other, amend(Amendment { paused: Some(true), ..Amendment::default() }));

    let webhooks = store.clone().webhooks(None, 1).expect("memory does not fail");
    let (webhook, _) = webhooks.first().expect("it is there");
    assert_eq!((webhook.rate_limit, webhook.is_active()), (Some(5), false));
}

#[test]
fn what_somebody_else_has_sent_meanwhile_is_not_sent_again() {
    let store = Shared::default();
    let idle = || {
        let limits = Limits { in_flight: 0, ..Limits::default() };
        Desk::new(store.clone(), Memory::Kept).with_limits(limits)
    };
    let (mut one, mut other) = (idle(), idle());
    register(&mut one);
    run(&mut one, Command::Ping);
    run(&mut other, Command::Wake);
    let wake = |desk: &mut Desk<Shared>| {
        desk.limits_mut().in_flight = 1;
        run(desk, Command::Wake).requests.len()
    };
    assert_eq!((wake(&mut one), wake(&mut other)), (1, 0));
}
