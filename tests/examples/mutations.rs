//! Generator of `data/mutations.jsonl`, the right and the mistaken deliveries of `suites/mutations.rs`:
//! `cargo run --example mutations`.
//!
//! The core signs messages of all types. What careless stacks make of them is made by those stacks:
//! `verify/mutations.py` and `verify/mutations.mjs` run in Python and Node.js, know nothing of how
//! the core explains a mistake, and label what they did. The file is kept, so that other versions of
//! them change nothing.

#![expect(clippy::print_stderr, reason = "somebody waits for it")]

use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use hookdesk_core::guard::{CallbackUrl, Targets};
use hookdesk_core::{
    Amendment, Answer, Availability, Command, Desk, EventType, HealthPolicy, HolderId, Memory,
    MemoryStore, Millis, Moment, Registration, Reply, Report, Request, RetrySchedule, Secret,
    Subscription, TicketMessage,
};
use serde_json::{Value, json};

const MESSAGES: [&str; 14] = [
    "My order is late",
    "Grüße aus Köln: die Straße ist gesperrt",
    "The printer is on fire \u{1f525}\u{1f469}\u{200d}\u{1f692}",
    "He said \"no\" and meant 'maybe'",
    "See https://example.com/orders/42?x=1&y=<b>2</b>",
    "First line\nSecond line\n\n\tand a tab",
    "Windows line\r\nand another\r\n",
    r"C:\temp\new\x00 and a \ at the end \",
    "12345",
    "50% off + free shipping & more",
    "注文が届きません。返金してください",
    "naïve café, déjà vu – “quoted” … €5",
    "\u{1}\u{8}\u{c}\u{7f} control characters \u{2028} too",
    " blanks at the ends ",
];

/// The desk, its clock, and all that it asked to be sent.
struct World {
    desk: Desk<MemoryStore>,
    now: Millis,
    sent: Vec<Request>,
}

impl World {
    fn run(&mut self, command: Command) -> Option<Reply> {
        let holder = HolderId::new(Millis(1_750_000_000_000), &[7; 16]);
        let chance = [u8::try_from(self.now.0 % 251).expect("it is small"); 16];
        let moment = Moment::new(self.now, chance, holder);
        let decided = self.desk.run(&[(command, moment), (Command::Wake, moment)]);
        let mut reply = None;
        for one in decided.expect("memory has no faults") {
            self.sent.extend(one.requests);
            reply = reply.or(one.reply.ok());
        }
        self.now = self.now.plus(20);
        reply
    }

    fn register(&mut self, name: &str, byte: u8, schedule: Option<Vec<u32>>) {
        let url = format!("https://{name}.example.com/hook");
        // Nobody is told of those who are told of others.
        let events = (name == "listener").then(|| Subscription::of(EventType::ALL));
        let settings = Amendment {
            events,
            retry_schedule: schedule.map(|waits| RetrySchedule::parse(waits).expect("short")),
            ..Amendment::default()
        };
        self.run(Command::Register(Registration {
            callback_url: CallbackUrl::parse(&url, &Targets::public()).expect("a public URL"),
            secret: secret(byte),
            settings,
            partner: None,
        }));
    }

    /// Answers everything in flight: the listener is well, the other as `status` says.
    fn answer(&mut self, answered: &mut usize, status: u16) {
        while let Some(request) = self.sent.get(*answered).cloned() {
            *answered += 1;
            let is_listener = request.url.as_str().contains("listener");
            let status = if is_listener { 204 } else { status };
            let answer = Answer::Status { status, retry_after: None, excerpt: String::new() };
            let report = Report { key: request.key, duration_ms: 20, answer };
            self.run(Command::Report(report));
        }
        self.now = self.now.plus(7_331);
    }
}

/// No two bytes of it are alike, and its base64 has both `+` and `/`.
fn secret(byte: u8) -> Secret {
    let mut bytes = [0; Secret::LENGTH];
    for (at, one) in (0_u8..).zip(&mut bytes) {
        *one = byte.wrapping_add(at.wrapping_mul(37)) | if at < 6 { 0xf8 } else { 0 };
    }
    Secret::new(bytes)
}

/// One request of each event that the listener was sent.
fn deliveries() -> Vec<Request> {
    let desk = Desk::new(MemoryStore::default(), Memory::Kept);
    let mut world = World { desk, now: Millis(1_750_000_000_123), sent: Vec::new() };
    world.desk.limits_mut().health =
        HealthPolicy { disable_after_ms: 1_000_000, ..HealthPolicy::default() };
    world.register("listener", 3, None);
    world.register("failing", 90, Some(vec![5]));
    let mut answered = 0;
    let long = "A long story, Größe \u{1f4e6}. ".repeat(200);
    for message in MESSAGES.into_iter().chain([long.as_str()]) {
        let parse = |text: String| TicketMessage::parse(text).expect("short enough");
        let opened = world.run(Command::OpenTicket { message: parse(message.to_owned()) });
        let Some(Reply::Opened(id)) = opened else { panic!("{opened:?}") };
        let message = parse(format!("{message} (seen)"));
        world.run(Command::UpdateTicket { id, message });
        world.answer(&mut answered, 500);
        world.run(Command::CloseTicket { id });
        world.answer(&mut answered, 500);
    }
    for availability in [Availability::Unavailable, Availability::Available] {
        world.run(Command::Announce(availability));
        world.answer(&mut answered, 500);
    }
    world.run(Command::Ping);
    // It is down, heals, and then fails for good.
    for (steps, status) in [(20, 500), (60, 200), (200, 500)] {
        for _ in 0..steps {
            let message = TicketMessage::parse("One more".to_owned()).expect("short enough");
            world.run(Command::OpenTicket { message });
            world.answer(&mut answered, status);
        }
    }
    let listener = |request: &Request| request.url.as_str().contains("listener");
    world.sent.into_iter().filter(listener).collect()
}

/// A few of each type: what a message says varies, what the desk says of itself does not.
fn chosen(requests: &[Request]) -> Vec<Value> {
    let mut chosen = Vec::new();
    for kind in EventType::ALL {
        let start = format!(r#"{{"event":"{}""#, kind.name());
        let of_kind = requests.iter().filter(|request| request.body.starts_with(&start));
        let most = if kind.name().starts_with("ticket_") { MESSAGES.len() + 1 } else { 1 };
        let before = chosen.len();
        chosen.extend(of_kind.take(most).map(|request| {
            let headers: Vec<_> =
                request.headers.iter().map(|(name, value)| json!([name, value])).collect();
            json!({
                "kind": kind.name(),
                "headers": headers,
                "body": &*request.body,
                "now": request.key.sent_at.plus(1_500).0,
            })
        }));
        assert!(chosen.len() > before, "no {}", kind.name());
    }
    chosen
}

/// What a program makes of `input`: lines of JSON.
fn mutated(program: &str, script: &str, input: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("verify");
    let mut child = Process::new(program)
        .arg(folder.join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it is installed");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("it reads all");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{script} failed");
    String::from_utf8(output.stdout).expect("it writes UTF-8")
}

fn main() {
    let secrets: Vec<String> =
        [3, 90, 140, 200].map(|byte| secret(byte).reveal().to_string()).into();
    let input = json!({ "deliveries": chosen(&deliveries()), "secrets": secrets }).to_string();
    let lines =
        mutated("python3", "mutations.py", &input) + &mutated("node", "mutations.mjs", &input);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let file = env::args().nth(1).map_or(folder, PathBuf::from).join("mutations.jsonl");
    fs::write(&file, &lines).expect("the folder can be written to");
    eprintln!("made {} lines of {}", lines.lines().count(), file.display());
}
