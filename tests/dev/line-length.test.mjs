// No line of the sources is longer than 120 characters. The formatters leave comments and long texts alone.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { read, root } from "../../dev/project.mjs";

const MOST = 120;
const COVERED = /\.(?:rs|mjs|js|ts|toml)$/;
const LEFT_OUT = /^tests\/fixtures\//;

/** Each line of a file that is too long and could be shorter, as `file:line`. */
function longLines(file, text) {
  return text
    .split("\n")
    .map((line, index) => ({ line, at: `${file}:${index + 1}` }))
    .filter(({ line }) => [...line].length > MOST && !exempt(line))
    .map(({ line, at }) => `${at} has ${[...line].length} characters`);
}

/** Whether a line cannot be shorter. */
function exempt(line) {
  // One word, such as a URL, behind what makes it a comment, an item of a list or a quotation.
  return /^(?:\s|\/\/[/!]?|[-*>#])*\S+$/.test(line);
}

test("no line is longer than 120 characters", () => {
  // What is not committed yet counts too, unless it is ignored; what was removed does not.
  const list = (...args) =>
    execFileSync("git", ["ls-files", "-z", ...args], { cwd: root, encoding: "utf8" }).split("\0");
  const gone = new Set(list("--deleted"));
  const files = list("--cached", "--others", "--exclude-standard");
  const covered = files.filter((file) => COVERED.test(file) && !LEFT_OUT.test(file) && !gone.has(file));
  assert.ok(covered.length > 100, `only ${covered.length} files were found`);
  const found = covered.flatMap((file) => longLines(file, read(file)));
  assert.equal(found.join("\n"), "", `Longer than ${MOST} characters:\n${found.join("\n")}\n`);
});

test("a line is measured in characters, and named where it is too long", () => {
  const words = "ä ".repeat(60);
  const url = `https://example.com/${"a".repeat(120)}`;
  assert.deepEqual(longLines("a.mjs", `${words}\nb\n${words}c\n`), ["a.mjs:3 has 121 characters"]);
  assert.deepEqual(longLines("a.rs", `  /// ${words}\nlet a = "${words}";\n// ${url}\n/// See ${url}\n`), [
    "a.rs:1 has 126 characters",
    "a.rs:2 has 131 characters",
    `a.rs:4 has ${[..."/// See "].length + url.length} characters`,
  ]);
  assert.deepEqual(longLines("a.toml", `# ${url}\n#   - ${url}\n`), []);
});
