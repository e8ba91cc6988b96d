//! Calls about partners: who has webhooks or API keys besides the operator.

use crate::api::query::Query;
use crate::api::view::PartnerView;
use crate::api::{Action, Problem, Reading, Response};
use crate::engine::command::Command;
use crate::engine::store::Rows;
use crate::model::partner::Partner;
use crate::model::refusal::Refusal;

/// A page of the partners, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartnersQuery {
    after: Option<Partner>,
    limit: u32,
}

impl PartnersQuery {
    /// Partners of a page if the caller names no limit.
    const LIMIT: u32 = 100;

    pub(super) fn answer<R: Rows + ?Sized>(self, rows: &mut R) -> Result<Response, R::Fault> {
        let mut partners = rows.partners(self.after, self.limit + 1)?;
        let goes_on = partners.len() > self.limit as usize;
        partners.truncate(self.limit as usize);
        let next = partners.last().map(|last| last.partner).filter(|_| goes_on);
        Ok(Response::page(partners.iter().map(PartnerView::from).collect(), next))
    }
}

/// A partner's name as a caller sends it, or what it must be.
pub(super) fn name(text: &str) -> Result<Partner, &'static str> {
    Partner::parse(text).ok_or(Partner::RULE)
}

pub(super) fn list(query: &Query<'_>) -> Result<Action, Problem> {
    let (after, limit) = (query.cursor(Partner::parse)?, query.limit()?);
    let limit = limit.unwrap_or(PartnersQuery::LIMIT);
    Ok(Action::Read(Reading::Partners(PartnersQuery { after, limit })))
}

pub(super) fn remove(name: &str) -> Result<Action, Problem> {
    let partner = Partner::parse(name).ok_or(Refusal::UnknownPartner)?;
    Ok(Action::Decide(Command::RemovePartner { partner }))
}

#[cfg(test)]
mod tests;
