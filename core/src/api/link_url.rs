//! URLs of links that sign a browser in.

use std::fmt;

use zeroize::Zeroizing;

use crate::api::own_names::PublicUrl;
use crate::model::api_key::KeyText;
use crate::model::partner::Partner;

/// The URL of a link that signs a browser in once. Its token stands in the fragment, which browsers
/// send to no server. `Debug` hides it.
#[derive(Clone)]
pub struct LinkUrl(Zeroizing<String>);

impl LinkUrl {
    pub(super) fn new(desk: &PublicUrl, partner: Partner, text: &KeyText) -> Self {
        let page = desk.page();
        Self(Zeroizing::new(format!("{page}#link/{partner}/{}", text.reveal())))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkUrl(hidden)")
    }
}
