/**
 * Writes the configuration that `workerd serve` reads (Cap'n Proto text, schema
 * `workerd.capnp` of cloudflare/workerd) for one worker with its bindings.
 */

/** The header by which the KV stand-in tells its namespaces apart. */
export const NAMESPACE_HEADER = "x-kv-namespace";

/**
 * @param {object} worker
 * @param {{name: string, file: string}[]} worker.modules the main one first; files beside the configuration
 * @param {string} worker.address where to listen, `127.0.0.1:0` for any free port
 * @param {import("./settings.mjs").Settings} worker.settings
 * @param {Record<string, string>} worker.vars text bindings
 * @param {string | null} worker.kvAddress `host:port` of the KV stand-in
 * @param {string} worker.storage folder of the Durable Objects' databases
 * @param {string[]} [worker.services] further services, as Cap'n Proto text
 * @param {string[]} [worker.bindings] further bindings, as Cap'n Proto text
 * @param {string[]} [worker.extensions] workerd extensions, as Cap'n Proto text
 * @returns {string}
 */
export function workerdConfig(worker) {
  const { settings } = worker;
  const namespaces = worker.kvAddress ? settings.kvNamespaces : [];
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = ${list([
    `(name = "main", worker = .worker)`,
    `(name = "storage", disk = (path = ${text(worker.storage)}, writable = true))`,
    // Upstreams of tests listen on loopback, which workerd refuses by default.
    `(name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true)))`,
    ...namespaces.map((name) => kvService(name, worker.kvAddress)),
    ...(worker.services ?? []),
  ])},
  sockets = [(name = "http", address = ${text(worker.address)}, http = (), service = "main")],
  extensions = ${list(worker.extensions ?? [])},
);

const worker :Workerd.Worker = (
  modules = ${list(worker.modules.map(module))},
  compatibilityDate = ${text(settings.compatibilityDate)},
  compatibilityFlags = ${list(settings.compatibilityFlags.map(text))},
  bindings = ${list([
    ...Object.entries(worker.vars).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`),
    ...namespaces.map((name) => `(name = ${text(name)}, kvNamespace = ${text(`kv-${name}`)})`),
    ...settings.durableObjects.map(
      ({ name, className }) => `(name = ${text(name)}, durableObjectNamespace = ${text(className)})`,
    ),
    ...(worker.bindings ?? []),
  ])},
  durableObjectNamespaces = ${list(
    settings.durableObjects.map(
      ({ className }) => `(className = ${text(className)}, uniqueKey = ${text(className)}, enableSql = true)`,
    ),
  )},
  durableObjectStorage = (localDisk = "storage"),
);
`;
}

function kvService(name, address) {
  const header = `(name = ${text(NAMESPACE_HEADER)}, value = ${text(name)})`;
  const http = `(injectRequestHeaders = [${header}])`;
  return `(name = ${text(`kv-${name}`)}, external = (address = ${text(address)}, http = ${http}))`;
}

function module({ name, file }) {
  const kind = name.endsWith(".wasm") ? "wasm" : "esModule";
  return `(name = ${text(name)}, ${kind} = embed ${text(file)})`;
}

function list(items) {
  return items.length === 0 ? "[]" : `[\n    ${items.join(",\n    ")},\n  ]`;
}

/** A Cap'n Proto string literal: bytes outside printable ASCII are escaped. */
function text(value) {
  const bytes = [...Buffer.from(value, "utf8")];
  const escaped = bytes.map((byte) => {
    const char = String.fromCharCode(byte);
    if (char === '"' || char === "\\") return `\\${char}`;
    return byte >= 0x20 && byte < 0x7f ? char : `\\x${byte.toString(16).padStart(2, "0")}`;
  });
  return `"${escaped.join("")}"`;
}
