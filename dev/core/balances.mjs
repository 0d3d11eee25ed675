// Balances: made in a ledger or on the fly, read now or as they were.

import { formatStored, formatTime, now, parseTime } from "./clock.mjs";
import { CoreError, LedgerError, notFound } from "./errors.mjs";
import { emptyBalance } from "./postings.mjs";
import { bindBody, faultsText } from "./requests.mjs";
import { GENERAL_LEDGER } from "./store.mjs";

const BALANCE = {
  name: "CreateBalance",
  fields: {
    ledger_id: "string",
    identity_id: "string",
    currency: "string",
    precision: "float",
    meta_data: "map",
    track_fund_lineage: "bool",
    allocation_strategy: "string",
    indicator: "string",
  },
};
const IDENTITY = { name: "UpdateBalanceIdentity", fields: { identity_id: "string" } };
const STRATEGIES = ["", "FIFO", "LIFO", "PROPORTIONAL"];

/** What a list of balances can be filtered by. */
export const BALANCE_LIST = {
  table: "balances",
  limit: 10,
  strict: true,
  fields: new Set([
    "balance_id",
    "ledger_id",
    "identity_id",
    "indicator",
    "currency",
    "balance",
    "credit_balance",
    "debit_balance",
    "inflight_balance",
    "inflight_credit_balance",
    "inflight_debit_balance",
    "created_at",
    "meta_data",
  ]),
};

/** `POST /balances` */
export function createBalance({ store }, { body }) {
  const bound = bindBody(body, BALANCE);
  const strategy = bound.allocation_strategy.trim().toUpperCase();
  const indicator = bound.indicator.trim();
  refuseFields(bound, strategy, indicator);
  refuseForeignKey(store.ledgers, "ledger", "ledgers", bound.ledger_id);
  if (bound.identity_id !== "") refuseForeignKey(store.identities, "identity", "identity", bound.identity_id);
  const key = `${indicator}\n${bound.currency}`;
  if (indicator && store.indicators.has(key)) {
    throw new CoreError("GEN_CONFLICT", `Balance already exists for indicator '${indicator}' and '${bound.currency}'`);
  }
  const balance = emptyBalance({
    ledger_id: bound.ledger_id,
    identity_id: bound.identity_id,
    currency: bound.currency,
    meta: bound.meta_data,
    indicator,
    track_fund_lineage: bound.track_fund_lineage,
    allocation_strategy: strategy || "FIFO",
  });
  store.balances.set(balance.balance_id, balance);
  if (indicator) store.indicators.set(key, balance.balance_id);
  return { status: 201, body: view(balance, formatTime) };
}

function refuseFields(bound, strategy, indicator) {
  const required = (name) => (bound[name] === "" ? "cannot be blank" : undefined);
  const faults = faultsText({
    ledger_id: required("ledger_id"),
    currency: required("currency"),
    identity_id:
      bound.track_fund_lineage && required("identity_id")
        ? "identity_id is required when track_fund_lineage is enabled"
        : undefined,
    allocation_strategy: STRATEGIES.includes(strategy)
      ? undefined
      : "allocation_strategy must be one of: FIFO, LIFO, PROPORTIONAL",
    indicator: indicatorFault(indicator, bound.ledger_id),
  });
  if (faults) throw new CoreError("GEN_VALIDATION_ERROR", faults, { key: "errors" });
}

function indicatorFault(indicator, ledgerId) {
  if (indicator === "") return undefined;
  if (ledgerId !== GENERAL_LEDGER)
    return "indicator is only allowed for General Ledger balances (ledger_id = general_ledger_id)";
  return /^@\S+$/.test(indicator)
    ? undefined
    : "indicator must start with '@' and contain no whitespace (e.g. '@cash')";
}

