// No circle among the imports of `src/`: each folder, and each file in it, can be read without those that use it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { betweenFiles, betweenFolders, circlesIn, codeOf, importsOf, modulesBelow } from "./imports.mjs";

const imports = importsOf(modulesBelow(fileURLToPath(new URL("../../src", import.meta.url))));

test("the folders of src/ import each other in one direction", () => {
  const folders = betweenFolders(imports);
  assert.ok(folders.get("edge").has("proxy") && folders.get("proxy").has("registry"), "the imports are read");
  assert.deepEqual(circlesIn(folders), []);
});

test("the files of src/ import each other in one direction, but for a folder's mod.rs and its parts", () => {
  assert.ok(imports.size > 80);
  assert.deepEqual(circlesIn(betweenFiles(imports)), []);
});

test("only src/edge/ names the platform, and nothing but the crate's root names src/edge/", () => {
  for (const [module, others] of imports) {
    const named = [...others].filter((other) => other === "edge" || other.startsWith("edge::"));
    if (!module.startsWith("edge")) assert.deepEqual(named, [], module);
  }
});

const made = (files) => importsOf(new Map(Object.entries(files)));

test("a circle is found through groups, super, re-exports and full paths", () => {
  const circle = made({
    "": "",
    a: "use crate::b::{self, Thing};",
    b: "mod inner; pub use inner::Thing;",
    "b::inner": "use super::super::c::{d::Deep as Other, Flat};",
    c: "pub mod d;",
    "c::d": "fn f() { crate::a::g() }",
  });
  assert.deepEqual(circlesIn(betweenFiles(circle)), [["a", "b::inner", "c::d"]]);
  assert.deepEqual(circlesIn(betweenFolders(circle)), [["a", "b", "c"]]);
});

test("a folder's root and its parts may name each other", () => {
  const folder = made({ "": "pub mod a;", a: "mod part; use part::Part;", "a::part": "use super::Whole;" });
  assert.deepEqual(circlesIn(betweenFiles(folder)), []);
  assert.deepEqual(circlesIn(betweenFolders(folder)), []);
});

test("tests and comments may name what they like", () => {
  const source = "use crate::b::Thing; // crate::c::X\n#[cfg(test)]\nmod tests {\n    use crate::d::Y;\n}\n";
  const files = made({ "": "", a: codeOf(source), b: "struct Thing;", c: "", d: "" });
  assert.deepEqual([...files.get("a")], ["b"]);
  assert.throws(() => codeOf("#[cfg(test)]\nmod tests;\nuse crate::d::Y;\n"), /code behind tests/);
});

test("the map in ARCHITECTURE.md names every folder, in the order of the imports", () => {
  const map = readFileSync(fileURLToPath(new URL("../../ARCHITECTURE.md", import.meta.url)), "utf8");
  const order = [...map.matchAll(/^\| `src\/(\w+)(?:\/|\.rs)` \|/gm)].map(([, folder]) => folder);
  const folders = betweenFolders(imports);
  assert.deepEqual([...order].sort(), [...folders.keys()].sort());
  for (const [folder, named] of folders) {
    for (const other of named) assert.ok(order.indexOf(other) < order.indexOf(folder), `${folder} imports ${other}`);
  }
});

test("the graph in ARCHITECTURE.md shows every import between folders, and no other", () => {
  const map = readFileSync(fileURLToPath(new URL("../../ARCHITECTURE.md", import.meta.url)), "utf8");
  const lines = [...map.matchAll(/^ {4}(\w+) --> ([\w &]+)$/gm)];
  const drawn = new Map(lines.map(([, from, to]) => [from, new Set(to.split(" & "))]));
  const reach = (from, seen = new Set()) => {
    for (const to of drawn.get(from) ?? []) if (!seen.has(to)) reach(to, seen.add(to));
    return seen;
  };
  const everywhere = ["clock", "json"];
  for (const [folder, named] of betweenFolders(imports)) {
    const missing = [...named].filter((other) => !everywhere.includes(other) && !reach(folder).has(other));
    assert.deepEqual(missing, [], `${folder} imports what the graph does not show`);
    const direct = [...(drawn.get(folder) ?? [])].filter((other) => !named.has(other));
    assert.deepEqual(direct, [], `${folder} does not import what the graph shows`);
  }
});
