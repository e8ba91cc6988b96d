//! A runtime that plays a transcript: a process that reads inputs, a chunk a line, and prints the hash
//! of all output so far.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

/// A runtime at work; dropped, it ends.
#[derive(Debug)]
pub struct Runtime {
    pub name: &'static str,
    process: Child,
    inputs: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
}

/// What a runtime said of a chunk.
#[derive(Debug, Deserialize)]
pub struct Played {
    pub hash: String,
    /// Milliseconds that it worked, in all.
    pub worked_ms: f64,
    /// Milliseconds of it that the desk took, values on their way in and out among it.
    pub ran_ms: f64,
}

impl Runtime {
    pub const ALL: [&str; 3] = ["node", "workerd", "chromium"];

    /// Starts one. With `damage`, what follows from so manieth an input is changed on purpose.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(name: &'static str, beginning: &Value, damage: Option<u64>) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
        let mut process = Command::new("node")
            .arg(folder.join(format!("{name}.mjs")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let inputs = process.stdin.take();
        let said = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut runtime = Self { name, process, inputs, said };
        runtime.tell(&json!({ "beginning": beginning, "damage": damage }));
        runtime
    }

    /// Tells it a chunk, and does not wait.
    pub fn play(&mut self, inputs: &[Value]) {
        self.tell(&json!({ "inputs": inputs }));
    }

    /// What it says of a chunk that it was told.
    ///
    /// # Panics
    /// If it says nothing.
    pub fn played(&mut self) -> Played {
        serde_json::from_value(self.hear()).expect("a runtime says a hash")
    }

    /// Has it decide an incident file again, and gives where the chain ends.
    ///
    /// # Panics
    /// If it decides otherwise than the file says.
    pub fn replay(&mut self, file: &str) -> String {
        let lines: Vec<&str> = file.lines().collect();
        self.tell(&json!({ "incident": lines }));
        let said = self.hear();
        assert_eq!(said["difference"], Value::Null, "{}", self.name);
        said["chain"].as_str().expect("a chain is a text").to_owned()
    }

    /// Microseconds that one call takes beyond what is done in it, measured by letting time pass
    /// so often.
    ///
    /// # Panics
    /// If it says nothing.
    pub fn crossing_us(&mut self, at: &Value, often: usize) -> f64 {
        let wakes = vec![json!({ "at": at }); often];
        self.tell(&json!({ "crossings": wakes }));
        self.hear().as_f64().expect("a time is a number")
    }

    /// All that followed from the last chunk.
    ///
    /// # Panics
    /// If it says nothing.
    pub fn outputs(&mut self) -> Vec<String> {
        self.tell(&json!({ "show": true }));
        serde_json::from_value(self.hear()).expect("a runtime shows texts")
    }

    fn tell(&mut self, message: &Value) {
        let inputs = self.inputs.as_mut().expect("it is open until the end");
        writeln!(inputs, "{message}").unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    fn hear(&mut self) -> Value {
        let mut line = String::new();
        let length = self.said.read_line(&mut line).expect("a pipe can be read");
        assert!(length > 0, "{} ended", self.name);
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{} said {line}", self.name))
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // The end of its inputs ends it, and what it started.
        self.inputs = None;
        let _ = self.process.wait();
    }
}
