//! `hookdesk status`: whether a running desk works, and which of its webhooks need somebody.

use std::env;
use std::error::Error as _;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use clap::Args;
use reqwest::{Client, StatusCode, Url};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::BoxError;
use crate::api_reply::{Data, MAX_CALL, problem_detail};
use crate::serve::causes;

/// Options of `hookdesk status`.
#[derive(Args, Clone, Debug)]
#[allow(rustdoc::bare_urls, reason = "--help shows these lines as they are")]
pub struct StatusOptions {
    /// Address of the desk. A key is taken from `HOOKDESK_KEY` in the environment.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub desk: Url,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Whether the desk and all its webhooks work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Condition {
    Well,
    /// The desk is not ready, or a webhook is disabled or its receiver is down.
    Ailing,
}

#[derive(Serialize)]
struct Status {
    ready: bool,
    /// Why it is not ready.
    detail: Option<String>,
    /// Which host was asked and which leads, where several may share the desk.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<HostState>,
    webhooks: Vec<Value>,
}

/// What a desk that is ready says of itself.
#[derive(Deserialize)]
struct Ready {
    host: Option<HostState>,
}

/// The host that was asked.
#[derive(Deserialize, Serialize)]
struct HostState {
    id: String,
    leads: bool,
    leader: String,
    since: String,
}

/// What is shown of a webhook.
#[derive(Deserialize)]
struct Webhook {
    id: String,
    callback_url: String,
    status: String,
    health: String,
    reason: Option<String>,
    backlog: u64,
    in_flight: u32,
    failing_since: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

/// Asks the desk and prints what it says.
///
/// # Errors
/// When the desk cannot be reached or refuses the call: the text is for the operator.
pub fn status(options: &StatusOptions) -> Result<Condition, BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let status = runtime.block_on(ask(&Desk::new(options)?))?;
    let webhooks =
        status.webhooks.iter().map(Webhook::deserialize).collect::<Result<Vec<_>, _>>()?;
    let text = if options.json {
        serde_json::to_string(&status)? + "\n"
    } else {
        table(&status, &webhooks)
    };
    io::stdout().write_all(text.as_bytes())?;
    let is_well = status.ready && webhooks.iter().all(Webhook::is_well);
    Ok(if is_well { Condition::Well } else { Condition::Ailing })
}

/// A desk that is called.
struct Desk {
    client: Client,
    address: Url,
    key: Option<String>,
}

impl Desk {
    fn new(options: &StatusOptions) -> Result<Self, BoxError> {
        // The desk is beside its operator: a proxy for the web is not asked for it.
        let client = Client::builder().no_proxy().timeout(MAX_CALL).build()?;
        let key = env::var("HOOKDESK_KEY").ok().filter(|key| !key.is_empty());
        Ok(Self { client, address: options.desk.clone(), key })
    }

    async fn get(&self, path: &str) -> Result<(StatusCode, Vec<u8>), BoxError> {
        let mut call = self.client.get(self.address.join(path)?);
        if let Some(key) = &self.key {
            call = call.bearer_auth(key);
        }
        let answer = call.send().await.map_err(|error| self.unreached(&error))?;
        let status = answer.status();
        Ok((status, answer.bytes().await?.to_vec()))
    }

    async fn data<T: for<'a> Deserialize<'a>>(&self, path: &str) -> Result<T, BoxError> {
        let (status, body) = self.get(path).await?;
        if status.is_success() {
            let Data { data, next: _ } = serde_json::from_slice(&body)?;
            return Ok(data);
        }
        Err(format!("{} answers {status} to {path}: {}", self.address, detail(&body)).into())
    }

    fn unreached(&self, error: &reqwest::Error) -> BoxError {
        let address = &self.address;
        match error.source() {
            Some(cause) => format!("{address} cannot be reached: {}", causes(cause)).into(),
            None => format!("{address} cannot be reached").into(),
        }
    }
}

async fn ask(desk: &Desk) -> Result<Status, BoxError> {
    let (answer, body) = desk.get("/health/ready").await?;
    if !answer.is_success() {
        let detail = Some(detail(&body));
        return Ok(Status { ready: false, detail, host: None, webhooks: Vec::new() });
    }
    let Data { data: Ready { host }, next: _ } = serde_json::from_slice(&body)?;
    let listed: Vec<Named> = desk.data("/webhooks").await?;
    let mut webhooks = Vec::with_capacity(listed.len());
    for Named { id } in listed {
        webhooks.push(desk.data(&format!("/webhooks/{id}")).await?);
    }
    Ok(Status { ready: true, detail: None, host, webhooks })
}

/// What a problem says, or how another body begins.
fn detail(body: &[u8]) -> String {
    let text = || String::from_utf8_lossy(body).chars().take(200).collect();
    problem_detail(body).unwrap_or_else(text)
}

impl Webhook {
    fn is_well(&self) -> bool {
        self.status != "disabled" && self.health == "healthy"
    }

    fn cells(&self) -> [&str; 5] {
        let since = self.failing_since.as_deref().unwrap_or("-");
        let reason = self.reason.as_deref().unwrap_or("-");
        [&self.id, &self.status, &self.health, reason, since]
    }
}

fn table(status: &Status, webhooks: &[Webhook]) -> String {
    if let Some(detail) = &status.detail {
        return format!("not ready: {detail}\n");
    }
    let mut text = rows(webhooks);
    if let Some(HostState { id, leads, leader, since }) = &status.host {
        let does = if *leads { "leads".to_owned() } else { format!("follows {leader}") };
        _ = writeln!(text, "host {id} {does}, since {since}");
    }
    text
}

fn rows(webhooks: &[Webhook]) -> String {
    let ailing = webhooks.iter().filter(|webhook| !webhook.is_well()).count();
    let mut text = format!("ready; webhooks {}, of which {ailing} fail\n", webhooks.len());
    for webhook in webhooks {
        let [id, status, health, reason, since] = webhook.cells();
        let Webhook { backlog, in_flight, callback_url, .. } = webhook;
        _ = writeln!(
            text,
            "{id}  {status:<8}  {health:<7}  backlog {backlog}, in flight {in_flight}, reason \
             {reason}, failing since {since}  {callback_url}"
        );
    }
    text
}
