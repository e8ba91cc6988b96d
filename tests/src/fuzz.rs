//! Fuzz targets: the functions that read untrusted bytes, each with what must hold for any input.
//!
//! A target is a plain function over bytes that panics when something is wrong. libFuzzer calls it
//! with what it comes up with (`make fuzz`), and a test with what is kept in `fuzz/corpus`
//! (`suites/corpora.rs`): an input that once found something is a file there. Inputs are texts as far
//! as they can be, so that a person can read and write them.
//!
//! Not to panic and not to hang is the least; each target also says what becomes of an input that is
//! taken: it is printed and read again as the same, it is sent as it was given, it verifies.

mod body;
mod call;
mod delivery;
mod desk;
mod header;
mod incident;
mod name;
mod options;
mod url;

/// Something that reads.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Of its folder in `fuzz/corpus`, and of its program.
    pub name: &'static str,
    /// Panics when what must hold does not.
    pub read: fn(&[u8]),
    /// Bytes of memory that it may hold at once, whatever the input: what is set up around it among
    /// them.
    pub least: u64,
    /// And as many more for each byte of input.
    pub each: u64,
}

impl Target {
    /// Bytes of memory that it may hold at once over an input of this length.
    #[must_use]
    pub fn most_memory(&self, length: usize) -> u64 {
        self.least + self.each * length as u64
    }

    /// The target of this name.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn named(name: &str) -> &'static Self {
        let found = TARGETS.iter().find(|target| target.name == name);
        found.unwrap_or_else(|| panic!("there is no target {name}"))
    }
}

const KIB: u64 = 1_024;

/// All targets, and the bounds that they are held to.
pub const TARGETS: [Target; 14] = [
    Target { name: "url", read: url::read, least: 8 * KIB, each: 24 },
    Target { name: "name", read: name::read, least: 4 * KIB, each: 16 },
    Target { name: "secret", read: name::secret, least: 8 * KIB, each: 16 },
    Target { name: "header", read: header::read, least: 16 * KIB, each: 32 },
    Target { name: "call", read: call::read, least: 128 * KIB, each: 16 },
    Target { name: "settings", read: call::settings, least: 160 * KIB, each: 16 },
    Target { name: "message", read: body::read, least: 96 * KIB, each: 16 },
    Target { name: "answer", read: desk::answer, least: 128 * KIB, each: 24 },
    Target { name: "input", read: desk::input, least: 256 * KIB, each: 64 },
    Target { name: "delivery", read: delivery::read, least: 64 * KIB, each: 32 },
    Target { name: "tampered", read: delivery::tampered, least: 64 * KIB, each: 64 },
    // Of a file, which has 64 KiB at the most, each mistake is noted before the first is told.
    Target { name: "options", read: options::read, least: 128 * KIB, each: KIB },
    Target { name: "bindings", read: options::bindings, least: 8 * KIB, each: 32 },
    Target { name: "incident", read: incident::read, least: 256 * KIB, each: 48 },
];
