// `npm run build`, and wrangler's own build step: the release build of the worker, `build/index.js` beside
// `build/index_bg.wasm`. Nothing is done when neither the sources nor the output changed since the last one.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { npmProgram } from "./project.mjs";
import { Failure, main, run, say } from "./run.mjs";
import { bindgen } from "./rust.mjs";
import { setUp } from "./setup.mjs";

const STAGING = "build/staging";
const STAMP = "build/.stamp";
// In this order, so that new JavaScript never stands beside old wasm.
const OUTPUT = ["index_bg.wasm", "index.js"];
const INPUT = [
  "Cargo.toml",
  "Cargo.lock",
  "rust-toolchain.toml",
  "package-lock.json",
  "dev/build.mjs",
  "dev/bindgen/src",
  "dev/bindgen/Cargo.lock",
  "src",
];

/** Builds the worker with the tools of the set-up, if anything changed. */
export async function build() {
  const before = digest(INPUT);
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === before + digest(outputPaths()))
    return say("Build: nothing changed.");
  const started = Date.now();
  rmSync(STAMP, { force: true });
  await compile();
  await bundle();
  const unoptimised = statSync(`${STAGING}/index_bg.wasm`).size;
  await prune();
  await optimise();
  for (const name of OUTPUT) renameSync(`${STAGING}/${name}`, `build/${name}`);
  rmSync(STAGING, { recursive: true });
  writeFileSync(STAMP, before + digest(outputPaths()));
  say(`Build: done in ${Math.round((Date.now() - started) / 1000)} s; ${sizes(unoptimised)}.`);
}

async function compile() {
  say("Build: compiling the worker …");
  const args = ["build", "--release", "--locked", "--lib", "--target", WASM_TARGET];
  // Panics name source files; without this they would name the folder of whoever builds, and builds would differ by it.
  const sources = join(process.env.CARGO_HOME ?? join(homedir(), ".cargo"), "registry", "src");
  args.push("--config", `target.${WASM_TARGET}.rustflags=${JSON.stringify([`--remap-path-prefix=${sources}=crates`])}`);
  await run("cargo", args, { failure: "The build failed: correct what the compiler says above, and run it again." });
}

const WASM_TARGET = "wasm32-unknown-unknown";

/**
 * Makes the JavaScript between the wasm and the platform, puts our main module in front of it, and makes one file of
 * both.
 */
async function bundle() {
  mkdirSync(STAGING, { recursive: true });
  const compiled = `${process.env.CARGO_TARGET_DIR ?? "target"}/${WASM_TARGET}/release/blnk_edge.wasm`;
  const failure = "wasm-bindgen failed: see its message above; its version in dev/bindgen must be that of Cargo.lock.";
  await run(bindgen, [compiled, STAGING, "index"], { failure });
  // It copies the modules that the crate names, and not what those import themselves.
  for (const crate of readdirSync(`${STAGING}/snippets`).filter((crate) => crate.startsWith("blnk-edge-"))) {
    copyFileSync("src/edge/no_answer.js", `${STAGING}/snippets/${crate}/src/edge/no_answer.js`);
  }
  writeFileSync(`${STAGING}/worker.js`, bundled(readFileSync(`${STAGING}/index.js`, "utf8")));
  copyFileSync("src/edge/entry.js", `${STAGING}/entry.js`);
  const outside = ["./index_bg.wasm", "cloudflare:*"].map((name) => `--external:${name}`);
  const args = [
    `${STAGING}/entry.js`,
    "--bundle",
    "--format=esm",
    "--minify-whitespace",
    `--outfile=${STAGING}/index.js`,
    "--allow-overwrite",
    // wasm-bindgen names a module of ours once for each way in which it is imported; all of them are the same one.
    "--log-override:duplicate-object-key=silent",
  ];
  await run(npmProgram("esbuild"), [...args, "--log-level=warning", ...outside], {
    failure: "esbuild failed: see its message above.",
  });
}

/**
 * What wasm-bindgen generates, as bundlers and the platform take it: the platform gives the compiled module to a plain
 * import, and does not know the proposal's `import source` yet.
 */
export function bundled(generated) {
  const pattern = /^import source /gm;
  expectOnce(generated, pattern);
  return removable(generated.replace(pattern, "import "));
}

