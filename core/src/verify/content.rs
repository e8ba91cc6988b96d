//! Contents that may have been signed in place of `id.timestamp.body`.

use super::flaw::{ContentFlaw, Part};
use super::guess::Times;
use super::keys::Keys;
use super::message::Message;
use super::mistake::Mistake;
use super::trial::Trial;

/// Seconds around the header's timestamp, and after the event, that are tried as the signed
/// timestamp: three of the retry schedule's first steps, and more than most receivers' clocks are
/// wrong by.
const NEAR_S: u64 = 900;

/// A piece of the signed content.
#[derive(Clone, Copy)]
enum Piece {
    Id,
    Time,
    Body,
    Text(&'static str),
}

use Piece::{Body, Id, Text, Time};

/// Contents that are signed after a hasty reading of the specification.
const SHAPES: [(ContentFlaw, &[Piece]); 16] = [
    (ContentFlaw::BodyOnly, &[Body]),
    (ContentFlaw::WithoutId, &[Time, Text("."), Body]),
    (ContentFlaw::WithoutId, &[Time, Body]),
    (ContentFlaw::WithoutId, &[Text("v0:"), Time, Text(":"), Body]),
    (ContentFlaw::WithoutId, &[Text("v1:"), Time, Text(":"), Body]),
    (ContentFlaw::WithoutTimestamp, &[Id, Text("."), Body]),
    (ContentFlaw::WithoutTimestamp, &[Id, Body]),
    (ContentFlaw::WithoutBody, &[Id, Text("."), Time, Text(".")]),
    (ContentFlaw::WithoutBody, &[Id, Text("."), Time]),
    (ContentFlaw::Order, &[Time, Text("."), Id, Text("."), Body]),
    (ContentFlaw::Order, &[Body, Text("."), Id, Text("."), Time]),
    (ContentFlaw::Order, &[Body, Text("."), Time, Text("."), Id]),
    (ContentFlaw::Order, &[Id, Text("."), Body, Text("."), Time]),
    (ContentFlaw::Order, &[Time, Text("."), Body, Text("."), Id]),
    (ContentFlaw::Separator, &[Id, Text("."), Time, Body]),
    (ContentFlaw::Separator, &[Id, Time, Text("."), Body]),
];

/// Separators of the parts in place of a full stop.
const SEPARATORS: [&str; 14] =
    ["", ":", ",", " ", "\n", "\r\n", "\\n", "-", "|", "_", "/", "&", ";", ". "];

/// Finds the signed content, if the body is right.
pub(super) fn prove(message: &Message<'_>, keys: &Keys, trial: &mut Trial) -> Option<Mistake> {
    shape(message, keys, trial)
        .or_else(|| id(message, keys, trial))
        .map(Mistake::Signed)
        .or_else(|| time(message, keys, trial))
}

fn shape(message: &Message<'_>, keys: &Keys, trial: &mut Trial) -> Option<ContentFlaw> {
    let separated = SEPARATORS.map(|separator| {
        (ContentFlaw::Separator, [Id, Text(separator), Time, Text(separator), Body])
    });
    let separated = separated.iter().map(|(flaw, pieces)| (*flaw, pieces.as_slice()));
    let mut all = SHAPES.into_iter().chain(separated);
    let is_signed = |(_, pieces): &(ContentFlaw, &[Piece])| {
        let bytes = |piece: &Piece| match piece {
            Id => message.id.as_bytes(),
            Time => message.timestamp.as_bytes(),
            Body => message.body,
            Text(text) => text.as_bytes(),
        };
        trial.matches(keys.best(), &pieces.iter().map(bytes).collect::<Vec<_>>())
    };
    all.find(is_signed).map(|(flaw, _)| flaw)
}

/// Finds another spelling of the id.
fn id(message: &Message<'_>, keys: &Keys, trial: &mut Trial) -> Option<ContentFlaw> {
    let id = message.id;
    let bare = id.trim_matches(['"', '\'', '<', '>']);
    let hex = bare.strip_prefix("evt_").unwrap_or(bare).replace('-', "").to_lowercase();
    let mut spellings = vec![bare.to_owned(), format!("evt_{hex}"), bare.to_uppercase()];
    if let (Some(a), Some(b), Some(c), Some(d), Some(e)) =
        (hex.get(..8), hex.get(8..12), hex.get(12..16), hex.get(16..20), hex.get(20..))
    {
        spellings.extend([format!("{a}-{b}-{c}-{d}-{e}"), format!("evt_{a}-{b}-{c}-{d}-{e}")]);
    }
    spellings.push(hex);
    let [_, dot, time, _, body] = message.content();
    let is_signed =
        |one: &String| trial.matches(keys.best(), &[one.as_bytes(), dot, time, dot, body]);
    spellings.iter().any(is_signed).then_some(ContentFlaw::IdSpelling)
}

/// Finds another timestamp: this one in milliseconds, or one close to it.
fn time(message: &Message<'_>, keys: &Keys, trial: &mut Trial) -> Option<Mistake> {
    let [id, dot, _, _, body] = message.content();
    let mut is_signed = |time: u64| {
        let time = time.to_string();
        trial.matches(keys.best(), &[id, dot, time.as_bytes(), dot, body])
    };
    if message.is_in_milliseconds() {
        return None;
    }
    let sent = message.seconds;
    let around = (0..=NEAR_S).flat_map(|by| [sent.saturating_sub(by), sent.saturating_add(by)]);
    let times = Times::of(message);
    let starts = [times.id_s, times.created_s].into_iter().flatten();
    let after = starts.flat_map(|start| start..=start.saturating_add(NEAR_S));
    if (sent * 1_000..sent * 1_000 + 1_000).any(&mut is_signed) {
        return Some(Mistake::Signed(ContentFlaw::Milliseconds));
    }
    let proven = around.chain(after).any(is_signed);
    proven.then_some(Mistake::Foreign { part: Part::Timestamp, proven })
}
