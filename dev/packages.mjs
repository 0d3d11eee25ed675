// The npm packages: whether what `package-lock.json` names is there, and how it gets there.
import { existsSync, readFileSync } from "node:fs";
import { read } from "./project.mjs";
import { run, say } from "./run.mjs";

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
 * @typedef {{ version?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} Package
 */
export function missingPackages(locked, installed) {
  return Object.entries(locked)
    .filter(([folder, wanted]) => folder !== "" && isForThisMachine(wanted) && installed[folder]?.version !== wanted.version)
    .map(([folder]) => folder);
}

// An optional package counts where it names this system and processor, as those that bring a program do. npm also
// leaves out what only such a package of another system needs, and the lock file does not say so of it.
function isForThisMachine({ optional = false, os, cpu, libc }) {
  if (!optional) return true;
  return libc === undefined && (os ?? []).includes(process.platform) && (cpu ?? []).includes(process.arch);
}

function installedPackages() {
  const record = "node_modules/.package-lock.json";
  return existsSync(record) ? packagesOf(readFileSync(record, "utf8")) : {};
}

function packagesOf(lockFile) {
  return JSON.parse(lockFile).packages ?? {};
}
