use proptest::prelude::*;

use super::record::{self, Batch, Input, StoreResult};
use super::redact::Redactor;
use super::*;
use crate::delivery::request::RequestKey;
use crate::engine::need::{Fact, Need};
use crate::guard::{CallbackUrl, Targets};
use crate::incident::record::Key;
use crate::model::partner::{Grant, Partner};
use crate::{
    Access, Amendment, Answer, Authorization, Availability, Caller, Command, Desk, Event,
    EventType, ExtraHeaders, Failure, Handover, HolderId, IdempotencyRecord, Idempotent,
    KeyAmendment, KeyId, KeySettings, Memory, MemoryStore, Millis, Moment, NewKey, Ordering,
    Registration, ReplayCount, ReplayFilter, ReplayRange, Report, RetrySchedule, Rotation, Scope,
    Scopes, Secret, SecretId, Seq, Stamp, Subscription, TicketId, TicketMessage, WebhookId,
};

const START: Millis = Millis(1_700_000_000_000);
/// A text that occurs in private fields only.
const PRIVATE: &str = "Zaphod\n\"é€𐀀\u{1}";

fn stamp(count: u16) -> Stamp {
    Stamp { at: START, count }
}

fn webhook() -> WebhookId {
    WebhookId::new(stamp(1), &[1; 16])
}

fn message(text: &str) -> TicketMessage {
    TicketMessage::parse(text.to_owned()).unwrap()
}

fn url(path: &str) -> CallbackUrl {
    CallbackUrl::parse(&format!("https://example.com:8443{path}"), &Targets::public()).unwrap()
}

fn settings() -> Amendment {
    let headers = vec![("x-key".to_owned(), "Zaphod".to_owned())];
    Amendment {
        callback_url: Some(url("/Zaphod?of=Zaphod")),
        events: Some(Subscription::of([EventType::TicketOpened, EventType::Ping])),
        ordering: Some(Ordering::Webhook),
        description: Some(Some(PRIVATE.to_owned())),
        headers: Some(ExtraHeaders::parse(headers).unwrap()),
        retry_schedule: Some(RetrySchedule::parse(vec![1, 2]).unwrap()),
        timeout_ms: Some(1_000),
        max_in_flight: Some(3),
        rate_limit: Some(Some(7)),
        paused: Some(false),
    }
}

fn status(status: u16, retry_after: &str, excerpt: &str) -> Answer {
    let retry_after = Some(retry_after.to_owned());
    Answer::Status { status, retry_after, excerpt: excerpt.to_owned() }
}

fn report(answer: Answer) -> Command {
    let key = RequestKey { webhook: webhook(), seq: Seq(3), number: 1, sent_at: START };
    Command::Report(Report { key, duration_ms: 5, answer })
}

fn once(command: Command) -> Command {
    let digest = Digest::of(&[PRIVATE.as_bytes()]);
    Command::Idempotent(Idempotent { key: digest, request: digest, command: Box::new(command) })
}

fn open(text: &str) -> Command {
    Command::OpenTicket { message: message(text) }
}

fn register(path: &str) -> Command {
    let secret = Secret::new(*b"Zaphod Beeblebrox's own secret!!");
    let settings = Amendment { callback_url: None, paused: None, ..settings() };
    Command::Register(Registration { callback_url: url(path), secret, settings, partner: None })
}

/// The key of the first command at the start.
fn key() -> KeyId {
    KeyId::new(Stamp { at: START, count: 0 }, &moment(0).chance)
}

fn create_key(number: u8) -> Command {
    let name = Some(PRIVATE.to_owned());
    let expires_at = Some(START.plus(100_000));
    let scopes = Scopes::of(Scope::ALL);
    let settings = KeySettings { name, scopes, expires_at, ..KeySettings::default() };
    let digest = Digest::of(&[&[number]]);
    Command::CreateKey(NewKey { digest, prefix: "hdk_Zapho".to_owned(), settings })
}

fn partner() -> Partner {
    Partner::parse("Zaphod-Beeblebrox").unwrap()
}

