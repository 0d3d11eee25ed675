// Dry runs: what a write would do, worked out on copies of the balances.

import { CoreError, LedgerError, classify, describe } from "./errors.mjs";
import { holds, settlement } from "./inflight.mjs";
import { splitLegs } from "./legs.mjs";
import { fromUnits } from "./money.mjs";
import { applyPrecision, applyToBalances, emptyBalance, refuseSameBalance } from "./postings.mjs";
import { refundOf, refundable } from "./refunds.mjs";

const QUEUED_LEGS =
  "skip_queue is false: legs are queued for independent async processing with no ordering guarantee, so each is " +
  "projected on its own rather than cumulatively";

/** The preview of one transaction, with one leg or several. */
export function preview(store, transaction, working = new Projection(store)) {
  const txn = { ...transaction, status: transaction.inflight ? "INFLIGHT" : "APPLIED" };
  applyPrecision(txn);
  const legs = splitLegs(txn);
  const result = startPreview(txn);
  if (store.references.has(txn.reference))
    refuse(result, `transaction validation failed: reference ${txn.reference} has already been used`);
  if (txn.scheduled_for !== null)
    note(result, "scheduled_for is ignored in a dry run; the projection shows the effect as if applied now");
  if (legs.length === 0) {
    projectLeg(result, working, txn);
    result.amount = txn.amount;
    result.balances = working.balances();
  } else {
    projectSplit(result, store, working, txn, legs);
  }
  return finished(result);
}

function startPreview(txn) {
  return {
    dry_run: true,
    would_apply: true,
    rejection: undefined,
    operation: undefined,
    status: txn.status,
    reference: txn.reference,
    currency: txn.currency,
    amount: txn.amount,
    precise_amount: String(txn.precise_amount),
    precision: txn.precision,
    balances: [],
    legs: undefined,
    notes: undefined,
  };
}

function projectSplit(result, store, working, txn, legs) {
  const role = txn.sources.length > 0 ? "source" : "destination";
  if (!txn.skip_queue) note(result, QUEUED_LEGS);
  for (const leg of legs) {
    const set = txn.skip_queue ? working : new Projection(store);
    if (projectLeg(result, set, leg)) addLeg(result, leg[role], role, leg);
    else if (txn.skip_queue) break;
    if (!txn.skip_queue) result.balances.push(...set.balances());
  }
  if (txn.skip_queue) result.balances = working.balances();
}

function addLeg(result, identifier, role, leg) {
  result.legs ??= [];
  result.legs.push({ identifier, role, precise_amount: String(leg.precise_amount), amount: leg.amount });
}

function projectLeg(result, working, leg) {
  try {
    working.apply(leg);
    return true;
  } catch (error) {
    if (!(error instanceof LedgerError || (error instanceof CoreError && error.code === "GEN_CONFLICT"))) throw error;
    refuse(result, describe(error));
    return false;
  }
}

function note(result, text) {
  result.notes ??= [];
  result.notes.push(text);
}

function refuse(result, message) {
  result.would_apply = false;
  const reason = /insufficient funds/i.test(message)
    ? "insufficient_funds"
    : /overdraft limit/i.test(message)
      ? "overdraft_limit"
      : "other";
  result.rejection ??= { code: classify(message) ?? "TXN_VALIDATION_ERROR", reason, message };
}

function finished(result) {
  if (!result.would_apply) result.status = undefined;
  return result;
}

/** The preview of a commit or a void of every hold of an id. */
export function previewActions(store, id, action, units) {
  const own = store.transactions.get(id);
  const legs = holds(store, id);
  if (legs.length === 0 && !own) throw new LedgerError("transaction not found");
  const result = { ...emptyPreview(), operation: action, status: action === "commit" ? "APPLIED" : "VOID" };
  if (legs.length === 0) refuse(result, "transaction is not in inflight status");
  if (action === "void" && units > 0n)
    note(result, "amount is ignored when voiding; a void always releases the full remaining hold");
  return projectAll(store, result, legs, (hold) => settlement(store, hold, action, units));
}

/** The preview of a refund of everything that an id stands for. */
export function previewRefund(store, id) {
  const rows = refundable(store, id);
  if (rows.length === 0) throw new LedgerError(`transaction ${id} not found for refund`);
  const result = projectAll(store, emptyPreview(), rows, (row) => {
    const refund = refundOf(store, row, {});
    return { ...refund, status: refund.inflight ? "INFLIGHT" : "APPLIED" };
  });
  note(
    result,
    rows.length === 1
      ? `projected refund of transaction ${rows[0].transaction_id}`
      : `projected refund of ${rows.length} refundable transactions under ${id}`,
  );
  return result;
}

const emptyPreview = () =>
  startPreview({ reference: undefined, status: undefined, currency: "", amount: 0, precise_amount: 0n, precision: 0 });

function projectAll(store, result, rows, toTransaction) {
  const working = new Projection(store);
  const faults = [];
  let total = 0n;
  for (const row of rows) {
    try {
      const txn = toTransaction(row);
      working.apply(txn);
      total += txn.precise_amount;
      result.currency = txn.currency;
      result.precision = txn.precision;
      if (result.operation === undefined) Object.assign(result, { status: txn.status, reference: txn.reference });
      if (rows.length > 1) addLeg(result, row.transaction_id, "source", txn);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      faults.push(error.message);
    }
  }
  if (faults.length > 0) refuse(result, `error occurred during processing: [${faults.join(" ")}]`);
  result.precise_amount = String(total);
  if (result.precision > 0) result.amount = Number(fromUnits(total, result.precision));
  result.balances = working.balances();
  return finished(result);
}

/** Copies of balances that transactions are tried on, one after the other. */
export class Projection {
  #entries = new Map();

  constructor(store) {
    this.store = store;
  }

  /** Applies a transaction to the copies, or throws and leaves them as they were. */
  apply(txn) {
    const source = this.#entry(txn.source, txn.currency, "source");
    const destination = this.#entry(txn.destination, txn.currency, "destination");
    refuseSameBalance(source.after, destination.after);
    applyToBalances(txn, source.after, destination.after);
  }

  balances() {
    return [...this.#entries.values()].map(({ before, after, role, virtual }) => ({
      balance_id: before.balance_id,
      role,
      currency: before.currency,
      virtual: virtual || undefined,
      ...figures("current", before),
      ...figures("resulting", after),
    }));
  }

  #entry(identifier, currency, role) {
    const id = identifier.startsWith("@") ? this.store.indicators.get(`${identifier}\n${currency}`) : identifier;
    const key = id ?? identifier;
    if (!this.#entries.has(key)) {
      const before =
        id === undefined
          ? emptyBalance({ balance_id: identifier, indicator: identifier, currency })
          : this.store.balance(id);
      this.#entries.set(key, { before: { ...before }, after: { ...before }, role, virtual: id === undefined });
    }
    return this.#entries.get(key);
  }
}

function figures(prefix, balance) {
  return {
    [`${prefix}_balance`]: String(balance.balance),
    [`${prefix}_available`]: String(balance.balance - balance.inflightDebit),
    [`${prefix}_credit_balance`]: String(balance.credit),
    [`${prefix}_debit_balance`]: String(balance.debit),
    [`${prefix}_inflight_debit_balance`]: String(balance.inflightDebit),
    [`${prefix}_inflight_credit_balance`]: String(balance.inflightCredit),
  };
}
