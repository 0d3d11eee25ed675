// Every recorded exchange with a real Core, played again through the worker: what goes up is what was sent, and what
// comes down is what Core answered.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";

import { recorded } from "./harness/replies.mjs";
import { CORE_KEY, assertError, startProxy } from "./proxied.mjs";

const { exchanges } = JSON.parse(readFileSync(new URL("../fixtures/walkthrough.json", import.meta.url), "utf8"));

/** The exchanges that Core refuses in its own words and the proxy in its: they never get there. */
const REFUSED = {
  "set metadata on an unknown kind of id": [404, "PROXY_ROUTE_NOT_FOUND"],
  "get a page with trailing slash": [400, "PROXY_INVALID_PATH"],
  "get an unknown path": [404, "PROXY_ROUTE_NOT_FOUND"],
  "method Core does not know": [405, "PROXY_METHOD_NOT_ALLOWED"],
};

/** Those whose transactions lack something, and what is added to the bytes that were sent. */
const COMPLETED = {
  "transaction without a reference": ',"reference":"ref_UUID"',
  "transaction without a precision": ',"precision":100',
  "bulk, one item without a reference": ',"reference":"ref_UUID"',
};

/** An address that Core publishes and the proxy does not, two headers of the proxy's, and those of a connection. */
const NOT_COMPARED = [
  "x-rate-limit-request-remote-addr",
  "x-request-id",
  "x-blnk-reference",
  "connection",
  "transfer-encoding",
];
const REFERENCE = /ref_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;

describe("a recorded exchange", () => {
  let proxy;
  before(async () => (proxy = await startProxy()));
  after(() => proxy.stop());

  const play = ({ request, response }) => {
    proxy.upstream.clear();
    proxy.upstream.answer(recorded(response));
    return proxy.call(request.method, request.path, { headers: request.headers, body: sentBytes(request) });
  };

  test("all but four have a route here", () => {
    const played = exchanges.filter(({ name }) => !(name in REFUSED));
    assert.deepEqual([exchanges.length, played.length], [82, 78]);
  });

  for (const exchange of exchanges) {
    const { name, request, response } = exchange;
    if (name in REFUSED) {
      test(`${name}: is refused and does not reach Core`, async () => {
        assertError(await play(exchange), ...REFUSED[name]);
        assert.deepEqual(proxy.arrived(), []);
      });
      continue;
    }
    test(`${name}: ${request.method} goes up as sent, ${response.status} comes down as answered`, async () => {
      const answer = await play(exchange);
      const [received] = await proxy.upstream.received();
      assert.equal(received.line, `${request.method} ${request.path} HTTP/1.1`);
      assert.deepEqual(received.body.bytes.toString("latin1"), expectedBody(name, request, received));
      assert.equal(received.headers.get("x-blnk-key"), CORE_KEY);
      compareHeadersUp(request, received);

      assert.equal(answer.status, response.status);
      assert.ok(answer.complete);
      assert.ok(answer.body.equals(answerBytes(response)), "the answer's bytes");
      compareHeadersDown(response, answer);
    });
  }
});

function sentBytes({ body, body_base64: encoded }) {
  return encoded === undefined ? body : Buffer.from(encoded, "base64");
}

function answerBytes({ body, body_base64: encoded }) {
  return encoded === undefined ? Buffer.from(body) : Buffer.from(encoded, "base64");
}

/**
 * What Core must get: the bytes that were sent, and in three cases what was missing in them, behind the last member.
 */
function expectedBody(name, request, received) {
  const sent = Buffer.from(sentBytes(request) ?? "").toString("latin1");
  if (!(name in COMPLETED)) return sent;
  const [made] = REFERENCE.exec(received.body.bytes.toString()) ?? ["ref_UUID"];
  const added = COMPLETED[name].replace("ref_UUID", made);
  const got = received.body.bytes.toString("latin1");
  const at = got.indexOf(added);
  assert.ok(at > 0, `${added} in ${got}`);
  // Where it stands is the closing brace of the transaction that lacked it.
  assert.equal(got[at + added.length], "}");
  return sent.slice(0, at) + added + sent.slice(at);
}

/** Everything that was sent and nothing else, but for what the proxy and the connection set themselves. */
function compareHeadersUp(request, received) {
  // workerd itself adds the last two to a request that must not be answered from a cache.
  const own = ["x-blnk-key", "x-request-id", "x-forwarded-proto", "host", "content-length", "cache-control", "pragma"];
  // A write without a body goes up as an empty stream: workerd may send a bodiless one twice.
  if (request.method === "DELETE") own.push("transfer-encoding");
  const rest = received.rawHeaders.filter(([name]) => !own.includes(name.toLowerCase()));
  const sent = Object.entries(request.headers);
  const tidy = (pairs) => pairs.map(([name, value]) => `${name.toLowerCase()}: ${value}`).sort();
  assert.deepEqual(tidy(rest), tidy(sent));
  const declared = received.headers.get("content-length");
  assert.equal(Number(declared ?? 0), received.body.length, "the length that is declared upstream");
}

function compareHeadersDown(response, answer) {
  const tidy = (pairs) =>
    pairs
      .map(([name, value]) => [name.toLowerCase(), value])
      .filter(([name]) => !NOT_COMPARED.includes(name))
      .map((pair) => pair.join(": "))
      .sort();
  assert.deepEqual(tidy(answer.rawHeaders), tidy(response.headers));
  assert.equal(answer.headers.has("x-rate-limit-request-remote-addr"), false);
}
