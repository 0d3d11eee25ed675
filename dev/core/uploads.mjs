// External statements: a multipart body taken apart, and the records of a CSV or JSON file.

import { CoreError } from "./errors.mjs";
import { JsonError, readJson } from "./json.mjs";
import { plain } from "./bind.mjs";
import { parseTime } from "./clock.mjs";
import { newId } from "./store.mjs";

const REQUIRED = ["id", "amount", "currency", "reference", "description", "date"];

/** `POST /reconciliation/upload` */
export function uploadStatement({ store }, { headers, body }) {
  const parts = multipart(headers["content-type"] ?? "", body);
  const file = parts.find((part) => part.name === "file" && part.filename !== undefined);
  if (!file) throw new CoreError("RECON_UPLOAD_FAILED", "File upload failed");
  const source = parts.find((part) => part.name === "source")?.bytes.toString("utf8") ?? "";
  const records = readRecords(file, source);
  if (!records) throw new CoreError("RECON_UPLOAD_PROCESSING_FAILED", "Failed to process upload");
  const uploadId = newId("upload");
  store.externals.set(uploadId, records);
  return { status: 200, body: { record_count: records.length, source, upload_id: uploadId } };
}

/** The parts of a multipart body; none when it is not one. */
export function multipart(contentType, body) {
  const boundary = /^multipart\/form-data\s*;.*?boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  if (!boundary) return [];
  const delimiter = Buffer.from(`\r\n--${boundary[1] ?? boundary[2]}`);
  // The first delimiter has no line before it.
  const bytes = Buffer.concat([Buffer.from("\r\n"), body]);
  const parts = [];
  let start = bytes.indexOf(delimiter);
  while (start !== -1) {
    const next = bytes.indexOf(delimiter, start + delimiter.length);
    if (next === -1) break;
    const head = bytes.indexOf("\r\n\r\n", start);
    if (head !== -1 && head < next)
      parts.push(part(bytes.toString("utf8", start, head), bytes.subarray(head + 4, next)));
    start = next;
  }
  return parts;
}

function part(head, bytes) {
  const disposition = /^content-disposition:(.*)$/im.exec(head)?.[1] ?? "";
  const parameter = (name) => new RegExp(`;\\s*${name}="([^"]*)"`, "i").exec(disposition)?.[1];
  return { name: parameter("name"), filename: parameter("filename"), bytes };
}

function readRecords({ filename, bytes }, source) {
  const type =
    /\.(csv|json)$/i.exec(filename)?.[1].toLowerCase() ?? (filename.includes(".") ? undefined : sniff(bytes));
  if (type === "json") return jsonRecords(bytes);
  return type === "csv" ? csvRecords(bytes.toString("utf8"), source) : undefined;
}

function sniff(bytes) {
  const lines = bytes.subarray(0, 512).toString("utf8").split("\n").slice(0, 5);
  const commas = (line) => line.split(",").length;
  if (
    lines.length > 1 &&
    commas(lines[0]) > 1 &&
    lines.every((line) => line === "" || commas(line) === commas(lines[0]))
  )
    return "csv";
  return /^\s*[[{]/.test(lines[0]) ? "json" : undefined;
}

function jsonRecords(bytes) {
  try {
    const records = plain(readJson(bytes));
    return Array.isArray(records) && records.every((each) => each instanceof Map)
      ? records.map((each) => external(Object.fromEntries(each)))
      : undefined;
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

function csvRecords(text, source) {
  const [header, ...rows] = csvRows(text);
  const columns = header?.map((name) => name.trim().toLowerCase()) ?? [];
  if (!["id", "amount", "date"].every((name) => columns.includes(name))) return undefined;
  const records = rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
  const whole =
    rows.every((row) => row.length === columns.length) && records.every((each) => REQUIRED.every((name) => each[name]));
  return whole ? records.map((each) => external({ ...each, source })) : undefined;
}

function csvRows(text) {
  const rows = [];
  let row = [];
  for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? bare);
    if (end === ",") continue;
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  }
  return rows;
}

/** A record of a statement in one form, whichever file it came from. */
export function external({ id, amount, reference, currency, description, date, source }) {
  const text = (value) => (typeof value === "string" ? value : "");
  return {
    id: text(id),
    amount: Number(amount) || 0,
    reference: text(reference),
    currency: text(currency),
    description: text(description),
    date: parseTime(text(date)) ?? null,
    source: text(source),
  };
}
