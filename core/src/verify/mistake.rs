//! The mistakes that [`verify`](super::verify) distinguishes: their codes, and how to correct them.

use std::fmt;

use serde::{Serialize, Serializer};

use super::code::Code;
use super::flaw::{Algorithm, BodyFlaw, ContentFlaw, KeyFlaw, Part, SecretFlaw, SignatureFlaw};
use super::words::{algorithm, body, foreign, key, secret, signature, signed};
use super::{MAX_SECRETS, TOLERANCE_S};

/// A header that a signature needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    Id,
    Timestamp,
    Signature,
}

/// Why a delivery does not verify. [`Mistake::name`] is its stable code; as text it says what is
/// wrong and how to correct it. It contains no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    MissingHeader(Header),
    /// It is no whole number from that byte on.
    TimestampMalformed {
        offset: usize,
    },
    TimestampMilliseconds,
    /// The signature is right, and the message that many seconds old.
    Stale {
        by_s: u64,
    },
    /// The signature is right, and the message that many seconds in the future.
    Early {
        by_s: u64,
    },
    /// The id is not a HookDesk's.
    IdMalformed,
    Signature {
        flaw: SignatureFlaw,
        offset: usize,
        proven: bool,
    },
    NoSecrets,
    /// A secret's text is malformed.
    Secret {
        index: usize,
        flaw: SecretFlaw,
        proven: bool,
    },
    /// Other bytes than a secret's were used as the key.
    Key {
        index: usize,
        flaw: KeyFlaw,
    },
    EndedSecret {
        index: usize,
    },
    Body {
        flaw: BodyFlaw,
        offset: Option<usize>,
        proven: bool,
    },
    Signed(ContentFlaw),
    Algorithm {
        other: Algorithm,
        proven: bool,
    },
    /// A part is another message's.
    Foreign {
        part: Part,
        proven: bool,
    },
    /// All parts fit together except for the signature.
    NoSecretMatches,
}

/// How certain a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// The signature matches once the mistake is undone.
    Proven,
    /// The mistake is visible, whatever the signature is: a missing header, a message that is old.
    Evident,
    /// Nothing that was tried makes the signature match. Of what could be wrong it fits best.
    Likely,
}

impl Header {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "webhook-id",
            Self::Timestamp => "webhook-timestamp",
            Self::Signature => "webhook-signature",
        }
    }
}

