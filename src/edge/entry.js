// The Worker's main module, in front of `worker.js`, which is what worker-build makes of the crate.
import { Edge, Idempotency, Registry } from "./worker.js";

export { Idempotency, Registry };

// After a trap wasm-bindgen's own wrapper of `Edge.fetch` starts the instance afresh before the next call.
export default { fetch: (request, env, context) => Edge.fetch(request, env, context) };
