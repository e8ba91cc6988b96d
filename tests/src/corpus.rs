//! The guard's corpus, `data/guard.jsonl`: a URL, the addresses of its name, the targets that are
//! allowed, and the name of the verdict.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hookdesk_core::guard::{BadCallbackUrl, CallbackUrl, Targets, check_target};
use serde::Deserialize;
use serde_json::{Value, json};

/// The port of the corpus's URLs where somebody would hear a call.
const HEARD: &str = ":9000";

/// What a host may or can do.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    #[default]
    Public,
    Open,
    ByNameOnly,
}

/// What a desk is told of whom it may call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Setting {
    #[serde(default, rename = "targets")]
    pub ability: Ability,
    #[serde(default)]
    pub allow: Vec<String>,
}

impl Setting {
    pub fn targets(&self) -> Targets {
        let public = Targets::public();
        let targets = match self.ability {
            Ability::Public => public,
            Ability::Open => public.with_loopback(),
            Ability::ByNameOnly => public.by_name_only(),
        };
        let networks = self.allow.iter().map(|text| text.parse().expect("a network"));
        networks.fold(targets, Targets::allow)
    }

    /// Arguments of `hookdesk serve`.
    pub fn arguments(&self) -> Vec<String> {
        let admission = (self.ability == Ability::Public).then_some("--no-auth");
        let allowed = self.allow.iter().flat_map(|network| ["--allow-target", network]);
        admission.into_iter().chain(allowed).map(str::to_owned).collect()
    }

    /// Options of a desk in WebAssembly.
    pub fn options(&self) -> Value {
        json!({
            "open": self.ability == Ability::Open,
            "pinsAddresses": self.ability == Ability::Public,
            "allowTarget": self.allow,
        })
    }
}

/// One spelling.
#[derive(Clone, Debug, Deserialize)]
pub struct Row {
    pub group: String,
    pub url: String,
    /// What the name resolves to; the URL is then taken, and judged when it is called.
    pub leads_to: Option<Vec<IpAddr>>,
    #[serde(flatten)]
    pub setting: Setting,
    /// `ok`, or the name of the refusal.
    pub verdict: String,
}

impl Row {
    /// Why the URL is refused when it is registered, if it is.
    pub fn refusal(&self) -> Option<BadCallbackUrl> {
        CallbackUrl::parse(&self.url, &self.setting.targets()).err()
    }

    /// The name of the guard's verdict.
    pub fn judged(&self) -> &'static str {
        let targets = self.setting.targets();
        let taken = match CallbackUrl::parse(&self.url, &targets) {
            Ok(taken) => taken,
            Err(bad) => return bad.name(),
        };
        let host = taken.url().expect("it was taken").host().expect("it was taken");
        let judged = check_target(&host, self.leads_to.as_deref(), &targets);
        judged.map_or_else(|bad| bad.name(), |()| "ok")
    }

    /// The URL where it would be heard.
    pub fn heard_at(&self, port: u16) -> String {
        self.url.replace(HEARD, &format!(":{port}"))
    }
}

/// All rows, in order.
pub fn corpus() -> Vec<Row> {
    let lines = include_str!("../data/guard.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// Rows by what their desks may call.
pub fn by_setting(rows: impl IntoIterator<Item = Row>) -> BTreeMap<Setting, Vec<Row>> {
    let mut all: BTreeMap<Setting, Vec<Row>> = BTreeMap::new();
    for row in rows {
        all.entry(row.setting.clone()).or_default().push(row);
    }
    all
}
