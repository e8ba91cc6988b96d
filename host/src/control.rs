//! The control socket: calls of the command line on the desk's own machine, over a Unix socket beside
//! the database. They are ordinary calls, so the desk's thread stays the only writer of its file.

use std::convert::Infallible;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hookdesk_core::CallSource;
use hookdesk_core::api::{self, Action, Api, Call, Code, LiveKeys, MAX_BODY, Opened, Problem};
use hookdesk_core::guard::Targets;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

use crate::command_line;
use crate::desk_thread::DeskQueue;
use crate::moment::{chance, clock};
use crate::server::{CALLER, Lookup};
use crate::store::sqlite::beside;

/// From a failed accept to the next trial.
const BACK_OFF: Duration = Duration::from_millis(10);
const ROOT: u32 = 0;

/// The socket's path beside a database.
#[must_use]
pub fn path(database: &Path) -> PathBuf {
    beside(database, ".sock")
}

/// The socket, for the user that the desk runs as, and for root. Its file is removed with it.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Binds the socket of a database whose lock is held: a file that is there was left behind.
    ///
    /// # Errors
    /// When it cannot be bound.
    pub fn bind(database: &Path) -> io::Result<Self> {
        let path = path(database);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        // Until here another user may have connected, and is turned away by its uid.
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Answers calls until it is dropped.
    pub async fn serve(self, desk: ControlDesk) {
        let own = rustix::process::geteuid().as_raw();
        let desk = Arc::new(desk);
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                sleep(BACK_OFF).await;
                continue;
            };
            match stream.peer_cred().map(|peer| peer.uid()) {
                Ok(uid) if uid == own || uid == ROOT => {
                    tokio::spawn(serve(stream, uid, Arc::clone(&desk)));
                }
                Ok(_) | Err(_) => {}
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The desk behind the socket.
#[derive(Clone)]
pub struct ControlDesk {
    pub targets: Targets,
    pub desk: DeskQueue,
    pub lookup: Lookup,
}

async fn serve(stream: UnixStream, uid: u32, desk: Arc<ControlDesk>) {
    let api = command_line::api(desk.targets.clone(), uid);
    let service = service_fn(|request: hyper::Request<Incoming>| async {
        Ok::<_, Infallible>(response(respond(&api, &desk, request).await))
    });
    // A connection that breaks leaves nothing to be done.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(
    api: &Api,
    desk: &ControlDesk,
    request: hyper::Request<Incoming>,
) -> api::Response {
    let (head, body) = request.into_parts();
    let body = timeout(CALLER, Limited::new(body, MAX_BODY).collect()).await;
    let Ok(Ok(body)) = body else {
        return Problem::new(Code::BadRequest, "The body did not come whole.").into();
    };
    let body = body.to_bytes();
    let headers = head.headers.iter();
    let call = Call {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: headers
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("\u{fffd}")))
            .collect(),
        body: &body,
    };
    let Opened { action, authorization, shown } = api.open(&call, LiveKeys::none(clock()), chance);
    match action {
        Action::Answer(response) => response,
        Action::Decide(command) => {
            let source = CallSource::default();
            desk.desk.ask(authorization, None, source, command).await.response(shown)
        }
        Action::Read(reading) => {
            let read =
                desk.lookup.read(move |rows| reading.answer(authorization, rows, clock())).await;
            read.unwrap_or_else(|_logged| Problem::unreadable().into())
        }
        Action::CountReplay(_) | Action::List(_) | Action::ReadEvents(_) => {
            Problem::new(Code::NotFound, "This call is not answered on the control socket.").into()
        }
    }
}

fn response(answer: api::Response) -> hyper::Response<Full<Bytes>> {
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Full::from(answer.body)).unwrap_or_default()
}
