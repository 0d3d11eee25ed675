// The npm packages: whether what `package-lock.json` names is there, and how it gets there.
import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { read } from "./project.mjs";
import { main, run, say } from "./run.mjs";

/** Installs the npm packages, unless they are there already. */
export async function installPackages() {
  if (missingPackages(packagesOf(read("package-lock.json")), installedPackages()).length === 0) return;
  say("Set-up: installing the npm packages …");
  await run("npm", ["ci", "--loglevel=error"], {
    failure: "The npm packages could not be installed: see npm's message above, check the network, and run it again.",
  });
}

/**
 * The packages of a lock file that this machine should have and has not, or has in another version.
 * @param {Record<string, Package>} locked by the folder each is installed in
 * @param {Record<string, Package>} installed the same, as npm wrote it down after its last install
 * @returns {string[]} their folders
 * @typedef {{ version?: string, optional?: boolean, os?: string | string[],
 *   cpu?: string | string[], libc?: string[] }} Package
 */
export function missingPackages(locked, installed) {
  return Object.entries(locked)
    .filter(
      ([folder, wanted]) => folder !== "" && isForThisMachine(wanted) && installed[folder]?.version !== wanted.version,
    )
    .map(([folder]) => folder);
}

// An optional package counts where it names this system and processor, as those that bring a program do. npm also
// leaves out what only such a package of another system needs, and the lock file does not say so of it.
function isForThisMachine({ optional = false, os, cpu, libc }) {
  if (!optional) return true;
  return libc === undefined && [os].flat().includes(process.platform) && [cpu].flat().includes(process.arch);
}

function installedPackages() {
  const record = "node_modules/.package-lock.json";
  return existsSync(record) ? packagesOf(readFileSync(record, "utf8")) : {};
}

function packagesOf(lockFile) {
  return JSON.parse(lockFile).packages ?? {};
}

/**
 * Puts the Node that wrangler needs where npm and npx look first. It comes as one package a system, and npm 10 takes
 * the link of the right one away together with those of the others.
 */
function linkNode() {
  const program = "bin/node";
  const folder = readdirSync("node_modules").find(
    (name) => name.startsWith("node-") && existsSync(`node_modules/${name}/${program}`),
  );
  if (folder === undefined || existsSync("node_modules/.bin/node")) return;
  symlinkSync(`../${folder}/${program}`, "node_modules/.bin/node");
}

// npm runs this after every install.
await main(import.meta.url, async () => linkNode());
