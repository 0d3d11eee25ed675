// Amounts. A balance moves by whole units (BigInt); `amount` is what a person reads, `precision` the units in one of
// it.

const QUOTIENT_DIGITS = 16;
// Fine enough for any share that a double can write.
const SHARE_SCALE = 10n ** 20n;

/**
 * Amount times precision in units, rounded half away from zero.
 * @param {number} amount
 * @param {number} precision a whole number above zero
 * @returns {bigint}
 */
export function toUnits(amount, precision) {
  const { units, scale } = decimal(amount);
  return divideRounded(units * BigInt(precision), 10n ** BigInt(scale));
}

/** Units over precision as a decimal text with at most 16 digits after the point. */
export function fromUnits(units, precision) {
  const scaled = divideRounded(units * 10n ** BigInt(QUOTIENT_DIGITS), BigInt(precision));
  const digits = String(scaled < 0n ? -scaled : scaled).padStart(QUOTIENT_DIGITS + 1, "0");
  const fraction = digits.slice(-QUOTIENT_DIGITS).replace(/0+$/, "");
  return `${scaled < 0n ? "-" : ""}${digits.slice(0, -QUOTIENT_DIGITS)}${fraction ? `.${fraction}` : ""}`;
}

/** A double written out without an exponent, in the fewest digits that give it back. */
export function plainDecimal(number) {
  const { units, scale } = decimal(number);
  if (scale === 0) return String(units);
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, "0");
  return `${units < 0n ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/**
 * Divides a total among the legs of a transaction: `"10%"`, a fixed amount, `precise_distribution` in units, or
 * `"left"`. Shares are worked out in fractions of a unit and cut to whole ones at the end; what cutting leaves over
 * goes to the largest. Where every share is below one unit, all are nothing, as in Core.
 * @param {bigint} total
 * @param {{ identifier: string, distribution: string, precise_distribution: string }[]} legs
 * @param {number} precision
 * @returns {Map<string, bigint>} by identifier
 * @throws {Error} with Core's words when the legs do not fit the total
 */
export function distribute(total, legs, precision) {
  if (total <= 1n) return new Map(legs.map((leg, i) => [leg.identifier, i === 0 ? total : 0n]));
  const whole = total * SHARE_SCALE;
  const fixed = fixedShares(whole, legs, precision);
  const percents = percentShares(whole, legs);
  const shares = new Map([...fixed, ...percents]);
  const rest = legs.find(isLeft);
  if (rest) {
    if (shares.has(rest.identifier)) throw new Error("multiple identifiers with 'left' distribution");
    shares.set(rest.identifier, whole - sum([...fixed.values(), ...percents.values()]));
  }
  const parts = new Map([...shares].map(([identifier, share]) => [identifier, share / SHARE_SCALE]));
  addToLargest(parts, total - sum(parts.values()));
  return parts;
}

const isLeft = (leg) => leg.distribution === "left" || leg.precise_distribution === "left";
const isPercent = (leg) => leg.distribution.endsWith("%");
const sum = (values) => [...values].reduce((total, value) => total + value, 0n);

function fixedShares(whole, legs, precision) {
  const shares = new Map();
  for (const leg of legs.filter((each) => !isLeft(each) && !isPercent(each))) {
    const share = fixedShare(leg, precision);
    if (share > whole - sum(shares.values())) throw new Error("fixed amount exceeds remaining transaction amount");
    if (share !== 0n) shares.set(leg.identifier, share);
  }
  return shares;
}

function fixedShare(leg, precision) {
  if (leg.precise_distribution) {
    if (/^[+-]?\d{1,18}$/.test(leg.precise_distribution))
      return BigInt(leg.precise_distribution.replace("+", "")) * SHARE_SCALE;
    throw new Error("invalid precise_distribution format: must be an integer value in minor units");
  }
  if (!leg.distribution) return 0n;
  const amount = Number(leg.distribution);
  if (leg.distribution.trim() !== leg.distribution || !Number.isFinite(amount))
    throw new Error("invalid fixed amount format");
  return scaled(amount) * BigInt(precision);
}

function percentShares(whole, legs) {
  const shares = new Map();
  let percents = 0n;
  for (const leg of legs.filter((each) => !isLeft(each) && isPercent(each))) {
    const text = leg.distribution.slice(0, -1);
    const percent = Number(text);
    if (text.trim() === "" || !Number.isFinite(percent)) throw new Error("invalid percentage format");
    percents += scaled(percent);
    const share = (whole * scaled(percent)) / (100n * SHARE_SCALE);
    shares.set(leg.identifier, share < SHARE_SCALE ? 0n : share);
  }
  if (percents > 100n * SHARE_SCALE) throw new Error("total distributions exceed 100% or total amount");
  addToLargest(shares, (whole * percents) / (100n * SHARE_SCALE) - sum(shares.values()));
  return shares;
}

function addToLargest(parts, amount) {
  let largest;
  for (const [identifier, part] of parts) {
    if (part > (largest === undefined ? 0n : parts.get(largest))) largest = identifier;
  }
  if (largest !== undefined) parts.set(largest, parts.get(largest) + amount);
}

function scaled(number) {
  const { units, scale } = decimal(number);
  return (units * SHARE_SCALE) / 10n ** BigInt(scale);
}

/** A double as units over a power of ten: exactly its shortest decimal form, which is also what Go prints. */
function decimal(number) {
  const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/.exec(String(number));
  const units = BigInt(`${sign}${whole}${fraction}`);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { units, scale } : { units: units * 10n ** BigInt(-scale), scale: 0 };
}

function divideRounded(numerator, denominator) {
  const half = denominator / 2n;
  return (numerator >= 0n ? numerator + half : numerator - half) / denominator;
}
