//! The engine: it decides commands over facts, commits the changes, and returns replies and
//! requests.

pub(crate) mod command;
pub(crate) mod decide;
pub(crate) mod decision;
pub(crate) mod desk;
pub(crate) mod facts;
pub(crate) mod limits;
pub(crate) mod need;
pub(crate) mod outcome;
pub(crate) mod session;
pub(crate) mod store;
