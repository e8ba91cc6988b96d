//! Names that a call may not have, and the known one that was probably meant.

use crate::model;

/// Characters of a name that are shown; a longer one is near to none.
const MAX_SHOWN: usize = 64;

/// An unknown name as it is shown, and what is wrong with it.
pub(super) fn unknown(name: &str, known: &[&str], kind: &str) -> (String, String) {
    let detail = match (nearest(name, known), known) {
        (Some(meant), _) => format!("is no {kind} here: the nearest is {meant}"),
        (None, []) => format!("is no {kind} here: there is none"),
        (None, known) => format!("is no {kind} here: there are {}", known.join(", ")),
    };
    (shown(name), detail)
}

fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    if name.len() > MAX_SHOWN {
        return None;
    }
    model::nearest::nearest(&name.to_lowercase(), known.iter().copied())
}

fn shown(name: &str) -> String {
    match name.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", name.split_at(end).0),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_names_what_was_meant() {
        let known = ["callback_url", "events", "retry_schedule", "timeout_ms", "secret"];
        for (name, meant) in [
            ("event", Some("events")),
            ("retry_shedule", Some("retry_schedule")),
            ("callbackUrl", Some("callback_url")),
            ("callback-url", Some("callback_url")),
            ("TIMEOUT_MS", Some("timeout_ms")),
            ("timeout", Some("timeout_ms")),
            ("secrte", Some("secret")),
            ("id", None),
            ("", None),
            ("created_at", None),
        ] {
            assert_eq!(nearest(name, &known), meant, "{name}");
        }
        assert_eq!(unknown("a", &[], "field").1, "is no field here: there is none");
    }

    #[test]
    fn a_long_name_is_cut() {
        let (name, detail) = unknown(&"é".repeat(100_000), &["events"], "field");
        assert_eq!(name, format!("{}…", "é".repeat(64)));
        assert_eq!(detail, "is no field here: there are events");
    }
}
