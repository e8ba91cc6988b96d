//! The page's static files as the host serves them. Whether the page was built or not, paths,
//! access and security headers are the same.

use hookdesk_tests::{Answer, Options, Server};
use reqwest::Method;

/// The one thing beyond a strict policy: the simulator compiles WebAssembly.
const COMPILES: &str = "'wasm-unsafe-eval'";

fn assert_strict(answer: &Answer) {
    let policy = answer.header("content-security-policy").expect("a policy");
    for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.replace(COMPILES, "").contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
}

#[tokio::test]
async fn the_page_is_served_or_says_how_it_is_built() {
    let server = Server::start(Options::default());
    let client = server.client();

    for path in ["/", "/console", "/simulator", "/signature"] {
        let answer = client.get(path).await.expect(200);
        assert_strict(&answer);
        let is_console = ["/", "/console"].contains(&path);
        let compiles = answer.header("content-security-policy").map(|of| of.contains(COMPILES));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        let is_built = answer.header("content-type") == Some("text/html; charset=utf-8");
        assert_eq!(compiles, Some(is_built && !is_console), "{path}");
        let says = if is_built { "<title>HookDesk" } else { "make run" };
        assert!(answer.text.contains(says), "{}", answer.text);
        let policy = answer.header("content-security-policy").expect("a policy");
        if is_built && !is_console {
            // Where another server has the document, only that speaks which stands in it.
            let own = policy.replace("frame-ancestors 'none'; ", "").replace('\'', "&#39;");
            assert!(answer.text.contains(&format!("content=\"{own}\"")), "{path}: {own}");
        }

        let tag = answer.header("etag").expect("a tag");
        let request = client.request(Method::GET, path).header("if-none-match", tag);
        let again = client.send(request).await.expect(304);
        assert_eq!(again.text, "");
        assert_strict(&again);
    }
}

#[tokio::test]
async fn what_the_page_loads_is_kept_for_good_and_comes_compressed() {
    let server = Server::start(Options::default());
    let client = server.client();
    let document = client.get("/").await.expect(200).text;
    let paths = document.split('"').filter_map(|part| part.strip_prefix('.'));
    let paths = paths.filter(|path| path.starts_with("/assets/"));

    for path in paths {
        let request = client.request(Method::GET, path).header("accept-encoding", "gzip, br");
        let answer = client.send(request).await.expect(200);
        assert_strict(&answer);
        assert_eq!(answer.header("content-encoding"), Some("br"), "{path}");
        assert_eq!(answer.header("vary"), Some("accept-encoding"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
    }
}

#[tokio::test]
async fn who_may_not_call_the_desk_does_not_see_its_page() {
    let server = Server::start(Options::default());
    let client = server.client();

    for (name, value) in [("host", "desk.example"), ("origin", "https://desk.example")] {
        let answer = client.send(client.request(Method::GET, "/").header(name, value)).await;
        assert_eq!((answer.status, answer.code()), (403, Some("not_local")), "{name}");
    }
    let posted = client.post("/console", None).await;
    assert_eq!((posted.status, posted.code()), (405, Some("method_not_allowed")));
    assert_eq!(posted.header("allow"), Some("GET, HEAD, OPTIONS"));
    for path in ["/assets/none.js", "/console/", "/index.html", "/simulator.html", "/../Cargo.toml"]
    {
        let answer = client.get(path).await;
        assert_eq!((answer.status, answer.code()), (404, Some("not_found")), "{path}");
    }
}
