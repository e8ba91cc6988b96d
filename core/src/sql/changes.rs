//! Changes as statements, table by table.

use super::dialect::Dialect;
use super::{
    Statement, api_keys, attempts, audit, events, idempotency_records, lanes, log, readers,
    service, tickets, webhooks,
};
use crate::engine::outcome::Changes;

/// The statements that store changes, in the order in which they are to be run, in one transaction.
pub fn statements(dialect: Dialect, changes: &Changes) -> Vec<Statement<'_>> {
    let mut all = Vec::new();
    all.extend(changes.log.as_ref().map(|put| log::put(dialect, put)));
    all.extend(changes.service.as_ref().map(|service| service::put(dialect, service)));
    all.extend(changes.events.iter().map(|event| events::insert(dialect, event)));
    all.extend(changes.floor.map(|floor| events::delete_to(dialect, floor)));
    all.extend(changes.floor.map(|floor| attempts::delete_to(dialect, floor)));
    all.extend(changes.tickets.values().filter_map(|put| tickets::put(dialect, put)));
    for (id, put) in &changes.webhooks {
        all.extend(webhooks::put(dialect, *id, put));
    }
    for (id, put) in &changes.readers {
        all.extend(readers::put(dialect, *id, put));
    }
    all.extend(changes.cleared.iter().map(|id| lanes::delete_all(dialect, *id)));
    all.extend(changes.stopped.iter().map(|id| lanes::delete_replay(dialect, *id)));
    for ((webhook, ordering_key), lane) in &changes.lanes {
        all.push(lanes::put(dialect, *webhook, *ordering_key, lane.as_ref()));
    }
    all.extend(changes.attempts.values().map(|attempt| attempts::put(dialect, attempt)));
    all.extend(
        changes
            .idempotency_records
            .values()
            .filter_map(|put| idempotency_records::put(dialect, put)),
    );
    for (id, put) in &changes.api_keys {
        all.extend(api_keys::put(dialect, *id, put));
    }
    all.extend(changes.audit.iter().map(|row| audit::insert(dialect, row)));
    let forgotten_audit = changes.forgotten_audit;
    all.extend(forgotten_audit.map(|(to, most)| audit::delete_oldest(dialect, to, most)));
    all.extend(
        changes.forgotten.map(|(to, most)| idempotency_records::delete_oldest(dialect, to, most)),
    );
    all
}
