// The first steps with the proxy, as lines for a shell: a ledger, two balances, a transaction between them, metadata;
// and the same door for an app, by OAuth.

/**
 * The walkthrough, to be pasted line after line into sh, bash or zsh. Each line shows Core's answer, and keeps the id
 * it brings in a shell variable for the next.
 * @param {{ origin: string, instance: string, key: string }} local
 * @returns {string}
 */
export function walkthrough({ origin, instance, key }) {
  const ledger = `{"name":"MyApp Integration Ledger","meta_data":{"description":"Ledger for integration test"}}`;
  const fields = `"amount":100.50,"currency":"USD","source":"'$SOURCE'","destination":"'$DESTINATION'"`;
  const transaction = `{${fields},"description":"Integration test","allow_overdraft":true}`;
  return `# Where to, and as whom
PROXY=${origin}/proxy; INSTANCE=${instance}; KEY=${key}

# 1. A ledger
${create("LEDGER", "ledgers", "ledger_id", ledger)}

# 2. Two balances in it
${create("SOURCE", "balances", "balance_id", `{"ledger_id":"'$LEDGER'","currency":"USD"}`)}
${create("DESTINATION", "balances", "balance_id", `{"ledger_id":"'$LEDGER'","currency":"USD"}`)}

# 3. A transaction between them; the proxy adds the precision and the reference that are not given
${create("TRANSACTION", "transactions", "transaction_id", transaction)}

# 4. Metadata on it; Core stores a queued transaction a moment after it has answered
sleep 1; ${post("$TRANSACTION/metadata", `{"meta_data":{"myApp":{"channel":"web","customer_id":"cust_abc123"}}}`)}; echo

# 5. When Core has applied it: the balance that it came to
sleep 2; ${get("balances/$DESTINATION")}; echo`;
}

/**
 * The same as an app that has a client's id and secret: a token for them, a call with it, and the token given back.
 * @param {{ origin: string, instance: string, client: { id: string, secret: string } }} local
 * @returns {string}
 */
export function oauthWalkthrough({ origin, instance, client }) {
  const asClient = `-u "$CLIENT:$SECRET"`;
  const grant = "-d grant_type=client_credentials -d scope=proxy:read";
  return `# As an app: where to, and which client
ORIGIN=${origin}; CLIENT=${client.id}; SECRET=${client.secret}

# 1. A token for an hour, that may only read
TOKEN=$(curl -sS "$ORIGIN/oauth/token" ${asClient} ${grant} | ${fieldOf("access_token")})

# 2. A call with it
curl -sS "$ORIGIN/proxy/ledgers?instance_id=${instance}" -H "Authorization: Bearer $TOKEN"; echo

# 3. The token given back before its time
curl -sS "$ORIGIN/oauth/revoke" ${asClient} -d token="$TOKEN"; echo`;
}

function create(variable, route, id, body) {
  const request = `ANSWER=$(${post(route, body)})`;
  return `${request}; printf '%s\\n' "$ANSWER"; ${variable}=$(printf '%s' "$ANSWER" | ${fieldOf(id)})`;
}

/** The command that finds the text of a field in JSON. */
function fieldOf(field) {
  return `sed -n 's/.*"${field}": *"\\([^"]*\\)".*/\\1/p'`;
}

function post(route, body) {
  const headers = `-H "Authorization: Bearer $KEY" -H "Content-Type: application/json"`;
  return `curl -sS "$PROXY/${route}?instance_id=$INSTANCE" ${headers} -d '${body}'`;
}

function get(route) {
  return `curl -sS "$PROXY/${route}?instance_id=$INSTANCE" -H "Authorization: Bearer $KEY"`;
}
