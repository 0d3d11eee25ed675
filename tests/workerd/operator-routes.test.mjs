// Core's whole list of routes in many spellings, with a key that may do everything: what arrives at Core is never an
// operator route, neither as Core's own router reads it nor as a lenient server in front of it would.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { CORE_ROUTES, asCore, asLenientServer, sample } from "./core-routes.mjs";
import { connect } from "./harness/http.mjs";
import { head } from "./harness/wire.mjs";
import { startProxy } from "./proxied.mjs";

const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
const CONNECTIONS = 4;

const escaped = (character) => `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
const letter = (path, change) => path.replace(/[a-z]/, change);
const slashes = (path, slash) => `/${path.slice(1).replaceAll("/", slash)}`;

/** Ways to write a path; some are the same for a short one, and some no HTTP request line can hold. */
const SPELLINGS = {
  plain: (path) => path,
  "one letter escaped": (path) => letter(path, escaped),
  "one letter escaped in capitals": (path) => letter(path, (character) => escaped(character).toUpperCase()),
  "one letter escaped twice": (path) => letter(path, (character) => `%25${escaped(character).slice(1)}`),
  "every letter escaped": (path) => path.replace(/[^/]/g, escaped),
  "the hyphen escaped": (path) => path.replace("-", "%2D"),
  "the first slash escaped": (path) => `/%2f${path.slice(1)}`,
  "inner slashes escaped": (path) => slashes(path, "%2f"),
  "inner slashes escaped twice": (path) => slashes(path, "%252F"),
  "inner slashes as backslashes": (path) => slashes(path, "\\"),
  "inner slashes as escaped backslashes": (path) => slashes(path, "%5C"),
  "slashes overlong": (path) => slashes(path, "%c0%af"),
  "slashes full-width": (path) => slashes(path, "%EF%BC%8F"),
  "a double slash in front": (path) => `/${path}`,
  "double slashes inside": (path) => slashes(path, "//"),
  "a dot segment": (path) => `/.${path}`,
  "an escaped dot segment": (path) => `/%2e${path}`,
  "up and down": (path) => `/ledgers/..${path}`,
  "up and down, escaped": (path) => `/ledgers/%2e%2E${path}`,
  "up and down, half escaped": (path) => `/ledgers/.%2e${path}`,
  "up and down with an escaped slash": (path) => `/ledgers/..%2f${path.slice(1)}`,
  "up and down behind a free parameter": (path) => `/transactions/reference/..%2F..${path}`,
  "up and down in a free parameter": (path) => `/transactions/reference/%2E%2E%2f%2e%2e%2f${path.slice(1)}`,
  "up and down in a free parameter, only slashes escaped": (path) =>
    `/transactions/reference/..%2f..%2f${slashes(path, "%2F").slice(1)}`,
  "up and down in the last free parameter": (path) =>
    `/balances/indicator/x/currency/..%2F..%2f..%2f..${slashes(path, "%2f").replace("/", "%2F")}`,
  "up over the front": (path) => `/../..${path}`,
  "up and down with a parameter": (path) => `/ledgers/..;x=1${path}`,
  "a trailing slash": (path) => `${path}/`,
  "an escaped trailing slash": (path) => `${path}%2f`,
  "a trailing dot segment": (path) => `${path}/.`,
  capitals: (path) => path.toUpperCase(),
  "one capital": (path) => letter(path, (character) => character.toUpperCase()),
  "a long s for an s": (path) => path.replace("s", "%C5%BF"),
  "a matrix parameter": (path) => `${path};a=1`,
  "an empty matrix parameter": (path) => `${path};`,
  "a matrix parameter in front": (path) => `/;a=1${path}`,
  "a suffix": (path) => `${path}.json`,
  "an escaped NUL": (path) => `${path}%00`,
  "an escaped space": (path) => `${path}%20`,
  "an escaped line break": (path) => `${path}%0d%0a`,
  "an escaped tab in front": (path) => `/%09${path.slice(1)}`,
  "a tab": (path) => `${path}\t`,
  "an escaped question mark": (path) => `${path}%3f`,
  "an escaped hash": (path) => `/ledgers%23/..${path}`,
  "a hash": (path) => `${path}#`,
  "a hash in front": (path) => `/ledgers#/..${path}`,
  "half an escape": (path) => `${path}%2`,
  "no escape": (path) => `${path}%zz`,
  "bytes above ASCII": (path) => `${path}\xa0`,
  "a user in front": (path) => `/@core${path}`,
  "a host in front": (path) => `//core.example${path}`,
  "metadata behind": (path) => `${path}/metadata`,
  "lineage behind": (path) => `${path}/lineage`,
  "the proxy's own prefix": (path) => `/proxy${path}`,
};

