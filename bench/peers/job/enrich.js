// Completing transaction bodies by JSON.parse and JSON.stringify.
import { ProxyError } from "./errors.js";

/**
 * Reads a body and adds what its transactions lack.
 * @param {Request} request
 * @param {"single" | "bulk"} shape
 * @param {object} instance its record
 * @param {number} limit in bytes
 * @returns {Promise<{ body: string, reference?: string, made: boolean }>} `reference` is that of a single create
 */
export async function enrich(request, shape, instance, limit) {
  const encoding = request.headers.get("content-encoding");
  if (encoding && encoding.toLowerCase() !== "identity") throw new ProxyError("PROXY_UNSUPPORTED_ENCODING");
  if (Number(request.headers.get("content-length")) > limit) throw new ProxyError("PROXY_BODY_TOO_LARGE", { limit });
  const text = await request.text().catch(() => {
    throw new ProxyError("PROXY_BODY_INCOMPLETE");
  });
  if (text.length > limit) throw new ProxyError("PROXY_BODY_TOO_LARGE", { limit });
  const body = parsed(text);
  const items = shape === "single" ? [body] : Array.isArray(body.transactions) ? body.transactions : [];
  let changed = false;
  let made = false;
  for (const item of items) {
    if (!isObject(item)) continue;
    if (item.precision == null) {
      if (instance.default_precision === "require") throw new ProxyError("PROXY_PRECISION_REQUIRED");
      item.precision = instance.default_precision;
      changed = true;
    } else if (item.precision === 0 && instance.zero_precision !== "pass") {
      if (instance.zero_precision === "refuse") throw new ProxyError("PROXY_ZERO_PRECISION");
      item.precision = instance.default_precision;
      changed = true;
    }
    if (item.reference == null) {
      item.reference = `ref_${crypto.randomUUID()}`;
      changed = made = true;
    }
  }
  const sent = changed ? JSON.stringify(body) : text;
  if (sent.length > limit) throw new ProxyError("PROXY_BODY_TOO_LARGE", { limit });
  return { body: sent, reference: shape === "single" ? body.reference : undefined, made };
}

function parsed(text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ProxyError("PROXY_MALFORMED_BODY");
  }
  if (!isObject(body)) throw new ProxyError("PROXY_MALFORMED_BODY");
  return body;
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
