//! The Worker with its Durable Object, as far as it differs from the binary. What both do is tested
//! by the other suites, which `.ci/host-tests edge` runs against the Worker.

mod access;
mod alarm;
mod faults;
mod limits;
mod parity;

use hookdesk_tests::{Client, Host, Options, Server};

fn edge() -> (Server, Client) {
    let server = Server::start(Options { host: Host::Edge, ..Options::default() });
    let client = server.client();
    (server, client)
}
