//! The format of recordings in JSON: the desk's inputs as they came, and the store's facts as rows.
//!
//! The forms here are a contract with files that were written earlier. They mirror the desk's own
//! types rather than being derived from them, so that a secret is written here and nowhere else,
//! and a renamed field breaks the build and not the files.

mod amendment;
mod command;
mod grant;
mod names;
mod report;
mod secret;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::engine::command::Command;
use crate::engine::limits::{Limits, Memory};
use crate::engine::need::{Fact, Need};
use crate::incident::damage;
use crate::model::call_source::CallSource;
use crate::model::caller::Authorization;
use crate::model::digest::Digest;
use crate::model::id::HolderId;
use crate::model::millis::Millis;
use crate::model::moment::Moment;
use crate::model::seq::Seq;
use crate::sql::{Value, sqlite};
use command::CommandForm;

/// An input of the desk.
#[derive(Debug, PartialEq)]
pub(super) enum Input {
    Begin(Begin),
    Limits(Limits),
    Batch(Batch),
}

/// The start of a recording, with nothing cached: all facts needed from here on are loaded again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begin {
    pub at: Millis,
    /// The key for hashes of private texts up to the next start; removed by redaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    pub memory: Memory,
    pub limits: Limits,
    /// Batches before this start that were decided and not recorded.
    pub lost: u64,
}

/// The key for hashes of private texts: with it, short messages could be guessed by trial.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Key(pub Digest);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Batch {
    pub commands: Vec<(Command, Moment)>,
    /// In the order of the calls.
    pub results: Vec<StoreResult>,
}

/// The result of one call of the store.
#[derive(Debug, PartialEq)]
pub(super) enum StoreResult {
    Fact(Need, Fact),
    /// The load failed.
    Failed(Need),
    Commit(Fate),
}

/// The result of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fate {
    Done,
    Conflict,
    /// The store failed, and it is unknown whether it stored the changes.
    Unknown,
}

/// The reason why a record is not in this format.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadRecord(pub Cow<'static, str>);

impl From<&'static str> for BadRecord {
    fn from(why: &'static str) -> Self {
        Self(why.into())
    }
}

impl From<String> for BadRecord {
    fn from(why: String) -> Self {
        Self(why.into())
    }
}

type Read<T> = Result<T, BadRecord>;

impl Input {
    /// Parses an input.
    ///
    /// # Errors
    /// When it is not in this format.
    pub fn parse(json: &str) -> Read<Self> {
        if !numbers_are_ours(json) {
            return Err("a number is greater than any of ours".into());
        }
        let form: InputForm<'_> = serde_json::from_str(json).map_err(|error| damage(&error))?;
        Ok(match form {
            InputForm::Begin(begin) => Self::Begin(begin),
            InputForm::Limits(limits) => Self::Limits(limits),
            InputForm::Batch(batch) => Self::Batch(batch.read()?),
        })
    }

    pub fn to_json(&self) -> String {
        let form = match self {
            Self::Begin(begin) => InputForm::Begin(begin.clone()),
            Self::Limits(limits) => InputForm::Limits(*limits),
            Self::Batch(batch) => InputForm::Batch(BatchForm {
                commands: asked(&batch.commands),
                results: batch.results.iter().map(StoreResultForm::of).collect(),
            }),
        };
        json(&form)
    }
}

/// Whether all numbers are in the range that every runtime holds exactly: greater ones could make
/// sums overflow.
fn numbers_are_ours(json: &str) -> bool {
    let (mut in_text, mut escaped, mut number) = (false, false, 0_u64);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b'0'..=b'9' if !in_text => {
                number = number.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
                if number > Seq::LAST.0 {
                    return false;
                }
                continue;
            }
            _ => {}
        }
        number = 0;
    }
    true
}

/// Commands and moments as a list in JSON.
pub(super) fn commands(batch: &[(Command, Moment)]) -> String {
    json(&asked(batch))
}

