//! The suites that run the real binary, and what else needs no process of its own: one module each
//! in one binary, so that the host is linked once. Suites that must be binaries of their own are
//! listed in `Cargo.toml`, each with the reason.

mod admission;
mod answers;
mod assets;
mod audit;
mod called_urls;
mod contract;
mod crash;
mod delivery_fidelity;
mod dependencies;
mod edge;
mod guard;
mod health;
mod idempotency;
mod incident;
mod isolation;
mod keys;
mod layers;
mod lists;
mod mutations;
mod order;
mod owed_digest;
mod partial_answers;
mod partners;
mod pull;
mod readiness;
mod receiver_connections;
mod receivers;
mod refusals;
mod replay;
mod request_parsing;
mod resend;
mod retention;
mod rotation;
mod schemas;
mod secrecy;
mod sessions;
mod settings;
mod signatures;
mod slow_clients;
mod start;
mod status;
mod stop;
mod subscriptions;
mod unregister;
