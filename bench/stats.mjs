// Figures of several rounds in one.

/** @typedef {{ median: number, low: number, high: number }} Spread low and high are the quartiles */

/**
 * The median and the quartiles of some figures, interpolated.
 * @param {number[]} values
 * @returns {Spread}
 */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

/** The median of some figures. */
export function median(values) {
  return spread(values).median;
}

function quantile(sorted, share) {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  return below + (sorted[Math.ceil(at)] - below) * (at - Math.floor(at));
}

/**
 * The ratios of two workers' figures, round by round: what disturbs one round disturbs both.
 * @param {number[]} values
 * @param {number[]} base
 * @returns {Spread}
 */
export function ratio(values, base) {
  return spread(values.map((value, round) => value / base[round]));
}
