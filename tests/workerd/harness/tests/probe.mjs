import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The options that start the probe in place of the built worker. */
export const PROBE = { build: at("../probe"), config: at("../probe/wrangler.toml") };
