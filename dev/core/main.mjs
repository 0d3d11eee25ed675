// Runs the stand-in Core by itself: `node dev/core/main.mjs --port 5001 --key secret` (or CORE_PORT and CORE_KEY).

import { parseArgs } from "node:util";
import { startCore } from "./server.mjs";

const USAGE = "usage: node dev/core/main.mjs [--port 5001] [--host 127.0.0.1] [--key secret]";

try {
  const { values } = parseArgs({
    options: { port: { type: "string" }, host: { type: "string" }, key: { type: "string" } },
  });
  const port = Number(values.port ?? process.env.CORE_PORT ?? 5001);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`the port must be a number from 0 to 65535\n${USAGE}`);
  const core = await startCore({ port, host: values.host ?? "127.0.0.1", key: values.key ?? process.env.CORE_KEY });
  console.log(`stand-in Core on ${core.url}, X-Blnk-Key: ${core.key}`);
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => core.close());
} catch (error) {
  const taken =
    error.code === "EADDRINUSE" ? `port ${error.port} is in use; choose another with --port` : error.message;
  console.error(error.code?.startsWith("ERR_PARSE_ARGS") ? `${error.message}\n${USAGE}` : taken);
  process.exitCode = 1;
}
