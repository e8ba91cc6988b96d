//! A callback URL is called as it is shown, or refused.

use std::collections::BTreeSet;

use hookdesk_tests::{MINUTE, Receiver, desk};
use serde_json::{Value, json};

/// Where a character may stand in what follows the host.
const PLACES: [&str; 3] = ["/in*x", "/in?who=a*b", "/a*b?c*d"];

/// What is refused wherever it stands. A percent sign needs two hex digits after it.
const REFUSED: &str = " \"#%<>\\^`{|}";

#[tokio::test]
async fn every_printable_character_arrives_as_it_is_shown_or_is_refused() {
    let (server, client) = desk();
    let client = client.with_pool();
    let receiver = Receiver::kind();
    let base = format!("http://127.0.0.1:{}", receiver.port());
    let mut shown = BTreeSet::new();
    for character in ' '..='~' {
        for place in PLACES {
            let target = place.replace('*', &character.to_string());
            let settings = json!({ "callback_url": format!("{base}{target}") });
            let answer = client.post("/webhooks/register", settings).await;
            let in_query = character == '\'' && place.contains('?');
            if REFUSED.contains(character) || in_query {
                assert_eq!(answer.expect(422).code(), Some("bad_callback_url"), "{target}");
                continue;
            }
            let url = answer.expect(201).string("/data/callback_url");
            let target = url.strip_prefix(&base).expect("it begins with scheme and host");
            shown.insert(target.to_owned());
        }
    }
    assert_eq!(shown.len(), PLACES.len() * (95 - REFUSED.len()) - 2);

    client.ping().await;

    let came = receiver.wait_for(|all| all.len() >= shown.len(), MINUTE).await;
    let called: BTreeSet<String> = came.into_iter().map(|one| one.path).collect();
    assert_eq!(called, shown);
    let list: Value = client.get("/webhooks").await.data().clone();
    assert_eq!(list.as_array().map(Vec::len), Some(shown.len()));
    drop(server);
}
