//! What every surface reads of a request: its method, the target that its URL names, a bearer token, and why
//! its body could not be read.
//!
//! Nothing here knows a route, a record or the text of an error.

mod bearer;
mod body_error;
mod method;
mod target;

pub use bearer::bearer;
pub use body_error::BodyError;
pub use method::Method;
pub use target::{MAX_URL_BYTES, Target, UriTooLong};
