//! The page's files, embedded in the binary, each under its path in the built page.
//!
//! They are served before the core is asked: no path of the API is among theirs. Their content
//! security policies allow the page its own files, its own desk, and nothing else.

use hookdesk_core::api::Call;
use salvo::http::StatusCode;

/// Policy of the page: only its own files, and nothing inline. Text becomes markup only through
/// Svelte's own templates.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types svelte-trusted-html";

/// Policy of the documents that run the desk themselves: WebAssembly besides, in workers of their
/// own.
const DESK_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self'; connect-src 'self'; worker-src 'self'; frame-src 'self'; \
    img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types svelte-trusted-html hookdesk-worker";

/// Policy of the sandbox frame for a receiver written by a visitor: that receiver's code, and no
/// connection out. The visitor's scripts are loaded by their `blob:` URLs.
const SANDBOX_POLICY: &str = "sandbox allow-scripts; default-src 'none'; script-src 'self' blob:; \
    worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Served if the page was not built.
const MISSING: File = File {
    path: "/index.html",
    tag: "missing",
    plain:
        b"The page is not part of this binary: `make run` builds it, and `make release` a binary \
             that has it.\n",
    brotli: None,
    gzip: None,
};

/// The page's documents by the paths under which they are served.
const DOCUMENTS: [(&str, &str); 4] = [
    ("/", "/index.html"),
    ("/console", "/index.html"),
    ("/simulator", "/simulator.html"),
    ("/signature", "/signature.html"),
];
/// Names in this folder change with their content.
const HASHED: &str = "/assets/";
/// The sandbox frame for a receiver written by a visitor.
const SANDBOX: &str = "/sandbox/";

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// A file of the page, and its compressed forms.
#[derive(Debug)]
pub struct File {
    path: &'static str,
    /// Entity tag: a digest of the content.
    tag: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

/// The form in which a file is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    Plain,
    Brotli,
    Gzip,
    /// The caller has it already.
    Unchanged,
}

/// The page's file under a path, if there is one.
pub fn find(path: &str) -> Option<&'static File> {
    match DOCUMENTS.iter().find(|(known, _)| *known == path) {
        Some((_, document)) => Some(file(document).unwrap_or(&MISSING)),
        None => file(path).filter(|file| !DOCUMENTS.iter().any(|(_, of)| *of == file.path)),
    }
}

fn file(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

impl File {
    /// The form that a caller accepts, unless it has the file already.
    pub fn variant(&self, call: &Call<'_>) -> Variant {
        let values = |name: &'static str| {
            let all = call.headers.iter().filter(move |(of, _)| *of == name);
            all.flat_map(|(_, value)| value.split(',')).map(str::trim)
        };
        // Weak comparison (RFC 9110 §8.8.3.2).
        let has_it =
            |had: &str| had == "*" || had.trim_start_matches("W/").trim_matches('"') == self.tag;
        let takes = |coding: &str| {
            values("accept-encoding").any(|given| match given.split_once(';') {
                Some((name, weight)) => name.trim() == coding && !is_nothing(weight),
                None => given == coding,
            })
        };
        if values("if-none-match").any(has_it) {
            Variant::Unchanged
        } else if self.brotli.is_some() && takes("br") {
            Variant::Brotli
        } else if self.gzip.is_some() && takes("gzip") {
            Variant::Gzip
        } else {
            Variant::Plain
        }
    }

    pub fn body(&self, variant: Variant) -> &'static [u8] {
        match variant {
            Variant::Plain => self.plain,
            Variant::Brotli => self.brotli.unwrap_or_default(),
            Variant::Gzip => self.gzip.unwrap_or_default(),
            Variant::Unchanged => &[],
        }
    }

    pub fn headers(&self, variant: Variant) -> Vec<(&'static str, String)> {
        let forever = self.path.starts_with(HASHED);
        let cached = if forever { "public, max-age=31536000, immutable" } else { "no-cache" };
        let mut headers = vec![
            ("cache-control", cached),
            ("content-security-policy", self.policy()),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", self.readers()),
            ("referrer-policy", "no-referrer"),
            ("vary", "accept-encoding"),
            ("x-content-type-options", "nosniff"),
        ];
        match variant {
            Variant::Plain => headers.push(("content-type", self.media_type())),
            Variant::Brotli => {
                headers.extend([("content-type", self.media_type()), ("content-encoding", "br")]);
            }
            Variant::Gzip => {
                headers.extend([("content-type", self.media_type()), ("content-encoding", "gzip")]);
            }
            Variant::Unchanged => {}
        }
        let headers = headers.into_iter().map(|(name, value)| (name, value.to_owned()));
        headers.chain([("etag", self.entity_tag())]).collect()
    }

    /// Whether callers from any origin may load it: the sandbox's origin is not the page's, so its
    /// files are requested cross-origin. They are the same in every copy of HookDesk.
    pub fn is_for_all(&self, call: &Call<'_>) -> bool {
        self.path.starts_with(SANDBOX) && matches!(call.method, "GET" | "HEAD")
    }

    fn policy(&self) -> &'static str {
        match self.path {
            "/index.html" => POLICY,
            path if path.starts_with(SANDBOX) => SANDBOX_POLICY,
            _ => DESK_POLICY,
        }
    }

    /// The sandbox has an origin of its own, and its script must be readable there.
    fn readers(&self) -> &'static str {
        if self.path.starts_with(SANDBOX) { "cross-origin" } else { "same-origin" }
    }

    fn media_type(&self) -> &'static str {
        match self.path.rsplit_once('.').map_or("", |(_, ending)| ending) {
            _ if self.tag == MISSING.tag => "text/plain; charset=utf-8",
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            "wasm" => "application/wasm",
            _ => "application/octet-stream",
        }
    }

    /// Weak: it is the same for all codings.
    fn entity_tag(&self) -> String {
        format!("W/\"{}\"", self.tag)
    }
}

