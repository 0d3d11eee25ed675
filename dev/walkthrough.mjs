// The first steps with the proxy, as lines for a shell: a ledger, two balances, a transaction between them, metadata.

/**
 * The walkthrough, to be pasted line after line into sh, bash or zsh. Each line shows Core's answer, and keeps the id
 * it brings in a shell variable for the next.
 * @param {{ origin: string, instance: string, key: string }} local
 * @returns {string}
 */
export function walkthrough({ origin, instance, key }) {
  return `# Where to, and as whom
PROXY=${origin}/proxy; INSTANCE=${instance}; KEY=${key}

# 1. A ledger
${create("LEDGER", "ledgers", "ledger_id", `{"name":"MyApp Integration Ledger","meta_data":{"description":"Ledger for integration test"}}`)}

# 2. Two balances in it
${create("SOURCE", "balances", "balance_id", `{"ledger_id":"'$LEDGER'","currency":"USD"}`)}
${create("DESTINATION", "balances", "balance_id", `{"ledger_id":"'$LEDGER'","currency":"USD"}`)}

# 3. A transaction between them; the proxy adds the precision and the reference that are not given
${create("TRANSACTION", "transactions", "transaction_id", `{"amount":100.50,"currency":"USD","source":"'$SOURCE'","destination":"'$DESTINATION'","description":"Integration test","allow_overdraft":true}`)}

# 4. Metadata on it
${post("$TRANSACTION/metadata", `{"meta_data":{"myApp":{"channel":"web","customer_id":"cust_abc123"}}}`)}; echo

# 5. When Core has applied it: the balance that it came to
sleep 2; ${get("balances/$DESTINATION")}; echo`;
}

function create(variable, route, id, body) {
  const idOf = `sed -n 's/.*"${id}": *"\\([^"]*\\)".*/\\1/p'`;
  return `ANSWER=$(${post(route, body)}); printf '%s\\n' "$ANSWER"; ${variable}=$(printf '%s' "$ANSWER" | ${idOf})`;
}

function post(route, body) {
  return `curl -sS "$PROXY/${route}?instance_id=$INSTANCE" -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" -d '${body}'`;
}

function get(route) {
  return `curl -sS "$PROXY/${route}?instance_id=$INSTANCE" -H "Authorization: Bearer $KEY"`;
}