/** Every operator route with every method, every other with its own, each in every spelling. */
function cases() {
  const all = [];
  for (const { method, pattern, operator } of CORE_ROUTES) {
    const path = sample(pattern);
    for (const [name, spell] of Object.entries(SPELLINGS)) {
      for (const sent of operator || name === "plain" ? METHODS : [method]) all.push(`${sent} ${spell(path)}`);
    }
  }
  return [...new Set(all)].map((line) => {
    const [method, ...path] = line.split(" ");
    return { method, path: path.join(" ") };
  });
}

describe("Core's whole list of routes, in every spelling and with a key that may do all", () => {
  let proxy;
  let arrived;
  const sent = cases();

  before(async () => {
    proxy = await startProxy();
    const queue = sent.map((request, id) => ({ ...request, id }));
    await Promise.all(Array.from({ length: CONNECTIONS }, () => drain(queue)));
    arrived = proxy.upstream.requests.map(({ method, target, headers }) => {
      return { method, target, request: sent[Number(headers.get("x-request-id").slice(2))] };
    });
  });
  after(() => proxy.stop());

  async function drain(queue) {
    let connection;
    for (let request = queue.pop(); request; request = queue.pop()) {
      connection ??= await connect(proxy.worker.origin);
      await connection.write(bytes(request));
      const answer = await connection.answer(request.method === "HEAD");
      sent[request.id].status = answer?.status;
      if (answer === null || answer.headers.get("connection") === "close") {
        connection.close();
        connection = undefined;
      }
    }
    connection?.close();
  }

  function bytes({ method, path, id }) {
    const body = ["POST", "PUT", "PATCH"].includes(method) ? "{}" : "";
    const lines = [
      "Host: edge.example",
      `Authorization: Bearer ${proxy.key.key}`,
      `X-Request-Id: r-${id}`,
      ...(body ? [`Content-Length: ${body.length}`] : []),
    ];
    const first = `${method} /proxy${path}?instance_id=${proxy.instance.id} HTTP/1.1`;
    return Buffer.concat([head(first, lines), Buffer.from(body)]);
  }

  test("Core has 73 routes, 17 of them not for callers", () => {
    assert.equal(CORE_ROUTES.length, 73);
    assert.equal(CORE_ROUTES.filter(({ operator }) => operator).length, 17);
  });

  test("some thousand requests were sent, and each was answered", () => {
    assert.ok(sent.length > 6_000, `${sent.length} requests`);
    assert.deepEqual(
      sent.filter(({ status }) => status === undefined),
      [],
    );
  });

  test("no operator route arrives, as Core reads it", () => {
    const bad = arrived.filter(({ method, target }) => asCore(method, target)?.operator);
    assert.deepEqual(bad, []);
  });

  test("no operator route arrives, as a server that tidies paths up reads it", () => {
    const bad = arrived.filter(({ method, target }) => asLenientServer(method, target)?.operator);
    assert.deepEqual(bad, []);
  });

  test("what arrives is a route of Core's, spelled as it was sent", () => {
    const bad = arrived.filter(({ method, target, request }) => {
      return asCore(method, target) === undefined || target !== request.path || method !== request.method;
    });
    assert.deepEqual(bad, []);
  });

  test("each of the other 56 routes did arrive, and was answered by Core", () => {
    const seen = new Set(arrived.map(({ method, target }) => asCore(method, target)));
    const expected = CORE_ROUTES.filter(({ operator }) => !operator);
    assert.deepEqual(
      expected.filter((route) => !seen.has(route)),
      [],
    );
    assert.equal(seen.size, 56);
    assert.equal(sent.filter(({ status }) => status === 200).length, arrived.length);
  });

  test("everything else is refused with a client's error", () => {
    const other = sent.filter(({ status }) => status !== 200);
    assert.deepEqual(
      other.filter(({ status }) => ![400, 404, 405].includes(status)),
      [],
    );
  });

  test("the two readings know an operator route when they see one", () => {
    for (const target of ["/hooks", "/%68ooks", "/search/reindex", "/hooks/1?x=/ledgers"]) {
      assert.equal(asCore("GET", target)?.operator, true, target);
    }
    for (const target of ["/HOOKS/", "//hooks", "/a/%252e%252e/hooks", "/hooks;x", "/ledgers/..%2fhooks%00"]) {
      assert.equal(asLenientServer("GET", target)?.operator, true, target);
    }
    assert.equal(asCore("GET", "/transactions/recover").operator, false);
  });
});
