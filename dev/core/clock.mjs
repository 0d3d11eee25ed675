// Times as whole nanoseconds since 1970 (BigInt), printed as Go prints them. PostgreSQL keeps microseconds, so a time
// that was read back shows fewer digits than the answer to the create.

const NANOS_PER_MICRO = 1000n;
const NANOS_PER_MILLI = 1_000_000n;
const NANOS_PER_SECOND = 1_000_000_000n;
const START = BigInt(Date.now()) * NANOS_PER_MILLI - process.hrtime.bigint();
const RFC3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:[.,](\d+))?(Z|[+-]\d{2}:\d{2})$/;

/** What Go prints for a time that was never set. */
export const ZERO_TIME = "0001-01-01T00:00:00Z";
const ZERO_NANOS = BigInt(Date.parse(ZERO_TIME)) * NANOS_PER_MILLI;

/** The present, never the same twice. */
export const now = () => START + process.hrtime.bigint();

/** @returns {bigint | undefined} nanoseconds; undefined when the text is not RFC 3339 */
export function parseTime(text) {
  const match = RFC3339.exec(text);
  if (!match) return undefined;
  const millis = Date.parse(`${match[1]}${match[3]}`);
  if (Number.isNaN(millis) || new Date(`${match[1]}Z`).toISOString().slice(0, 19) !== match[1]) return undefined;
  return BigInt(millis) * NANOS_PER_MILLI + BigInt((match[2] ?? "").padEnd(9, "0").slice(0, 9));
}

/** The same, but null for the zero time, which means that none was set. */
export function parseSetTime(text) {
  const nanos = parseTime(text);
  return nanos === ZERO_NANOS ? null : nanos;
}

/** RFC 3339 with up to nine digits and no trailing zeros. */
export function formatTime(nanos) {
  if (nanos === null || nanos === undefined) return ZERO_TIME;
  const nanosOfSecond = modulo(nanos, NANOS_PER_SECOND);
  const fraction = String(nanosOfSecond).padStart(9, "0").replace(/0+$/, "");
  const whole = new Date(Number((nanos - nanosOfSecond) / NANOS_PER_MILLI)).toISOString().slice(0, 19);
  return `${whole}${fraction ? `.${fraction}` : ""}Z`;
}

/** The same, rounded to what PostgreSQL keeps. */
export function formatStored(nanos) {
  if (nanos === null || nanos === undefined) return ZERO_TIME;
  const rest = modulo(nanos, NANOS_PER_MICRO);
  return formatTime(nanos - rest + (rest < NANOS_PER_MICRO / 2n ? 0n : NANOS_PER_MICRO));
}

// Before 1970 a remainder is negative; the unit that it belongs to is the one below.
const modulo = (nanos, unit) => ((nanos % unit) + unit) % unit;
