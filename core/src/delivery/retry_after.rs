//! The header `Retry-After` (RFC 9110 §10.2.3): a time for the next request, in seconds or as a
//! date.

use chrono::{DateTime, NaiveDateTime};

use crate::model::millis::Millis;

/// The time that `value` names, not before `now`; `None` when it is malformed.
#[must_use]
pub fn parse(value: &str, now: Millis) -> Option<Millis> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are longer than any pause.
        let seconds: u64 = value.parse().unwrap_or(u64::MAX);
        return Some(now.plus(seconds.saturating_mul(1_000)));
    }
    date(value).map(|at| at.max(now))
}

/// A date in one of the three forms that RFC 9110 §5.6.7 requires recipients to accept.
fn date(value: &str) -> Option<Millis> {
    let fixed = || DateTime::parse_from_rfc2822(value).ok().map(|at| at.timestamp_millis());
    let old = |format| {
        NaiveDateTime::parse_from_str(value, format).ok().map(|at| at.and_utc().timestamp_millis())
    };
    let at = fixed()
        .or_else(|| old("%A, %d-%b-%y %H:%M:%S GMT"))
        .or_else(|| old("%a %b %e %H:%M:%S %Y"))?;
    u64::try_from(at).ok().map(Millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_all_three_kinds_of_date_are_understood() {
        let now = Millis(784_111_770_000);
        let (seconds, date) = (Some(now.plus(120_000)), Some(Millis(784_111_777_000)));
        for (value, at) in [
            ("120", seconds),
            (" 120 ", seconds),
            ("0", Some(now)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", date),
            ("Sunday, 06-Nov-94 08:49:37 GMT", date),
            ("Sun Nov  6 08:49:37 1994", date),
            ("Sat, 05 Nov 1994 08:49:37 GMT", Some(now)),
            ("99999999999999999999999", Some(Millis(u64::MAX))),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(parse(value, now), at, "{value}");
        }
    }
}
