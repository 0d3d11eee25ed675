//! What a request becomes before it is sent: its completed body, and what it asks for.

use js_sys::Uint8Array;

use crate::edge::random_bytes;
use crate::edge::state::Reservation;
use crate::enrich::{Reference, Shape, understand};
use crate::error::Error;
use crate::http::Method;
use crate::idempotency::Work;
use crate::idempotency::message::WriteRequest;
use crate::proxy::routes::{self, Body};

/// A request that is about to be carried out: its completed body, and what it asks for.
pub struct Prepared {
    pub body: Option<Uint8Array>,
    pub work: Work,
}

/// Completes a body, as the instance wants it the first time, and as it was done then any other time.
pub fn prepare(
    job: &WriteRequest,
    body: &[u8],
    held: &mut Reservation,
    limit: usize,
    earlier: Option<&Work>,
) -> Result<Prepared, Error> {
    let route = routes::find(Method::parse(&job.method), job.path())?;
    let work = || Work::of_other(route.pattern, job.path(), body);
    match route.body {
        Body::Nothing => Ok(Prepared { body: None, work: work() }),
        Body::Streamed | Body::Upload => Ok(Prepared { body: Some(Uint8Array::from(body)), work: work() }),
        Body::Enriched(shape) => complete(job, body, held, shape, limit, earlier),
    }
}

fn complete(
    job: &WriteRequest,
    body: &[u8],
    held: &mut Reservation,
    shape: Shape,
    limit: usize,
    earlier: Option<&Work>,
) -> Result<Prepared, Error> {
    let (rule, mut again) = match earlier {
        Some(Work::Create(create)) => (create.rule, create.made_references().collect::<Vec<_>>().into_iter()),
        _ => (job.rule, Vec::new().into_iter()),
    };
    let mut made = Vec::new();
    let random = || {
        let random = again.next().map_or_else(random_bytes, Reference::into_random);
        made.push(Reference::from_random(random));
        random
    };
    let understood = understand(body, shape, rule, limit).map_err(Error::Body)?;
    if !held.resize(understood.size()) {
        return Err(Error::Busy);
    }
    let enriched = understood.complete(random);
    let completed = enriched.body.as_deref().unwrap_or(body);
    let work = earlier.cloned().unwrap_or_else(|| Work::of_create(completed, shape, rule, &made));
    Ok(Prepared { body: Some(Uint8Array::from(completed)), work })
}
