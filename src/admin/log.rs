//! The log line of a request to `/admin`.

use super::message::RegistryResponse;
use super::routes::Route;
use crate::log::{Level, Line};

/// Completes a request's line. `actor` is the administrator's name, once it is known; a path that has no route is
/// told as the surface's.
#[must_use]
pub fn complete<'a>(
    mut line: Line<'a>,
    actor: Option<&'a str>,
    route: Option<Route<'_>>,
    response: &'a RegistryResponse,
) -> Line<'a> {
    line.level = Level::of_own_status(response.status);
    line.route = Some(route.map_or("/admin", |route| route.pattern()));
    line.status = response.status;
    line.code = response.code.as_deref();
    line.actor = actor;
    line.detail = response.detail.as_deref();
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::Failure;
    use crate::error::Error;

    fn begun() -> Line<'static> {
        Line { request_id: "r1", method: "GET", ..Line::default() }
    }

    #[test]
    fn a_line_names_the_pattern_of_the_route_and_not_its_path() {
        let response = RegistryResponse::done(200, "{}".to_owned());
        let line = complete(begun(), Some("ops"), Route::of("/admin/api-keys/k1"), &response).to_json();
        let expected = concat!(
            r#"{"level":"info","request_id":"r1","method":"GET","route":"/admin/api-keys/:id","#,
            r#""actor":"ops","status":200}"#
        );
        assert_eq!(line, expected);
    }

    #[test]
    fn a_failure_of_ours_is_an_error_and_says_why() {
        let response = RegistryResponse::failed(&Failure::unavailable("the disk is full".to_owned()), "r1");
        let line = complete(begun(), None, None, &response);
        assert_eq!((line.level, line.route, line.status), (Level::Error, Some("/admin"), 503));
        assert_eq!((line.code, line.detail), (Some("ADMIN_UNAVAILABLE"), Some("the disk is full")));
    }

    #[test]
    fn a_refusal_is_no_reason_to_look_at() {
        for error in [Error::AdminUnauthorized, Error::AdminNotFound] {
            let response = RegistryResponse::failed(&error.into(), "r1");
            assert_eq!(complete(begun(), None, None, &response).level, Level::Info);
        }
    }
}
