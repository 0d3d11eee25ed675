// A JSON reader that loses nothing: numbers stay literals and repeated members stay apart, since Core's decoder
// judges both. It reads the first value and ignores what follows, keeps its own stack so that deep nesting cannot
// exhaust the engine's, and words its faults as Go's encoding/json does.

const MAX_DEPTH = 10_000;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const LITERALS = { t: ["true", true], f: ["false", false], n: ["null", null] };
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** A number as it was written. */
export class JsonNumber {
  constructor(literal) {
    this.literal = literal;
  }
}

/** An object as a list of `[key, value]`, in document order and with repetitions. */
export class JsonObject {
  members = [];
}

/** The text is not JSON, or does not fit where it was put. */
export class JsonError extends Error {}

/**
 * Reads the first JSON value of a body.
 * @param {Uint8Array} bytes
 * @returns {null | boolean | string | JsonNumber | JsonObject | Array}
 * @throws {JsonError} with Go's message; `EOF` for a body without a value
 */
export function readJson(bytes) {
  return new Reader(utf8.decode(bytes)).document();
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.open = [];
  }

  document() {
    this.skipSpace();
    if (this.at >= this.text.length) throw new JsonError("EOF");
    for (;;) {
      let value = this.begin();
      while (value !== undefined) {
        if (this.open.length === 0) return value;
        value = this.attach(value);
      }
    }
  }

  /** A scalar or an empty container; undefined when a container was opened and its first value comes next. */
  begin() {
    const c = this.skipSpace();
    if (c === "{" || c === "[") return this.beginContainer(c);
    if (c === '"') return this.string();
    if (LITERALS[c]) return this.literal(...LITERALS[c]);
    if (c === "-" || (c >= "0" && c <= "9")) return this.number();
    return this.fault("looking for beginning of value");
  }

  beginContainer(c) {
    this.at += 1;
    const frame = c === "{" ? { object: new JsonObject(), key: "" } : { array: [] };
    if (this.open.push(frame) > MAX_DEPTH) throw new JsonError("exceeded max depth");
    const next = this.skipSpace();
    if (next === (frame.array ? "]" : "}")) return this.close();
    if (frame.object) this.key(frame, "looking for beginning of object key string");
    return undefined;
  }

  /** Puts a value into the innermost container; returns that container when it ends here. */
  attach(value) {
    const frame = this.open.at(-1);
    if (frame.array) frame.array.push(value);
    else frame.object.members.push([frame.key, value]);
    const c = this.skipSpace();
    if (c === (frame.array ? "]" : "}")) return this.close();
    if (c !== ",") this.fault(frame.array ? "after array element" : "after object key:value pair");
    this.at += 1;
    if (frame.object) this.key(frame, "looking for beginning of object key string");
    return undefined;
  }

  close() {
    this.at += 1;
    const frame = this.open.pop();
    return frame.array ?? frame.object;
  }

  key(frame, context) {
    if (this.skipSpace() !== '"') this.fault(context);
    frame.key = this.string();
    if (this.skipSpace() !== ":") this.fault("after object key");
    this.at += 1;
  }

  string() {
    let value = "";
    this.at += 1;
    for (;;) {
      PLAIN.lastIndex = this.at;
      value += PLAIN.exec(this.text)[0];
      this.at = PLAIN.lastIndex;
      const c = this.text[this.at];
      if (c === '"') break;
      if (c !== "\\") this.fault("in string literal");
      this.at += 1;
      value += this.escape();
    }
    this.at += 1;
    // A lone surrogate becomes U+FFFD in Go's strings.
    return value.toWellFormed();
  }

  escape() {
    const c = this.text[this.at];
    if (c !== "u") {
      if (c === undefined || !(c in ESCAPES)) this.fault("in string escape code");
      this.at += 1;
      return ESCAPES[c];
    }
    const start = this.at + 1;
    for (this.at = start; this.at < start + 4; this.at += 1) {
      if (!/^[0-9a-fA-F]$/.test(this.text[this.at] ?? "")) this.fault("in \\u hexadecimal character escape");
    }
    return String.fromCharCode(Number.parseInt(this.text.slice(start, start + 4), 16));
  }

  literal(word, value) {
    for (let i = 1; i < word.length; i += 1) {
      this.at += 1;
      if (this.text[this.at] !== word[i]) this.fault(`in literal ${word} (expecting '${word[i]}')`);
    }
    this.at += 1;
    return value;
  }

  number() {
    NUMBER.lastIndex = this.at;
    const literal = NUMBER.exec(this.text)?.[0];
    if (literal === undefined) {
      this.at += 1;
      return this.fault("in numeric literal");
    }
    this.at += literal.length;
    const next = this.text[this.at];
    if (next === "." && !literal.includes(".") && !/[eE]/.test(literal)) {
      this.at += 1;
      this.fault("after decimal point in numeric literal");
    }
    if ((next === "e" || next === "E") && !/[eE]/.test(literal)) {
      this.at += /^[+-]/.test(this.text[this.at + 1] ?? "") ? 2 : 1;
      this.fault("in exponent of numeric literal");
    }
    return new JsonNumber(literal);
  }

  /** Moves to the next character that is no white space and returns it; undefined at the end. */
  skipSpace() {
    while (" \t\r\n".includes(this.text[this.at] ?? "x")) this.at += 1;
    return this.text[this.at];
  }

  fault(context) {
    const c = this.text[this.at];
    if (c === undefined) throw new JsonError("unexpected EOF");
    throw new JsonError(`invalid character ${quoted(c)} ${context}`);
  }
}

function quoted(c) {
  if (c === "'") return "'\\''";
  if (c === '"') return "'\"'";
  return `'${JSON.stringify(c)
    .slice(1, -1)
    .replace(/^\\u00/, "\\x")}'`;
}
