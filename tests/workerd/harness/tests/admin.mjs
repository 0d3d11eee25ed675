import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";

import { CORE_KEY, admin } from "../admin.mjs";
import { request } from "../http.mjs";
import { startKv } from "../kv.mjs";
import { reply } from "../replies.mjs";
import { startUpstream } from "../upstream.mjs";

describe("the admin helper", () => {
  let kv;
  let upstream;
  let worker;
  before(async () => {
    [kv, upstream] = await Promise.all([startKv(), startUpstream()]);
    const fetch = (path, init) => request(upstream.origin, path, init);
    worker = { kv, fetch, vars: { ADMIN_TOKEN: "the-token" } };
  });
  beforeEach(() => upstream.clear());
  after(() => Promise.all([kv.stop(), upstream.stop()]));

  test("makes an instance and waits until that revision of it is published", async () => {
    upstream.answer(reply({ status: 201, body: { id: "one", revision: 2 } }));
    kv.set("INSTANCES", "instance/one", { revision: 1 });
    let published = false;
    setTimeout(() => {
      published = true;
      kv.set("INSTANCES", "instance/one", { revision: 2 });
    }, 40);
    const record = await admin(worker).instance({ base_url: "http://core" });
    assert.ok(published);
    assert.equal(record.id, "one");
    const [{ line, headers, body }] = upstream.requests;
    assert.equal(line, "POST /admin/instances HTTP/1.1");
    assert.equal(headers.get("authorization"), "Bearer the-token");
    const sent = JSON.parse(body.bytes);
    assert.deepEqual([sent.base_url, sent.core_key], ["http://core", CORE_KEY]);
  });

  test("says what came instead of a record", async () => {
    upstream.answer(reply({ status: 400, body: { error: "no scopes" } }));
    const made = admin(worker).apiKey({ scopes: [] });
    await assert.rejects(made, /POST \/admin\/api-keys: 400 instead of 201: .*no scopes/);
  });
});
