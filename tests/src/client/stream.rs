//! A stream of Server-Sent Events, frame by frame.

use reqwest::{Method, Response};
use serde_json::Value;

use super::Client;

/// An open stream; dropped, its connection is closed.
pub struct Stream {
    response: Response,
    unread: Vec<u8>,
    /// Where it said that it begins, if it was asked for what comes.
    pub position: Option<String>,
}

/// One frame: an event of the desk, the notice of expired ones, or the position of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pub id: Option<String>,
    pub event: Option<String>,
    /// Must be one line.
    pub data: Option<String>,
}

/// The line that each stream begins with, before its first frame.
const FIRST: &[u8] = b"retry: 1000\n";
/// The line that fills a silence.
const COMMENT: &[u8] = b": \n";

impl Client {
    /// Opens a stream of what comes after this event, or of what happens from now on.
    ///
    /// # Panics
    /// If that is not answered with a stream, or one that does not begin as it should.
    pub async fn stream(&self, last: Option<&str>) -> Stream {
        let mut request =
            self.request(Method::GET, "/events").header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.expect("it is answered");
        assert_eq!(response.status(), 200);
        let kind = response.headers().get("content-type").expect("it has a type");
        assert_eq!(kind, "text/event-stream");
        let mut stream = Stream { response, unread: Vec::new(), position: None };
        stream.begin().await;
        if last.is_none() {
            let first = stream.frame().await.expect("it is not broken off");
            stream.position = Some(position(&first.expect("it has a beginning")));
        }
        stream
    }
}

/// The id of the frame that says where a stream begins.
fn position(frame: &Frame) -> String {
    let id = frame.id.clone().unwrap_or_default();
    let data = format!(r#"{{"id":"{id}","event":"position"}}"#);
    let event = Some("position".to_owned());
    assert_eq!(*frame, Frame { id: Some(id.clone()), event, data: Some(data) });
    assert!(!id.is_empty());
    id
}

impl Stream {
    /// A header of the response.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Takes its first line, which comes at once.
    async fn begin(&mut self) {
        while self.unread.len() < FIRST.len() {
            let chunk = self.response.chunk().await.expect("it is not broken off");
            self.unread.extend_from_slice(&chunk.expect("it has a beginning"));
        }
        let rest = self.unread.split_off(FIRST.len());
        assert_eq!(self.unread.escape_ascii().to_string(), FIRST.escape_ascii().to_string());
        self.unread = rest;
    }

    /// The next frame; `None` when the server has ended the stream as it should.
    ///
    /// # Errors
    /// If the connection breaks, or nothing comes for long.
    ///
    /// # Panics
    /// If it ends within a frame, or has one without data: some clients make an event of it.
    pub async fn frame(&mut self) -> reqwest::Result<Option<Frame>> {
        loop {
            while self.unread.starts_with(COMMENT) {
                self.unread.drain(..COMMENT.len());
            }
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
                let frame: Vec<u8> = self.unread.drain(..end + 2).collect();
                let frame = parse(&String::from_utf8_lossy(&frame));
                assert!(frame.data.is_some(), "no data: {frame:?}");
                return Ok(Some(frame));
            }
            match self.response.chunk().await? {
                Some(chunk) => self.unread.extend_from_slice(&chunk),
                None if self.unread.is_empty() => return Ok(None),
                None => panic!("it ended within a frame: {}", self.unread.escape_ascii()),
            }
        }
    }

    /// The next event as its item.
    ///
    /// # Panics
    /// If the stream ends, or its frame does not agree with its item.
    pub async fn event(&mut self) -> Value {
        let frame = self.frame().await.expect("it is not broken off").expect("it goes on");
        let item: Value = serde_json::from_str(frame.data.as_deref().unwrap_or_default())
            .unwrap_or_else(|error| panic!("no item ({error}): {frame:?}"));
        assert_eq!(item["id"].as_str(), frame.id.as_deref());
        assert_eq!(item["event"].as_str(), frame.event.as_deref());
        item
    }

    /// The next events, as many as are asked for.
    pub async fn events(&mut self, count: usize) -> Vec<Value> {
        let mut events = Vec::with_capacity(count);
        while events.len() < count {
            events.push(self.event().await);
        }
        events
    }
}

fn parse(text: &str) -> Frame {
    let mut frame = Frame::default();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (field, value) = line.split_once(": ").unwrap_or_else(|| panic!("no field: {line:?}"));
        let place = match field {
            "id" => &mut frame.id,
            "event" => &mut frame.event,
            "data" => &mut frame.data,
            other => panic!("an unknown field {other:?}"),
        };
        assert!(place.replace(value.to_owned()).is_none(), "twice: {line:?}");
    }
    frame
}