/// A fact of the store, in JSON.
pub(super) fn fact(need: &Need, fact: &Fact) -> String {
    json(&StoreResultForm::Rows(*need, sqlite::rows(need, fact)))
}

/// A failed load, in JSON.
pub(super) fn failed(need: &Need) -> String {
    json(&StoreResultForm::Failed(*need))
}

/// The result of a commit, in JSON.
pub(super) fn fate(fate: Fate) -> String {
    json(&StoreResultForm::Commit(fate))
}

fn json(form: &impl Serialize) -> String {
    serde_json::to_string(form).expect("lists, numbers and texts always have a JSON form")
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum InputForm<'a> {
    Begin(Begin),
    Limits(Limits),
    Batch(BatchForm<'a>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchForm<'a> {
    commands: Vec<AskedForm<'a>>,
    #[serde(rename = "said")]
    results: Vec<StoreResultForm<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoreResultForm<'a> {
    Rows(Need, Vec<Vec<Value<'a>>>),
    #[serde(rename = "silent")]
    Failed(Need),
    Commit(Fate),
}

impl<'a> StoreResultForm<'a> {
    fn of(result: &'a StoreResult) -> Self {
        match result {
            StoreResult::Fact(need, fact) => Self::Rows(*need, sqlite::rows(need, fact)),
            StoreResult::Failed(need) => Self::Failed(*need),
            StoreResult::Commit(fate) => Self::Commit(*fate),
        }
    }

    fn read(self) -> Read<StoreResult> {
        Ok(match self {
            Self::Rows(need, rows) => {
                let fact = sqlite::recorded_fact(&need, rows).map_err(|bad| bad.to_string())?;
                StoreResult::Fact(need, fact)
            }
            Self::Failed(need) => StoreResult::Failed(need),
            Self::Commit(fate) => StoreResult::Commit(fate),
        })
    }
}

impl BatchForm<'_> {
    fn read(self) -> Read<Batch> {
        let mut last = None;
        let mut commands = Vec::with_capacity(self.commands.len());
        for asked in self.commands {
            last = asked.holder.or(last);
            let holder = last.ok_or("the first command names no holder")?;
            let Chance(chance) = asked.chance;
            let AskedForm { now, authorization, source, .. } = asked;
            let moment = Moment { now, chance, holder, authorization, source };
            commands.push((asked.command.read()?, moment));
        }
        let results = self.results.into_iter().map(StoreResultForm::read);
        Ok(Batch { commands, results: results.collect::<Read<_>>()? })
    }
}

/// A command and its moment.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedForm<'a> {
    command: CommandForm<'a>,
    now: Millis,
    chance: Chance,
    /// Left out if it is that of the command before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    holder: Option<HolderId>,
    /// Left out if no caller is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authorization: Option<Authorization>,
    /// Left out if nothing is known of it.
    #[serde(default, skip_serializing_if = "CallSource::is_unknown")]
    source: CallSource,
}

fn asked(batch: &[(Command, Moment)]) -> Vec<AskedForm<'_>> {
    let mut forms = Vec::with_capacity(batch.len());
    let mut last = None;
    for (command, moment) in batch {
        forms.push(AskedForm {
            command: CommandForm::of(command),
            now: moment.now,
            chance: Chance(moment.chance),
            holder: Some(moment.holder).filter(|holder| last != Some(*holder)),
            authorization: moment.authorization,
            source: moment.source,
        });
        last = Some(moment.holder);
    }
    forms
}

/// Sixteen bytes in 32 lower-case hex digits.
struct Chance([u8; 16]);

impl Serialize for Chance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", u128::from_be_bytes(self.0)))
    }
}

impl<'de> Deserialize<'de> for Chance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        let hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u128::from_str_radix(&text, 16).ok().filter(|_| hex);
        let number = number.ok_or_else(|| serde::de::Error::custom("not sixteen bytes in hex"))?;
        Ok(Self(number.to_be_bytes()))
    }
}
