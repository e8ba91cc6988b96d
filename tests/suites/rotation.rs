//! Rotation of secrets: deliveries verify with the old secret, the new one, and each in its time.

use std::time::Duration;

use hookdesk_tests::{
    Answer, Client, Delivery, Options, Receiver, SOON, Server, Webhook, libraries_verify,
};
use serde_json::{Value, json};

const NOBODY: &str = "sec_0197000000017abcaeeeeeeeeeeeeeee";

/// A secret as a rotation shows it.
struct Rotated {
    id: String,
    secret: String,
}

/// A desk with one receiver.
struct Rig {
    server: Server,
    client: Client,
    receiver: Receiver,
    webhook: Webhook,
}

impl Rig {
    async fn start() -> Self {
        let server = Server::start(Options::default());
        let client = server.client();
        let receiver = Receiver::kind();
        let webhook = client.register(&receiver.url()).await;
        Self { server, client, receiver, webhook }
    }

    fn path(&self, rest: &str) -> String {
        format!("/webhooks/{}/{rest}", self.webhook.id)
    }

    async fn try_rotate(&self, body: Value) -> Answer {
        self.client.post(&self.path("secret/rotate"), body).await
    }

    async fn rotate(&self, overlap_seconds: u32) -> Rotated {
        let body = json!({ "overlap_seconds": overlap_seconds });
        let answer = self.try_rotate(body).await.expect(201);
        Rotated { id: answer.string("/data/id"), secret: answer.string("/data/secret") }
    }

    async fn end(&self, secret: &str) -> Answer {
        self.client.delete(&self.path(&format!("secrets/{secret}"))).await
    }

    /// The live secrets, newest first, and whether each has an end.
    async fn live(&self) -> Vec<(String, bool)> {
        let list = self.client.get(&self.path("secrets")).await.expect(200);
        assert_eq!(list.json["next"], Value::Null);
        let one = |one: &Value| {
            let id = one["id"].as_str().expect("a string").to_owned();
            (id, !one["ends_at"].is_null())
        };
        list.items().iter().map(one).collect()
    }

    /// What is sent for a new event.
    async fn tell(&self) -> Delivery {
        let event = self.client.ping().await;
        let told = |all: &[Delivery]| all.iter().any(|one| one.event() == event);
        let all = self.receiver.wait_for(told, SOON).await;
        all.into_iter().find(|one| one.event() == event).expect("it was waited for")
    }
}

/// Entries that say which secrets verify a delivery, and how many signatures it has.
fn entries(one: &Delivery, secrets: &[(&str, bool)]) -> Vec<Value> {
    let valid = secrets.iter().filter(|(_, valid)| *valid).count();
    let signatures = one.header("webhook-signature").expect("it is always there");
    assert_eq!(signatures.split(' ').count(), valid, "{signatures}");
    secrets.iter().map(|(secret, valid)| one.to_verify(secret, *valid)).collect()
}

#[tokio::test]
async fn old_and_new_secrets_verify_while_both_live_and_the_new_one_alone_then() {
    let rig = Rig::start().await;
    let old = rig.webhook.secret.as_str();

    let before = rig.tell().await;
    let rotated = rig.rotate(2).await;
    let during = rig.tell().await;
    while rig.live().await.len() > 1 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let after = rig.tell().await;

    let new = rotated.secret.as_str();
    let mut all = entries(&before, &[(new, false), (old, true)]);
    all.extend(entries(&during, &[(new, true), (old, true)]));
    all.extend(entries(&after, &[(new, true), (old, false)]));
    libraries_verify(&all);
    assert_eq!(rig.live().await, [(rotated.id, false)]);
}

#[tokio::test]
async fn a_rotation_shows_its_secret_last_and_only_there() {
    let rig = Rig::start().await;
    let own = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    let answer = rig.try_rotate(json!({ "secret": own })).await.expect(201);
    let without_body = rig.client.post(&rig.path("secret/rotate"), None).await.expect(201);

    let (id, created_at) = (answer.string("/data/id"), answer.string("/data/created_at"));
    let expected = format!(
        r#"{{"data":{{"id":"{id}","created_at":"{created_at}","ends_at":null,"secret":"{own}"}}}}"#
    );
    assert_eq!(answer.text, expected);
    assert!(id.starts_with("sec_") && id.len() == 36, "{id}");
    let list = rig.client.get(&rig.path("secrets")).await.expect(200);
    let made = without_body.string("/data/secret");
    let texts = [list.text.clone(), rig.client.get("/webhooks").await.text];
    assert!(texts.iter().all(|text| !text.contains("whsec_")), "{texts:?}");
    assert_eq!(list.data()[0]["id"], without_body.data()["id"]);
    assert_eq!(list.data().as_array().map(Vec::len), Some(3));
    let told = rig.tell().await;
    assert!([&made, own, &rig.webhook.secret].iter().all(|secret| told.signed_with(secret)));
}

