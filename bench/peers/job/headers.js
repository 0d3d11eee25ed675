// Which headers pass, each way.

/** Up: these are sent as the caller sent them, and no others. */
export const FORWARDED = [
  "accept",
  "accept-encoding",
  "accept-language",
  "baggage",
  "content-encoding",
  "content-type",
  "traceparent",
  "tracestate",
  "user-agent",
];

/** Down: these are never returned. */
export const NEVER_RETURNED = [
  "alt-svc",
  "clear-site-data",
  "connection",
  "idempotent-replayed",
  "keep-alive",
  "nel",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "report-to",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-blnk-booked",
  "x-blnk-edge-report",
  "x-blnk-reference",
  "x-rate-limit-request-forwarded-for",
  "x-rate-limit-request-remote-addr",
];

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})(?:-|$)/;

/** The caller's request id where it is a plain one, else a new one. */
export function requestIdOf(sent) {
  return sent !== null && REQUEST_ID.test(sent) ? sent : crypto.randomUUID();
}

/** The trace id of a request, undefined where it has none. */
export function traceIdOf(traceparent) {
  return traceparent === null ? undefined : TRACEPARENT.exec(traceparent)?.[1];
}

/** The headers of a request to Core. */
export function headersUp(sent, instance, requestId, https) {
  const headers = {};
  for (const name of FORWARDED) {
    const value = sent.get(name);
    if (value !== null) headers[name] = value;
  }
  const address = sent.get("cf-connecting-ip");
  if (address !== null) headers["x-forwarded-for"] = address;
  headers["x-blnk-key"] = instance.coreKey;
  headers["x-request-id"] = requestId;
  headers["x-forwarded-proto"] = https ? "https" : "http";
  return headers;
}

/** Core's answer with the rules for its headers applied; the body is passed on unread. */
export function passOn(answer, requestId, reference) {
  const passed = new Response(answer.body, answer);
  const { headers } = passed;
  const named = headers.get("connection");
  if (named !== null)
    for (const name of named.split(",")) if (/^[\w-]+$/.test(name.trim())) headers.delete(name.trim());
  for (const name of NEVER_RETURNED) headers.delete(name);
  headers.set("x-request-id", requestId);
  if (reference !== undefined) headers.set("x-blnk-reference", reference);
  return passed;
}
