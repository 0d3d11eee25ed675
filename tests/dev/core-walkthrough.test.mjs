// The stand-in answers a recorded walk through a real Core as that Core did. Ids differ, so every recorded id is
// replaced by the live one that took its place.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { coreFor, send } from "./core-client.mjs";

const { exchanges } = JSON.parse(readFileSync(new URL("../fixtures/walkthrough.json", import.meta.url), "utf8"));
const ID = /\b(?:ldg|bln|txn|idt|bulk|upload|rule|recon|mon)_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const KEYS = { valid: {}, none: { "X-Blnk-Key": undefined }, wrong: { "X-Blnk-Key": "not the key" } };
// The recording was made with a pause here, so that what was queued was applied.
const PAUSES_BEFORE = new Set(["commit an inflight transaction", "get a reconciliation"]);
// Their first pages show whatever the database held besides.
const LISTS = /^get (ledgers|balances|identities|transactions)$|^filter transactions$|^gzip asked for$/;
// Header names are compared without these; they belong to the connection.
const CONNECTION = new Set(["date", "connection", "keep-alive", "content-length"]);

test("every exchange of the recording gets Core's status, headers, fields and values", async (t) => {
  const core = await coreFor(t, { applyDelayMs: 700 });
  const live = new Map();
  let pausedAt = "";
  for (const { name, request, response } of exchanges) {
    if (PAUSES_BEFORE.has(name)) await core.settled();
    if (name === "commit an inflight transaction") pausedAt = new Date().toISOString();
    const swap = (text) => text?.replace(ID, (id) => live.get(id) ?? id).replace("2026-11-21T03:01:09Z", pausedAt);
    const body = request.body_base64 ? Buffer.from(request.body_base64, "base64") : swap(request.body);
    const answer = await send(core, request.method, swap(request.path), body, {
      ...request.headers,
      ...KEYS[request.core_key],
    });
    await t.test(name, () => compare(name, response, answer, live));
  }
});

function compare(name, recorded, answer, live) {
  const text = recorded.body ?? Buffer.from(recorded.body_base64, "base64").toString("utf8");
  assert.equal(answer.status, recorded.status, answer.text);
  compareHeaders(new Map(recorded.headers.map(([key, value]) => [key.toLowerCase(), value])), answer.headers);
  if (answer.json === undefined) {
    assert.equal(answer.text, text);
    return;
  }
  const expected = JSON.parse(text);
  if (LISTS.test(name)) {
    assert.deepEqual(shapeOfItems(answer.json), shapeOfItems(expected));
    return;
  }
  pairIds(expected, answer.json, live);
  const swapped = text.replace(ID, (id) => live.get(id) ?? id);
  assert.deepEqual(Object.keys(answer.json), Object.keys(expected), "the order of the members");
  assert.deepEqual(comparable(answer.text), comparable(swapped));
}

function compareHeaders(recorded, live) {
  const names = (keys) => [...keys].filter((key) => !CONNECTION.has(key) && key !== "transfer-encoding").sort();
  assert.deepEqual(names(Object.keys(live)), names(recorded.keys()));
  for (const name of names(recorded.keys())) {
    if (name !== "x-rate-limit-request-remote-addr") assert.equal(live[name], recorded.get(name), name);
  }
  assert.equal("content-length" in live, !("transfer-encoding" in live), "a length or chunks");
}

/** Ids that stand in the same place belong together. */
function pairIds(recorded, live, pairs) {
  if (typeof recorded === "string" && typeof live === "string") {
    const theirs = recorded.match(ID) ?? [];
    const ours = live.match(ID) ?? [];
    if (theirs.length !== ours.length) return;
    for (const [i, id] of theirs.entries()) if (!pairs.has(id)) pairs.set(id, ours[i]);
  } else if (recorded && live && typeof recorded === "object") {
    for (const key of Object.keys(recorded)) pairIds(recorded[key], live[key], pairs);
  }
}

/** The text of an answer without what differs from run to run; numbers keep their digits. */
function comparable(text) {
  return text
    .replace(/\bref_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "ref_")
    .replace(/"(?!0001-)\d{4}-\d\d-\d\dT[\d:.]+Z"/g, '"<time>"')
    .replace(/"hash":"[0-9a-f]{64}"/g, '"hash":"<hash>"')
    .replace(/"FPT:[^"]+"/g, '"FPT:"')
    .replace(/"version":\d+/g, '"version":0')
    .replace(/"tokenized_fields":\[[^\]]*\]/, (list) =>
      list
        .split(/[[\],]/)
        .sort()
        .join(" "),
    );
}

/** Which members a list's items have, whatever is in them. */
function shapeOfItems(value) {
  const items = Array.isArray(value) ? value : value.data;
  assert.ok(items.length > 0, "the list is not empty");
  const always = (keys) => [...keys].filter((key) => !["indicator", "allocation_strategy"].includes(key));
  return [...new Set(items.map((item) => always(Object.keys(item)).join()))].concat(
    Array.isArray(value) ? [] : Object.keys(value),
  );
}
