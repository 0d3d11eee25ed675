// What the tests of the stand-in Core share: a started one, and requests that keep every digit of an answer.

import { request } from "node:http";
import { startCore } from "../../dev/core/server.mjs";

/** Starts a stand-in that ends with the test. */
export async function coreFor(t, options = {}) {
  const core = await startCore(options);
  t.after(() => core.close());
  return core;
}

/**
 * One request as it is written: no path is tidied up and no redirect followed.
 * @param {{ url: string, key: string }} core
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body] text and bytes go as they are, anything else as JSON
 * @param {object} [headers] over the valid key; an undefined value leaves a header out
 * @returns {Promise<{ status: number, headers: object, text: string, json: any }>} `json` is undefined for other bodies
 */
export function send(core, method, path, body, headers = {}) {
  const raw = typeof body === "string" || Buffer.isBuffer(body);
  const bytes = body === undefined ? undefined : raw ? body : JSON.stringify(body);
  const { hostname, port } = new URL(core.url);
  const all = Object.entries({ "X-Blnk-Key": core.key, ...headers }).filter(([, value]) => value !== undefined);
  return new Promise((resolve, reject) => {
    const call = request(
      { hostname, port, method, path, headers: Object.fromEntries(all), agent: false },
      async (response) => {
        try {
          const chunks = [];
          for await (const chunk of response) chunks.push(chunk);
          const text = Buffer.concat(chunks).toString("utf8");
          resolve({ status: response.statusCode, headers: response.headers, text, json: parsed(text) });
        } catch (error) {
          reject(error);
        }
      },
    );
    call.on("error", reject);
    call.end(bytes);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A whole number in an answer, with every digit. */
export function units(text, name) {
  const found = new RegExp(`"${name}":(-?\\d+)[,}]`).exec(text);
  if (!found) throw new Error(`no number ${name} in ${text}`);
  return BigInt(found[1]);
}

/** A ledger and as many balances in it as there are currencies. */
export async function balancesIn(core, ...currencies) {
  const ledger = await send(core, "POST", "/ledgers", { name: "Savings" });
  const made = [];
  for (const currency of currencies) {
    const balance = await send(core, "POST", "/balances", { ledger_id: ledger.json.ledger_id, currency });
    made.push(balance.json.balance_id);
  }
  return made;
}

/** The rows in which a field has one of some values, newest first. */
export async function rowsBy(core, field, ...values) {
  const { status, json } = await send(core, "POST", "/transactions/filter", {
    filters: [{ field, operator: "in", values }],
    limit: 100,
  });
  if (status !== 200) throw new Error(`the filter answered ${status}`);
  return json;
}

/** A transaction in which nothing is missing. */
export function deposit(fields) {
  return {
    amount: 10,
    precision: 100,
    currency: "USD",
    source: "@world",
    description: "Deposit",
    allow_overdraft: true,
    skip_queue: true,
    ...fields,
  };
}
