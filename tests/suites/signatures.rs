//! Signatures of real deliveries, verified by the published Standard Webhooks libraries of other
//! languages.

use hookdesk_tests::{
    Client, Delivery, Options, Reaction, Receiver, SOON, Server, Webhook, libraries_verify,
};
use serde_json::{Value, json};

/// All six types of events with texts of many kinds, a retry among them.
async fn tell_everything(client: &Client) {
    client.ping().await;
    client.announce("/service/unavailable").await;
    client.announce("/service/available").await;
    let long = "ß".repeat(32_768);
    for message in
        ["plain", "Grüße aus Köln, 東京 \u{1f525}", "\"\\/\u{8}\u{1f}\u{7f}\u{2028}", &long]
    {
        let ticket = client.open_ticket(message).await;
        client.update_ticket(&ticket, &message.chars().rev().collect::<String>()).await;
        client.close_ticket(&ticket).await;
    }
}

/// The delivery as somebody made it who does not know the secret.
fn tampered(one: &Delivery, webhook: &Webhook, other: &Webhook) -> Vec<Value> {
    let with = |change: fn(&mut Delivery)| {
        let mut changed = one.clone();
        change(&mut changed);
        changed.to_verify(&webhook.secret, false)
    };
    vec![
        one.to_verify(&other.secret, false),
        with(|one| one.body.push(b' ')),
        with(|one| one.body[2] = b'E'),
        with(|one| set(one, "webhook-id", |id| format!("{id}0"))),
        with(|one| set(one, "webhook-timestamp", |seconds| format!("{}", number(seconds) + 1))),
        with(|one| set(one, "webhook-signature", |signature| signature.replace("v1,", "v1,A"))),
        with(|one| set(one, "webhook-signature", |signature| signature.replace("v1,", "v1a,"))),
        with(|one| set(one, "webhook-signature", |_| String::new())),
    ]
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

fn set(one: &mut Delivery, name: &str, change: impl Fn(&str) -> String) {
    let header = one.headers.iter_mut().find(|(known, _)| known == name);
    let (_, value) = header.expect("every delivery has it");
    *value = change(value);
}

#[tokio::test]
async fn the_published_libraries_verify_what_is_told_and_refuse_what_was_changed() {
    let server = Server::start(Options::default());
    let client = server.client();
    let receivers = [
        Receiver::kind(),
        Receiver::start(|one| Reaction::Status(if one.attempt() == 1 { 500 } else { 200 })),
    ];
    let mut webhooks = Vec::new();
    for receiver in &receivers {
        let settings = json!({ "callback_url": receiver.url(), "retry_schedule": [0] });
        webhooks.push(client.register_with(settings).await);
    }

    tell_everything(&client).await;

    let mut entries = Vec::new();
    for (receiver, webhook) in receivers.iter().zip(&webhooks) {
        client.wait_told(&webhook.id, SOON).await;
        let told = receiver.deliveries();
        entries.extend(told.iter().map(|one| one.to_verify(&webhook.secret, true)));
    }
    let genuine = entries.len();
    assert_eq!(genuine, 15 + 2 * 15);
    for one in &receivers[0].deliveries() {
        entries.extend(tampered(one, &webhooks[0], &webhooks[1]));
    }
    libraries_verify(&entries);
}
