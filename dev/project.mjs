// Where the project's parts are, and which versions of the tools it is built with. No version is written here:
// `package.json` pins what comes from npm, `rust-toolchain.toml` the toolchain, `dev/bindgen` wasm-bindgen.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** The path of a program that an npm package of the project brings. */
export const npmProgram = (name) => join(root, "node_modules", ".bin", name);

/** Node for what needs a newer one than 20 (wrangler does): the one from npm, else the one that runs this. */
export function node() {
  const pinned = npmProgram("node");
  return existsSync(pinned) ? pinned : process.execPath;
}

/**
 * The toolchain that `rust-toolchain.toml` names.
 * @param {string} [text] the file's text
 * @returns {{ channel: string, components: string[], targets: string[] }}
 */
export function toolchain(text = read("rust-toolchain.toml")) {
  const list = (key) => [
    ...(text.match(new RegExp(`^${key}\\s*=\\s*\\[([^\\]]*)\\]`, "m"))?.[1] ?? "").matchAll(/"([^"]+)"/g),
  ];
  return {
    channel: text.match(/^channel\s*=\s*"([^"]+)"/m)?.[1] ?? "stable",
    components: list("components").map(([, name]) => name),
    targets: list("targets").map(([, name]) => name),
  };
}

/** The text of a file of the project. */
export function read(path) {
  return readFileSync(join(root, path), "utf8");
}