fn register_for(partner: Partner, path: &str) -> Command {
    let Command::Register(registration) = register(path) else { panic!("not a registration") };
    Command::Register(Registration { partner: Some(partner), ..registration })
}

fn create_partner_key(number: u8) -> Command {
    let Command::CreateKey(key) = create_key(number) else { panic!("not a key") };
    let grant = Some(Grant { partner: partner(), events: Subscription::default() });
    let scopes = Scopes::of([Scope::Read, Scope::Webhooks]);
    let settings = KeySettings { scopes, grant, rate_limit: Some(9), ..key.settings };
    Command::CreateKey(NewKey { settings, ..key })
}

/// A moment at which a caller with the key is judged.
fn by_key(at: Moment) -> Moment {
    let caller = Caller::Key(key());
    Moment { authorization: Some(Authorization { caller, access: Access::ChangeTickets }), ..at }
}

/// At least one command of each kind.
fn commands() -> Vec<Command> {
    let (id, ticket) = (webhook(), TicketId::new(stamp(2), &[2; 16]));
    let nothing = Amendment { description: Some(None), rate_limit: Some(None), ..settings() };
    let range =
        ReplayRange { after: Seq(1), to: Seq(9), only: ReplayFilter::All, per_second: Some(3) };
    let event = crate::EventId::new(stamp(3), Seq(3));
    vec![
        open(PRIVATE),
        Command::UpdateTicket { id: ticket, message: message(PRIVATE) },
        Command::CloseTicket { id: ticket },
        Command::Announce(Availability::Available),
        Command::Announce(Availability::Unavailable),
        register("/Zaphod"),
        register_for(partner(), "/Zaphod"),
        Command::Unregister { id },
        Command::Amend { id, settings: settings() },
        Command::Amend { id, settings: nothing },
        Command::Amend { id, settings: Amendment::default() },
        Command::HandOver {
            id,
            settings: settings(),
            to: Handover { partner: partner(), secret: Secret::new([8; 32]) },
        },
        Command::RemovePartner { partner: partner() },
        Command::Enable { id },
        Command::Rotate(Rotation { webhook: id, secret: Secret::new([9; 32]), overlap_ms: 7 }),
        Command::EndSecret { webhook: id, secret: SecretId::new(stamp(4), &[4; 16]) },
        Command::PingOne { id },
        Command::Ping,
        Command::Resend { id, event },
        Command::Replay { id, range, counted: ReplayCount { count: 1, owed: 2 }, dry_run: true },
        Command::StopReplay { id },
        create_key(2),
        create_partner_key(3),
        Command::AmendKey { id: key(), amendment: KeyAmendment::default() },
        Command::AmendKey {
            id: key(),
            amendment: KeyAmendment {
                name: Some(Some(PRIVATE.to_owned())),
                scopes: Some(Scopes::of([Scope::Read, Scope::Admin])),
                events: Some(Subscription::default()),
                rate_limit: Some(Some(7)),
                expires_at: Some(None),
            },
        },
        Command::NoteKeyUse { used: vec![(key(), START)] },
        Command::RevokeKey { id: key() },
        once(open(PRIVATE)),
        report(status(503, "120", PRIVATE)),
        report(status(503, PRIVATE, PRIVATE)),
        report(status(429, "Sun, 06 Nov 1994 08:49:37 GMT (of (Zaphod) \\) Zaphod)", "")),
        report(Answer::Failure(Failure::Timeout)),
        Command::Wake,
        Command::Retain,
    ]
}

fn moment(at_ms: u64) -> Moment {
    let holder = HolderId::new(START, &[7; 16]);
    Moment::new(START.plus(at_ms), [200; 16], holder)
}

fn batch(commands: Vec<Command>, results: Vec<StoreResult>) -> Input {
    let commands = commands.into_iter().map(|command| (command, moment(1))).collect();
    Input::Batch(Batch { commands, results })
}

fn redacted(input: &Input) -> Input {
    Redactor { key: Some(Key(Digest::of(&[b"key"]))) }.input(input)
}

