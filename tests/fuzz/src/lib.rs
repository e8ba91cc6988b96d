//! The libFuzzer entry point of a target, with the target's memory limit.

use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::{Mutex, PoisonError};

use hookdesk_tests::fuzz::Target;

/// What the last panic said, and where.
static LAST_WORDS: Mutex<String> = Mutex::new(String::new());

/// The program of a target.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(init: $crate::begin(), |bytes: &[u8]| {
            $crate::read(hookdesk_tests::fuzz::Target::named($name), bytes);
        });
    };
}

/// Lets panics unwind, as they do in a server, in place of libFuzzer's hook: what catches one is meant
/// to.
pub fn begin() {
    panic::set_hook(Box::new(|why| {
        *LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner) = why.to_string();
    }));
}

/// Reads `bytes`, and ends the process when anything is wrong with that.
pub fn read(target: &Target, bytes: &[u8]) {
    let mut ended = Ok(());
    let read = || ended = panic::catch_unwind(AssertUnwindSafe(|| (target.read)(bytes)));
    let used = allocation_counter::measure(read).bytes_max;
    let (length, most) = (bytes.len(), target.most_memory(bytes.len()));
    if ended.is_err() {
        give_up(&LAST_WORDS.lock().unwrap_or_else(PoisonError::into_inner));
    }
    if used > most {
        give_up(&format!("{used} bytes of memory over {length}, and {most} are the most"));
    }
}

fn give_up(why: &str) -> ! {
    eprintln!("{why}");
    process::abort();
}