/**
 * The same without what keeps a class that nothing names: its part in `using`, which we have no use for, and what would
 * free its objects.
 */
function removable(generated) {
  return generated
    .replace(/^if \(Symbol\.dispose\) .*$/gm, "")
    .replaceAll(" new FinalizationRegistry(", " /* @__PURE__ */ new FinalizationRegistry(");
}

/**
 * Takes out of the wasm what the JavaScript does not call. The `worker` crate exports classes of its own (streams,
 * containers, R2), and the linker keeps every export: 12 KB of wasm, and as much JavaScript. Names stay, for what comes
 * next.
 */
async function prune() {
  const source = readFileSync(`${STAGING}/index.js`, "utf8");
  const [[, instance]] = expectOnce(source, /var (\w+)=wasmInstance\.exports;/g);
  const called = new Set(Array.from(source.matchAll(new RegExp(`\\b${instance}\\.(\\w+)`, "g")), ([, name]) => name));
  const exports = Array.from(called, (name) => ({ name, export: name }));
  const graph = [{ name: "outside", root: true, reaches: [...called] }, ...exports];
  writeFileSync(`${STAGING}/graph.json`, JSON.stringify(graph));
  const wasm = `${STAGING}/index_bg.wasm`;
  const args = [wasm, "--graph-file", `${STAGING}/graph.json`, "--quiet", "-g", ...enabled(), "-o", wasm];
  // It lists every function that it takes out, whatever `--quiet` says.
  await run(npmProgram("wasm-metadce"), args, { failure: "wasm-metadce failed: see its message above.", quiet: true });
}

function expectOnce(generated, pattern) {
  const found = [...generated.matchAll(pattern)];
  if (found.length === 1) return found;
  throw new Failure(
    `What wasm-bindgen generated has ${pattern} ${found.length} times, and once was expected: see what it generates ` +
      "now, and correct dev/build.mjs.",
  );
}

async function optimise() {
  say("Build: optimising the wasm …");
  const wasm = `${STAGING}/index_bg.wasm`;
  // By their names, functions that are alike stand together, where gzip finds them: it looks back for 32 KB.
  // Names and debug sections are left out: nothing reads them in production, and they are a good part of the size.
  const args = [wasm, "-O3", ONE_CALLER, "--reorder-functions-by-name", "--strip-debug", ...enabled(), "-o", wasm];
  await run(npmProgram("wasm-opt"), args, { failure: "wasm-opt failed: see its message above." });
}

// A function that is called once is worth more than its call only where it is small: all of them inlined make the
// gzipped wasm 5 % larger, and nothing faster.
const ONE_CALLER = "--one-caller-inline-max-function-size=30";

// What rustc and wasm-bindgen emit. Naming them keeps wasm-opt from using an encoding that workerd does not know yet.
const FEATURES = [
  "mutable-globals",
  "sign-ext",
  "nontrapping-float-to-int",
  "bulk-memory",
  "multivalue",
  "reference-types",
  "exception-handling",
];

function enabled() {
  return FEATURES.map((feature) => `--enable-${feature}`);
}

/** The size of the wasm as it is deployed, and before wasm-opt. */
function sizes(unoptimised) {
  const { raw, gzipped } = wasmSize();
  const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} KB`;
  return `wasm ${kilobytes(raw)}, gzipped ${kilobytes(gzipped)} (${kilobytes(unoptimised)} before wasm-opt)`;
}

/** The bytes of the built wasm. */
export function wasmSize() {
  const wasm = readFileSync("build/index_bg.wasm");
  return { raw: wasm.length, gzipped: gzipSync(wasm, { level: 9 }).length };
}

function outputPaths() {
  return OUTPUT.map((name) => `build/${name}`);
}

/** A digest of the names and contents of files, and of all files below the folders among them. */
function digest(paths) {
  const hash = createHash("sha256").update(process.env.RUSTFLAGS ?? "");
  for (const path of paths.flatMap(filesBelow))
    hash.update(`${path}\0`).update(createHash("sha256").update(readFileSync(path)).digest());
  return hash.digest("hex");
}

function filesBelow(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesBelow(`${path}/${name}`));
}

await main(import.meta.url, async () => {
  await setUp();
  await build();
});
