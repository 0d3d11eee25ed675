// The figures as tables, in Markdown.
import { median, ratio } from "./stats.mjs";
import { BARE, HANDWRITTEN } from "./workers.mjs";
import { KEY_WORK, TOKEN_WORK } from "./works.mjs";

/**
 * The table of ratios: the CPU of a request, to the floor and to the hand-written worker.
 * @param {object} result as it is written to the results
 */
export function ratioTable({ works, workers, rounds }) {
  if (rounds.length === 0) return "";
  const shown = workers.filter((name) => name !== BARE);
  const head = [
    "CPU of a request",
    ...shown.map((name) => `${name} to ${BARE}`),
    ...peersOf(shown).map((name) => `${name} to ${HANDWRITTEN}`),
  ];
  const rows = works.map(({ name, title }) => {
    const of = (worker) => rounds.map((samples) => samples[name][worker]?.cpu);
    const compared = (worker, base) =>
      [...of(worker), ...of(base)].includes(undefined) ? "" : inWords(ratio(of(worker), of(base)));
    return [
      title,
      ...shown.map((worker) => compared(worker, BARE)),
      ...peersOf(shown).map((worker) => compared(worker, HANDWRITTEN)),
    ];
  });
  return table(head, rows);
}

/** What the ratios are made of: CPU, throughput, latencies, memory. */
export function figureTable({ works, workers, rounds }) {
  if (rounds.length === 0) return "";
  const head = ["work", "worker", "CPU µs", "user", "system", "requests/s", "MB/s", "p50 ms", "p99 ms", "memory MB"];
  const rows = works.flatMap(({ name, title, bodyBytes = 0 }) =>
    workers.flatMap((worker) => {
      const samples = rounds.map((round) => round[name][worker]).filter((sample) => sample !== undefined);
      if (samples.length === 0) return [];
      const of = (field) => median(samples.map((sample) => sample[field]));
      // A slot is too short for its ticks to tell user and system apart; all rounds together are not.
      const ticks = (field) => samples.reduce((sum, sample) => sum + sample[field], 0);
      const user = (of("cpu") * ticks("user")) / (ticks("user") + ticks("system"));
      const figures = [of("cpu"), user, of("cpu") - user, of("perSecond"), (of("perSecond") * bodyBytes) / 1e6];
      return [
        [
          title,
          worker,
          ...figures.map((figure) => figure.toFixed(0)),
          of("p50").toFixed(2),
          of("p99").toFixed(2),
          (of("peak") / 1e6).toFixed(0),
        ],
      ];
    }),
  );
  return table(head, rows);
}

/**
 * An access token to an API key, throughput of the upload to the floor, and the cold starts to the hand-written worker.
 */
export function otherRatios({ works, workers, rounds, coldStarts }) {
  const lines = [];
  const measured = (work) => works.some(({ name }) => name === work);
  for (const worker of workers.filter(
    (name) => measured(KEY_WORK) && measured(TOKEN_WORK) && rounds[0]?.[TOKEN_WORK][name],
  )) {
    const of = (work) => rounds.map((samples) => samples[work][worker].cpu);
    lines.push([
      "CPU with an access token",
      worker,
      "the same with an API key",
      inWords(ratio(of(TOKEN_WORK), of(KEY_WORK))),
    ]);
  }
  const upload = works.find(({ name }) => name === "upload");
  for (const worker of workers.filter((name) => name !== BARE)) {
    if (upload !== undefined && workers.includes(BARE)) {
      const of = (name) => rounds.map((samples) => samples.upload[name].perSecond);
      lines.push(["upload, throughput", worker, BARE, inWords(ratio(of(worker), of(BARE)))]);
    }
  }
  const parts = {
    total: "cold start, from the start of the process",
    answer: "cold start, the first request",
    cpu: "cold start, CPU",
  };
  for (const worker of coldStarts.length === 0 ? [] : workers.filter((name) => name !== HANDWRITTEN)) {
    for (const [field, title] of Object.entries(parts)) {
      const of = (name) => coldStarts.map((samples) => samples[name][field]);
      lines.push([
        `${title} (${median(of(worker)).toFixed(1)} ms)`,
        worker,
        HANDWRITTEN,
        inWords(ratio(of(worker), of(HANDWRITTEN))),
      ]);
    }
  }
  return lines.length === 0 ? "" : table(["other", "worker", "to", "ratio"], lines);
}

function peersOf(names) {
  return names.filter((name) => name !== HANDWRITTEN);
}

/** The median, and in brackets the quartiles. */
function inWords({ median: middle, low, high }) {
  return `${middle.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

function table(head, rows) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  return [line(head), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...rows.map(line)].join("\n");
}
