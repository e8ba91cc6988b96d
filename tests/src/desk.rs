//! A desk under test together with a caller of it, and how long a suite waits for what it expects.

use std::time::Duration;

use crate::client::Client;
use crate::server::{Options, Server};

/// How long a suite waits for what follows from its calls: many times what that takes, on a machine
/// that has other work.
pub const SOON: Duration = Duration::from_secs(30);

/// The same for suites that send much, or many at once.
pub const MINUTE: Duration = Duration::from_secs(60);

/// Arguments of a desk for which no receiver is ever down, however often it fails.
pub const NEVER_DOWN: [&str; 2] = ["--down-after", "4294967295"];

/// A desk with the options that all tests have.
pub fn desk() -> (Server, Client) {
    desk_with(&[])
}

/// A desk with further arguments of `hookdesk serve`.
pub fn desk_with(arguments: &[&str]) -> (Server, Client) {
    let server = Server::start(Options::with_arguments(arguments));
    let client = server.client();
    (server, client)
}
