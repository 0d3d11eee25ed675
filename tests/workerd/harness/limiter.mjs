/**
 * The Workers rate-limit binding, which workerd by itself does not have: the
 * options for `startWorker` that add one with the same single method.
 */

/**
 * @param {object} options
 * @param {string} options.name of the binding
 * @param {number} [options.limit] how many calls a key has, until the worker restarts
 * @param {boolean} [options.broken] makes every call throw instead
 * @param {boolean} [options.silent] never answers any call instead
 * @returns {{bindings: string[], extensions: string[]}}
 */
export function rateLimiter({ name, limit = 0, broken = false, silent = false }) {
  const module = `
    export default function (env) {
      const used = new Map();
      return {
        async limit({ key }) {
          if (env.silent) await new Promise(() => {});
          if (env.broken) throw new Error("the rate limiter was told to fail");
          used.set(key, (used.get(key) ?? 0) + 1);
          return { success: used.get(key) <= env.limit };
        },
      };
    }`;
  const inner = Object.entries({ limit, broken, silent });
  const innerBindings = inner.map(([key, value]) => `(name = "${key}", json = "${value}")`).join(", ");
  return {
    bindings: [`(name = "${name}", wrapped = (moduleName = "harness:${name}", innerBindings = [${innerBindings}]))`],
    extensions: [`(modules = [(name = "harness:${name}", internal = true, esModule = ${JSON.stringify(module)})])`],
  };
}
