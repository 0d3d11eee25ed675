//! `GET /idempotency/{key}`, decided: who asks, and about which key. It asks Core nothing but look-ups.

use std::rc::Rc;

use percent_encoding::percent_decode_str;

use super::authorize::authenticate;
use super::credentials::presented_credential;
use super::{Head, Need, Records, Stop};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::http::{Method, Target};
use crate::idempotency::IdempotencyKey;
use crate::registry::{Cached, Core, CredentialRecord, Instance};
use crate::token::Signer;

/// What the path begins with. All that follows is the key, percent-encoded where it has to be.
pub const PREFIX: &str = "/idempotency/";

/// A question that is let through.
#[derive(Debug)]
pub struct Inquiry {
    /// Who asks: keys of others are never told.
    pub credential: Rc<CredentialRecord>,
    /// The key.
    pub key: IdempotencyKey,
}

/// What to do with a question.
#[derive(Debug)]
pub enum InquiryDecision {
    /// Answer it with this error.
    Refuse(Error),
    /// Read these records, and decide again.
    Need(Need),
    /// Ask the object of the key.
    Ask(Inquiry),
}

/// Decides a request to `/idempotency/…`, in the order of [`super::decide`]: the credential (401), its scope (403:
/// either of the two will do), and then the method (405) and the key (400).
#[must_use]
pub fn decide_inquiry(
    head: &Head<'_>,
    records: &mut impl Records,
    signer: Option<&Signer>,
    now: Timestamp,
) -> InquiryDecision {
    match inquiry(head, records, signer, now) {
        Ok(inquiry) => InquiryDecision::Ask(inquiry),
        Err(Stop::Refuse(error)) => InquiryDecision::Refuse(error),
        Err(Stop::Need(need)) => InquiryDecision::Need(need),
    }
}

fn inquiry(
    head: &Head<'_>,
    records: &mut impl Records,
    signer: Option<&Signer>,
    now: Timestamp,
) -> Result<Inquiry, Stop> {
    let target = Target::split(head.url).map_err(Error::from)?;
    let presented = presented_credential(head.authorization, head.blnk_key, signer)?;
    let credential = match records.credential(presented.credential_id()) {
        Cached::Unknown => {
            return Err(Stop::Need(Need { credential: Some(presented.credential_id().to_owned()), instance: None }));
        }
        Cached::Missing => None,
        Cached::Found(record) | Cached::Stale(record) => Some(record),
    };
    let credential = authenticate(&presented, credential.as_ref(), now)?.permit_inquiry()?;
    if head.method != Method::Get {
        return Err(Error::MethodNotAllowed { allow: vec![Method::Get] }.into());
    }
    let text = target.path.strip_prefix(PREFIX).unwrap_or_default();
    let text = percent_decode_str(text).decode_utf8().map_err(|_| Error::InvalidIdempotencyKey)?;
    let key = IdempotencyKey::parse(&text)?;
    Ok(Inquiry { credential: Rc::clone(credential), key })
}

impl Inquiry {
    /// The Core of the instance that the key was used for, where who asks still reaches it.
    ///
    /// # Errors
    /// [`Error::InstanceNotFound`], as on `/proxy`.
    pub fn core(&self, instance: Option<&Rc<Instance>>) -> Result<Rc<Core>, Error> {
        let reached = instance.filter(|instance| self.credential.reaches(&instance.id, &instance.workspace));
        reached.and_then(|instance| instance.core.clone()).ok_or(Error::InstanceNotFound)
    }
}
