// Load by oha, one run at a time.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Failure } from "../dev/run.mjs";

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 16 << 20;
const TIMEOUT_MS = 300_000;

/**
 * Sends requests and waits for all answers.
 * @param {string} oha path of the program
 * @param {string} origin
 * @param {import("./works.mjs").Work} work
 * @param {number} count how many requests
 * @returns {Promise<{ seconds: number, perSecond: number, p50: number, p99: number }>} latencies in milliseconds
 * @throws where one answer is not what the work expects
 */
export async function load(oha, origin, work, count) {
  const args = [
    "--no-tui",
    "--output-format",
    "json",
    "--redirect",
    "0",
    "-n",
    String(count),
    "-c",
    String(work.connections),
  ];
  args.push("-m", work.method, ...Object.entries(work.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]));
  if (work.bodyFile !== undefined) args.push("-D", work.bodyFile);
  const { stdout } = await run(oha, [...args, origin + work.path], {
    maxBuffer: MAX_OUTPUT_BYTES,
    timeout: TIMEOUT_MS,
  });
  const { summary, latencyPercentiles, statusCodeDistribution, errorDistribution } = JSON.parse(stdout);
  if (statusCodeDistribution[work.status] !== count) {
    const seen = JSON.stringify({ ...statusCodeDistribution, ...errorDistribution });
    throw new Failure(
      `${work.title}: ${count} answers with status ${work.status} were expected, and there were ${seen}.`,
    );
  }
  return {
    seconds: summary.total,
    perSecond: summary.requestsPerSec,
    p50: latencyPercentiles.p50 * 1_000,
    p99: latencyPercentiles.p99 * 1_000,
  };
}
