// SECURITY.md says where each defence is tested: those tests are there, and those of bad days are all named.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

const root = new URL("../../", import.meta.url);
const page = readFileSync(new URL("SECURITY.md", root), "utf8");

test("every test that SECURITY.md names is there", () => {
  const named = [...page.matchAll(/`((?:workerd|src|admin|oauth|enrich)\/[\w./-]+\.(?:mjs|rs))`/g)].map(
    ([, path]) => path,
  );
  assert.ok(named.length > 40);
  const missing = named.filter((path) => !existsSync(new URL(path.startsWith("src/") ? path : `tests/${path}`, root)));
  assert.deepEqual(missing, []);
});

test("every row of its tables names at least one", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| threat"));
  assert.ok(rows.length > 25);
  for (const row of rows) assert.match(row.split("|").at(-2), /`[\w/.-]+`/, row);
});
