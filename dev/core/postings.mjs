// Double entry: what one transaction does to its two balances, and the row that is kept of it.

import { createHash } from "node:crypto";
import { formatStored, formatTime, now } from "./clock.mjs";
import { CoreError, LedgerError } from "./errors.mjs";
import { fromUnits, plainDecimal, toUnits } from "./money.mjs";
import { GENERAL_LEDGER, newId } from "./store.mjs";

// What a transaction becomes when it is applied.
const APPLIED_AS = { QUEUED: "APPLIED", APPLIED: "APPLIED", SCHEDULED: "APPLIED", COMMIT: "APPLIED", VOID: "VOID" };

/** A balance with nothing in it. */
export function emptyBalance(fields) {
  return {
    balance_id: newId("bln"),
    ledger_id: GENERAL_LEDGER,
    identity_id: "",
    indicator: "",
    currency: "",
    created_at: now(),
    meta: null,
    track_fund_lineage: false,
    allocation_strategy: "",
    version: 0,
    balance: 0n,
    credit: 0n,
    debit: 0n,
    inflight: 0n,
    inflightCredit: 0n,
    inflightDebit: 0n,
    ...fields,
  };
}

/** The id of a balance: an indicator (`@world`) is made on the fly for each currency. */
export function resolveBalance(store, identifier, currency) {
  if (!identifier.startsWith("@")) return identifier;
  const key = `${identifier}\n${currency}`;
  if (!store.indicators.has(key)) {
    const balance = emptyBalance({ indicator: identifier, currency });
    store.balances.set(balance.balance_id, balance);
    store.indicators.set(key, balance.balance_id);
  }
  return store.indicators.get(key);
}

/**
 * Books one transaction or one leg, now.
 * @returns {object} the row that was stored
 * @throws {LedgerError | CoreError} when nothing was booked
 */
export function record(store, txn) {
  txn.source = resolveBalance(store, txn.source, txn.currency);
  txn.destination = resolveBalance(store, txn.destination, txn.currency);
  if (store.references.has(txn.reference)) {
    throw new LedgerError(`transaction validation failed: reference ${txn.reference} has already been used`);
  }
  const find = (id) => during("failed to get source and destination balances", () => store.balance(id));
  const [source, destination] = [find(txn.source), find(txn.destination)];
  const row = { ...txn, meta: new Map(txn.meta), sources: [], destinations: [] };
  during("failed to persist transaction with balances", () => refuseSameBalance(source, destination));
  applyToBalances(row, source, destination);
  row.status = row.inflight ? "INFLIGHT" : APPLIED_AS[txn.status];
  if (row.status !== "INFLIGHT") row.meta.delete("inflight");
  store.insert(row);
  return row;
}

function during(what, work) {
  try {
    return work();
  } catch (error) {
    error.options.while = what;
    throw error;
  }
}

export function refuseSameBalance(source, destination) {
  if (source.balance_id !== destination.balance_id) return;
  throw new CoreError(
    "GEN_CONFLICT",
    `Optimistic locking failure: balance with ID '${source.balance_id}' may have been updated or deleted by ` +
      "another transaction",
  );
}

/** Moves the money between two balances, or throws and leaves both as they were. */
export function applyToBalances(txn, source, destination) {
  applyPrecision(txn);
  const units = txn.precise_amount;
  if (txn.status === "COMMIT" || txn.status === "VOID") {
    releaseHold(txn.status === "COMMIT" ? "commit" : "void", units, source, destination);
    if (txn.status === "COMMIT") {
      source.debit += units;
      destination.credit += units;
    }
  } else {
    refuseAmount(txn);
    refuseOverdraft(txn, source);
    source[txn.inflight ? "inflightDebit" : "debit"] += units;
    destination[txn.inflight ? "inflightCredit" : "credit"] += units;
  }
  for (const balance of [source, destination]) {
    balance.balance = balance.credit - balance.debit;
    balance.inflight = balance.inflightCredit - balance.inflightDebit;
    balance.version += 1;
  }
}

