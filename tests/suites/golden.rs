//! The golden comparison: a runtime whose output differs is reported, with the first difference.

use std::process::Command;

#[test]
fn the_first_difference_is_shown_side_by_side() {
    let golden = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_golden"));
        let output = command.args(["--commands", "300", "--chunk", "50", "--runtimes", "node"]);
        output.args(arguments).output().expect("it starts")
    };
    let equal = golden(&[]);
    let said = String::from_utf8_lossy(&equal.stdout);
    assert!(equal.status.success(), "{said}");
    let hashes: Vec<_> = said.lines().filter_map(|line| line.split_once(' ')).collect();
    let [("native", native), ("node", node)] = hashes[..] else { panic!("{said}") };
    assert_eq!((native, native.len()), (node, 64));

    let differs = golden(&["--damage", "123"]);
    let said = String::from_utf8_lossy(&differs.stdout);
    assert!(!differs.status.success(), "{said}");
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "command 123 differs in node");
    assert!(lines[3].starts_with("native ") && lines[3].contains("\"requests\""), "{said}");
    assert!(lines[4].starts_with("node   ") && lines[4].contains("\"Requests\""), "{said}");
}
