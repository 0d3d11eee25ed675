// What a process has cost so far, as the operating system counts it (Linux).
import { readFileSync, readdirSync, writeFileSync } from "node:fs";

// The unit of /proc/{pid}/stat, which is the same on every Linux that runs workerd.
const TICKS_PER_SECOND = 100;
const NANOSECONDS_PER_MICROSECOND = 1_000;
const USER = 11;
const SYSTEM = 12;

/** @typedef {{ total: number, user: number, system: number }} Cpu microseconds */

/**
 * The CPU time of all threads of a process. The total is exact to the nanosecond; user and system are its parts as far
 * as ticks of 10 ms tell.
 * @returns {Cpu}
 */
export function cpuOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The program's name stands in brackets and may hold anything; what follows it does not.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [USER, SYSTEM].map((at) => (Number(fields[at]) / TICKS_PER_SECOND) * 1e6);
  return { total: threadTime(pid) ?? user + system, user, system };
}

/** The difference of two readings. */
export function cpuBetween(before, after) {
  return { total: after.total - before.total, user: after.user - before.user, system: after.system - before.system };
}

function threadTime(pid) {
  try {
    const threads = readdirSync(`/proc/${pid}/task`).map((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8"),
    );
    return threads.reduce((sum, text) => sum + Number(text.split(" ")[0]) / NANOSECONDS_PER_MICROSECOND, 0);
  } catch {
    // A kernel without scheduler statistics, or a thread that ended in between.
    return undefined;
  }
}

/** Forgets how much memory a process once had, so that `peakMemory` speaks of what follows. */
export function resetPeakMemory(pid) {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** The most resident memory since the last reset, in bytes. */
export function peakMemory(pid) {
  return memory(pid, "VmHWM");
}

/** Resident memory now, in bytes. */
export function memoryOf(pid) {
  return memory(pid, "VmRSS");
}

function memory(pid, field) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)[1]) * 1024;
}
