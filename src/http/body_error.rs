//! Why a body could not be read.

/// Why there is no body to go by. Each surface has its own answer to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is larger than the surface takes.
    TooLarge,
    /// There was no room for it.
    NoRoom,
    /// It broke off, or did not come in time.
    Incomplete,
}
