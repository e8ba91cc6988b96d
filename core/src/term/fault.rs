//! Why a leader's store did not do what was asked.

use std::fmt;

/// Why a leader's store did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TermFault<F> {
    /// The database failed, and nothing was committed.
    Database(F),
    /// Another process leads. A commit that was being tried may have been carried out, or nothing was
    /// tried.
    Deposed { is_unknown: bool },
    /// It cannot be found out whether a commit was carried out.
    Unknown(F),
}

impl<F> TermFault<F> {
    /// Whether a commit that ended so may have been carried out.
    #[must_use]
    pub fn leaves_fate_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::Deposed { is_unknown: true })
    }

    #[must_use]
    pub fn is_deposed(&self) -> bool {
        matches!(self, Self::Deposed { .. })
    }

    /// The same of a commit that was tried.
    pub(super) fn of_commit(self) -> Self {
        match self {
            Self::Database(fault) | Self::Unknown(fault) => Self::Unknown(fault),
            Self::Deposed { .. } => Self::Deposed { is_unknown: true },
        }
    }
}

impl<F: fmt::Display> fmt::Display for TermFault<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(fault) => fault.fmt(f),
            Self::Deposed { is_unknown: false } => f.write_str("another process leads the desk"),
            Self::Deposed { is_unknown: true } => f.write_str(
                "another process leads the desk, and it cannot be found out whether a commit was \
                 carried out",
            ),
            Self::Unknown(why) => {
                write!(f, "it cannot be found out whether a commit was carried out: {why}")
            }
        }
    }
}

impl<F: fmt::Debug + fmt::Display> std::error::Error for TermFault<F> {}
