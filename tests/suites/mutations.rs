//! Diagnosis of deliveries that do not verify: each mistake in `data/mutations.jsonl` is named. The
//! file is made by `cargo run --example mutations`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookdesk_core::{Known, Millis, Verdict, verify};
use serde::Deserialize;

const MUTATIONS: &str = include_str!("../data/mutations.jsonl");

/// The share of mistakes that must be told apart rightly, in hundredths.
const RIGHT: usize = 99;

#[derive(Deserialize)]
struct Mutation {
    name: String,
    label: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_base64: Option<String>,
    secrets: Vec<(String, bool)>,
    now: Millis,
}

impl Mutation {
    fn verdict(&self) -> Verdict {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let secrets = self.secrets.iter().map(|(text, ended)| Known { text, ended: *ended });
        let bytes = self.body_base64.as_ref().map(|text| STANDARD.decode(text).expect("base64"));
        let body = bytes.as_deref().or(self.body.as_deref().map(str::as_bytes)).expect("a body");
        verify(&headers, body, &secrets.collect::<Vec<_>>(), self.now)
    }
}

fn mutations() -> Vec<Mutation> {
    MUTATIONS.lines().map(|line| serde_json::from_str(line).expect("a mutation")).collect()
}

/// The code of a verdict, for people and programs.
fn code(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Good { .. } => "good",
        Verdict::Bad(mistake) => mistake.name(),
    }
}

#[test]
fn mistakes_are_told_apart() {
    let (all, mut wrong) = (mutations(), 0);
    for one in all.iter().filter(|one| one.label != "good") {
        let verdict = one.verdict();
        assert_ne!(code(&verdict), "good", "{}", one.name);
        if code(&verdict) != one.label {
            wrong += 1;
            println!("{}: {} and not {}: {verdict:?}", one.name, code(&verdict), one.label);
        }
    }
    let bad = all.iter().filter(|one| one.label != "good").count();
    println!("{} of {bad} are right", bad - wrong);
    assert!(bad >= 300, "only {bad} mistakes");
    assert!((bad - wrong) * 100 >= bad * RIGHT, "{wrong} of {bad} are wrong");
}

#[test]
fn what_verifies_is_good() {
    let all = mutations();
    let good: Vec<_> = all.iter().filter(|one| one.label == "good").collect();
    assert!(good.len() >= 30, "only {} are good", good.len());
    for one in good {
        assert_eq!(code(&one.verdict()), "good", "{}", one.name);
    }
}
