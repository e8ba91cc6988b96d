//! A stream of Server-Sent Events, frame by frame.

use reqwest::{Method, Response};
use serde_json::Value;

use super::Client;

/// An open stream; dropped, its connection is closed.
pub struct Stream {
    response: Response,
    unread: Vec<u8>,
}

/// One frame: an event of the desk, the notice of expired ones, or the first of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pub id: Option<String>,
    pub event: Option<String>,
    /// Must be one line.
    pub data: Option<String>,
    pub retry: Option<String>,
}

impl Client {
    /// Opens a stream of what comes after this event, or of what happens from now on.
    ///
    /// # Panics
    /// If that is not answered with a stream.
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
        let mut stream = Stream { response, unread: Vec::new() };
        let first =
            stream.frame().await.expect("it is not broken off").expect("it has a beginning");
        assert_eq!(first, Frame { retry: Some("1000".to_owned()), ..Frame::default() });
        stream
    }
}

impl Stream {
    /// The next frame that says something; `None` when the server has ended the stream as it should.
    ///
    /// # Errors
    /// If the connection breaks, or nothing comes for long.
    pub async fn frame(&mut self) -> reqwest::Result<Option<Frame>> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
                let frame: Vec<u8> = self.unread.drain(..end + 2).collect();
                match parse(&String::from_utf8_lossy(&frame)) {
                    comment if comment == Frame::default() => continue,
                    frame => return Ok(Some(frame)),
                }
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
            "" => continue,
            "id" => &mut frame.id,
            "event" => &mut frame.event,
            "data" => &mut frame.data,
            "retry" => &mut frame.retry,
            other => panic!("an unknown field {other:?}"),
        };
        assert!(place.replace(value.to_owned()).is_none(), "twice: {line:?}");
    }
    frame
}
