//! Reads outside the desk's thread, so that waiting for a disk delays no decision.

use std::sync::Arc;

use crate::fair_gate::FairGate;
use crate::share_holder::ShareHolder;
use crate::store::{Readers, Snapshot, StoreFault, sqlite};
use crate::trouble_log::TroubleLog;

/// Reads at once, as many as the idle connections that are kept open. Each holds up to 6 MiB, its
/// thread's allocator keeps as much again and more, and a thousand callers that waited for the same
/// event all read in the same moment. With sixteen, a hundred streams of the longest messages left
/// 700 MB behind.
const MAX_AT_ONCE: usize = 4;

const _: () = assert!(MAX_AT_ONCE == sqlite::Readers::IDLE);

/// Read access to the store, for a caller; cheap to clone.
#[derive(Clone, Debug)]
pub struct Lookup {
    readers: Arc<Readers>,
    turns: FairGate,
    /// Counts at once, each over as much of the log as a caller asks for: one, so that they leave
    /// slots for all others.
    counts: FairGate,
    troubles: Arc<TroubleLog>,
    holder: Option<ShareHolder>,
}

impl Lookup {
    #[must_use]
    pub fn new(readers: Readers) -> Self {
        Self {
            readers: Arc::new(readers),
            turns: FairGate::new(MAX_AT_ONCE),
            counts: FairGate::new(1),
            troubles: Arc::default(),
            holder: None,
        }
    }

    /// The same, whose reads are those of a holder.
    #[must_use]
    pub fn of(&self, holder: Option<ShareHolder>) -> Self {
        Self { holder, ..self.clone() }
    }

    /// Reads rows as they are at one moment. A fault is logged here, also if the caller is in the
    /// middle of its response and can only be cut off.
    ///
    /// # Errors
    /// When the store cannot be read.
    ///
    /// # Panics
    /// When `read` panics.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Snapshot<'_>) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let turn = self.turns.take(self.holder).await;
        let readers = Arc::clone(&self.readers);
        let read = tokio::task::spawn_blocking(move || {
            // Released when the read has ended, also if its caller has hung up.
            let _turn = turn;
            readers.at_one_moment(read)
        });
        let read = read.await.unwrap_or_else(|ended| std::panic::resume_unwind(ended.into_panic()));
        read.inspect_err(|fault| {
            self.troubles.note(format_args!("the store cannot be read: {fault}"));
        })
    }

    /// As [`Self::read`], for reads over as much of the log as a caller asks for.
    ///
    /// # Errors
    /// When the store cannot be read.
    ///
    /// # Panics
    /// When `count` panics.
    pub async fn count<T: Send + 'static>(
        &self,
        count: impl FnOnce(&mut Snapshot<'_>) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let _turn = self.counts.take(self.holder).await;
        self.read(count).await
    }
}
