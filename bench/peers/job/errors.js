// The proxy's own errors, and their answers.

const TEXTS = {
  PROXY_MISSING_CREDENTIAL: [401, "Authorization header is required"],
  PROXY_INVALID_CREDENTIAL: [401, "The credential is not valid"],
  PROXY_INVALID_INSTANCE_ID: [
    400,
    "instance_id must be sent once, unescaped, as 1 to 64 letters, digits, underscores or hyphens",
  ],
  PROXY_MISSING_INSTANCE_ID: [400, "instance_id is required: this credential has no default instance"],
  PROXY_INVALID_PATH: [400, "The path or query has characters or escapes that are not allowed"],
  PROXY_ROUTE_NOT_FOUND: [404, "There is no such route"],
  PROXY_METHOD_NOT_ALLOWED: [405, "The route does not take this method"],
  PROXY_INSUFFICIENT_SCOPE: [403, "The credential lacks the scope"],
  PROXY_INSTANCE_NOT_FOUND: [404, "No such instance, or this credential does not reach it"],
  PROXY_MALFORMED_BODY: [400, "The body is not one JSON object"],
  PROXY_BODY_TOO_LARGE: [413, "The body is too large"],
  PROXY_BODY_INCOMPLETE: [400, "The body ended before it was whole"],
  PROXY_UNSUPPORTED_ENCODING: [415, "A transaction body must be sent without a Content-Encoding"],
  PROXY_PRECISION_REQUIRED: [400, "Every transaction needs a precision"],
  PROXY_ZERO_PRECISION: [400, "A precision of zero is not allowed"],
  PROXY_REGISTRY_UNAVAILABLE: [503, "The registry cannot be read at the moment; try again in a moment"],
  PROXY_CORE_UNREACHABLE: [502, "Blnk Core could not be reached"],
  PROXY_CORE_REDIRECT: [502, "Blnk Core's address answered with a redirect, which is not followed"],
  PROXY_CORE_TIMEOUT: [504, "Blnk Core did not answer in time"],
  PROXY_INTERNAL: [500, "An internal error occurred"],
};

const CHALLENGES = {
  PROXY_MISSING_CREDENTIAL: 'Bearer realm="blnk-edge"',
  PROXY_INVALID_CREDENTIAL: 'Bearer realm="blnk-edge", error="invalid_token"',
};

/** An error of the proxy's own. */
export class ProxyError {
  /**
   * @param {keyof TEXTS} code
   * @param {object} [details]
   * @param {Record<string, string>} [headers]
   */
  constructor(code, details = {}, headers = {}) {
    [this.status, this.message] = TEXTS[code];
    this.level = { 500: "error", 502: "warn", 503: "error", 504: "warn" }[this.status] ?? "info";
    this.code = code;
    this.details = details;
    this.headers = headers;
  }

  /** The answer. `write` says what became of a write. */
  response(requestId, write = {}) {
    const { code, message } = this;
    const details = { ...this.details, request_id: requestId, ...write };
    const headers = {
      "content-type": "application/json; charset=utf-8",
      "cache-control": "no-store",
      "x-request-id": requestId,
      ...this.headers,
    };
    if (CHALLENGES[code] !== undefined) headers["www-authenticate"] = CHALLENGES[code];
    if (this.status === 503) headers["retry-after"] = "5";
    return new Response(JSON.stringify({ error: message, error_detail: { code, message, details } }), {
      status: this.status,
      headers,
    });
  }
}

// Hono tells errors by their prototype; none of them needs the stack that `extends Error` would capture each time.
Object.setPrototypeOf(ProxyError.prototype, Error.prototype);

/** The error of a credential that lacks what a route needs. */
export function lacksScope({ needs }) {
  const scope = needs === "write" ? "proxy:write" : "proxy:read";
  const challenge = `Bearer realm="blnk-edge", error="insufficient_scope", scope="${scope}"`;
  return new ProxyError("PROXY_INSUFFICIENT_SCOPE", {}, { "www-authenticate": challenge });
}

/** An error where an answer is not Core's, undefined where it is. */
export function notCores(answer) {
  const { status } = answer;
  if (
    status < 200 ||
    (status >= 520 && status <= 527) ||
    status === 530 ||
    ((status === 403 || status >= 500) && isHtml(answer))
  ) {
    return new ProxyError("PROXY_CORE_UNREACHABLE", { upstream_status: status });
  }
  if (status === 301 || status === 302 || status === 303 || status === 307 || status === 308) {
    return new ProxyError("PROXY_CORE_REDIRECT", { upstream_status: status });
  }
  return undefined;
}

function isHtml(answer) {
  return answer.headers.get("content-type")?.split(";")[0].trim().toLowerCase() === "text/html";
}

const DRAIN_BYTES = 8 << 20;

/** Reads what is left of a body that nobody wants, within bounds: an answer before its end can be lost. */
export async function drain(request) {
  if (request.body === null || request.bodyUsed) return;
  let left = DRAIN_BYTES;
  try {
    for await (const chunk of request.body) {
      left -= chunk.byteLength;
      if (left < 0) break;
    }
  } catch {
    // The caller is gone.
  }
}
