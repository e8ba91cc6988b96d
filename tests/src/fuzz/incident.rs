//! Fuzz target for incident files: what can be replayed is exported, and the export replays to the
//! same chain.

use hookdesk_core::incident::Incident;

/// A file.
pub fn read(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(mut incident) = Incident::open(text) else { return };
    let mut chains = Vec::new();
    while let Some(step) = incident.step() {
        match step {
            Ok(step) => chains.push(step.chain),
            Err(bad) => {
                assert!(!bad.to_string().is_empty());
                assert!(incident.step().is_none(), "nothing comes after what is damaged");
                return assert_eq!(Incident::export(text, true), Err(bad));
            }
        }
    }
    for redacted in [false, true] {
        let exported = Incident::export(text, redacted).expect("what can be played");
        let mut again = Incident::open(exported).expect("what was exported");
        let played: Vec<_> = std::iter::from_fn(|| again.step())
            .map(|step| step.expect("what was exported").chain)
            .collect();
        assert_eq!(played, chains, "exported with redacted {redacted}");
    }
}
