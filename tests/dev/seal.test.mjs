// What the worker sealed is opened by another implementation, Node's WebCrypto: the format is AES-256-GCM as it is
// said to be, and tied to its record.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { NONCE_LENGTH, TEST_KEY, open, sealedBytes } from "../workerd/sealed.mjs";

const fixture = (name) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8").trim();
const record = JSON.parse(fixture("instance-record.json"));
const sealedText = fixture("sealed.txt");
/** What `sealed.txt` was sealed for. */
const CORE = { instance: "instance_golden", workspace: "default", field: "core_key", origin: "https://core.example" };
/** What the record's secrets were sealed for. */
const RECORD = {
  instance: record.id,
  workspace: record.workspace,
  field: "core_key",
  origin: new URL(record.base_url).origin,
};

test("a sealed text opens to what was sealed", async () => {
  assert.equal(await open(sealedText, CORE), "core-master-key");
});

test("each secret of an instance's record opens under its own field", async () => {
  assert.equal(await open(record.core_key, RECORD), "core-master-key");
  assert.equal(await open(record.access.client_id, { ...RECORD, field: "access.client_id" }), "id.access");
  assert.equal(await open(record.access.client_secret, { ...RECORD, field: "access.client_secret" }), "access-secret");
});

test("the format and the key's id stand in front: eight digits of the key's SHA-256", () => {
  const id = createHash("sha256").update(TEST_KEY).digest("hex").slice(0, 8);
  for (const text of [sealedText, record.core_key, record.access.client_id, record.access.client_secret]) {
    assert.deepEqual(text.split(".").slice(0, 2), ["v1", id]);
  }
});

test("it opens for no other record, field, Core or key, and not when it is changed", async () => {
  const others = [
    { ...CORE, instance: "instance_other" },
    { ...CORE, workspace: "other" },
    { ...CORE, field: "access.client_secret" },
    { ...CORE, origin: "https://evil.example" },
    // The same bytes, shifted between two parts.
    { ...CORE, instance: "instance_goldend", workspace: "efault" },
  ];
  for (const binding of others) await assert.rejects(open(sealedText, binding));
  await assert.rejects(open(sealedText, CORE, Buffer.alloc(32, 8)));
  const [front, id] = sealedText.split(".");
  const { length } = sealedBytes(sealedText);
  for (const at of [0, NONCE_LENGTH, length - 1]) {
    const bytes = sealedBytes(sealedText);
    bytes[at] ^= 1;
    await assert.rejects(open([front, id, bytes.toString("base64url")].join("."), CORE));
  }
});
