//! The class of a transport error. Its own text is not kept: it may name addresses.

use std::error::Error;
use std::io;

use hookdesk_core::Failure;
use hookdesk_core::guard::BadHost;

use super::resolver::Refused;

/// The class of an error, or `otherwise` if neither it nor its sources are of a known kind.
pub(super) fn classify(error: &(dyn Error + 'static), otherwise: Failure) -> Failure {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(failure) = class_of(error) {
            return failure;
        }
        cause = error.source();
    }
    otherwise
}

fn class_of(error: &(dyn Error + 'static)) -> Option<Failure> {
    if let Some(Refused(why)) = error.downcast_ref() {
        return Some(if *why == BadHost::Nowhere { Failure::Dns } else { Failure::Blocked });
    }
    if error.downcast_ref::<rustls::Error>().is_some() {
        return Some(Failure::Tls);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return error.is_parse().then_some(Failure::Protocol);
    }
    let error = error.downcast_ref::<io::Error>()?;
    if is_exhaustion(error) {
        return Some(Failure::Ours);
    }
    // The wrapped error is not among the sources of an `io::Error`.
    error.get_ref().and_then(|inner| class_of(inner))
}

/// Whether a resource of this machine is exhausted: no receiver's fault.
fn is_exhaustion(error: &io::Error) -> bool {
    /// Too many open files in the process (EMFILE) or in the system (ENFILE), no memory for sockets
    /// (ENOBUFS). The numbers are Linux's.
    const EXHAUSTED: [i32; 3] = [24, 23, 105];
    error.raw_os_error().is_some_and(|code| EXHAUSTED.contains(&code))
}
