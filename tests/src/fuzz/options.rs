//! Fuzz targets for options: a server's file and flags, a Worker's bindings and a page's JSON.

use std::net::IpAddr;

use clap::Parser;
use hookdesk::config::{ServeOptions, Settings};
use hookdesk::courier::CONNECTION_AGE_S;
use hookdesk::store::postgres::LEASE_MS;
use hookdesk_core::api::Callers;
use hookdesk_core::{HealthPolicy, Retention, guard};
use hookdesk_web::Options;
use url::Host;

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    serve: ServeOptions,
}

/// A TOML file, and then the same text as arguments, one a line.
pub fn read(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(options) = toml::from_str::<ServeOptions>(text) {
        settle(options);
    }
    let arguments = std::iter::once("serve").chain(text.lines()).take(64);
    if let Ok(Arguments { serve }) = Arguments::try_parse_from(arguments) {
        settle(serve);
    }
}

/// Options that settle are within their ranges, and let in nobody unsaid.
fn settle(options: ServeOptions) {
    // Neither a file nor a resolver is asked: an address must be written as one.
    let is_address = |at: &Option<String>| {
        at.as_deref().is_none_or(|at| at.parse::<std::net::SocketAddr>().is_ok())
    };
    if options.config.is_some() || !is_address(&options.listen) || !is_address(&options.host_listen)
    {
        return;
    }
    let said = (options.no_auth, options.allow_target.len(), options.host_listen.is_some());
    match options.settle() {
        Ok(settings) => in_range(&settings, said),
        Err(bad) => assert!(!bad.to_string().is_empty()),
    }
}

fn in_range(settings: &Settings, (no_auth, networks, said_hosts): (Option<bool>, usize, bool)) {
    let Settings {
        listen,
        database,
        admin_key_file: _,
        api,
        health,
        retention,
        audit,
        webhooks_per_partner,
        rate_per_peer,
        connection_age,
        lease,
        host_listen,
        paused: _,
        record,
    } = settings;
    let is_local = api.callers == Callers::Local;
    let asks_for_keys = matches!(api.callers, Callers::Keys { .. });
    assert!(is_local || asks_for_keys || no_auth == Some(true), "{settings:?}");
    assert!(!is_local || listen.ip().is_loopback(), "{settings:?}");
    assert!(!database.to_string().is_empty());
    let leads_to = [IpAddr::from([127, 0, 0, 1])];
    let loopback =
        guard::check_target(&Host::Domain("a.com"), Some(&leads_to), &api.targets).is_ok();
    assert!(networks > 0 || loopback == is_local, "{settings:?}");
    in_figures(health);
    in_period(retention.age_ms);
    in_period(audit.kept_ms());
    assert!(CONNECTION_AGE_S.contains(&connection_age.as_secs()));
    // Where nothing else is said, strangers reach no more of it than of the desk itself.
    assert!(said_hosts || host_listen.ip() == listen.ip(), "{settings:?}");
    assert!(LEASE_MS.contains(&lease.as_millis().try_into().unwrap_or(0)));
    assert!(record.is_none_or(|bytes| bytes > 0));
    assert!((1..=10_000).contains(webhooks_per_partner));
    assert!(rate_per_peer.is_none_or(|calls| calls > 0));
}

fn in_figures(figures: &HealthPolicy) {
    assert!(figures.down_after >= 1);
    assert!(HealthPolicy::PROBES_MS.contains(&figures.probe_first_ms));
    assert!(HealthPolicy::PROBES_MS.contains(&figures.probe_most_ms));
    assert!(HealthPolicy::DISABLE_AFTER_S.contains(&(figures.disable_after_ms / 1_000)));
}

fn in_period(kept_ms: Option<u64>) {
    assert!(kept_ms.is_none_or(|age| (1..=Retention::KEPT_S.end() * 1_000).contains(&age)));
}

/// A Worker's bindings, `NAME=VALUE` a line; and the same text as options in JSON.
pub fn bindings(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    if let Ok(options) = Options::of_worker(pairs) {
        assert!(options.open || options.key.is_some());
        hold(&options);
    }
    if let Ok(options) = serde_json::from_str::<Options>(text) {
        hold(&options);
    }
}

fn hold(options: &Options) {
    let json = serde_json::to_string(options).expect("options have a JSON form");
    assert_eq!(serde_json::from_str::<Options>(&json).ok().as_ref(), Some(options));
    let keyless = Options { key: None, ..options.clone() };
    assert_eq!(format!("{options:?}"), format!("{keyless:?}"), "a key is shown");
    if let Ok(api) = options.api() {
        assert_eq!(api.callers == Callers::Local, options.open);
        assert_eq!(matches!(api.callers, Callers::Keys { .. }), options.key.is_some());
    }
    options.health().iter().for_each(in_figures);
    options.retention().into_iter().for_each(|kept| in_period(kept.age_ms));
    options.audit().into_iter().for_each(|kept| in_period(kept.kept_ms()));
}
