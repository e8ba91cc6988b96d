use std::collections::BTreeSet;

use super::*;
use crate::api::Action;
use crate::api::rig::{refused, take_with};

#[test]
fn every_route_is_found_and_knows_its_methods() {
    for Route { method, pattern, operation, .. } in ROUTES {
        let path =
            pattern.replace("{id}", "x").replace("{event_id}", "x").replace("{secret_id}", "x");
        let call = Call { method, path: &path, query: "", headers: vec![], body: b"" };
        assert_eq!(find(&call).map(|found| found.route.operation), Ok(operation));
        let other = Call { method: "PUT", ..call };
        let problem = find(&other).unwrap_err();
        let allow = problem.header.unwrap().1;
        assert!(allow.contains(method) && allow.ends_with("OPTIONS"), "{pattern}");
        let options = take_with("OPTIONS", &path, "", b"");
        let Action::Answer(answer) = options else { panic!("not answered: {options:?}") };
        assert_eq!((answer.status, &*answer.body), (204, ""));
        assert!(answer.headers.contains(&("allow", allow)), "{pattern}");
    }
}

#[test]
fn the_server_as_a_whole_knows_the_methods_of_all_routes() {
    let Action::Answer(answer) = take_with("OPTIONS", "*", "", b"") else { panic!("not answered") };
    let (_, allow) = answer.headers.iter().find(|(name, _)| *name == "allow").unwrap();
    let told: BTreeSet<&str> = allow.split(", ").collect();
    let known = ROUTES.iter().map(|route| route.method).chain(["HEAD", "OPTIONS"]);
    assert_eq!((answer.status, told), (204, known.collect()));
}

#[test]
fn paths_that_are_not_ours_are_not_found() {
    for path in ["", "/", "/ticket", "/tickets/", "/tickets/a/b", "//tickets", "/Tickets"] {
        let (status, body) = refused(take_with("GET", path, "", b""));
        assert_eq!((status, body.contains("not_found")), (404, true), "{path}");
    }
}

#[test]
fn a_path_with_a_slip_names_the_one_that_there_is() {
    for (method, path, meant) in [
        ("GET", "/tickets/", Some("/tickets")),
        ("POST", "/webhooks/register/", Some("/webhooks/register")),
        ("GET", "//tickets", Some("/tickets")),
        ("GET", "/Tickets//tkt_1A/", Some("/tickets/tkt_1A")),
        ("POST", "/webhooks/Register", Some("/webhooks/register")),
        ("PATCH", "/webhooks/whk_1/", Some("/webhooks/whk_1")),
        ("POST", "/SERVICE/available", Some("/service/available")),
        ("OPTIONS", "/tickets/", Some("/tickets")),
        ("GET", "/ticket", None),
        ("GET", "/", None),
        ("GET", "/webhooks/unregister/", None),
        ("PUT", "/tickets", None),
        ("PUT", "/tickets/tkt_1", None),
    ] {
        let (_, body) = refused(take_with(method, path, "", b""));
        let hint = meant.map(|meant| format!(" Do you mean {meant}?"));
        assert_eq!(body.contains("Do you mean"), meant.is_some(), "{path}: {body}");
        assert!(hint.is_none_or(|hint| body.contains(&hint)), "{path}: {body}");
    }
    let long = format!("/tickets/{}/", "x".repeat(MAX_HINT));
    assert!(!refused(take_with("GET", &long, "", b"")).1.contains("Do you mean"));
}