#[tokio::test]
async fn without_an_overlap_the_old_secret_ends_at_once() {
    let rig = Rig::start().await;

    let rotated = rig.rotate(0).await;

    let told = rig.tell().await;
    libraries_verify(&entries(&told, &[(&rotated.secret, true), (&rig.webhook.secret, false)]));
    assert_eq!(rig.live().await, [(rotated.id, false)]);
}

#[tokio::test]
async fn a_secret_is_ended_early_and_the_newest_other_becomes_current() {
    let rig = Rig::start().await;
    let first = rig.live().await.remove(0).0;
    let second = rig.rotate(600).await;
    let third = rig.rotate(600).await;
    let fourth = rig.rotate(600).await;

    let former = rig.end(&second.id).await.expect(200);
    let current = rig.end(&fourth.id).await.expect(200);

    assert_eq!(former.json, json!({ "data": { "id": second.id } }));
    assert_eq!(current.json, json!({ "data": { "id": fourth.id } }));
    assert_eq!(rig.live().await, [(third.id.clone(), false), (first.clone(), true)]);
    let told = rig.tell().await;
    let secrets = [
        (fourth.secret.as_str(), false),
        (&third.secret, true),
        (&second.secret, false),
        (&rig.webhook.secret, true),
    ];
    libraries_verify(&entries(&told, &secrets));
    rig.end(&first).await.expect(200);
    let last = rig.end(&third.id).await;
    assert_eq!((last.status, last.code()), (409, Some("last_secret")));
    for gone in [second.id.as_str(), NOBODY, "sec_1", &rig.webhook.id] {
        let unknown = rig.end(gone).await;
        assert_eq!((unknown.status, unknown.code()), (404, Some("not_found")), "{gone}");
    }
    assert!(rig.tell().await.signed_with(&third.secret));
}

#[tokio::test]
async fn a_sixth_live_secret_and_bad_fields_are_refused() {
    let rig = Rig::start().await;
    for _ in 0..4 {
        rig.rotate(600).await;
    }

    let sixth = rig.try_rotate(json!({ "overlap_seconds": 1 })).await;

    assert_eq!((sixth.status, sixth.code()), (409, Some("too_many_secrets")));
    let list = rig.client.get(&rig.path("secrets")).await.expect(200);
    let next_end = list.string("/data/4/ends_at");
    assert!(sixth.string("/detail").contains(&next_end), "{}", sixth.text);
    assert_eq!(
        rig.tell().await.header("webhook-signature").map(|all| all.split(' ').count()),
        Some(5)
    );
    rig.rotate(0).await;
    for (field, value) in [
        ("overlap_seconds", json!(604_801)),
        ("overlap_seconds", json!(-1)),
        ("overlap_seconds", json!("1")),
        ("overlap_seconds", json!(1.5)),
        ("secret", json!("whsec_c2hvcnQ=")),
        ("secret", json!(7)),
    ] {
        let bad = rig.try_rotate(json!({ field: value })).await;
        assert_eq!((bad.status, bad.code()), (422, Some("bad_field")), "{field} {value}");
        assert_eq!(bad.string("/errors/0/pointer"), format!("#/{field}"));
    }
    let nobody = rig.client.post("/webhooks/whk_1/secret/rotate", None).await;
    assert_eq!((nobody.status, nobody.code()), (404, Some("not_found")));
    assert_eq!(rig.client.get("/webhooks/whk_1/secrets").await.status, 404);
}

#[tokio::test]
async fn secrets_survive_a_kill_and_stand_in_the_webhooks_row_alone() {
    let mut rig = Rig::start().await;
    let rotated = rig.rotate(600).await;
    rig.tell().await;
    let live = rig.live().await;

    rig.server.restart();

    assert_eq!(rig.live().await, live);
    let told = rig.tell().await;
    let secrets = [&rotated.secret, &rig.webhook.secret];
    assert!(secrets.iter().all(|secret| told.signed_with(secret)));
    rig.client.wait_told(&rig.webhook.id, SOON).await;
    for secret in secrets {
        assert_eq!(rig.server.places(secret), ["webhooks.secrets"]);
        assert!(!rig.server.log().contains(secret.as_str()));
    }
}