impl Variant {
    pub fn status(self) -> StatusCode {
        match self {
            Self::Plain | Self::Brotli | Self::Gzip => StatusCode::OK,
            Self::Unchanged => StatusCode::NOT_MODIFIED,
        }
    }
}

/// Whether a coding's weight excludes it: `q=0`, `q=0.0` …
fn is_nothing(weight: &str) -> bool {
    let weight = weight.trim().strip_prefix("q=");
    weight.and_then(|weight| weight.trim().parse::<f32>().ok()).is_some_and(|q| q <= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: File = File {
        path: "/assets/x.js",
        tag: "1",
        plain: b"plain",
        brotli: Some(b"br"),
        gzip: Some(b"gz"),
    };

    fn variant(headers: &[(&str, &str)]) -> Variant {
        let headers = headers.to_vec();
        SCRIPT.variant(&Call { method: "GET", path: SCRIPT.path, query: "", headers, body: b"" })
    }

    #[test]
    fn a_caller_gets_the_smallest_form_that_it_takes() {
        for (accepted, given) in [
            ("gzip, deflate, br, zstd", Variant::Brotli),
            ("gzip", Variant::Gzip),
            ("gzip;q=0.5, br;q=0", Variant::Gzip),
            ("br;q=0.0", Variant::Plain),
            ("brotli, gzipped", Variant::Plain),
            ("", Variant::Plain),
        ] {
            assert_eq!(variant(&[("accept-encoding", accepted)]), given, "{accepted}");
        }
        assert_eq!(variant(&[]), Variant::Plain);
    }

    #[test]
    fn what_a_caller_has_is_not_sent_again() {
        for (had, given) in [
            ("W/\"1\"", Variant::Unchanged),
            ("\"0\", \"1\"", Variant::Unchanged),
            ("*", Variant::Unchanged),
            ("W/\"2\"", Variant::Plain),
        ] {
            assert_eq!(variant(&[("if-none-match", had)]), given, "{had}");
        }
    }

    #[test]
    fn names_that_change_with_their_content_are_kept_for_good_and_no_others() {
        let cached = |file: &File| {
            let headers = file.headers(Variant::Plain);
            headers.into_iter().find(|(name, _)| *name == "cache-control").map(|(_, value)| value)
        };
        assert!(cached(&SCRIPT).is_some_and(|value| value.ends_with("immutable")));
        assert_eq!(cached(&MISSING).as_deref(), Some("no-cache"));
    }
}
