//! Event queries of a desk in memory, with the responses of a host.

use serde_json::Value;

use super::*;
use crate::api::{Action, Api, Callers, Frame, LiveKeys, OwnNames, Response};
use crate::guard::Targets;
use crate::{
    Availability, Changes, Command, Desk, HolderId, LogPut, Memory, MemoryStore, Millis, Moment,
    Reply, Store, TicketId, TicketMessage,
};

const START: Millis = Millis(1_672_531_200_042);

struct Rig {
    desk: Desk<MemoryStore>,
}

impl Rig {
    /// A desk whose log has this many events, all alike.
    fn new(events: usize) -> Self {
        let mut rig = Self { desk: Desk::new(MemoryStore::default(), Memory::Kept) };
        for _ in 0..events {
            rig.run(Command::Announce(Availability::Unavailable));
        }
        rig
    }

    fn run(&mut self, command: Command) -> Reply {
        let holder = HolderId::new(START, &[0; 16]);
        let moment = Moment::new(START, [1; 16], holder);
        self.desk.run(&[(command, moment)]).unwrap().remove(0).reply.unwrap()
    }

    fn open(&mut self, message: &str) -> TicketId {
        let message = TicketMessage::parse(message.to_owned()).unwrap();
        let Reply::Opened(id) = self.run(Command::OpenTicket { message }) else {
            panic!("not opened")
        };
        id
    }

    /// Expires the events up to here.
    fn expire(&mut self, floor: u64) {
        let log = self.log();
        let put = LogPut { row: Log { floor: Seq(floor), ..log }, was: log.stamp };
        let changes = Changes { log: Some(put), ..Changes::default() };
        self.desk.store_mut().commit(&changes).map(drop).unwrap();
        self.desk.forget();
    }

    fn log(&mut self) -> Log {
        self.desk.store_mut().log().unwrap()
    }

    fn id(&mut self, seq: u64) -> String {
        self.desk.store_mut().events(Seq(seq), 1).unwrap()[0].id.to_string()
    }

    fn begin(&mut self, query: EventsQuery) -> Result<EventsStart, Problem> {
        query.begin(self.desk.store_mut(), START).unwrap()
    }

    fn get(&mut self, path: &str) -> (u16, Value) {
        let response = match open(path, &[], false) {
            Action::Answer(response) => response,
            Action::Read(reading) => reading.answer(None, self.desk.store_mut(), START).unwrap(),
            Action::ReadEvents(pull) => match self.begin(pull) {
                Ok(start) => {
                    let body = self.written(pull.listing(start), |_| {});
                    Response { status: 200, headers: vec![], body }
                }
                Err(problem) => problem.into(),
            },
            other @ (Action::Decide(_) | Action::CountReplay(_) | Action::List(_)) => {
                panic!("{other:?}")
            }
        };
        (response.status, serde_json::from_str(&response.body).unwrap())
    }

    /// A list page by page; `between` runs after each.
    fn written(&mut self, mut listing: Listing, between: impl Fn(&mut Self)) -> String {
        let mut body = String::new();
        while !listing.is_complete() {
            body += &listing.page(self.desk.store_mut(), START).unwrap().unwrap();
            between(self);
        }
        body
    }
}

