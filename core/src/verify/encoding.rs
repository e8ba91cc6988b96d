//! Lenient decoders of the encodings that a delivery may have gone through.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Windows-1252 from 0x80 to 0x9f, with Latin-1 in its gaps.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '\u{2018}', '\u{2019}', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
    'ž', 'Ÿ',
];

/// HTML's names for U+00A0 to U+00FF.
const ENTITIES: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy \
    reg macr deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 \
    frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml \
    Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute \
    Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute \
    ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash \
    ugrave uacute ucirc uuml yacute thorn yuml";

/// Characters of an entity, at most: longer ones such as `&thetasym;` are not decoded here.
const MAX_ENTITY: usize = 10;

/// Letters with an accent, as one character and as two (Unicode's forms C and D).
const ACCENTS: [(char, &str, &str); 9] = [
    ('\u{300}', "AEIOUaeiou", "ÀÈÌÒÙàèìòù"),
    ('\u{301}', "AEIOUYaeiouyCNSZcnsz", "ÁÉÍÓÚÝáéíóúýĆŃŚŹćńśź"),
    ('\u{302}', "AEIOUaeiou", "ÂÊÎÔÛâêîôû"),
    ('\u{303}', "ANOano", "ÃÑÕãñõ"),
    ('\u{308}', "AEIOUaeiouyY", "ÄËÏÖÜäëïöüÿŸ"),
    ('\u{30a}', "AaUu", "ÅåŮů"),
    ('\u{30c}', "CDENRSTZcdenrstz", "ČĎĚŇŘŠŤŽčďěňřšťž"),
    ('\u{327}', "CScs", "ÇŞçş"),
    ('\u{328}', "AEae", "ĄĘąę"),
];

/// Base64 of either alphabet, with or without padding, with line ends in it.
pub(super) fn base64_loose(text: &str) -> Option<Vec<u8>> {
    const LOOSE: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let standard = |c: char| match c {
        '-' => '+',
        '_' => '/',
        c => c,
    };
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).map(standard).collect();
    GeneralPurpose::new(&alphabet::STANDARD, LOOSE).decode(text).ok()
}

/// The result of decoders that stop only at `=`: those that skip characters outside of the alphabet
/// (`skipped`), and those that know both alphabets.
pub(super) fn base64_lenient(text: &str, skipped: bool) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        b'-' if !skipped => Some(62),
        b'_' if !skipped => Some(63),
        _ => None,
    };
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for six in text.bytes().take_while(|byte| *byte != b'=').filter_map(value) {
        bits = (bits << 6) | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count).to_le_bytes()[0]);
        }
    }
    bytes
}

/// The bytes of hex digits; `None` when there are other characters, or none.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some(nibble(*high)? << 4 | nibble(*low)?);
    if pairs.is_empty() || !rest.is_empty() { None } else { pairs.iter().map(byte).collect() }
}

/// The bytes that become `text` when they are decoded as Latin-1 or Windows-1252.
pub(super) fn to_latin1(text: &str) -> Option<Vec<u8>> {
    let byte = |c: char| match u8::try_from(c) {
        Ok(byte) => Some(byte),
        Err(_) => (0x80..).zip(WINDOWS_1252).find(|(_, one)| *one == c).map(|(byte, _)| byte),
    };
    text.chars().map(byte).collect()
}

/// `bytes` decoded as Windows-1252.
pub(super) fn from_latin1(bytes: &[u8]) -> String {
    let char = |byte: &u8| {
        let at = byte.checked_sub(0x80).and_then(|at| WINDOWS_1252.get(usize::from(at)));
        at.copied().unwrap_or(char::from(*byte))
    };
    bytes.iter().map(char).collect()
}

/// The text of UTF-16 bytes of either order, with a byte order mark or without.
pub(super) fn from_utf16(bytes: &[u8]) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let read: fn([u8; 2]) -> u16 = match (first, second) {
        (0xff, 0xfe) | (_, 0) => u16::from_le_bytes,
        (0xfe, 0xff) | (0, _) => u16::from_be_bytes,
        _ => return None,
    };
    let units = pairs.iter().map(|pair| read(*pair));
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    rest.is_empty().then(|| text.trim_start_matches('\u{feff}').to_owned())
}

/// `text` without HTML's escapes.
pub(super) fn from_html(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let named = after.split_once(';').filter(|(name, _)| name.len() <= MAX_ENTITY);
        let found = named.and_then(|(name, after)| Some((entity(name)?, after)));
        plain.push(found.map_or('&', |(c, _)| c));
        rest = found.map_or(after, |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let hex = number.strip_prefix(['x', 'X']);
        let code = hex.map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
        return code.and_then(char::from_u32);
    }
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        name => {
            let at = ENTITIES.split_whitespace().position(|one| one == name)?;
            u32::try_from(at).ok().and_then(|at| char::from_u32(0xa0 + at))
        }
    }
}

/// `bytes` without `%xx`, and with a blank for each `+` if they are a form's.
pub(super) fn from_percent(bytes: &[u8], form: bool) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%');
        let escaped = digits.and_then(|digits| hex(std::str::from_utf8(digits).ok()?));
        let (byte, used) = match escaped.as_deref() {
            Some([byte]) => (*byte, 2),
            _ if form && *first == b'+' => (b' ', 0),
            _ => (*first, 0),
        };
        plain.push(byte);
        rest = after.get(used..).unwrap_or_default();
    }
    plain
}

/// `text` with each accent joined to its letter.
pub(super) fn composed(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    for c in text.chars() {
        let one = joined.chars().next_back().and_then(|base| accented(base, c));
        if one.is_some() {
            joined.pop();
        }
        joined.push(one.unwrap_or(c));
    }
    joined
}

/// `text` with each accent after its letter.
pub(super) fn decomposed(text: &str) -> String {
    let split = |c: char| {
        let find = |(mark, bases, all): (char, &str, &str)| {
            let (_, base) = all.chars().zip(bases.chars()).find(|(one, _)| *one == c)?;
            Some((base, mark))
        };
        ACCENTS.into_iter().find_map(find)
    };
    let mut apart = String::with_capacity(text.len());
    for c in text.chars() {
        let found = if c.is_ascii() { None } else { split(c) };
        apart.push(found.map_or(c, |(base, _)| base));
        apart.extend(found.map(|(_, mark)| mark));
    }
    apart
}

fn accented(base: char, mark: char) -> Option<char> {
    let (_, bases, all) = ACCENTS.into_iter().find(|(one, ..)| *one == mark)?;
    bases.chars().zip(all.chars()).find(|(one, _)| *one == base).map(|(_, c)| c)
}
