// No circle among the imports of `src/`: each folder, and each file in it, can be read without those that use it.
import assert from "node:assert/strict";
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
});
