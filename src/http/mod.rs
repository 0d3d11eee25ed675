//! What every surface reads of a request: its method, the target that its URL names, and a bearer token.
//!
//! Nothing here knows a route, a record or the text of an error.

mod bearer;
mod method;
mod target;

pub use bearer::bearer;
pub use method::Method;
pub use target::{MAX_URL_BYTES, Target, UriTooLong};
