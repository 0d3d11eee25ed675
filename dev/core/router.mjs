// Routing as Core's router does it: on the decoded path, a static segment before a parameter, no other spelling of a
// route, and a redirect for one slash too many.

/**
 * @param {[string, string, Function, object?][]} rows
 * @returns {(method: string, path: string) =>
 *   { pattern: string, handler: Function, rules: object, params: object } | undefined}
 */
export function router(rows) {
  const routes = rows.map(([method, pattern, handler, rules = {}]) => ({
    method,
    pattern,
    handler,
    rules,
    segments: pattern.split("/").slice(1),
  }));
  return (method, path) => {
    const segments = path.split("/").slice(1);
    const found = routes
      .filter((route) => route.method === method && fits(route.segments, segments))
      .sort(mostStatic)[0];
    return found && { ...found, params: parameters(found.segments, segments) };
  };
}

/**
 * The path of a request target as Go decodes it.
 * @returns {string | undefined} undefined for an escape that is none
 */
export function decodePath(path) {
  if (/%(?![0-9a-fA-F]{2})/.test(path)) return undefined;
  const bytes = Buffer.from(path, "latin1");
  const plain = path.includes("%")
    ? Buffer.from(
        path.replace(/%(..)/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
        "latin1",
      )
    : bytes;
  return plain.toString("utf8");
}

// A parameter may be empty, as in `//metadata`, but not at the end of a path: there the slash is one too many.
function fits(pattern, segments) {
  if (pattern.length !== segments.length) return false;
  return pattern.every((part, i) =>
    part.startsWith(":") ? segments[i] !== "" || i < pattern.length - 1 : part === segments[i],
  );
}

function mostStatic(a, b) {
  const rank = (route) => route.segments.map((part) => (part.startsWith(":") ? "1" : "0")).join("");
  return rank(a) < rank(b) ? -1 : 1;
}

const parameters = (pattern, segments) =>
  Object.fromEntries(
    pattern
      .map((part, i) => [part, segments[i]])
      .filter(([part]) => part.startsWith(":"))
      .map(([part, value]) => [part.slice(1), value]),
  );