#[test]
fn every_command_is_read_back() {
    for command in commands() {
        let input = batch(vec![command], vec![]);
        assert_eq!(Input::parse(&input.to_json()), Ok(input));
    }
    let mut other = moment(2);
    other.holder = HolderId::new(START, &[8; 16]);
    let input = Input::Batch(Batch {
        commands: vec![
            (Command::Wake, moment(1)),
            (Command::Ping, by_key(other)),
            (Command::Wake, other),
        ],
        results: vec![StoreResult::Failed(Need::Size)],
    });
    assert_eq!(Input::parse(&input.to_json()), Ok(input));
}

#[test]
fn results_of_the_store_have_the_names_of_earlier_files() {
    let results = vec![StoreResult::Failed(Need::Size), StoreResult::Commit(record::Fate::Done)];
    let json = r#"{"batch":{"commands":[],"said":[{"silent":"size"},{"commit":"done"}]}}"#;
    assert_eq!(batch(vec![], results).to_json(), json);
}

#[test]
fn redaction_leaves_nothing_private_and_every_length() {
    let base64 = Secret::new(*b"Zaphod Beeblebrox's own secret!!").reveal();
    for command in commands() {
        let input = batch(vec![command], vec![]);
        let (raw, clean) = (input.to_json(), redacted(&input).to_json());
        assert!(!clean.contains("Zaphod") && !clean.contains(&**base64), "{clean}");
        assert_eq!(raw.len(), clean.len(), "{raw}\n{clean}");
        let again = Redactor::default().input(&redacted(&input)).to_json();
        assert_eq!(clean, again);
    }
}

fn idempotency_record(body: &str) -> IdempotencyRecord {
    let digest = Digest::of(&[b"Zaphod"]);
    let (location, body) = (Some("/tickets/tkt".to_owned()), body.to_owned());
    IdempotencyRecord {
        key: digest,
        request: digest,
        at: START,
        status: 201,
        location,
        body,
        shown: None,
    }
}

fn event(kind: EventType, body: &str) -> Event {
    Event {
        seq: Seq(1),
        id: crate::EventId::new(stamp(1), Seq(1)),
        kind,
        created: START,
        topic: None,
        version: None,
        only_for: None,
        body: body.into(),
    }
}

fn body_of(fact: Fact) -> String {
    let input =
        batch(vec![], vec![StoreResult::Fact(Need::Events { from: Seq(1), most: 1 }, fact)]);
    let Input::Batch(Batch { results, .. }) = redacted(&input) else { panic!("a batch") };
    let [StoreResult::Fact(_, Fact::Events(events))] = &*results else {
        panic!("events: {results:?}")
    };
    events[0].body.to_string()
}

