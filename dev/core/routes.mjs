// Core's routes that the stand-in has: method, path, handler, and what the route makes of error codes.

import {
  balanceAt,
  balanceById,
  balanceByIndicator,
  BALANCE_LIST,
  createBalance,
  linkIdentity,
  listBalances,
} from "./balances.mjs";
import { commitBulk, createBulk, voidBulk } from "./bulk.mjs";
import { CoreError } from "./errors.mjs";
import { listByBody, listByQuery } from "./filters.mjs";
import {
  createIdentity,
  deleteIdentity,
  identityById,
  IDENTITY_LIST,
  listIdentities,
  updateIdentity,
} from "./identities.mjs";
import { updateInflight } from "./inflight.mjs";
import { createLedger, ledgerById, LEDGER_LIST, listLedgers, updateLedger } from "./ledgers.mjs";
import { balanceLineage, transactionLineage } from "./lineage.mjs";
import { updateMetadata } from "./metadata.mjs";
import {
  allMonitors,
  createMonitor,
  deleteMonitor,
  monitorById,
  monitorsOfBalance,
  nullWhenEmpty,
  updateMonitor,
} from "./monitors.mjs";
import {
  createRule,
  deleteRule,
  reconciliationById,
  startInstant,
  startReconciliation,
  updateRule,
} from "./reconciliation.mjs";
import { refundTransaction } from "./refunds.mjs";
import { detokenizeField, detokenizeFields, tokenizedFields, tokenizeField, tokenizeFields } from "./tokens.mjs";
import { createTransaction, listTransactions, transactionById, transactionByReference } from "./transactions.mjs";
import { uploadStatement } from "./uploads.mjs";

const TRANSACTION_LIST = {
  table: "transactions",
  limit: 20,
  fields: new Set([
    "transaction_id",
    "parent_transaction",
    "amount",
    "currency",
    "source",
    "destination",
    "balance_id",
    "reference",
    "status",
    "created_at",
    "effective_date",
    "indicator",
    "description",
    "precision",
    "meta_data",
  ]),
};

const txn = { upgrade: { GEN_NOT_FOUND: "TXN_NOT_FOUND" }, fallback: "TXN_VALIDATION_ERROR" };
const action = { upgrade: { GEN_NOT_FOUND: "TXN_NOT_FOUND" }, fallback: "GEN_BAD_REQUEST" };
const bln = { upgrade: { GEN_NOT_FOUND: "BAL_NOT_FOUND" } };
const mon = { upgrade: { GEN_NOT_FOUND: "BAL_MONITOR_NOT_FOUND" } };
const ldg = { upgrade: { GEN_NOT_FOUND: "LGR_NOT_FOUND", GEN_CONFLICT: "LGR_DUPLICATE" } };
const idt = { upgrade: { GEN_NOT_FOUND: "IDT_NOT_FOUND" } };
const newIdt = { upgrade: { GEN_CONFLICT: "IDT_VALIDATION_ERROR", GEN_BAD_REQUEST: "IDT_VALIDATION_ERROR" } };
const rule = { upgrade: { GEN_NOT_FOUND: "RECON_RULE_NOT_FOUND" }, fallback: "GEN_INTERNAL" };

const list =
  (rows, spec, whenEmpty = (page) => page) =>
  ({ store }, { query }) => ({
    status: 200,
    body: whenEmpty(listByQuery(rows(store), query, spec)),
  });
const filter =
  (rows, spec, whenEmpty) =>
  ({ store }, { body }) => ({ status: 200, body: listByBody(rows(store), body, spec, whenEmpty) });