fn open(path: &str, headers: &[(&'static str, &str)], can_wait: bool) -> Action {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (callers, names) = (Callers::All, OwnNames::default());
    let api = Api { can_wait, ..Api::new(callers, names, Targets::public()) };
    let call =
        crate::api::Call { method: "GET", path, query, headers: headers.to_vec(), body: b"" };
    api.open(&call, LiveKeys::none(START), || [0; 32]).action
}

/// The query as a host that can wait gets it.
fn pull(path: &str, headers: &[(&'static str, &str)]) -> Result<EventsQuery, String> {
    match open(path, headers, true) {
        Action::ReadEvents(pull) => Ok(pull),
        Action::Answer(response) => Err(response.body),
        other
        @ (Action::Decide(_) | Action::CountReplay(_) | Action::Read(_) | Action::List(_)) => {
            panic!("{other:?}")
        }
    }
}

fn places(list: &Value) -> Vec<u64> {
    let items = list["data"].as_array().unwrap().iter();
    items.map(|item| EventId::parse(item["id"].as_str().unwrap()).unwrap().seq().0).collect()
}

#[test]
fn an_item_has_the_data_that_receivers_get() {
    let mut rig = Rig::new(1);
    let ticket = rig.open("a \"b\"\n é");
    let (service, opened) = (rig.id(1), rig.id(2));
    let item = format!(
        r#"{{"id":"{opened}","event":"ticket_opened","created":"2023-01-01T00:00:00.042Z","data":{{"ticket_message":"a \"b\"\n é"}},"ticket_id":"{ticket}","ticket_version":1,"webhook_id":null}}"#
    );
    let first = format!(
        r#"{{"id":"{service}","event":"service_unavailable","created":"2023-01-01T00:00:00.042Z","data":{{}},"ticket_id":null,"ticket_version":null,"webhook_id":null}}"#
    );

    let pull = pull("/events", &[]).unwrap();
    let start = rig.begin(pull).unwrap();
    let list = rig.written(pull.listing(start), |_| {});
    let frames = start.cursor.frames(rig.desk.store_mut(), 2).unwrap();

    assert_eq!(list, format!(r#"{{"data":[{first},{item}],"next":null}}"#));
    let text = format!("id: {opened}\nevent: ticket_opened\ndata: {item}\n\n");
    assert_eq!(frames[1], Frame { to: Seq(2), text });
    let (status, one) = rig.get(&format!("/events/{opened}"));
    assert_eq!((status, &one["data"]), (200, &serde_json::from_str(&item).unwrap()));
}

#[test]
fn pages_follow_each_other_whatever_their_size() {
    let mut rig = Rig::new(40);
    for limit in [1_usize, 15, 16, 17, 39, 40, 41] {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let (_, page) = rig.get(&format!("/events?limit={limit}{after}"));
            let found = places(&page);
            assert!(found.len() <= limit);
            all.extend(found);
            let Some(next) = page["next"].as_str() else { break };
            assert_eq!(places(&page).len(), limit);
            after = format!("&after={next}");
        }
        assert_eq!(all, (1..=40).collect::<Vec<_>>(), "{limit}");
    }
    let last = rig.id(40);
    let (_, end) = rig.get(&format!("/events?after={last}"));
    assert_eq!(end.to_string(), r#"{"data":[],"next":null}"#);
    let mut many = Rig::new(101);
    assert_eq!(places(&many.get("/events").1).len(), 100);
}

#[test]
fn what_is_no_longer_kept_is_counted_behind_the_cursor() {
    let mut rig = Rig::new(9);
    let ids: Vec<_> = (1..=9).map(|seq| rig.id(seq)).collect();
    rig.expire(5);

    let (_, oldest) = rig.get("/events");
    let (_, missed) = rig.get(&format!("/events?limit=2&after={}", ids[1]));
    let (_, none) = rig.get(&format!("/events?after={}", ids[4]));

    assert_eq!((places(&oldest), oldest.get("expired")), (vec![6, 7, 8, 9], None));
    assert_eq!((places(&missed), missed["expired"]["count"].as_u64()), (vec![6, 7], Some(3)));
    assert_eq!(missed["next"], ids[6].as_str());
    assert_eq!((places(&none), none.get("expired")), (vec![6, 7, 8, 9], None));
    assert_eq!(rig.get(&format!("/events/{}", ids[4])).0, 404);
    assert_eq!(rig.get(&format!("/events/{}", ids[5])).0, 200);
}

#[test]
fn a_caller_who_missed_all_is_told_so_once() {
    let mut rig = Rig::new(3);
    let first = rig.id(1);
    rig.expire(3);

    let (_, missed) = rig.get(&format!("/events?after={first}"));
    let next = missed["next"].as_str().unwrap();
    let (_, quiet) = rig.get(&format!("/events?after={next}"));

    assert_eq!((places(&missed), missed["expired"]["count"].as_u64()), (vec![], Some(2)));
    assert_eq!(quiet.to_string(), r#"{"data":[],"next":null}"#);
}

#[test]
fn a_list_that_the_floor_overtakes_ends_before_it() {
    let mut rig = Rig::new(40);
    let pull = pull("/events?limit=40", &[]).unwrap();
    let start = rig.begin(pull).unwrap();

    let list = rig.written(pull.listing(start), |rig| rig.expire(20));

    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!((places(&list), list.get("expired")), ((1..=16).collect(), None));
    let next = list["next"].as_str().unwrap();
    let (_, rest) = rig.get(&format!("/events?after={next}"));
    assert_eq!((places(&rest).len(), rest["expired"]["count"].as_u64()), (20, Some(4)));
}

#[test]
fn a_cursor_is_an_event_of_this_log() {
    let mut rig = Rig::new(3);
    let mut other = Rig::new(4);
    other.open("elsewhere");
    let ids = [
        other.id(4),
        EventId::new(crate::Stamp { at: START, count: 9 }, Seq(2)).to_string(),
        EventId::new(crate::Stamp::default(), Seq(u64::MAX >> 2)).to_string(),
        "evt_1".to_owned(),
        rig.id(1).replace("evt_", "tkt_"),
        String::new(),
    ];
    for id in &ids {
        let (status, problem) = rig.get(&format!("/events?after={id}"));
        assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &"?after".into()), "{id}");
        assert_eq!(rig.get(&format!("/events/{id}")).0, 404, "{id}");
    }
    rig.expire(2);
    assert_eq!(rig.get(&format!("/events?after={}", ids[1])).0, 200, "it cannot be compared");
}

#[test]
fn who_waits_without_a_cursor_is_given_the_position_as_one() {
    // Of an empty log, one that is kept, and one that has expired.
    for (events, floor) in [(0, 0), (3, 0), (3, 3)] {
        let mut rig = Rig::new(events);
        rig.expire(floor);
        let (waits, known) = (pull("/events?wait=1", &[]).unwrap(), pull("/events", &[]).unwrap());
        let start = rig.begin(waits).unwrap();
        let position = start.position.unwrap();
        let list: Value = serde_json::from_str(&rig.written(waits.listing(start), |_| {})).unwrap();
        assert_eq!((places(&list), &list["next"]), (vec![], &position.to_string().into()));
        assert_eq!(rig.begin(known).unwrap().position, None);

        rig.run(Command::Announce(Availability::Unavailable));

        let (status, more) = rig.get(&format!("/events?after={position}"));
        assert_eq!((status, places(&more)), (200, vec![events as u64 + 1]), "{events} {floor}");
        assert_eq!((&more["next"], more.get("expired")), (&Value::Null, None));
        let late: Value = serde_json::from_str(&rig.written(waits.listing(start), |_| {})).unwrap();
        assert_eq!((places(&late).len(), &late["next"]), (1, &Value::Null), "its id is a cursor");
    }
}

/// To libraries that take any block for an event, as to those that keep ids of events alone.
#[test]
fn a_position_is_a_block_with_data_in_json() {
    let id = EventId::new(crate::Stamp::default(), Seq(3));
    let position = Frame::position(id);
    let (head, data) = position.trim_end().split_once("\ndata: ").unwrap();
    assert_eq!(head, format!("id: {id}\nevent: position"));
    let data: Value = serde_json::from_str(data).unwrap();
    assert_eq!(data, serde_json::json!({ "id": id, "event": "position" }));
    for line in [Frame::FIRST, Frame::HEARTBEAT] {
        assert!(!line.contains("\n\n") && line.ends_with('\n'), "it ends no block");
    }
}

#[test]
fn only_a_server_can_wait() {
    let stream = [("accept", "text/event-stream")];
    let Action::Answer(refused) = open("/events?wait=1", &stream, false) else { panic!("taken") };
    assert_eq!((refused.status, refused.body.contains("?wait")), (422, true));
    let Action::ReadEvents(listed) = open("/events", &stream, false) else { panic!("not taken") };
    assert_eq!(listed.mode, EventsMode::AtOnce);

    assert_eq!(pull("/events", &[]).unwrap().mode, EventsMode::AtOnce);
    let wait = pull("/events?wait=60", &[]).unwrap();
    assert_eq!(wait.mode, EventsMode::Wait { seconds: 60 });
    for wait in ["0", "61", "1.5", "-1", "", "x"] {
        assert!(pull(&format!("/events?wait={wait}"), &[]).unwrap_err().contains("?wait"));
    }
    for accept in [
        "text/event-stream",
        "text/html, Text/Event-Stream;q=0.9",
        "application/json, text/event-stream",
        "*/*, text/event-stream",
        "application/json; q=0.8, text/event-stream; charset=utf-8; Q=0.9",
        "application/json;q=0, */*, text/event-stream;q=0.1",
    ] {
        let mode = pull("/events", &[("accept", accept)]).unwrap().mode;
        assert_eq!(mode, EventsMode::Stream, "{accept}");
    }
    for accept in [
        "*/*",
        "text/*",
        "text/event-stream;q=0",
        "text/event-stream;q=0.1, application/json",
        "text/event-stream;q=0.9, */*",
        "application/*;q=0.5, text/event-stream;q=0.499",
    ] {
        let mode = pull("/events", &[("accept", accept)]).unwrap().mode;
        assert_eq!(mode, EventsMode::AtOnce, "{accept}");
    }
    let twice = [("accept", "text/event-stream;q=0.1"), ("accept", "application/json")];
    assert_eq!(pull("/events", &twice).unwrap().mode, EventsMode::AtOnce);
}

#[test]
fn what_waits_begins_behind_its_cursor_or_with_what_comes() {
    let mut rig = Rig::new(5);
    let (second, third) = (rig.id(2), rig.id(3));
    let accept = ("accept", "text/event-stream");
    let mut at = |path: &str, headers: &[(&'static str, &str)]| {
        rig.begin(pull(path, headers).unwrap()).unwrap().cursor.at
    };
    assert_eq!(at("/events?wait=1", &[]), Seq(5));
    assert_eq!(at(&format!("/events?wait=1&after={second}"), &[]), Seq(2));
    assert_eq!(at("/events", &[accept]), Seq(5));
    assert_eq!(at(&format!("/events?after={second}"), &[accept]), Seq(2));
    let last = ("last-event-id", third.as_str());
    assert_eq!(at(&format!("/events?after={second}"), &[accept, last]), Seq(3));
    assert_eq!(at(&format!("/events?after={second}"), &[last]), Seq(2), "it is for streams");
    assert!(pull("/events", &[accept, ("last-event-id", "1")]).unwrap_err().contains("?after"));
}

#[test]
fn a_stream_is_told_first_what_is_no_longer_kept() {
    let mut rig = Rig::new(4);
    rig.expire(3);
    let cursor = LogCursor { at: Seq(1) };

    let frames = cursor.frames(rig.desk.store_mut(), LogCursor::PAGE).unwrap();

    let text = "event: expired\ndata: {\"count\":2}\n\n".to_owned();
    assert_eq!(frames[0], Frame { to: Seq(3), text });
    assert_eq!((frames.len(), frames[1].to), (2, Seq(4)));
    assert!(!LogCursor { at: Seq(4) }.is_behind(rig.log().head));
}
