//! The admin key file: an API key that the operator supplies, or is given, before the desk is reachable.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use hookdesk_core::{Command, KeyKind, KeySettings, KeyText, NewKey, Scope, Scopes};

use crate::moment::chance;
use crate::store::sqlite::private;

/// The name of the key's row.
const NAME: &str = "admin key file";

/// The key in a file, which is made if it is not there.
///
/// # Errors
/// When the file cannot be read or written, or holds something else: the text is for the operator.
pub fn read_or_make(file: &Path) -> Result<KeyText, String> {
    let shown = file.display();
    match fs::read_to_string(file) {
        Ok(text) => KeyText::parse(KeyKind::Bearer, text.trim()).ok_or_else(|| {
            format!(
                "{shown} holds no API key (hdk_…). Remove it, and one is made and written to it."
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = KeyText::new(KeyKind::Bearer, chance());
            let written = private(file).and_then(|mut file| writeln!(file, "{}", key.reveal()));
            written.map_err(|error| format!("cannot write {shown}: {error}"))?;
            Ok(key)
        }
        Err(error) => Err(format!("cannot read {shown}: {error}")),
    }
}

/// The command that makes the key's row.
#[must_use]
pub fn command(key: &KeyText) -> Command {
    let name = Some(NAME.to_owned());
    let scopes = Scopes::of([Scope::Admin]);
    let settings = KeySettings { name, scopes, ..KeySettings::default() };
    Command::CreateKey(NewKey { digest: key.digest(), prefix: key.prefix(), settings })
}
