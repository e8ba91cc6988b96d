//! What this process is to its desk: it leads, or follows who does.

use std::sync::Arc;
use std::time::Duration;

use hookdesk_core::Millis;
use hookdesk_core::api::{self, Problem, Response, Standing};
use tokio::sync::watch;
use tokio::time::timeout;

use super::call_context::Services;
use crate::moment::clock;
use crate::store::postgres::HostRow;

/// What a process is to its desk.
#[derive(Clone)]
pub enum Role {
    /// It decides.
    Leads(Arc<Services>),
    /// Another decides, which is reached here if that is known.
    Follows { leader: Option<Arc<HostRow>>, since: Millis },
}

/// The role of this process, for all who act by it.
#[derive(Clone)]
pub struct RoleBoard(Arc<watch::Sender<Role>>);

impl RoleBoard {
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self(Arc::new(watch::Sender::new(role)))
    }

    pub fn lead(&self, services: Arc<Services>) {
        self.0.send_replace(Role::Leads(services));
    }

    /// Follows a leader, unless it does already.
    pub fn follow(&self, leader: Option<Arc<HostRow>>, now: Millis) {
        self.0.send_if_modified(|role| {
            let is_new = match &*role {
                Role::Leads(_) => true,
                Role::Follows { leader: known, .. } => *known != leader,
            };
            if is_new {
                *role = Role::Follows { leader, since: now };
            }
            is_new
        });
    }

    /// The role at this moment. One whose leave to lead has ended cannot know who leads: keys that it
    /// takes may be revoked by another.
    #[must_use]
    pub fn role(&self) -> Role {
        match &*self.0.borrow() {
            Role::Leads(services) if services.leave.has_ended() => {
                Role::Follows { leader: None, since: clock() }
            }
            role @ (Role::Leads(_) | Role::Follows { .. }) => role.clone(),
        }
    }

    /// What the desk's leader decides by, if that is this process.
    #[must_use]
    pub fn services(&self) -> Option<Arc<Services>> {
        match self.role() {
            Role::Leads(services) => Some(services),
            Role::Follows { .. } => None,
        }
    }

    /// Whether the desk can be reached here.
    ///
    /// # Errors
    /// When no host is known to lead.
    pub fn ready(&self, paused: bool, own: &str) -> Result<Response, Problem> {
        let Role::Follows { leader: Some(leader), since } = self.role() else {
            return Err(Problem::leaderless());
        };
        let (host, leader) = (own.to_owned(), leader.id.clone());
        Ok(api::ready_to_forward(paused, &Standing { host, leader, since }))
    }

    /// Waits until the role changes, no longer than `most`.
    pub async fn changed(&self, most: Duration) {
        let mut role = self.0.subscribe();
        // Whether it changed or not, the wait is over.
        let _ = timeout(most, role.changed()).await;
    }

    /// Waits until another than this host leads.
    pub async fn lost(&self, leader: &HostRow) {
        let mut role = self.0.subscribe();
        let is_other = |role: &Role| match role {
            Role::Leads(_) => true,
            Role::Follows { leader: known, .. } => {
                known.as_ref().is_some_and(|known| known.id != leader.id)
            }
        };
        let _ = role.wait_for(is_other).await;
    }
}
