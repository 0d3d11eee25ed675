/**
 * Reads `wrangler.toml`, so that tests run with the compatibility date, the
 * variables and the bindings that are deployed, and none of them is kept twice.
 *
 * Only the part of TOML that such a file uses is read; anything else throws.
 */
import { readFileSync } from "node:fs";

/**
 * @typedef {object} Settings
 * @property {string} compatibilityDate
 * @property {string[]} compatibilityFlags
 * @property {Record<string, string>} vars
 * @property {string[]} kvNamespaces binding names
 * @property {{name: string, className: string}[]} durableObjects
 */

/**
 * @param {string} file path of a `wrangler.toml`
 * @returns {Settings}
 */
export function readSettings(file) {
  const toml = parseToml(readFileSync(file, "utf8"));
  if (!toml.compatibility_date) throw new Error(`${file} names no compatibility_date`);
  const vars = Object.entries(toml.vars ?? {}).map(([name, value]) => [name, String(value)]);
  return {
    compatibilityDate: toml.compatibility_date,
    compatibilityFlags: toml.compatibility_flags ?? [],
    vars: Object.fromEntries(vars),
    kvNamespaces: (toml.kv_namespaces ?? []).map((entry) => entry.binding),
    durableObjects: (toml.durable_objects?.bindings ?? []).map((entry) => ({
      name: entry.name,
      className: entry.class_name,
    })),
  };
}

/**
 * @param {string} text TOML without dates, multi-line strings and quoted keys
 * @returns {Record<string, any>}
 */
export function parseToml(text) {
  const root = {};
  let table = root;
  const lines = text.split(/\r?\n/);
  for (let index = 0; index < lines.length; index += 1) {
    let line = withoutComment(lines[index]).trim();
    if (line === "") continue;
    const header = /^\[(\[)?\s*([\w.-]+)\s*\](\])?$/.exec(line);
    if (header && Boolean(header[1]) === Boolean(header[3])) {
      table = open(root, header[2].split("."), Boolean(header[1]));
      continue;
    }
    // An array may go on over several lines: take them until it closes.
    while (depth(line) > 0 && index + 1 < lines.length) {
      index += 1;
      line += ` ${withoutComment(lines[index]).trim()}`;
    }
    const pair = /^([\w.-]+)\s*=\s*(.+)$/.exec(line);
    if (!pair) throw new Error(`cannot read line ${index + 1}: ${line}`);
    const path = pair[1].split(".");
    const name = path.pop();
    open(table, path, false)[name] = parseValue(pair[2]);
  }
  return root;
}

/** The table at `path`, made where it is missing; of an array of tables the last. */
function open(from, path, append) {
  return path.reduce((table, name, index) => {
    if (append && index === path.length - 1) {
      table[name] = [...(table[name] ?? []), {}];
    }
    table[name] ??= {};
    return Array.isArray(table[name]) ? table[name].at(-1) : table[name];
  }, from);
}

const STRING = /"(?:[^"\\]|\\.)*"|'[^']*'/;

function withoutComment(line) {
  const code = new RegExp(`^(?:${STRING.source}|[^"'#])*`).exec(line)[0];
  return code;
}

function depth(line) {
  const bare = line.replace(new RegExp(STRING.source, "g"), "");
  const count = (pattern) => bare.match(pattern)?.length ?? 0;
  return count(/[[{]/g) - count(/[\]}]/g);
}

/** One value: its tokens are turned into JSON, which then reads it. */
function parseValue(text) {
  const token = new RegExp(`${STRING.source}|[\\w-]+\\s*=|[\\w.+-]+|[[\\]{},]`, "g");
  const json = text.replace(token, (part) => {
    if (part.startsWith("'")) return JSON.stringify(part.slice(1, -1));
    if (part.endsWith("=")) return `${JSON.stringify(part.slice(0, -1).trim())}:`;
    if (/^[\d+]/.test(part)) return part.replace(/_/g, "").replace(/^\+/, "");
    return part;
  });
  try {
    return JSON.parse(json.replace(/,\s*([\]}])/g, "$1"));
  } catch {
    throw new Error(`cannot read the value ${text}`);
  }
}
