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

test("every defence of it names at least one", () => {
  const [defended] = page.split("## What is not defended against\n");
  const defences = defended.split(/^- \*\*/m).slice(1);
  assert.ok(defences.length > 30);
  for (const defence of defences) assert.match(defence, /\n {2}Tests: .*`[\w/.*-]+\/[\w/.*-]*`/, defence);
});
