//! The known name that a misspelt one was probably meant to be.

/// How alike two names are that one is taken for the other, from 0 to 1 (Jaro): `RETAIN` and
/// `RETAIN_S`, `LOGLEVEL` and `LOG` are; with much less, any two short names would be.
const ALIKE: f64 = 0.75;

/// The name among `known` that is most like `name`, if any is.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |one: &'a str| (strsim::jaro(name, one), one);
    let alike = known.into_iter().map(likeness).filter(|(likeness, _)| *likeness >= ALIKE);
    alike.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, one)| one)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_misspelt_name_is_recognized_and_another_word_is_not() {
        let known = ["allow_target", "down_after", "listen", "log", "retain_bytes", "retain_s"];
        for (name, meant) in [
            ("retain", Some("retain_s")),
            ("retain_byte", Some("retain_bytes")),
            ("lisen", Some("listen")),
            ("allowtarget", Some("allow_target")),
            ("downafter", Some("down_after")),
            ("loglevel", Some("log")),
            ("log", Some("log")),
            ("", None),
            ("port", None),
            ("image_tag", None),
            ("version", None),
        ] {
            assert_eq!(nearest(name, known), meant, "{name}");
        }
    }
}
