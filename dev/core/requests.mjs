// The body of a transaction: its fields and Core's rules for them.

import { bind } from "./bind.mjs";
import { parseSetTime, parseTime } from "./clock.mjs";
import { CoreError } from "./errors.mjs";
import { JsonError } from "./json.mjs";
import { plainDecimal } from "./money.mjs";

const DISTRIBUTION = {
  name: "Distribution",
  fields: { identifier: "string", distribution: "string", precise_distribution: "string", transaction_id: "string" },
};
const DATES = ["scheduled_for", "inflight_expiry_date", "inflight_commit_date"];
const DATE_FAULT = "please format the scheduled date as 'YYYY-MM-DDTHH:MM:SS+00:00' (e.g., 2024-04-22T15:28:03+00:00)";

/** The struct that `POST /transactions` binds. */
export const TRANSACTION = {
  name: "RecordTransaction",
  fields: {
    amount: "float",
    precision: "float",
    overdraft_limit: "float",
    precise_amount: "bigint",
    allow_overdraft: "bool",
    inflight: "bool",
    skip_queue: "bool",
    atomic: "bool",
    source: "string",
    reference: "string",
    destination: "string",
    description: "string",
    currency: "string",
    balance_id: "string",
    scheduled_for: "string",
    inflight_expiry_date: "string",
    inflight_commit_date: "string",
    sources: { list: DISTRIBUTION },
    destinations: { list: DISTRIBUTION },
    meta_data: "map",
    effective_date: "time",
    dry_run: "bool",
  },
};

/**
 * Binds a body and says what Core says when it cannot.
 * @param {Buffer} body
 * @param {object} struct see `bind`
 * @param {{ message?: string, prefix?: string, plainText?: boolean, key?: string, optional?: boolean }} [how] `message`
 *   replaces the decoder's words; `optional` takes a body without a value as one without members
 */
export function bindBody(body, struct, { message, prefix = "", plainText, key, optional } = {}) {
  try {
    return bind(body, struct);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    if (optional && error.message === "EOF") return bind(Buffer.from("{}"), struct);
    throw new CoreError("GEN_MALFORMED_REQUEST", message ?? `${prefix}${error.message}`, { plainText, key });
  }
}

/** Every fault of a struct as one sentence, fields in order; undefined when there is none. */
export function faultsText(faults) {
  const names = Object.keys(faults)
    .filter((name) => faults[name] !== undefined)
    .sort();
  return names.length === 0 ? undefined : `${names.map((name) => `${name}: ${faults[name]}`).join("; ")}.`;
}

/** What is wrong with a transaction's fields, in Core's words; undefined when nothing is. */
export function transactionFaults(t) {
  const required = (name) => (t[name] === "" ? "cannot be blank" : undefined);
  const faults = {
    amount: amountFault(t),
    precision: precisionFault(t.precision),
    currency: required("currency"),
    reference: required("reference"),
    description: required("description"),
    source: sideFault(t, "source"),
    destination: sideFault(t, "destination") ?? sameBalanceFault(t),
  };
  for (const name of DATES) if (t[name] !== "" && parseTime(t[name]) === undefined) faults[name] = DATE_FAULT;
  return faultsText(faults);
}

function amountFault(t) {
  if (t.amount !== 0 && t.precise_amount !== null)
    return "either amount or precise_amount should be provided, not both";
  if (t.amount === 0 && t.precise_amount === null) return "either amount or precise_amount is required";
  if (t.amount !== 0 && plainDecimal(t.amount).replace(".", "").replace(/^0+/, "").length > 15) {
    return "amount has more than 15 significant digits which may cause rounding errors; use precise_amount instead";
  }
  if (t.amount < 0) return "amount cannot be negative";
  return t.precise_amount !== null && t.precise_amount < 0n ? "precise_amount cannot be negative" : undefined;
}

function precisionFault(precision) {
  if (!Number.isInteger(precision)) return "precision must be an integer value";
  return precision < 0 ? "precision cannot be negative" : undefined;
}

function sideFault(t, side) {
  const one = t[side] !== "";
  const several = t[`${side}s`].length > 0;
  return one === several ? `either ${side} or ${side}s is required, not both` : undefined;
}

function sameBalanceFault(t) {
  const sources = [t.source, ...t.sources.map((leg) => leg.identifier)].filter(Boolean);
  const destinations = [t.destination, ...t.destinations.map((leg) => leg.identifier)].filter(Boolean);
  const compared = t.source !== "" || t.destination !== "";
  return compared && sources.some((id) => destinations.includes(id))
    ? "source and destination cannot be the same balance"
    : undefined;
}

/** A bound body as the transaction that the ledger works on. */
export function toTransaction(t) {
  const date = (name) => (t[name] === "" ? null : parseSetTime(t[name]));
  return {
    transaction_id: "",
    parent_transaction: "",
    source: t.source,
    destination: t.destination,
    sources: t.sources,
    destinations: t.destinations,
    reference: t.reference,
    amount: t.amount,
    amount_string: "",
    precise_amount: t.precise_amount,
    precision: t.precision,
    overdraft_limit: t.overdraft_limit,
    currency: t.currency,
    description: t.description,
    status: "",
    hash: "",
    allow_overdraft: t.allow_overdraft,
    inflight: t.inflight,
    skip_queue: t.skip_queue,
    atomic: t.atomic,
    created_at: null,
    effective_date: t.effective_date,
    scheduled_for: date("scheduled_for"),
    inflight_expiry_date: date("inflight_expiry_date"),
    inflight_commit_date: date("inflight_commit_date"),
    meta: new Map(t.meta_data ?? []),
  };
}