function releaseHold(action, units, source, destination) {
  const short = (side, has) =>
    new LedgerError(
      `failed to apply transaction to balances: ${action} inflight ${side} failed: ` +
        `insufficient inflight ${side} balance: have ${has}, need ${units}`,
    );
  if (source.inflightDebit < units) throw short("debit", source.inflightDebit);
  if (destination.inflightCredit < units) throw short("credit", destination.inflightCredit);
  source.inflightDebit -= units;
  destination.inflightCredit -= units;
}

function refuseAmount(txn) {
  if (txn.amount >= 0 && txn.precise_amount > 0n) return;
  const what = txn.amount < 0 ? "transaction amount" : "transaction precise amount";
  throw new LedgerError(`failed to apply transaction to balances: ${what} must be positive`);
}

function refuseOverdraft(txn, source) {
  if (txn.allow_overdraft && txn.overdraft_limit === 0) return;
  const left = source.balance - source.inflightDebit - txn.precise_amount;
  if (left >= 0n) return;
  if (txn.overdraft_limit > 0) {
    if (left >= -toUnits(txn.overdraft_limit, txn.precision)) return;
    throw new LedgerError("failed to apply transaction to balances: transaction exceeds overdraft limit");
  }
  throw new LedgerError("failed to apply transaction to balances: insufficient funds in source balance");
}

/** Fills in units from the amount, or the amount from units where those are known. A missing precision counts as 1. */
export function applyPrecision(txn) {
  if (txn.precision === 0) txn.precision = 1;
  if (txn.precise_amount !== null && txn.precise_amount > 0n) {
    txn.amount_string = fromUnits(txn.precise_amount, txn.precision);
    txn.amount = Number(txn.amount_string);
  } else {
    txn.precise_amount = toUnits(txn.amount, txn.precision);
  }
}

export function hashOf(txn) {
  return createHash("sha256")
    .update(`${plainDecimal(txn.amount)}${txn.reference}${txn.currency}${txn.source}${txn.destination}`)
    .digest("hex");
}

/** A transaction as the answer to a write shows it. */
export function freshView(txn) {
  return view(txn, formatTime, {
    amount_string: txn.amount_string,
    overdraft_limit: txn.overdraft_limit,
    allow_overdraft: txn.allow_overdraft,
    skip_queue: txn.skip_queue,
    atomic: txn.atomic,
    effective_date: formatTime(txn.effective_date ?? txn.created_at),
  });
}

/** A transaction as it is read back: the switches of the request were not stored. */
export const storedView = (row) => view(row, formatStored, {});

/** A transaction as lists show it. */
export const listedView = (row) =>
  view(row, formatStored, { effective_date: formatStored(row.effective_date ?? row.created_at) });

function view(txn, time, shown) {
  const meta = new Map(
    [...txn.meta]
      .filter(([key, value]) => !(key === "inflight" && value === true))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return {
    precise_amount: txn.precise_amount,
    amount: txn.amount,
    amount_string: shown.amount_string || undefined,
    precision: txn.precision,
    overdraft_limit: shown.overdraft_limit ?? 0,
    transaction_id: txn.transaction_id,
    parent_transaction: txn.parent_transaction,
    source: txn.source || undefined,
    destination: txn.destination || undefined,
    reference: txn.reference,
    currency: txn.currency,
    description: txn.description || undefined,
    status: txn.status,
    hash: txn.hash,
    allow_overdraft: shown.allow_overdraft ?? false,
    inflight: txn.inflight || txn.meta.get("inflight") === true,
    skip_queue: shown.skip_queue ?? false,
    atomic: shown.atomic ?? false,
    sources: legsView(txn.sources),
    destinations: legsView(txn.destinations),
    created_at: time(txn.created_at),
    effective_date: shown.effective_date,
    scheduled_for: time(txn.scheduled_for),
    inflight_expiry_date: time(txn.inflight_expiry_date),
    inflight_commit_date: time(txn.inflight_commit_date),
    meta_data: meta.size > 0 ? meta : undefined,
  };
}

function legsView(legs) {
  if (legs.length === 0) return undefined;
  return legs.map((leg) => ({ ...leg, precise_distribution: leg.precise_distribution || undefined }));
}
