//! Generates the JavaScript and TypeScript around a compiled module, and a module of the desk's
//! closed sets of names: `bindgen MODULE FOLDER NAME`.
//!
//! The first is the work of the `wasm-bindgen` command, here in the version of the library.

use std::env::args;
use std::error::Error;
use std::fs;
use std::path::Path;

use hookdesk_core::api::DeliveryState;
use hookdesk_core::{EventType, Failure, Ordering, Subscription};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let [_, module, folder, name] = <[String; 4]>::try_from(args().collect::<Vec<_>>())
        .map_err(|_| "give the compiled module, a folder and a name")?;
    Bindgen::new()
        .input_path(module)
        .out_name(&name)
        .typescript(true)
        .reset_state_function(true)
        .web(true)?
        .generate(&folder)?;
    fs::write(Path::new(&folder).join("names.ts"), names())?;
    Ok(())
}

/// Closed sets as values, for pages that load no WebAssembly.
fn names() -> String {
    let events = EventType::ALL.map(EventType::name);
    let default = Subscription::default();
    let default: Vec<_> = default.types().map(EventType::name).collect();
    let orderings = Ordering::ALL.map(Ordering::name);
    let states = DeliveryState::ALL.map(DeliveryState::name);
    let failures = Failure::ALL.map(Failure::name);
    [
        "import type { DeliveryState, EventType, Failure, Ordering } from \"./hookdesk.js\";\n"
            .to_owned(),
        list("What can happen.", "EVENT_TYPES", "EventType", &events),
        list(
            "The event types of a webhook that subscribes to none by name.",
            "DEFAULT_EVENT_TYPES",
            "EventType",
            &default,
        ),
        list("What a webhook can keep in order.", "ORDERINGS", "Ordering", &orderings),
        list(
            "Where an event can stand for a webhook.",
            "DELIVERY_STATES",
            "DeliveryState",
            &states,
        ),
        list("Why there may be no answer to a request.", "FAILURES", "Failure", &failures),
    ]
    .join("\n")
}

fn list(what: &str, name: &str, of: &str, names: &[&str]) -> String {
    let names: String = names.iter().map(|name| format!("  \"{name}\",\n")).collect();
    format!("/** {what} */\nexport const {name}: readonly {of}[] = [\n{names}];\n")
}
