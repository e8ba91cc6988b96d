//! HTTP calls that a well-behaved library would not make.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{ANSWER_LIMIT, Answer, Client};

impl Client {
    /// Writes these bytes to a connection of their own and reads until it ends, so the request
    /// should say `connection: close`. What comes is taken as one answer, its body as it is.
    ///
    /// # Panics
    /// If it is no answer, or does not end in time.
    pub async fn raw(&self, request: &[u8]) -> Answer {
        let asked = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let asked = String::from_utf8_lossy(asked).into_owned();
        let address = self.base.strip_prefix("http://").expect("desks under test have no TLS");
        let mut stream = TcpStream::connect(address).await.expect("it accepts");
        let (mut from, mut to) = stream.split();
        let mut bytes = Vec::new();
        // Both at once: a server may answer before it has read all, and wait to be heard.
        let exchange = async { tokio::join!(to.write_all(request), from.read_to_end(&mut bytes)) };
        let exchanged = timeout(ANSWER_LIMIT, exchange).await;
        assert!(exchanged.is_ok(), "{asked}: the connection does not end");
        parse(asked, &bytes)
    }
}

fn parse(asked: String, bytes: &[u8]) -> Answer {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut slots);
    let head = match response.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        other => panic!("{asked}: no answer ({other:?}): {}", bytes.escape_ascii()),
    };
    let mut headers = HeaderMap::new();
    for header in response.headers.iter() {
        let name = HeaderName::try_from(header.name).expect("httparse has seen to it");
        let value = HeaderValue::from_bytes(header.value).expect("httparse has seen to it");
        headers.append(name, value);
    }
    let text = String::from_utf8_lossy(&bytes[head..]).into_owned();
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    let status = response.code.expect("a complete head has a status");
    Answer { asked, status, headers, text, json }
}
