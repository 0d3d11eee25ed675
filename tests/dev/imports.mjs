// The imports between the modules of a crate, read from its source: enough of Rust's `use` to find circles.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

/**
 * The modules of a crate: the path of each, such as `proxy::routes`, and its source without comments and tests.
 * @param {string} root the folder of `lib.rs`
 * @returns {Map<string, string>}
 */
export function modulesBelow(root) {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name.endsWith(".rs"),
  );
  const paths = files.map((entry) => relative(root, join(entry.parentPath, entry.name)));
  const own = paths.filter((path) => !path.split(sep).some((part) => part === "tests" || part === "tests.rs"));
  return new Map(own.map((path) => [moduleOf(path), codeOf(readFileSync(join(root, path), "utf8"))]));
}

function moduleOf(path) {
  const parts = path.replace(/\.rs$/, "").split(sep);
  if (["mod", "lib"].includes(parts.at(-1))) parts.pop();
  return parts.join("::");
}

/** A source without its comments and its tests, which stand at its end and may name what they like. */
export function codeOf(source) {
  const [code, ...tests] = source.split(/^#\[cfg\(test\)\]\n(?=(?:pub(?:\(.*\))? )?mod )/m);
  const behind = tests.join("").match(/^(?!(?:pub(?:\(.*\))? )?mod |\}|\/\/|$)\S.*$/m);
  if (behind !== null) throw new Error(`code behind tests is not read: ${behind[0]}`);
  return code.replace(/\/\/.*/g, "");
}

/**
 * Which modules each module names.
 * @param {Map<string, string>} modules
 * @returns {Map<string, Set<string>>}
 */
export function importsOf(modules) {
  const exported = new Map([...modules].map(([module, code]) => [module, exportsOf(module, code, modules)]));
  return new Map(
    [...modules].map(([module, code]) => {
      const named = pathsIn(code).map((path) => moduleNamed(absolute(path, module, modules), modules, exported));
      return [module, new Set(named.filter((other) => other !== undefined && other !== module))];
    }),
  );
}

/** The paths in `use` declarations, groups expanded, and those that stand in the code in full. */
function pathsIn(code) {
  const declared = [...code.matchAll(/(?<!pub(?:\([^)]*\))? )\buse ([^;]+);/g)].flatMap(([, tree]) => expanded(tree));
  const rest = code.replace(/\buse [^;]+;/g, "");
  return [...declared, ...[...rest.matchAll(/\b(?:crate|super)(?:::\w+)+/g)].map(([path]) => path)];
}

/** `a::{b, c::{d, e}}` as `a::b`, `a::c::d` and `a::c::e`. */
function expanded(tree) {
  const group = /^([^{]*)\{(.*)\}$/s.exec(tree.trim());
  if (group === null) return [tree.replace(/ as .*/s, "").replace(/\s/g, "")];
  const [, prefix, inner] = group;
  const parts = [""];
  let depth = 0;
  for (const character of inner) {
    if (character === "{") depth += 1;
    if (character === "}") depth -= 1;
    if (character === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts.filter((part) => part.trim() !== "").flatMap((part) => expanded(prefix.trim() + part.trim()));
}

/** A path from the crate's root, in parts; undefined for one that leads out of the crate. */
function absolute(path, module, modules) {
  const parts = path.split("::");
  const here = module === "" ? [] : module.split("::");
  if (parts[0] === "crate") return parts.slice(1);
  if (parts[0] === "self") return [...here, ...parts.slice(1)];
  if (parts[0] !== "super") return modules.has([...here, parts[0]].join("::")) ? [...here, ...parts] : undefined;
  const ups = parts.findIndex((part) => part !== "super");
  return [...here.slice(0, here.length - ups), ...parts.slice(ups)];
}

/** What a module hands on under a name of its own: the path behind each `pub use`. */
function exportsOf(module, code, modules) {
  const paths = [...code.matchAll(/\bpub(?:\([^)]*\))? use ([^;]+);/g)].flatMap(([, tree]) => expanded(tree));
  const known = paths.map((path) => absolute(path, module, modules)).filter((path) => path !== undefined);
  return new Map(known.map((path) => [path.at(-1), path]));
}

/** The module that holds what a path names, through every `pub use` on the way. */
function moduleNamed(path, modules, exported) {
  if (path === undefined) return undefined;
  let module = "";
  for (const [index, part] of path.entries()) {
    const inner = module === "" ? part : `${module}::${part}`;
    if (modules.has(inner)) {
      module = inner;
      continue;
    }
    const behind = exported.get(module)?.get(part);
    return behind === undefined ? module : moduleNamed([...behind, ...path.slice(index + 1)], modules, exported);
  }
  return module;
}

/**
 * The circles among imports, each as a sorted list of its members.
 * @param {Map<string, Set<string>>} imports
 * @returns {string[][]}
 */
export function circlesIn(imports) {
  const reached = new Map([...imports.keys()].map((node) => [node, reachableFrom(node, imports)]));
  const circles = new Map();
  for (const [node, others] of reached) {
    if (!others.has(node)) continue;
    const members = [...others].filter((other) => reached.get(other)?.has(node)).sort();
    circles.set(members.join(), members);
  }
  return [...circles.values()];
}

function reachableFrom(start, imports) {
  const seen = new Set();
  const waiting = [...(imports.get(start) ?? [])];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (seen.has(node)) continue;
    seen.add(node);
    waiting.push(...(imports.get(node) ?? []));
  }
  return seen;
}

/** The imports between files, but for those between a folder's root and what lies below it. */
export function betweenFiles(imports) {
  const isAbove = (a, b) => a === "" || b.startsWith(`${a}::`);
  return new Map(
    [...imports].map(([module, others]) => [
      module,
      new Set([...others].filter((other) => !isAbove(module, other) && !isAbove(other, module))),
    ]),
  );
}

/** The imports between the folders directly below the root; a file there counts as one. */
export function betweenFolders(imports) {
  const folders = new Map();
  for (const [module, others] of imports) {
    const [folder] = module.split("::");
    const named = folders.get(folder) ?? new Set();
    for (const other of others) if (other.split("::")[0] !== folder) named.add(other.split("::")[0]);
    folders.set(folder, named);
  }
  folders.delete("");
  for (const named of folders.values()) named.delete("");
  return folders;
}
