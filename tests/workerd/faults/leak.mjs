/** Looks for markers in what must not hold them, plain or encoded. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * @param {Record<string, string>} markers name to text; letters and digits, 16 or more
 * @param {Record<string, string>} places name to the text to search
 * @returns {string[]} a sentence for each marker and place where it was found
 */
export function leaks(markers, places) {
  const found = [];
  for (const [name, marker] of Object.entries(markers)) {
    if (!/^[\w-]{16,}$/.test(marker)) throw new Error(`${name} is no marker`);
    const forms = spellings(marker);
    for (const [place, text] of Object.entries(places)) {
      const lower = text.toLowerCase();
      if (forms.exact.some((form) => text.includes(form)) || lower.includes(forms.hex))
        found.push(`${name} in ${place}`);
    }
  }
  return found;
}

/** All files below a folder as one text. */
export function filesAsText(folder) {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, "latin1"))
    .join("\n");
}

/** As it is, in hex, and in base64 wherever in a longer text it stands. */
function spellings(marker) {
  const exact = [marker];
  for (const before of ["", "x", "xx"]) {
    const whole = Buffer.from(before + marker)
      .toString("base64")
      .replace(/=+$/, "");
    // The characters at both ends depend on the neighbours too.
    const inside = whole.slice(before === "" ? 0 : before.length + 1, -2);
    exact.push(inside, inside.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return { exact, hex: Buffer.from(marker).toString("hex") };
}
