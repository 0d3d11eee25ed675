//! Steps 4, 6 and 7: who calls, what it may do, and the plan that follows. Each type is made only by the step before.

use std::rc::Rc;

use super::credentials::PresentedCredential;
use super::routes::{Body, Route, check_either};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::idempotency::IdempotencyKey;
use crate::registry::{Core, CredentialRecord, Instance, Scopes, SecretHash, TimeoutMs};

/// An authenticated caller.
#[derive(Debug)]
pub struct Caller<'a> {
    credential: &'a Rc<CredentialRecord>,
    /// Those of the credential; of an access token, what is left of them.
    scopes: Scopes,
}

/// A caller that may use a route.
#[derive(Debug)]
pub struct Grant<'a> {
    caller: Caller<'a>,
    route: &'static Route,
}

/// A request that may be sent, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who asked.
    pub credential: Rc<CredentialRecord>,
    /// The instance that is asked.
    pub instance: Rc<Instance>,
    /// Its Core.
    pub core: Rc<Core>,
    /// The route.
    pub route: &'static Route,
    /// Where to send it: exactly the path and query that were judged.
    pub url: String,
    /// Whether the caller used https.
    pub https: bool,
    /// The key of a write that must not be carried out twice.
    pub idempotency: Option<IdempotencyKey>,
}

/// Step 4. Of an unknown API key a hash is computed and compared all the same, so that it takes as long as a wrong one.
///
/// # Errors
/// [`Error::InvalidCredential`], whatever was wrong.
pub fn authenticate<'a>(
    presented: &PresentedCredential<'_>,
    credential: Option<&'a Rc<CredentialRecord>>,
    now: Timestamp,
) -> Result<Caller<'a>, Error> {
    let scopes = match presented {
        PresentedCredential::ApiKey(token) => {
            let hash = token.hash();
            if credential.is_none() {
                let _ = hash.matches(&SecretHash::from_bytes([0; 32]));
            }
            credential.filter(|credential| credential.accepts(&hash, now)).map(|credential| credential.scopes)
        }
        PresentedCredential::AccessToken(claims) => credential.and_then(|client| claims.accepted_by(client, now)),
    };
    let (Some(credential), Some(scopes)) = (credential, scopes) else { return Err(Error::InvalidCredential) };
    Ok(Caller { credential, scopes })
}

impl<'a> Caller<'a> {
    /// Who asks for the outcome of its own writes: any scope will do.
    ///
    /// # Errors
    /// [`Error::InsufficientScope`].
    pub fn permit_inquiry(self) -> Result<&'a Rc<CredentialRecord>, Error> {
        check_either(self.scopes)?;
        Ok(self.credential)
    }

    /// The instance that is meant where the request names none.
    #[must_use]
    pub fn default_instance(&self) -> Option<&'a str> {
        self.credential.default_instance.as_deref()
    }

    /// Step 6.
    ///
    /// # Errors
    /// [`Error::InsufficientScope`].
    pub fn permit(self, route: &'static Route) -> Result<Grant<'a>, Error> {
        route.check_scope(self.scopes)?;
        Ok(Grant { caller: self, route })
    }
}

impl Grant<'_> {
    /// Step 7.
    ///
    /// # Errors
    /// [`Error::InstanceNotFound`] where it is unknown, paused, deleted or out of the caller's reach, all alike; then
    /// [`Error::RouteNotFound`] where its profile leaves the route out.
    pub fn plan(
        self,
        instance: Option<&Rc<Instance>>,
        path: &str,
        query: Option<String>,
        https: bool,
    ) -> Result<Plan, Error> {
        let Caller { credential, .. } = self.caller;
        let instance = instance
            .filter(|instance| credential.reaches(&instance.id, &instance.workspace))
            .ok_or(Error::InstanceNotFound)?;
        let core = instance.core.as_ref().ok_or(Error::InstanceNotFound)?;
        if !self.route.is_in(instance.profile) {
            return Err(Error::RouteNotFound);
        }
        let mut url = [core.base_url.as_str(), path].concat();
        if let Some(query) = query {
            url.push('?');
            url.push_str(&query);
        }
        Ok(Plan {
            credential: Rc::clone(credential),
            instance: Rc::clone(instance),
            core: Rc::clone(core),
            route: self.route,
            url,
            https,
            idempotency: None,
        })
    }
}

impl Plan {
    /// How long the head of Core's answer is waited for.
    #[must_use]
    pub fn timeout(&self) -> TimeoutMs {
        match self.route.body {
            Body::Upload => self.core.upload_timeout,
            Body::Nothing | Body::Streamed | Body::Enriched(_) => self.core.timeout,
        }
    }
}
