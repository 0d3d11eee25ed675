// The Worker's main module, in front of `worker.js`, which is what wasm-bindgen makes of the crate.
import { Claims as ClaimsHalf, Edge, Idempotency as IdempotencyHalf, Registry as RegistryHalf } from "./worker.js";

Edge.connect({ settle: (...outcome) => Edge.settle(...outcome), generation: () => Edge.generation() });

export default {
  fetch(request, env, context) {
    const answer = Edge.fetch(request, env);
    // A caller who hangs up must neither cancel a write nor lose its log line.
    if (request.method !== "GET" && answer instanceof Promise) context.waitUntil(answer);
    return answer;
  },
};

/** A Durable Object whose work is done by a Rust object, which is made anew after a trap has ended its instance. */
function durableObject(Half) {
  return class {
    #state;
    #env;
    #half;
    #generation;

    constructor(state, env) {
      this.#state = state;
      this.#env = env;
    }

    fetch(request) {
      return this.#awake().fetch(request);
    }

    alarm() {
      return this.#awake().alarm();
    }

    #awake() {
      const generation = Edge.generation();
      if (this.#generation !== generation) {
        this.#half = new Half(this.#state, this.#env);
        this.#generation = generation;
      }
      return this.#half;
    }
  };
}

export const Claims = durableObject(ClaimsHalf);
export const Idempotency = durableObject(IdempotencyHalf);
export const Registry = durableObject(RegistryHalf);
