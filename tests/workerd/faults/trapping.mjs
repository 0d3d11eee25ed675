/**
 * A copy of the built worker that traps when it is told to. The wasm is the release build's own, untouched: the copy's
 * JavaScript, on a header, makes it fail an allocation while Rust code is on the stack, and that ends in `unreachable`,
 * as every panic does. It can also be told to have the platform's calls throw.
 */
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { removeAtExit } from "../harness/cleanup.mjs";

const BUILD = fileURLToPath(new URL("../../../build", import.meta.url));

/** A request with this header traps as it arrives; an answer of Core with it, as it is passed on. */
export const TRAP_HEADER = "x-test-trap";

/**
 * A request whose User-Agent this is makes `fetch` throw at once; an answer of Core with it as TRAP_HEADER, what passes
 * it on.
 */
export const THROW = "throw";

/** @returns {string} the folder of the copy, removed when the process ends */
export function trappingBuild() {
  const folder = mkdtempSync(join(tmpdir(), "blnk-edge-trapping-"));
  removeAtExit(folder);
  copyFileSync(join(BUILD, "index_bg.wasm"), join(folder, "index_bg.wasm"));
  const source = readFileSync(join(BUILD, "index.js"), "utf8");
  const [, wasm] = found(source, /(\w+)\.__wbindgen_start\(\)/);
  const told = (subject) => `${subject}.headers.get("${TRAP_HEADER}")`;
  const trap = (subject) =>
    `if(${told(subject)}==="${THROW}")throw new Error("told to");` +
    `if(${told(subject)})${wasm}.__wbindgen_malloc(0xffffffff,1);`;
  const arriving = source.replace(...insert(source, /__wbg_head_\w+:function\(\w+,(\w+)\)\{/, trap));
  const both = arriving.replace(...insert(arriving, PASS_ON, trap));
  writeFileSync(join(folder, "index.js"), `${THROWING_FETCH}\n${both}`);
  return folder;
}

/** The beginning of `passOn` in forward.js, whatever its names have become. */
const PASS_ON = /function \w+\((\w+),\w+,\w+\)\{(?=(?:let|const) \w+=new Response\(\1\.body,\1\))/;

const THROWING_FETCH = `
const realFetch = globalThis.fetch;
globalThis.fetch = (url, init) => {
  if (init?.headers?.["user-agent"] === "${THROW}") throw new Error("told to");
  return realFetch(url, init);
};`;

function insert(source, pattern, code) {
  const [start, subject] = found(source, pattern);
  return [start, start + code(subject)];
}

function found(source, pattern) {
  const match = pattern.exec(source);
  if (match === null) throw new Error(`the build's index.js has no ${pattern}`);
  return match;
}
