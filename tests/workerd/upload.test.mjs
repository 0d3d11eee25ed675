// An upload of 100 MB streams through: the same bytes, the same length, and no room taken for it on the way.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { answerBytes } from "./harness/replies.mjs";
import { startProxy } from "./proxied.mjs";

const FILE_BYTES = 100_000_000;
const MAX_GROWTH = 32 * 1024 * 1024;
const BOUNDARY = "----a-boundary-of-the-tests";
const FRONT = Buffer.from(
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="source"\r\n\r\nbank\r\n` +
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="statement.csv"\r\n` +
    "Content-Type: text/csv\r\n\r\n",
);
const BACK = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
const LENGTH = FRONT.length + FILE_BYTES + BACK.length;
const NOISE = randomBytes(1 << 20);

/** The upload in pieces, no two of them alike; `hash` takes in what goes out. */
async function* upload(hash) {
  const out = (bytes) => {
    hash.update(bytes);
    return bytes;
  };
  yield out(FRONT);
  for (let left = FILE_BYTES; left > 0; ) {
    const from = left % 4_099;
    const piece = NOISE.subarray(from, from + Math.min(left, 65_521));
    left -= piece.length;
    yield out(piece);
  }
  yield out(BACK);
}

/** A Core that looks at nothing for a second: until then all that is sent must wait at its sender. */
const slowCore = async (exchange) => {
  await sleep(1_000);
  const { length } = await exchange.body();
  await exchange.write(answerBytes({ body: { upload_id: "upload_1", record_count: length } }));
};

describe("an upload of 100 MB", () => {
  let proxy;
  before(async () => {
    proxy = await startProxy({ answer: slowCore });
    await send(Buffer.concat([FRONT, NOISE, BACK]));
  });
  after(() => proxy.stop());

  const send = (body, headers = {}) =>
    proxy.call("POST", "/reconciliation/upload", {
      headers: { "Content-Type": `multipart/form-data; boundary=${BOUNDARY}`, ...headers },
      body,
    });

  for (const [name, headers, framing] of [
    ["with a Content-Length", { "Content-Length": String(LENGTH) }, "length"],
    ["in chunks", {}, "chunked"],
  ]) {
    test(`${name} reaches a slow Core whole, and the worker's memory stays as it is`, async () => {
      proxy.upstream.clear();
      const hash = createHash("sha256");
      const before = proxy.worker.rss();
      const most = watch(() => proxy.worker.rss());
      const answer = await send(upload(hash), headers);
      const growth = (await most()) - before;

      assert.equal(answer.status, 200, answer.text());
      assert.deepEqual(answer.json(), { upload_id: "upload_1", record_count: LENGTH });
      const [received] = await proxy.upstream.received();
      assert.equal(received.body.sha256, hash.digest("hex"));
      assert.deepEqual([received.body.length, received.body.complete, received.body.framing], [LENGTH, true, framing]);
      assert.equal(received.headers.get("content-length"), headers["Content-Length"] ?? null);
      assert.equal(received.headers.get("content-type"), `multipart/form-data; boundary=${BOUNDARY}`);
      assert.ok(growth < MAX_GROWTH, `resident memory grew by ${growth} bytes`);
    });
  }
});

/** Looks every few milliseconds; the function it gives ends that and tells the largest figure seen. */
function watch(figure) {
  let most = 0;
  let count = 0;
  const look = () => {
    count += 1;
    most = Math.max(most, figure());
  };
  look();
  const timer = setInterval(look, 5);
  return async () => {
    clearInterval(timer);
    look();
    assert.ok(count > 50, `memory was looked at ${count} times only`);
    return most;
  };
}
