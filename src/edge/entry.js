// The Worker's main module, in front of `worker.js`, which is what worker-build makes of the crate.
import { Edge, Idempotency, Registry } from "./worker.js";

export { Idempotency, Registry };

Edge.connect({ settle: (...outcome) => Edge.settle(...outcome), wake: () => Edge.wake() });

// After a trap wasm-bindgen's own wrapper of `Edge.fetch` starts the instance afresh before the next call.
export default {
  fetch(request, env, context) {
    const answer = Edge.fetch(request, env);
    // A caller who hangs up must neither cancel a write nor lose its log line.
    if (request.method !== "GET" && answer instanceof Promise) context.waitUntil(answer);
    return answer;
  },
};
