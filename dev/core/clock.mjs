// Times as whole nanoseconds since 1970 (BigInt), printed as Go prints them. PostgreSQL keeps microseconds, so a time
// that was read back shows fewer digits than the answer to the create.

const START = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
const RFC3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:[.,](\d+))?(Z|[+-]\d{2}:\d{2})$/;

/** What Go prints for a time that was never set. */
export const ZERO_TIME = "0001-01-01T00:00:00Z";

/** The present, never the same twice. */
export const now = () => START + process.hrtime.bigint();

/** @returns {bigint | undefined} nanoseconds; undefined when the text is not RFC 3339 */
export function parseTime(text) {
  const match = RFC3339.exec(text);
  if (!match) return undefined;
  const millis = Date.parse(`${match[1]}${match[3]}`);
  if (Number.isNaN(millis) || new Date(`${match[1]}Z`).toISOString().slice(0, 19) !== match[1]) return undefined;
  return BigInt(millis) * 1_000_000n + BigInt((match[2] ?? "").padEnd(9, "0").slice(0, 9));
}

/** RFC 3339 with up to nine digits and no trailing zeros. */
export function formatTime(nanos) {
  if (nanos === null || nanos === undefined) return ZERO_TIME;
  const seconds = nanos / 1_000_000_000n;
  const fraction = String(nanos % 1_000_000_000n).padStart(9, "0").replace(/0+$/, "");
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}${fraction ? `.${fraction}` : ""}Z`;
}

/** The same, rounded to what PostgreSQL keeps. */
export function formatStored(nanos) {
  return nanos === null || nanos === undefined ? ZERO_TIME : formatTime(((nanos + 500n) / 1000n) * 1000n);
}
