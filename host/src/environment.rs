//! The environment of the process: what begins with `HOOKDESK_` must mean something.

use std::env;
use std::ffi::OsStr;

use clap::Command;
use hookdesk_core::Variable;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::BadOptions;

/// The variable with the log's filter, which is no flag.
const LOG: &str = "HOOKDESK_LOG";
const DEFAULT_LOG: &str = "info,salvo_core=warn";

/// Checks the names of all variables by the options of a command. Returns those that are ignored, so
/// that they can be logged.
///
/// # Errors
/// [`BadOptions`] when one is misspelt.
pub fn check(command: &Command) -> Result<Vec<String>, BadOptions> {
    let variables = env::vars_os().map(|(name, value)| {
        (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
    });
    unknown(variables, command)
}

fn unknown(
    variables: impl Iterator<Item = (String, String)>,
    command: &Command,
) -> Result<Vec<String>, BadOptions> {
    let options = command.get_arguments().filter_map(|option| option.get_env()?.to_str());
    let known: Vec<&str> = options.chain([LOG]).collect();
    let mut ignored = Vec::new();
    for (name, value) in variables {
        match Variable::of(&name, &value, &known) {
            Variable::Option | Variable::Injected => {}
            Variable::Unknown => ignored.push(name),
            Variable::Misspelt { meant } => {
                let why = format!("{name} is not an option; did you mean {meant}?");
                return Err(BadOptions::new(why));
            }
        }
    }
    ignored.sort();
    Ok(ignored)
}

/// The filter of the log.
///
/// # Errors
/// [`BadOptions`] when it is not one.
pub fn log_filter() -> Result<EnvFilter, BadOptions> {
    filter(env::var_os(LOG).as_deref())
}

fn filter(value: Option<&OsStr>) -> Result<EnvFilter, BadOptions> {
    let text = value.unwrap_or(OsStr::new(DEFAULT_LOG));
    let parsed = text.to_str().filter(|text| says_levels(text));
    parsed.and_then(|text| EnvFilter::try_new(text).ok()).ok_or_else(|| {
        let text = text.to_string_lossy();
        BadOptions::new(format!(
            "{LOG}={text}: give off, error, warn, info, debug or trace, or a list such as \
             {DEFAULT_LOG}"
        ))
    })
}

/// Whether each directive has a level. A bare word would be taken for the name of a module, all of
/// which is logged, and nothing else: `verbose` would silence the log.
fn says_levels(text: &str) -> bool {
    let has_level = |directive: &str| {
        let level = directive.rsplit_once('=').map_or(directive, |(_, level)| level);
        level.trim().parse::<LevelFilter>().is_ok() && !level.trim().is_empty()
    };
    text.split(',').all(has_level)
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use super::*;
    use crate::config::ServeOptions;

    fn checked(name: &str) -> Result<Vec<String>, String> {
        let command = ServeOptions::augment_args(Command::new("serve"));
        let variables = [(name.to_owned(), "1".to_owned())].into_iter();
        unknown(variables, &command).map_err(|bad| bad.to_string())
    }

    #[test]
    fn options_are_known_by_their_flags() {
        for name in ["HOOKDESK_RETAIN_S", "HOOKDESK_CONFIG", "HOOKDESK_LOG", "HOME"] {
            assert_eq!(checked(name), Ok(vec![]), "{name}");
        }
        assert_eq!(checked("HOOKDESK_IMAGE"), Ok(vec!["HOOKDESK_IMAGE".to_owned()]));
        let why = "HOOKDESK_RETAIN is not an option; did you mean HOOKDESK_RETAIN_S?";
        assert_eq!(checked("HOOKDESK_RETAIN"), Err(why.to_owned()));
    }

    #[test]
    fn a_filter_of_the_log_has_a_level_in_each_part() {
        for text in
            ["info", "DEBUG", "off", "3", DEFAULT_LOG, "hookdesk=debug,warn", "warn,a::b=trace"]
        {
            assert!(filter(Some(text.as_ref())).is_ok(), "{text}");
        }
        assert!(filter(None).is_ok());
        for text in ["verbose", "", "info,", "hookdesk", "hookdesk=verbose", "info,loud", "=", "9"]
        {
            let why = filter(Some(text.as_ref())).map(drop).unwrap_err().to_string();
            assert!(why.contains(&format!("HOOKDESK_LOG={text}: give off")), "{why}");
        }
    }
}