// PostgreSQL's own words, which Core passes on; it speaks of the ledger whichever key it was.
function refuseForeignKey(table, column, tableName, id) {
  if (table.has(id)) return;
  const constraint = `balances_${column}_id_fkey`;
  throw new CoreError("GEN_BAD_REQUEST", "Invalid ledger ID", {
    details: {
      Severity: "ERROR",
      Code: "23503",
      Message: `insert or update on table "balances" violates foreign key constraint "${constraint}"`,
      Detail: `Key (${column}_id)=(${id}) is not present in table "${tableName}".`,
      Hint: "",
      Position: "",
      InternalPosition: "",
      InternalQuery: "",
      Where: "",
      Schema: "blnk",
      Table: "balances",
      Column: "",
      DataTypeName: "",
      Constraint: constraint,
      File: "ri_triggers.c",
      Line: "2596",
      Routine: "ri_ReportViolation",
    },
  });
}

/** `GET /balances/:id` */
export const balanceById = ({ store }, { params }) => ({ status: 200, body: view(store.balance(params.id)) });

/** `GET /balances/indicator/:indicator/currency/:currency` */
export function balanceByIndicator({ store }, { params }) {
  const id = store.indicators.get(`${params.indicator}\n${params.currency}`);
  if (id === undefined) throw notFound(`Balance with indicator '${params.indicator}' not found`);
  return { status: 200, body: view(store.balance(id)) };
}

/** `PUT /balances/:id/identity` */
export function linkIdentity({ store }, { params, body }) {
  const { identity_id: identityId } = bindBody(body, IDENTITY);
  if (identityId === "") {
    const fault =
      "Key: 'UpdateBalanceIdentity.IdentityId' Error:Field validation for 'IdentityId' failed on the 'required' tag";
    throw new CoreError("GEN_MALFORMED_REQUEST", fault);
  }
  const balance = store.balance(params.id);
  if (!store.identities.has(identityId)) throw new CoreError("GEN_INTERNAL", "Failed to update balance identity");
  balance.identity_id = identityId;
  return { status: 200, body: { message: "Balance identity updated successfully" } };
}

/** `GET /balances/:id/at`: the balance worked out from its history. */
export function balanceAt({ store }, { params, query }) {
  const text = query.get("timestamp") ?? "";
  const at = text === "" ? now() : parseTime(text);
  if (at === undefined) {
    throw new CoreError(
      "BAL_INVALID_TIMESTAMP",
      "invalid timestamp format. Please use ISO 8601 format (e.g., 2024-01-01T15:04:05Z)",
    );
  }
  const balance = store.balance(params.id);
  if (balance.created_at > at) throw new LedgerError(`no balance data found for time: ${formatTime(at)}`);
  const { credit, debit } = history(store, params.id, at);
  const figures = {
    balance: credit - debit,
    balance_id: params.id,
    credit_balance: credit,
    currency: balance.currency,
    debit_balance: debit,
  };
  return {
    status: 200,
    body: { balance: figures, from_source: query.get("from_source") === "true", timestamp: formatTime(at) },
  };
}

/** What was booked to a balance up to a time. */
export function history(store, id, at) {
  let credit = 0n;
  let debit = 0n;
  for (const row of store.transactions.values()) {
    if (row.status !== "APPLIED" || row.created_at > at) continue;
    if (row.destination === id) credit += row.precise_amount;
    if (row.source === id) debit += row.precise_amount;
  }
  return { credit, debit };
}

/** All balances, newest first. */
export const listBalances = (store) => [...store.balances.values()].reverse().map((balance) => view(balance));

function view(balance, time = formatStored) {
  return {
    balance: balance.balance,
    version: balance.version,
    inflight_balance: balance.inflight,
    credit_balance: balance.credit,
    inflight_credit_balance: balance.inflightCredit,
    debit_balance: balance.debit,
    inflight_debit_balance: balance.inflightDebit,
    ledger_id: balance.ledger_id,
    identity_id: balance.identity_id,
    balance_id: balance.balance_id,
    indicator: balance.indicator || undefined,
    currency: balance.currency,
    created_at: time(balance.created_at),
    inflight_expires_at: formatTime(null),
    meta_data: balance.meta,
    track_fund_lineage: balance.track_fund_lineage,
    allocation_strategy: balance.allocation_strategy || undefined,
  };
}
