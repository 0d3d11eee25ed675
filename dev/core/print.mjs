// Prints values as Go's encoding/json does: characters that matter in HTML are escaped, a BigInt is a JSON number,
// and a member that is undefined is left out.

const HTML = /[<>&\u2028\u2029]/g;

/**
 * @param {unknown} value plain values, BigInts, arrays, objects (in their order) and maps
 * @returns {string}
 */
export function print(value) {
  if (typeof value === "bigint" || typeof value === "number") return String(value);
  if (typeof value === "string") return text(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(print).join(",")}]`;
  const parts = [];
  for (const [key, member] of value instanceof Map ? value : Object.entries(value)) {
    if (member !== undefined) parts.push(`${text(key)}:${print(member)}`);
  }
  return `{${parts.join(",")}}`;
}

function text(value) {
  return JSON.stringify(value).replace(HTML, (c) => `\\u${c.codePointAt(0).toString(16).padStart(4, "0")}`);
}
