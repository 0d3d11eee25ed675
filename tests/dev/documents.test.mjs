// The documents: their links lead somewhere, their contents lists are true, and they list the routes that there are.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, test } from "node:test";

import { root } from "../../dev/project.mjs";
import { DOCUMENTED, EXTENDED } from "../workerd/documented-routes.mjs";

const pagesIn = (folder) =>
  readdirSync(`${root}${folder}`)
    .filter((name) => name.endsWith(".md"))
    .map((name) => folder + name);
const guides = pagesIn("docs/");
const pages = [...pagesIn(""), ...guides];
const text = (page) => readFileSync(root + page, "utf8");
const prose = (page) => text(page).replaceAll(/^ *```.*?^ *```$/gms, "");

const headings = (page, level = "#+") =>
  [...prose(page).matchAll(new RegExp(`^${level} (.*)$`, "gm"))].map(([, heading]) => heading);
/** What GitHub makes of a heading. */
const anchor = (heading) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

describe("the documents", () => {
  for (const page of pages) {
    test(`every link of ${page} within the project leads somewhere`, () => {
      for (const [, link] of prose(page).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(link)) continue;
        const [path, name] = link.split("#");
        const target = path === "" ? page : posix.join(posix.dirname(page), path);
        assert.ok(existsSync(root + target), link);
        if (name !== undefined) assert.ok(headings(target).map(anchor).includes(name), link);
      }
    });
  }

  for (const page of [...guides, "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"]) {
    test(`the contents of ${page} are its headings`, () => {
      const listed = [...prose(page).matchAll(/^- \[(.*)\]\((#.*)\)$/gm)].map(([, title, link]) => [title, link]);
      assert.deepEqual(
        listed,
        headings(page, "##").map((heading) => [heading, `#${anchor(heading)}`]),
      );
    });
  }

  for (const page of pages) {
    test(`${page} has no line of more than 120 characters outside its tables`, () => {
      assert.deepEqual(
        text(page)
          .split("\n")
          .filter((line) => [...line].length > 120 && !line.startsWith("|")),
        [],
      );
    });
  }

  test("the README is short, and names every guide", () => {
    const readme = text("README.md");
    assert.ok(readme.split("\n").length <= 170);
    for (const guide of guides) assert.ok(readme.includes(`(${guide})`), guide);
  });

  test("the routes of docs/proxy.md are those that are tested, with their scopes", () => {
    const [, documented, extended] = text("docs/proxy.md").split(/^### In .*$/m);
    for (const [table, tested] of [
      [documented, DOCUMENTED],
      [extended, EXTENDED],
    ]) {
      const rows = [...table.matchAll(/^\| ([A-Z]+) \| `(.*)` \| (\w+) \|$/gm)].map(([, ...row]) => row);
      const listed = tested.map(({ method, path, scope }) => {
        const name = scope?.replace("proxy:", "") ?? "either";
        const fits = ([rowMethod, pattern, rowScope]) =>
          rowMethod === method && rowScope === name && matches(pattern, path);
        // A pattern that names more of the path wins, as it does at Core.
        const [best] = rows.filter(fits).sort(([, a], [, b]) => a.split(":").length - b.split(":").length);
        return best ?? `${method} ${path} is not listed`;
      });
      assert.deepEqual(new Set(listed), new Set(rows));
      assert.equal(rows.length, tested.length);
    }
  });
});

/** Whether a path, its query aside, is one of a pattern's. */
function matches(pattern, path) {
  const [wanted, sent] = [pattern.split("/"), path.split("?")[0].split("/")];
  return (
    wanted.length === sent.length && wanted.every((segment, at) => segment.startsWith(":") || segment === sent[at])
  );
}
