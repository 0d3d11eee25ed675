// The call of the object that keeps an Idempotency-Key, from the Worker's side. A write without the header comes past
// none of it.

import { joined } from "./body.js";
import { land, takeOff } from "./in_flight.js";
import { awake, passOn } from "./proxy/forward.js";

const REPORT = "x-blnk-edge-report";
const LENGTH = "x-blnk-edge-length";
const HOLDER = "x-blnk-edge-holder";

/** Nothing is sent to this address: it is how a call of an object must look. */
const OBJECT = "https://idempotency/";

/**
 * Calls the key's object: its answer. It is told how long the message is and whose, so that it can make room before it
 * reads.
 */
function call(credential, workspace, namespace, name, requestId, message) {
  const object = namespace.get(namespace.idFromName(name));
  const headers = {
    "x-request-id": requestId,
    [LENGTH]: String(message.byteLength),
    [HOLDER]: `${credential} ${workspace}`,
  };
  // Whatever the status, it is Core's answer to the caller and no redirect of the object's.
  return object.fetch(OBJECT, { method: "POST", headers, body: message, redirect: "manual" });
}

/**
 * Hands the request to the key's object, and lets `started`, a Rust object, go on with what it answers. What the object
 * does for a credential is under way at Core as anything else is, for `longestMs` at most.
 */
export async function carry(started, credential, workspace, longestMs, namespace, name, requestId, prefix, body) {
  const flight = takeOff(credential, longestMs);
  if (flight === null) return awake(started).too_many();
  let answer;
  try {
    const message = joined([prefix, body], prefix.byteLength + body.byteLength);
    // Or this function would hold it until there is an answer.
    body = null;
    answer = await call(credential, workspace, namespace, name, requestId, message);
  } catch (error) {
    return awake(started).object_failed(String(error?.message ?? error));
  } finally {
    land(flight);
  }
  return awake(started).object_answered(answer, answer.status, answer.headers.get(REPORT) ?? "");
}

/** Asks the key's object for the state of the key: report and text of its answer. */
export async function inquire(credential, workspace, namespace, name, requestId, message) {
  const answer = await call(credential, workspace, namespace, name, requestId, message);
  return [answer.headers.get(REPORT) ?? "", await answer.text()];
}

/** The object's answer as the caller gets it. */
export function passReported(answer, requestId, reference, replayed, booked) {
  const passed = passOn(answer, requestId, reference);
  if (replayed) passed.headers.set("idempotent-replayed", "true");
  if (booked) passed.headers.set("x-blnk-booked", booked);
  return passed;
}
