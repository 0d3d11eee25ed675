// Numbers in place of a status, for a request that has no answer. `proxy::settle` reads them, and a test there
// compares.

/** The fetch failed. */
export const FAILED = 0;
/** The deadline passed first. */
export const TIMED_OUT = 1;
/** The platform would not make the request. */
export const NOT_SENT = 2;
/** The body grew over its limit on the way up, and the request was ended. */
export const TOO_LARGE = 3;
/** It was not sent: too many of its credential are under way. */
export const TOO_MANY = 4;
