//! `hookdesk serve` with a fake DNS: it resolves names at a test's
//! [`FakeDns`](hookdesk_tests::FakeDns), whose address is in the variable `FAKE_DNS`.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use clap::Parser;
use futures_util::future::BoxFuture;
use hookdesk::config::ServeOptions;
use hookdesk::courier::Names;
use hookdesk::serve::serve_with;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Parser)]
enum Arguments {
    Serve(ServeOptions),
}

/// Asks the fake DNS at this address, which answers with addresses separated by blanks.
struct AskFakeDns(SocketAddr);

impl Names for AskFakeDns {
    fn addresses(&self, name: &str) -> BoxFuture<'static, Vec<IpAddr>> {
        let (dns, name) = (self.0, name.to_owned());
        Box::pin(async move {
            let mut stream = TcpStream::connect(dns).await.expect("the fake DNS listens");
            stream.write_all(format!("{name}\n").as_bytes()).await.expect("it reads");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("it answers");
            answer.split_whitespace().map(|one| one.parse().expect("an address")).collect()
        })
    }
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let Arguments::Serve(options) = Arguments::parse();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let dns = std::env::var("FAKE_DNS")?.parse()?;
    let names: Arc<dyn Names> = Arc::new(AskFakeDns(dns));
    serve_with(options.settle()?, &names)
}
