//! The number of times that an oracle could have found something: one that is never asked proves
//! nothing.

use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub struct Judged(BTreeMap<&'static str, u64>);

impl Judged {
    pub fn add(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(what, times)| (*what, *times))
    }
}
