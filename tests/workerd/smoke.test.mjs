// The harness itself, shown on a probe worker that needs no build: what the other
// tests take for granted about workerd, the stand-ins and the clients.
import "./harness/tests/worker.mjs";
import "./harness/tests/log.mjs";
import "./harness/tests/kv.mjs";
import "./harness/tests/upstream.mjs";
import "./harness/tests/http.mjs";
import "./harness/tests/admin.mjs";
import "./harness/tests/settings.mjs";
