//! Reads beside the desk's thread, where waiting for a disk keeps nobody.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::store::StoreFault;
use crate::store::sqlite::{Readers, Snapshot};

/// Reads at once, as many as there are connections that stay open. Each has up to 6 MiB in hand, its
/// thread's allocator keeps as much again and more, and a thousand callers who waited for the same
/// event all come in the same moment. With sixteen, a hundred streams of the longest messages left
/// 700 MB behind.
const MAX_AT_ONCE: usize = 4;

const _: () = assert!(MAX_AT_ONCE == Readers::IDLE);

/// The way to the store for who only reads; cheap to clone.
#[derive(Clone, Debug)]
pub struct Lookup {
    readers: Arc<Readers>,
    places: Arc<Semaphore>,
    /// Counts at once, each over as much of the log as somebody asks for: one, so that they leave
    /// places for all others.
    counts: Arc<Semaphore>,
}

impl Lookup {
    #[must_use]
    pub fn new(readers: Readers) -> Self {
        Self {
            readers: Arc::new(readers),
            places: Arc::new(Semaphore::new(MAX_AT_ONCE)),
            counts: Arc::new(Semaphore::new(1)),
        }
    }

    /// Reads rows as they are at one moment. A fault is logged here, also where a caller is in the
    /// middle of its answer and can only be cut off.
    ///
    /// # Errors
    /// When the store cannot be read.
    ///
    /// # Panics
    /// When what was read makes no sense to the core.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Snapshot<'_>) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let readers = Arc::clone(&self.readers);
        let read = tokio::task::spawn_blocking(move || {
            // Given back when the read has ended, also when its caller has hung up.
            let _place = place;
            readers.at_one_moment(read)
        });
        let read = read.await.unwrap_or_else(|ended| std::panic::resume_unwind(ended.into_panic()));
        read.inspect_err(|fault| tracing::error!("the store cannot be read: {fault}"))
    }

    /// The same, of a read over as much of the log as somebody asks for.
    ///
    /// # Errors
    /// When the store cannot be read.
    ///
    /// # Panics
    /// When what was read makes no sense to the core.
    pub async fn count<T: Send + 'static>(
        &self,
        count: impl FnOnce(&mut Snapshot<'_>) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let _turn = self.counts.acquire().await;
        self.read(count).await
    }
}
