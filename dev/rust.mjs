// The Rust side of the set-up: the toolchain through rustup, and the two cargo tools of the build.
import { join } from "node:path";
import { cargoTools, root, toolchain } from "./project.mjs";
import { Failure, output, run, say } from "./run.mjs";

/** Installs what is missing of the toolchain that `rust-toolchain.toml` names. */
export async function installToolchain() {
  const { channel, components, targets } = toolchain();
  if (output("rustup", ["--version"]) === undefined) {
    throw new Failure("rustup is missing: install it as https://rustup.rs says, open a new terminal, and run this again.");
  }
  const failure = `Rust ${channel} could not be installed: see rustup's message above, check the network, and run it again.`;
  if (!lines(output("rustup", ["toolchain", "list"])).some((line) => line.startsWith(`${channel}-`))) {
    say(`Set-up: installing Rust ${channel} …`);
    await run("rustup", ["toolchain", "install", channel, "--profile", "minimal", "--no-self-update"], { failure });
  }
  for (const [kind, wanted] of [["target", targets], ["component", components]]) {
    const installed = lines(output("rustup", [kind, "list", "--toolchain", channel, "--installed"]));
    // A component is listed with its host: `clippy-x86_64-unknown-linux-gnu`.
    const missing = wanted.filter((name) => !installed.some((line) => line === name || line.startsWith(`${name}-`)));
    if (missing.length === 0) continue;
    say(`Set-up: adding ${missing.join(", ")} to Rust ${channel} …`);
    await run("rustup", [kind, "add", "--toolchain", channel, ...missing], { failure });
  }
}

/** Installs the cargo tools of the build into `.tools/`, unless they are there or on PATH in the right version. */
export async function installCargoTools() {
  for (const tool of cargoTools()) {
    if (cargoTool(tool) !== undefined) continue;
    checkCompilers(tool);
    say(`Set-up: compiling ${tool.crate} ${tool.version} (some minutes, once) …`);
    const args = ["install", tool.crate, "--version", tool.version, "--bin", tool.program, "--root", join(root, ".tools")];
    const failure = `${tool.crate} ${tool.version} could not be installed: see cargo's message above, and run it again.`;
    await run("cargo", [...args, "--locked"], { failure }).catch((error) => {
      if (error.message !== failure) throw error;
      // A registry mirror may lack a version that the tool's own lock file names.
      say(`Set-up: trying ${tool.crate} again without its lock file …`);
      return run("cargo", args, { failure });
    });
  }
}

/**
 * The path of a cargo tool in the version that the build needs: the project's own, or the one on PATH.
 * @param {{ program: string, version: string }} tool
 * @returns {string | undefined}
 */
export function cargoTool({ program, version }) {
  const paths = [join(root, ".tools", "bin", program), program];
  return paths.find((path) => output(path, ["--version"])?.split(" ").at(-1) === version);
}

// cargo's own message for these is a page long and does not say what to install.
function checkCompilers({ crate }) {
  if (output("cc", ["--version"]) === undefined) {
    throw new Failure("A C compiler is missing, which Rust needs to link: install one (Debian: build-essential; macOS: xcode-select --install).");
  }
  if (crate !== "worker-build" || process.platform !== "linux" || process.env.OPENSSL_DIR !== undefined) return;
  if (output("pkg-config", ["--exists", "openssl"]) === undefined) {
    throw new Failure("OpenSSL's headers are missing, which worker-build is compiled with: install them (Debian: libssl-dev and pkg-config).");
  }
}

function lines(text = "") {
  return text.split("\n");
}