#[test]
fn only_the_message_goes_from_a_body() {
    let created = r#""created":"2023-11-14T22:13:20Z""#;
    let table = [
        (
            format!(
                r#"{{"event":"ticket_opened",{created},"data":{{"ticket_message":"a\n\"b\" é"}}}}"#
            ),
            format!(
                r#"{{"event":"ticket_opened",{created},"data":{{"ticket_message":"x\n\"x\"xé"}}}}"#
            ),
        ),
        (
            format!(r#"{{"event":"ping",{created},"data":{{}}}}"#),
            format!(r#"{{"event":"ping",{created},"data":{{}}}}"#),
        ),
        ("Zaphod".to_owned(), "xxxxxx".to_owned()),
        (String::new(), String::new()),
    ];
    for (raw, clean) in table {
        assert_eq!(body_of(Fact::Events(vec![event(EventType::Ping, &raw)])), clean);
    }
    let odd = format!(r#"{{"event":"ping",{created},"data":{{"reason":"Zaphod"}}}}"#);
    assert!(!body_of(Fact::Events(vec![event(EventType::Ping, &odd)])).contains("Zaphod"));
    let first = Fact::IdempotencyRecord(Some(idempotency_record(
        r#"{"data":{"ticket_message":"Zaphod"}}"#,
    )));
    let need = Need::IdempotencyRecord(Digest::of(&[b"Zaphod"]));
    let clean = redacted(&batch(vec![], vec![StoreResult::Fact(need, first)])).to_json();
    assert!(!clean.contains("Zaphod") && !clean.contains(&need_digest(&need)), "{clean}");
}

fn need_digest(need: &Need) -> String {
    let Need::IdempotencyRecord(digest) = need else { panic!("of a key") };
    digest.to_string()
}

/// A run with refusals, failures, keys and secrets, and its file.
fn recording(memory: Memory) -> String {
    let mut desk = Desk::new(Recorder::new(MemoryStore::default()), memory);
    let before = [create_key(1), register("/Zaphod"), once(open(PRIVATE))];
    let before = before.map(|command| (command, moment(0)));
    let replies: Vec<_> = desk.run_recorded(&before).ended.unwrap();
    assert!(matches!(&replies[0].reply, Ok(crate::Reply::KeyCreated(made)) if made.id == key()));
    let Ok(crate::Reply::Registered(webhook)) = &replies[1].reply else { panic!("registered") };
    let id = webhook.id;
    let mut file = Header::raw(1).line();
    file.push_str(&desk.begin_recording(START, [5; 32], 0));
    let mut flying: Vec<crate::Request> = Vec::new();
    for round in 0..60_u64 {
        let at = moment(round * 2_000 + 1);
        let mut all: Vec<_> = flying
            .drain(..)
            .map(|request| {
                let answer = match round % 4 {
                    0 => status(200, "5", PRIVATE),
                    1 => status(503, "5", PRIVATE),
                    2 => Answer::Failure(Failure::Timeout),
                    _ => status(500, PRIVATE, "Zaphod"),
                };
                (Command::Report(Report { key: request.key, duration_ms: 20, answer }), at)
            })
            .collect();
        let index = usize::try_from(round).unwrap() % commands().len();
        all.push((commands().swap_remove(index), at));
        // After half of the rounds it has expired, or was revoked.
        all.push((open(&format!("{PRIVATE}{round}")), by_key(at)));
        let settings = Amendment { rate_limit: Some(None), ..settings() };
        match round {
            // Its row in the audit names the key.
            10 => all.push((Command::Amend { id, settings }, by_key(at))),
            20 => all.push((once(Command::Ping), at)),
            25 => desk.limits_mut().in_flight = 3,
            _ => {}
        }
        all.push((Command::Wake, at));
        if round == 40 {
            file.push_str(&desk.begin_recording(at.now, [6; 32], 2));
        }
        let recorded = desk.run_recorded(&all);
        file.push_str(&recorded.lines.unwrap());
        let decided = recorded.ended.unwrap();
        flying.extend(decided.into_iter().flat_map(|one| one.requests));
    }
    file
}

/// The chain, and the first step that differs from the file.
fn play(file: &str) -> Result<(Digest, Option<ReplayStep>), BadIncident> {
    let mut incident = Incident::open(file)?;
    let mut first = None;
    while let Some(step) = incident.step() {
        let step = step?;
        first = first.or_else(|| step.difference.is_some().then_some(step));
    }
    Ok((incident.chain(), first))
}

fn agreed(file: &str) -> Digest {
    let (chain, difference) = play(file).unwrap();
    assert!(difference.is_none(), "{difference:?}");
    chain
}

#[test]
fn a_recording_decides_the_same_again_raw_and_redacted() {
    for memory in [Memory::Kept, Memory::Dropped] {
        let file = recording(memory);
        let chain = agreed(&file);
        let raw = Incident::export(&file, false).unwrap();
        let clean = Incident::export(&file, true).unwrap();
        assert_eq!((agreed(&raw), agreed(&clean)), (chain, chain));
        assert_eq!(Incident::export(&raw, true).as_ref(), Ok(&clean));
        assert_eq!(Incident::export(&clean, true).as_ref(), Ok(&clean));
        assert_eq!(Incident::export(&clean, false).as_ref(), Ok(&clean));
        assert!(file.contains("Zaphod") && raw.contains("Zaphod"));
        let secret = Secret::new(*b"Zaphod Beeblebrox's own secret!!").reveal();
        for private in
            ["Zaphod", &**secret, "0505050505", &Digest::of(&[PRIVATE.as_bytes()]).to_string()]
        {
            assert!(!clean.contains(private), "{private}");
        }
    }
}

#[test]
fn one_changed_input_is_noticed() {
    let raw = Incident::export(&recording(Memory::Kept), false).unwrap();
    let clean = Incident::export(&raw, true).unwrap();
    let chain = agreed(&raw);
    let change = |file: &str, line: usize, from: &str, to: &str| {
        let mut lines: Vec<String> = file.split_inclusive('\n').map(str::to_owned).collect();
        assert!(lines[line].contains(from), "{from}: {}", lines[line]);
        lines[line] = lines[line].replacen(from, to, 1);
        play(&lines.concat())
    };
    for (file, line, from, to) in [
        (&raw, 2, "Zaphod", "Zaphoe"),
        (&clean, 2, "xxxxxx", "xxxxxy"),
        (&clean, 2, "\"mac\":\"", "\"mac\":\"0000"),
        (&raw, 5, "\"now\":17000000", "\"now\":17000001"),
        (&clean, 5, "\"now\":17000000", "\"now\":17000001"),
        (&raw, 4, "\"chance\":\"c8", "\"chance\":\"c9"),
        (&clean, 4, "\"chance\":\"c8", "\"chance\":\"c9"),
        (&raw, 2, "\"rows\":[\"log\",[[1,", "\"rows\":[\"log\",[[2,"),
        (&clean, 2, "\"rows\":[\"log\",[[1,", "\"rows\":[\"log\",[[2,"),
        (&raw, 2, "\"commit\":\"done\"", "\"commit\":\"unknown\""),
        (&raw, 1, "\"in_flight\":256", "\"in_flight\":255"),
    ] {
        let (changed, difference) = match change(file, line, from, to) {
            Ok(played) => played,
            // The changed hash is invalid.
            Err(bad) => {
                assert!(matches!(bad.what, Bad::Input(_)), "{bad}");
                continue;
            }
        };
        assert_ne!(changed, chain, "{from} → {to}");
        let first = difference.expect("it is seen where it is");
        assert_eq!(first.number, line as u64, "{from} → {to}: {first:?}");
    }
}

#[test]
fn a_step_says_what_was_decided() {
    let mut incident = Incident::open(recording(Memory::Kept)).unwrap();
    let begin = incident.step().unwrap().unwrap();
    assert_eq!((begin.number, begin.input, begin.now_ms), (1, "begin", Some(START)));
    let step = incident.step().unwrap().unwrap();
    let decisions: Vec<_> =
        step.decisions.iter().map(|one| (one.command, one.reply, one.status)).collect();
    let opened = ("open_ticket", "opened", Some(201));
    assert_eq!(decisions, [opened, opened, ("wake", "noted", None)]);
    let sent = &step.decisions[2].requests;
    assert_eq!((sent.len(), sent[0].attempt, step.commits), (1, 1, vec!["done"]));
    assert!(sent[0].event.starts_with("evt_"));
}

#[test]
fn a_file_that_was_cut_ends_where_it_was_cut() {
    let file = recording(Memory::Kept);
    let header = file.find('\n').unwrap() + 1;
    let (mut steps, mut whole) = (Vec::new(), Incident::open(&*file).unwrap());
    while let Some(step) = whole.step() {
        steps.push(step.unwrap().chain);
    }
    assert!(!whole.is_cut());
    for at in (header..file.len()).step_by(997) {
        let Some(cut) = file.get(..at) else { continue };
        let mut incident = Incident::open(cut).unwrap();
        let mut chains = Vec::new();
        while let Some(step) = incident.step() {
            chains.push(step.unwrap().chain);
        }
        assert_eq!(chains, steps[..chains.len()], "{at}");
        assert_eq!(incident.is_cut(), !cut.ends_with('\n'), "{at}");
    }
}

/// Pointers to all values inside `value`.
fn pointers(value: &serde_json::Value, at: &str) -> Vec<String> {
    let inner: Vec<_> = match (value.as_array(), value.as_object()) {
        (Some(items), _) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        (_, Some(fields)) => fields.iter().map(|(name, field)| (name.clone(), field)).collect(),
        (None, None) => Vec::new(),
    };
    let below = inner.iter().flat_map(|(name, value)| pointers(value, &format!("{at}/{name}")));
    below.chain([at.to_owned()]).collect()
}

#[test]
fn the_error_of_a_damaged_line_repeats_nothing_of_it() {
    let secret = Secret::new(*b"Zaphod Beeblebrox's own secret!!").reveal().to_string();
    let text = batch(vec![register("/Zaphod"), once(open(PRIVATE))], Vec::new()).to_json();
    let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut damages: Vec<String> = pointers(&whole, "")
        .iter()
        .map(|pointer| {
            let mut damaged = whole.clone();
            *damaged.pointer_mut(pointer).unwrap() = secret.as_str().into();
            damaged.to_string()
        })
        .collect();
    damages.push(text.replace("\"secret\"", &format!("\"{secret}\"")));
    damages.push(text.replace("\"register\"", &format!("\"{secret}\"")));
    let errors: Vec<_> = damages.iter().filter_map(|text| Input::parse(text).err()).collect();
    assert!(errors.len() > 20, "{} of {} are refused", errors.len(), damages.len());
    for record::BadRecord(error) in errors {
        assert!(!error.contains(&secret[6..20]) && !error.contains("Zaphod"), "{error}");
    }
}

#[test]
fn foreign_and_newer_files_are_told_apart() {
    let bad = |text: &str| Incident::open(text).unwrap_err().what;
    assert_eq!(bad(""), Bad::Foreign);
    assert_eq!(bad("{}\n"), Bad::Foreign);
    assert_eq!(bad("{\"hookdesk_incident\":4,\"new\":[]}\n"), Bad::Newer { format: 4 });
    let limits = record::Input::Limits(crate::Limits::default()).to_json();
    let file = Header::raw(1).line() + &format!("{{\"input\":{limits}}}\n");
    let mut incident = Incident::open(file).unwrap();
    assert_eq!(incident.step().unwrap().unwrap_err(), BadIncident { line: 2, what: Bad::NoMac });
    assert!(incident.step().is_none());
}

proptest! {
    #[test]
    fn a_replaced_message_has_its_length_also_in_json(text in "\\PC{1,40}|[\\x01-\\x7f]{1,40}") {
        let input = batch(vec![open(&text)], vec![]);
        let clean = redacted(&input);
        prop_assert_eq!(input.to_json().len(), clean.to_json().len());
        prop_assert_eq!(redacted(&clean).to_json(), clean.to_json());
    }

    #[test]
    fn the_body_of_a_replaced_message_is_the_replaced_body(text in "\\PC{1,40}|[\\x01-\\x7f]{1,40}") {
        let kind = EventType::TicketOpened;
        let body = |text: &str| {
            let data = crate::model::event::EventData { ticket_message: Some(text), ..Default::default() };
            crate::model::event::body(kind, START, data).to_string()
        };
        let Input::Batch(clean) = redacted(&batch(vec![open(&text)], vec![])) else { panic!() };
        let Command::OpenTicket { message } = &clean.commands[0].0 else { panic!() };
        let of_message = body(message.as_str());
        prop_assert_eq!(&body_of(Fact::Events(vec![event(kind, &body(&text))])), &of_message);
        prop_assert_eq!(&body_of(Fact::Events(vec![event(kind, &of_message)])), &of_message);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}|[\\x00-\\x7f\\n]{0,200}") {
        let _ = play(&text);
        let _ = play(&(Header::raw(1).line() + &text));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn a_damaged_file_is_played_or_refused(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = recording(Memory::Kept).into_bytes();
        for (place, with) in places {
            let place = place.index(bytes.len());
            // Numbers become other numbers, so that most of the files can still be read.
            let digits = bytes[place..].iter().position(u8::is_ascii_digit).map(|at| place + at);
            match digits {
                Some(at) if with.is_multiple_of(8) => bytes.splice(at..at, *b"99999").for_each(drop),
                Some(at) if with < 250 => bytes[at] = b'0' + with % 10,
                Some(_) | None => bytes[place] = with & 0x7f,
            }
        }
        if let Ok(text) = String::from_utf8(bytes) {
            let _ = play(&text);
        }
    }
}
