// Answers on the wire, with the headers that Core sends.

import { print } from "./print.mjs";

// Go sends a Content-Length for what fits its buffer and chunks above it.
const LARGEST_KNOWN_LENGTH = 2048;
const SECURITY_HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "strict-origin-when-cross-origin",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};
const RATE_HEADERS = {
  "Ratelimit-Limit": "5000000",
  "Ratelimit-Remaining": "10000000",
  "Ratelimit-Reset": "1",
  "X-Rate-Limit-Duration": "1",
  "X-Rate-Limit-Limit": "5000000.00",
};

export function redirectBody(method, location) {
  if (method !== "GET") return { status: 307, text: "" };
  const escaped = location
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&#34;");
  return { status: 301, type: "text/html; charset=utf-8", text: `<a href="${escaped}">Moved Permanently</a>.\n\n` };
}

export function commonHeaders({ headers, socket }) {
  const common = {
    ...SECURITY_HEADERS,
    ...RATE_HEADERS,
    "X-Rate-Limit-Request-Remote-Addr": `${socket.remoteAddress}:${socket.remotePort}`,
  };
  if (headers["x-forwarded-for"]) common["X-Rate-Limit-Request-Forwarded-For"] = headers["x-forwarded-for"];
  if (headers["x-forwarded-proto"] === "https")
    common["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains";
  return common;
}

export function send(
  response,
  { status, body, text, type = body === undefined ? undefined : "application/json; charset=utf-8", location },
  common = {},
) {
  const bytes = Buffer.from(text ?? print(body));
  const headers = { ...common };
  if (type) headers["Content-Type"] = type;
  if (location) headers.Location = location;
  if (bytes.length <= LARGEST_KNOWN_LENGTH) headers["Content-Length"] = bytes.length;
  else headers["Transfer-Encoding"] = "chunked";
  for (const name of Object.keys(headers).sort()) response.setHeader(name, headers[name]);
  // Go says nothing about the connection unless it closes it.
  response.removeHeader("Connection");
  response.statusCode = status;
  response.end(bytes);
}