/** @type {[string, string, Function, object?][]} */
export const ROUTES = [
  ["GET", "/", () => ({ status: 200, body: "server running..." })],
  ["GET", "/health", () => ({ status: 200, body: { status: "UP" } })],
  ["GET", "/hooks", hooks],

  ["POST", "/ledgers", createLedger, ldg],
  ["GET", "/ledgers", list(listLedgers, LEDGER_LIST)],
  ["GET", "/ledgers/:id", ledgerById, ldg],
  ["PUT", "/ledgers/:id", updateLedger, ldg],
  ["POST", "/ledgers/filter", filter(listLedgers, LEDGER_LIST)],

  ["POST", "/balances", createBalance],
  ["GET", "/balances", list(listBalances, BALANCE_LIST, nullWhenEmpty)],
  ["GET", "/balances/:id", balanceById, bln],
  ["GET", "/balances/:id/at", balanceAt, bln],
  ["GET", "/balances/:id/lineage", balanceLineage, bln],
  ["PUT", "/balances/:id/identity", linkIdentity, bln],
  ["GET", "/balances/indicator/:indicator/currency/:currency", balanceByIndicator, bln],
  ["POST", "/balances/filter", filter(listBalances, BALANCE_LIST, nullWhenEmpty)],

  ["POST", "/balance-monitors", createMonitor],
  ["GET", "/balance-monitors", allMonitors],
  ["GET", "/balance-monitors/:id", monitorById, mon],
  ["PUT", "/balance-monitors/:id", updateMonitor, mon],
  ["DELETE", "/balance-monitors/:id", deleteMonitor, mon],
  ["GET", "/balance-monitors/balances/:balance_id", monitorsOfBalance],

  ["POST", "/transactions", createTransaction, txn],
  ["POST", "/transactions/bulk", createBulk, txn],
  ["GET", "/transactions", list(listTransactions, TRANSACTION_LIST)],
  ["GET", "/transactions/:id", transactionById, txn],
  ["GET", "/transactions/:id/lineage", transactionLineage, txn],
  ["GET", "/transactions/reference/:reference", transactionByReference, txn],
  ["POST", "/transactions/filter", filter(listTransactions, TRANSACTION_LIST)],
  ["PUT", "/transactions/inflight/:txID", updateInflight, action],
  ["POST", "/transactions/inflight/bulk/commit", commitBulk, action],
  ["POST", "/transactions/inflight/bulk/void", voidBulk, action],
  ["POST", "/refund-transaction/:id", refundTransaction, action],

  ["POST", "/identities", createIdentity, newIdt],
  ["GET", "/identities", list(listIdentities, IDENTITY_LIST, nullWhenEmpty)],
  ["GET", "/identities/:id", identityById, idt],
  ["PUT", "/identities/:id", updateIdentity, idt],
  ["DELETE", "/identities/:id", deleteIdentity, idt],
  ["POST", "/identities/filter", filter(listIdentities, IDENTITY_LIST, nullWhenEmpty)],
  ["GET", "/identities/:id/tokenized-fields", tokenizedFields, idt],
  ["POST", "/identities/:id/tokenize/:field", tokenizeField, idt],
  ["POST", "/identities/:id/tokenize", tokenizeFields, idt],
  ["GET", "/identities/:id/detokenize/:field", detokenizeField, idt],
  ["POST", "/identities/:id/detokenize", detokenizeFields, idt],

  ["POST", "/reconciliation/upload", uploadStatement],
  ["POST", "/reconciliation/matching-rules", createRule, rule],
  ["PUT", "/reconciliation/matching-rules/:id", updateRule, rule],
  ["DELETE", "/reconciliation/matching-rules/:id", deleteRule, rule],
  ["POST", "/reconciliation/start", startReconciliation],
  ["POST", "/reconciliation/start-instant", startInstant],
  ["GET", "/reconciliation/:id", reconciliationById],

  ["POST", "/:entity-id/metadata", updateMetadata],
];

// No hook can be made here; the list tells whether a key is the master key.
function hooks(_core, { isMaster }) {
  if (!isMaster) throw new CoreError("AUTH_MASTER_KEY_REQUIRED", "hook management requires master key");
  return { status: 200, body: [] };
}
