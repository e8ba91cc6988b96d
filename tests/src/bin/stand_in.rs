//! The binary's server, with a stand-in for the names that the system knows: a test's
//! [`Directory`](hookdesk_tests::Directory), whose address the variable `DIRECTORY` has.

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

/// Asks a directory, which answers with addresses that have blanks between them.
struct Asked(SocketAddr);

impl Names for Asked {
    fn addresses(&self, name: &str) -> BoxFuture<'static, Vec<IpAddr>> {
        let (directory, name) = (self.0, name.to_owned());
        Box::pin(async move {
            let mut stream = TcpStream::connect(directory).await.expect("a directory listens");
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
    let directory = std::env::var("DIRECTORY")?.parse()?;
    serve_with(options.settle()?, Arc::new(Asked(directory)))
}
