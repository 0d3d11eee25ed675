import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { parseToml } from "../settings.mjs";

describe("wrangler.toml", () => {
  test("is read with tables, lists over several lines and comments", () => {
    const text = `
      a = "x # y" # z
      b.c = 1_000
      list = [
        { k = 'v', n = true }, # one
      ]
      [t.u]
      d = []
      [[many]]
      e = "="
      [[many]]
      e = "2026-01-01"`;
    assert.deepEqual(parseToml(text), {
      a: "x # y",
      b: { c: 1000 },
      list: [{ k: "v", n: true }],
      t: { u: { d: [] } },
      many: [{ e: "=" }, { e: "2026-01-01" }],
    });
  });

  test("that cannot be read throws", () => {
    assert.throws(() => parseToml("date = 2026-01-01"), /cannot read the value/);
    assert.throws(() => parseToml("no value"), /cannot read line 1/);
  });
});
