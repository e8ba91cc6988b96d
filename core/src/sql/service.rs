//! The table `service`: one row, with the last announced status. It changes only together with the
//! row of [`log`](super::log), which guards it.

use super::Statement;
use super::dialect::Dialect;
use super::table::{Record as _, record};
use crate::model::service::Service;

record! {
    Service in service, key [], revision [] {
        availability: available,
        since,
    }
}

pub fn put(dialect: Dialect, service: &Service) -> Statement<'_> {
    Statement::one(Service::table().update(dialect), service.values())
}
