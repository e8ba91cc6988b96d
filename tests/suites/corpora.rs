//! Replay of the fuzz corpora as plain tests, each input within the memory limit of its target.

#![expect(clippy::print_stderr, reason = "a test that failed tells which file it was at")]

use std::fs;
use std::path::{Path, PathBuf};

use hookdesk_core::api::MAX_BODY;
use hookdesk_tests::fuzz::{TARGETS, Target};

/// Files of a corpus, and bytes of all corpora: what is minimised stays small.
const MAX_FILES: usize = 60;
const MAX_BYTES: usize = 300 * 1_024;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// The corpus of a target: names and contents.
fn corpus(target: &Target) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(corpora().join(target.name)).expect("each target has a corpus");
    let mut corpus: Vec<_> = files
        .map(|file| file.expect("it can be listed").path())
        .map(|path| (path.display().to_string(), fs::read(&path).expect("it can be read")))
        .collect();
    corpus.sort();
    corpus
}

fn replay(name: &str) {
    let target = Target::named(name);
    let corpus = corpus(target);
    assert!(!corpus.is_empty());
    // What is made once, by whoever comes first, is nobody's.
    (target.read)(b"");
    for (path, bytes) in corpus {
        // It is told at the end of a test that failed: the last one was it.
        eprintln!("{path}");
        read(target, &bytes);
    }
}

/// Reads the bytes within the memory that this may take.
fn read(target: &Target, bytes: &[u8]) {
    let used = allocation_counter::measure(|| (target.read)(bytes)).bytes_max;
    let (length, most) = (bytes.len(), target.most_memory(bytes.len()));
    eprintln!("{used} bytes of memory over {length} bytes, of {most}");
    assert!(used <= most, "{used} bytes of memory over {length} bytes, and {most} are the most");
}

/// A piece again and again between two others, as long as a body may be.
fn filled(begin: &str, piece: &str, end: &str) -> String {
    let room = MAX_BODY - begin.len() - end.len();
    format!("{begin}{}{end}", piece.repeat(room / piece.len()))
}

/// Bodies of two bytes a value, or six a character: each the longest that is let in.
fn longest_bodies() -> Vec<String> {
    let nested = |open: &str, close: &str| {
        let one = format!("{}0{},", open.repeat(100), close.repeat(100));
        filled("{\"events\":[", &one, "0]}")
    };
    vec![
        filled("{\"events\":[", "0,", "0]}"),
        filled("{\"colour\":[", "0,", "0]}"),
        filled("{\"retry_schedule\":[", "[],", "0]}"),
        filled("{\"headers\":{\"x\":[", "{},", "0]}}"),
        nested("[", "]"),
        nested("{\"\":", "}"),
        filled("{\"description\":\"", "\\u0001", "\"}"),
        filled("{\"ticket_message\":\"", "\\u0001", "\"}"),
        filled("{\"callback_url\":\"https://example.com/", "\\u0061", "\"}"),
        filled("{\"headers\":{\"", "\\\"", "\":\"x\"}}"),
        many_members("{", "\"x\":0}"),
        many_members("{\"headers\":{", "\"x\":0}}"),
        filled("", "[", ""),
        filled("[", "{},", "0]"),
        filled("{\"x\":1", "0", "}"),
    ]
}

/// Members of different names between two others.
fn many_members(start: &str, end: &str) -> String {
    let members: Vec<_> = (0..90_000).map(|n| format!("\"x{n}\":0,")).collect();
    [start, &members.concat(), end].concat()
}

#[test]
fn the_longest_bodies_take_no_more_memory_than_their_share() {
    let call = "POST /tickets\nhost: localhost\ncontent-type: application/json\n\n";
    for body in longest_bodies() {
        println!("{}", &body[..40]);
        assert!(body.len() <= MAX_BODY);
        for name in ["settings", "message"] {
            read(Target::named(name), body.as_bytes());
        }
        read(Target::named("call"), format!("{call}{body}").as_bytes());
    }
}

macro_rules! corpora {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn each_target_is_replayed_and_each_corpus_is_small() {
            let names = TARGETS.map(|target| target.name);
            assert_eq!(names, [$(stringify!($name)),*]);
            let corpora = TARGETS.each_ref().map(corpus);
            for (name, corpus) in names.iter().zip(&corpora) {
                assert!(corpus.len() <= MAX_FILES, "{name} has {}", corpus.len());
            }
            let bytes: usize = corpora.iter().flatten().map(|(_, bytes)| bytes.len()).sum();
            assert!(bytes <= MAX_BYTES, "{bytes}");
        }
    };
}

corpora! {
    url name secret header call settings message answer input delivery tampered options bindings
    incident
}