impl Serialize for Header {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Mistake {
    /// A stable code, for programs.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::MissingHeader(_) => Code::HeaderMissing,
            Self::TimestampMalformed { .. } => Code::TimestampMalformed,
            Self::TimestampMilliseconds => Code::TimestampMilliseconds,
            Self::Stale { .. } => Code::TimestampStale,
            Self::Early { .. } => Code::TimestampInTheFuture,
            Self::IdMalformed => Code::IdMalformed,
            Self::Signature { flaw, .. } => signature(*flaw).0,
            Self::NoSecrets => Code::NoSecrets,
            Self::Secret { flaw, .. } => secret(*flaw).0,
            Self::Key { flaw, .. } => key(*flaw).0,
            Self::EndedSecret { .. } => Code::SecretEnded,
            Self::Body { flaw, .. } => body(*flaw).0,
            Self::Signed(flaw) => signed(*flaw).0,
            Self::Algorithm { .. } => Code::Algorithm,
            Self::Foreign { part, .. } => foreign(*part).0,
            Self::NoSecretMatches => Code::NoSecretMatches,
        }
    }

    /// The code's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.code().name()
    }

    #[must_use]
    pub fn certainty(&self) -> Certainty {
        match self {
            Self::MissingHeader(_)
            | Self::TimestampMalformed { .. }
            | Self::TimestampMilliseconds
            | Self::Stale { .. }
            | Self::Early { .. }
            | Self::NoSecrets => Certainty::Evident,
            Self::Key { .. } | Self::EndedSecret { .. } | Self::Signed(_) => Certainty::Proven,
            Self::Signature { proven, .. }
            | Self::Secret { proven, .. }
            | Self::Body { proven, .. }
            | Self::Algorithm { proven, .. }
            | Self::Foreign { proven, .. } => {
                if *proven {
                    Certainty::Proven
                } else {
                    Certainty::Likely
                }
            }
            Self::IdMalformed | Self::NoSecretMatches => Certainty::Likely,
        }
    }

    /// Whether it is certain. Otherwise it is the likeliest.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.certainty() != Certainty::Likely
    }

    /// The header that it is about.
    #[must_use]
    pub fn header(&self) -> Option<Header> {
        match self {
            Self::MissingHeader(header) => Some(*header),
            Self::TimestampMalformed { .. }
            | Self::TimestampMilliseconds
            | Self::Stale { .. }
            | Self::Early { .. }
            | Self::Foreign { part: Part::Timestamp, .. } => Some(Header::Timestamp),
            Self::IdMalformed | Self::Foreign { part: Part::Id, .. } => Some(Header::Id),
            Self::Signature { .. } => Some(Header::Signature),
            Self::NoSecrets
            | Self::Secret { .. }
            | Self::Key { .. }
            | Self::EndedSecret { .. }
            | Self::Body { .. }
            | Self::Signed(_)
            | Self::Algorithm { .. }
            | Self::Foreign { part: Part::Body, .. }
            | Self::NoSecretMatches => None,
        }
    }

    /// The byte where it shows: in the value of [`Mistake::header`] if there is one, otherwise in
    /// the body. Blanks at the ends of a header do not count, and several `webhook-signature`
    /// headers count as joined by one blank.
    #[must_use]
    pub fn offset(&self) -> Option<usize> {
        match self {
            Self::TimestampMalformed { offset } | Self::Signature { offset, .. } => Some(*offset),
            Self::Body { offset, .. } => *offset,
            Self::MissingHeader(_)
            | Self::TimestampMilliseconds
            | Self::Stale { .. }
            | Self::Early { .. }
            | Self::IdMalformed
            | Self::NoSecrets
            | Self::Secret { .. }
            | Self::Key { .. }
            | Self::EndedSecret { .. }
            | Self::Signed(_)
            | Self::Algorithm { .. }
            | Self::Foreign { .. }
            | Self::NoSecretMatches => None,
        }
    }

    /// The index of the secret that it is about.
    #[must_use]
    pub fn secret(&self) -> Option<usize> {
        match self {
            Self::Secret { index, .. } | Self::Key { index, .. } | Self::EndedSecret { index } => {
                Some(*index)
            }
            Self::MissingHeader(_)
            | Self::TimestampMalformed { .. }
            | Self::TimestampMilliseconds
            | Self::Stale { .. }
            | Self::Early { .. }
            | Self::IdMalformed
            | Self::Signature { .. }
            | Self::NoSecrets
            | Self::Body { .. }
            | Self::Signed(_)
            | Self::Algorithm { .. }
            | Self::Foreign { .. }
            | Self::NoSecretMatches => None,
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingHeader(header) => write!(
                f,
                "There is no {0}. Pass the request's headers on as they came, {0} among them.",
                header.name()
            ),
            Self::TimestampMalformed { .. } => f.write_str(
                "webhook-timestamp is not a whole number. Take the header as it came: unix time in \
                 seconds, in digits.",
            ),
            Self::TimestampMilliseconds => f.write_str(
                "webhook-timestamp is not in seconds but in milliseconds or less. Take the header \
                 as it came, and compare it with a clock in seconds.",
            ),
            Self::Stale { by_s } => write!(
                f,
                "The signature is right, but the message is {by_s} s old, and more than \
                 {TOLERANCE_S} s are not accepted. Check messages as they come, and the clock; one \
                 that was kept cannot be checked later.",
            ),
            Self::Early { by_s } => write!(
                f,
                "The signature is right, but the message is from {by_s} s ahead, and more than \
                 {TOLERANCE_S} s are not accepted. Set the clock of the machine that checks.",
            ),
            Self::IdMalformed => f.write_str(
                "webhook-id is none of HookDesk's (evt_ and 32 hex digits), and no secret fits. \
                 Take the header as it came.",
            ),
            Self::NoSecrets => f.write_str(
                "No secret is given. Configure the whsec_… that the webhook's registration answered.",
            ),
            Self::EndedSecret { .. } => f.write_str(
                "It was signed with a secret that has ended. Accept only those that live, and move \
                 to the webhook's current one.",
            ),
            Self::Signature { flaw, .. } => f.write_str(signature(*flaw).1),
            Self::Secret { flaw, .. } => f.write_str(secret(*flaw).1),
            Self::Key { flaw, .. } => f.write_str(key(*flaw).1),
            Self::Body { flaw: BodyFlaw::Reserialised(changes), .. } => write!(
                f,
                "The body was parsed and serialised anew, which changed {changes}. Check the bytes \
                 as they came, before they are parsed.",
            ),
            Self::Body { flaw, .. } => f.write_str(body(*flaw).1),
            Self::Signed(flaw) => f.write_str(signed(*flaw).1),
            Self::Algorithm { other, .. } => write!(
                f,
                "The signature was made with {}. Make it with HMAC-SHA256 (key: the secret's \
                 bytes; message: id.timestamp.body).",
                algorithm(*other)
            ),
            Self::Foreign { part, .. } => f.write_str(foreign(*part).1),
            Self::NoSecretMatches => write!(
                f,
                "None of the secrets (the first {MAX_SECRETS} are tried) made this signature. Most \
                 likely they are another webhook's; otherwise the message was changed on its way.",
            ),
        }
    }
}
