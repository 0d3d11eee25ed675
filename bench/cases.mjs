// The requests that are asked of every worker before anything is measured, and the status that each must get.
import { apiKey } from "./records.mjs";

/** The credential that may do everything, one that may only read, and the secret of both. */
export const ID = "CheckCredential0";
export const READER = "CheckCredential1";
export const SECRET = "c".repeat(43);
const KEY = apiKey(ID, SECRET);

/** What Core says where a case does not say it; much of it must not come back. */
export const ANSWER = {
  status: 201,
  headers: [
    ["Content-Type", "application/json; charset=utf-8"],
    ["Ratelimit-Remaining", "9"],
    ["X-Rate-Limit-Request-Remote-Addr", "192.0.2.1:1"],
    ["X-Rate-Limit-Request-Forwarded-For", "192.0.2.1"],
    ["Set-Cookie", "CF_Authorization=secret"],
    ["Alt-Svc", "h3"],
    ["Clear-Site-Data", "*"],
    ["NEL", "{}"],
    ["Report-To", "{}"],
    ["Connection", "X-Internal"],
    ["X-Internal", "1"],
  ],
  body: '{"transaction_id":"txn_1"}',
};

/** The headers of every request that does not say otherwise. */
export const CALLER = {
  authorization: `Bearer ${KEY}`,
  "accept-encoding": "gzip",
  "user-agent": "check",
  traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
};
const sly = {
  cookie: "a=b",
  "x-forwarded-for": "192.0.2.9",
  "x-blnk-key": KEY,
  "x-http-method-override": "DELETE",
  "accept-language": "en",
};
const transaction = { amount: 12.5, source: "@world", precision: null };

/** The cases. */
export const CASES = [
  { name: "a read", path: "/balances/bln_1?instance_id=check&a=1", status: 201 },
  { name: "a read with tricks in its headers", path: "/ledgers?a=1&instance_id=check", headers: sly, status: 201 },
  {
    name: "a read by the other header",
    path: "/ledgers?instance_id=check",
    headers: { authorization: "", "x-blnk-key": KEY },
    status: 201,
  },
  { name: "a read at the default instance", path: "/ledgers", status: 201 },
  { name: "a streamed write", method: "POST", path: "/ledgers?instance_id=check", body: { name: "a" }, status: 201 },
  {
    name: "an enriched write",
    method: "POST",
    path: "/transactions?instance_id=check",
    body: transaction,
    status: 201,
  },
  {
    name: "a complete write",
    method: "POST",
    path: "/transactions?instance_id=check",
    body: { ...transaction, precision: 1, reference: "r" },
    status: 201,
  },
  {
    name: "a bulk",
    method: "POST",
    path: "/transactions/bulk?instance_id=check",
    body: { transactions: [transaction, { precision: 1, reference: "r" }] },
    status: 201,
  },
  { name: "no token", path: "/ledgers?instance_id=check", headers: { authorization: "" }, status: 401 },
  {
    name: "not a token",
    path: "/ledgers?instance_id=check",
    headers: { authorization: `Bearer ${KEY}0` },
    status: 401,
  },
  {
    name: "wrong check digits",
    path: "/ledgers?instance_id=check",
    headers: { authorization: `Bearer ${KEY.slice(0, -1)}_` },
    status: 401,
  },
  {
    name: "an unknown token",
    path: "/ledgers?instance_id=check",
    headers: { authorization: `Bearer ${apiKey("CheckCredential9", SECRET)}` },
    status: 401,
  },
  {
    name: "a wrong secret",
    path: "/ledgers?instance_id=check",
    headers: { authorization: `Bearer ${apiKey(ID, "w".repeat(43))}` },
    status: 401,
  },
  {
    name: "a write without the scope",
    method: "POST",
    path: "/ledgers?instance_id=check",
    headers: { authorization: `Bearer ${apiKey(READER, SECRET)}` },
    body: {},
    status: 403,
  },
  { name: "an unknown instance", path: "/ledgers?instance_id=nobody", status: 404 },
  { name: "two instances", path: "/ledgers?instance_id=check&instance_id=check", status: 400 },
  { name: "an unknown route", path: "/hooks?instance_id=check", status: 404 },
  { name: "another method", method: "DELETE", path: "/ledgers?instance_id=check", status: 405 },
  { name: "an escaped path", path: "/%74ransactions?instance_id=check", status: 400 },
  {
    name: "a body that is no object",
    method: "POST",
    path: "/transactions?instance_id=check",
    body: "[1]",
    status: 400,
  },
  {
    name: "a redirect",
    path: "/ledgers?instance_id=check",
    answer: { status: 302, headers: [["Location", "/"]], body: "" },
    status: 502,
  },
  {
    name: "a page in Core's place",
    path: "/ledgers?instance_id=check",
    answer: { status: 503, headers: [["Content-Type", "text/html"]], body: "" },
    status: 502,
  },
  {
    name: "Core refusing its own key",
    path: "/ledgers?instance_id=check",
    answer: { status: 401, headers: [], body: "{}" },
    status: 401,
  },
];
