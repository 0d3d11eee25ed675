// What a URL asks for: the path behind `/proxy`, the query, and the instance.

const SEGMENTS = /^(?:\/[A-Za-z0-9\-._~:@!$&'()*+,;=%]+)+$/;
const DOTS = /\/\.{1,2}(?:\/|$)/;
const ESCAPE = /%(.{0,2})/g;
const NEVER_ESCAPED = /[A-Za-z0-9\-._~/\\\x00-\x1f\x7f]/;
const QUERY = /^[!"$-~]*$/;
const INSTANCE_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Splits a URL; the path is undefined where it is not below `/proxy`. */
export function splitUrl(url) {
  const slash = url.indexOf("/", url.indexOf("://") + 3);
  const mark = url.indexOf("?", slash);
  const path = mark < 0 ? url.slice(slash) : url.slice(slash, mark);
  const query = mark < 0 ? "" : url.slice(mark + 1);
  return { https: url.startsWith("https:"), path: path.startsWith("/proxy/") ? path.slice(6) : undefined, query };
}

/** The instance that a query names (undefined where it names none, null where it does so wrongly), and what is left. */
export function takeInstance(query) {
  let instance;
  const rest = [];
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    const name = equals < 0 ? pair : pair.slice(0, equals);
    if (name === "instance_id") {
      const value = equals < 0 ? "" : pair.slice(equals + 1);
      if (instance !== undefined || (value !== "" && !INSTANCE_ID.test(value))) return { instance: null, rest: "" };
      instance = value;
    } else if (name.includes("%") && decoded(name) === "instance_id") {
      return { instance: null, rest: "" };
    } else {
      rest.push(pair);
    }
  }
  return { instance: instance || undefined, rest: rest.join("&") };
}

/** Whether no URL parser on the way can change a path, nor Core read it in another way. */
export function isPlainPath(path) {
  return SEGMENTS.test(path) && !DOTS.test(path) && (!path.includes("%") || hasPlainEscapes(path));
}

/** The same of a query. */
export function isPlainQuery(query) {
  return QUERY.test(query);
}

function hasPlainEscapes(path) {
  for (const [, digits] of path.matchAll(ESCAPE)) {
    if (!/^[0-9A-Fa-f]{2}$/.test(digits) || NEVER_ESCAPED.test(String.fromCharCode(parseInt(digits, 16)))) return false;
  }
  return true;
}

function decoded(name) {
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
}
