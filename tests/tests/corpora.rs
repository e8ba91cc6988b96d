//! What the fuzzers found worth keeping, and what once went wrong, read again: as a plain test, and
//! within the memory that each target may hold.

use std::fs;
use std::path::{Path, PathBuf};

use hookdesk_tests::fuzz::{TARGETS, Target};

/// Files of a corpus, and bytes of all corpora: what is minimised stays small.
const MOST_FILES: usize = 60;
const MOST_BYTES: usize = 300 * 1_024;

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
        println!("{path}");
        let used = allocation_counter::measure(|| (target.read)(&bytes)).bytes_max;
        let (length, most) = (bytes.len(), target.most_memory(bytes.len()));
        assert!(used <= most, "{used} bytes of memory over {length}, and {most} are the most");
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
                assert!(corpus.len() <= MOST_FILES, "{name} has {}", corpus.len());
            }
            let bytes: usize = corpora.iter().flatten().map(|(_, bytes)| bytes.len()).sum();
            assert!(bytes <= MOST_BYTES, "{bytes}");
        }
    };
}

corpora! {
    url name secret header call settings message answer input delivery tampered options bindings
    incident
}
