/**
 * The faults that Core, and what stands before it, can have: one row each.
 *
 * @typedef {object} Case
 * @property {string} name
 * @property {import("../harness/replies.mjs").Reply} [reply] what Core does
 * @property {"refused" | "unknownName" | "noTls" | "untrusted"} [at] an instance whose Core is not even reached
 * @property {Expected} expect
 *
 * @typedef {object} Expected
 * @property {number} status
 * @property {string} [code] of our own error; without one Core's answer is passed on
 * @property {number} [upstream] the status that `details` and the log line tell
 * @property {boolean} [cut] true where the answer breaks off for the caller too
 * @property {Buffer} [body] as it must arrive
 * @property {string} [level] of the log line, `info` without one for an answer of Core and `warn` for an error of ours
 */
import { gzipSync } from "node:zlib";

import { after, answerBytes, closeAfter, hang, raw, reply, resetAfter, resetAtOnce } from "../harness/replies.mjs";

const HTML = { headers: { "Content-Type": "text/html; charset=UTF-8" }, body: "<html>not Core</html>" };
const WHOLE = answerBytes({ body: { ledger_id: "ldg_1", name: "a".repeat(200) } });
const HALF_A_HEAD = WHOLE.subarray(0, 25);
const HALF_A_BODY = WHOLE.subarray(0, WHOLE.length - 100);
const CHUNKS = answerBytes({ body: { name: "a".repeat(200) }, chunked: true });
const HALF_THE_CHUNKS = CHUNKS.subarray(0, CHUNKS.length - 100);
const ZIPPED = gzipSync('{"zipped":true}');

const unreachable = (upstream) => ({ status: 502, code: "PROXY_CORE_UNREACHABLE", upstream });
const redirect = (status) => ({
  name: `a redirect, ${status}`,
  reply: reply({ status, headers: { Location: "https://elsewhere.invalid/" } }),
  expect: { status: 502, code: "PROXY_CORE_REDIRECT", upstream: status },
});
const notCore = (status, answer) => ({
  name: `${status} ${answer === HTML ? "in HTML" : "of Cloudflare"}`,
  reply: reply({ status, ...answer }),
  expect: unreachable(status),
});
const passed = (status, name, answer = { body: { error: "Core's own" } }) => ({
  name,
  reply: reply({ status, ...answer }),
  expect: { status },
});

/** @type {Case[]} */
export const CASES = [
  { name: "connection refused", at: "refused", expect: unreachable() },
  { name: "a name that DNS does not know", at: "unknownName", expect: unreachable() },
  { name: "no TLS where TLS should be", at: "noTls", expect: unreachable() },
  { name: "a certificate that nobody trusts", at: "untrusted", expect: unreachable() },
  { name: "a reset before the request was read", reply: resetAtOnce, expect: unreachable() },
  { name: "a reset before the head", reply: resetAfter(), expect: unreachable() },
  { name: "an end before the head", reply: closeAfter(), expect: unreachable() },
  { name: "a reset in the head", reply: resetAfter(HALF_A_HEAD), expect: unreachable() },
  { name: "an end in the head", reply: closeAfter(HALF_A_HEAD), expect: unreachable() },
  { name: "no HTTP at all", reply: closeAfter("SSH-2.0-OpenSSH_9.6\r\n\r\n"), expect: unreachable() },
  { name: "a reset in the body", reply: resetAfter(HALF_A_BODY), expect: { status: 200, cut: true } },
  { name: "an end in the body", reply: closeAfter(HALF_A_BODY), expect: { status: 200, cut: true } },
  { name: "an end in the chunks", reply: closeAfter(HALF_THE_CHUNKS), expect: { status: 200, cut: true } },
  {
    name: "silence past the deadline",
    reply: hang(),
    expect: { status: 504, code: "PROXY_CORE_TIMEOUT" },
  },
  {
    name: "silence in the head past the deadline",
    reply: hang(HALF_A_HEAD),
    expect: { status: 504, code: "PROXY_CORE_TIMEOUT" },
  },
  { name: "an answer short of the deadline", reply: after(600, reply({ body: {} })), expect: { status: 200 } },
  ...[301, 302, 303, 307, 308].map(redirect),
  {
    name: "100 and then the answer",
    reply: raw(Buffer.concat([answerBytes({ status: 100 }), WHOLE])),
    expect: { status: 200 },
  },
  {
    name: "103 and then the answer",
    reply: raw(Buffer.concat([answerBytes({ status: 103 }), WHOLE])),
    expect: { status: 200 },
  },
  { name: "103 and then the end", reply: closeAfter(answerBytes({ status: 103 })), expect: unreachable() },
  {
    name: "101",
    reply: closeAfter("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    expect: unreachable(101),
  },
  passed(204, "204", {}),
  passed(304, "304", {}),
  {
    name: "gzip",
    reply: reply({ headers: { "Content-Encoding": "gzip", "Content-Type": "application/json" }, body: ZIPPED }),
    expect: { status: 200, body: ZIPPED },
  },
  ...[520, 521, 522, 523, 524, 525, 526, 527, 530].map((status) => notCore(status, { body: `error code: ${status}` })),
  ...[403, 500, 502, 503].map((status) => notCore(status, HTML)),
  passed(404, "404 in HTML", HTML),
  passed(403, "403 of Core"),
  passed(500, "500 of Core"),
  passed(503, "503 of Core"),
  {
    name: "401 of Core",
    reply: reply({ status: 401, body: { error: "Authentication required" } }),
    expect: { status: 401, level: "error" },
  },
];
