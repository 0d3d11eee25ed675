/** The 25 routes that the Proxy API documents, as a caller uses them: method, path and the scope each needs. */
export const DOCUMENTED = [
  ["POST", "/ledgers"],
  ["POST", "/balances"],
  ["POST", "/transactions"],
  ["POST", "/transactions/bulk"],
  ["PUT", "/transactions/inflight/txn_1"],
  ["POST", "/refund-transaction/txn_1"],
  ["POST", "/identities"],
  ["PUT", "/identities/idt_1"],
  ["PUT", "/balances/bln_1/identity"],
  ["POST", "/ldg_1/metadata"],
  ["GET", "/balances/bln_1/at?timestamp=2026-01-01T00:00:00Z"],
  ["GET", "/balances/bln_1/lineage"],
  ["GET", "/transactions/txn_1/lineage"],
  ["GET", "/identities/idt_1/tokenized-fields"],
  ["GET", "/identities/idt_1/detokenize/EmailAddress"],
  ["POST", "/identities/idt_1/tokenize/EmailAddress"],
  ["POST", "/identities/idt_1/tokenize"],
  ["POST", "/identities/idt_1/detokenize"],
  ["POST", "/reconciliation/start"],
  ["POST", "/reconciliation/upload"],
  ["POST", "/reconciliation/matching-rules"],
  ["PUT", "/reconciliation/matching-rules/rule_1"],
  ["DELETE", "/reconciliation/matching-rules/rule_1"],
  ["GET", "/reconciliation/recon_1"],
  ["POST", "/reconciliation/start-instant"],
].map(([method, path]) => ({ method, path, scope: method === "GET" ? "proxy:read" : "proxy:write" }));

const READS_BY_POST = [
  "/ledgers/filter",
  "/balances/filter",
  "/transactions/filter",
  "/identities/filter",
  "/accounts/filter",
  "/search/transactions",
  "/multi-search",
];

/**
 * The other routes that an instance of the profile `extended` has; `scope: null` where a read or a write scope does.
 */
export const EXTENDED = [
  ["GET", "/health"],
  ["GET", "/ledgers?limit=2"],
  ["GET", "/ledgers/ldg_1"],
  ["PUT", "/ledgers/ldg_1"],
  ["GET", "/balances"],
  ["GET", "/balances/bln_1?include=ledger"],
  ["GET", "/balances/indicator/@World/currency/USD"],
  ["GET", "/balance-monitors"],
  ["GET", "/balance-monitors/mon_1"],
  ["GET", "/balance-monitors/balances/bln_1"],
  ["POST", "/balance-monitors"],
  ["PUT", "/balance-monitors/mon_1"],
  ["DELETE", "/balance-monitors/mon_1"],
  ["GET", "/transactions"],
  ["GET", "/transactions/txn_1"],
  ["GET", "/transactions/reference/ref%20of%20mine"],
  ["POST", "/transactions/inflight/bulk/commit"],
  ["POST", "/transactions/inflight/bulk/void"],
  ["GET", "/identities"],
  ["GET", "/identities/idt_1"],
  ["DELETE", "/identities/idt_1"],
  ["GET", "/accounts"],
  ["GET", "/accounts/acc_1"],
  ["POST", "/accounts"],
  ...READS_BY_POST.map((path) => ["POST", path]),
].map(([method, path]) => ({ method, path, scope: scopeOf(method, path) }));

function scopeOf(method, path) {
  if (READS_BY_POST.includes(path)) return null;
  return method === "GET" ? "proxy:read" : "proxy:write";
}
