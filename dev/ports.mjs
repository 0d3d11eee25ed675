// Ports on the loopback address.
import { createServer } from "node:net";
import { Failure } from "./run.mjs";

/**
 * The port that an environment variable names, free to listen on; where it names none, `fallback`, or any free port.
 * @param {string} variable
 * @param {number} [fallback]
 * @returns {Promise<number>}
 */
export async function portFrom(variable, fallback = 0) {
  const text = process.env[variable] || String(fallback);
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new Failure(`${variable}=${text} is not a port: give a number from 1 to 65535.`);
  try {
    return await listenOnce(port);
  } catch (error) {
    const reason = error.code === "EADDRINUSE" ? "is in use" : `cannot be listened on (${error.code})`;
    throw new Failure(
      `Port ${port} ${reason}: stop what uses it, or choose another with ${variable}=<port> npm start.`,
    );
  }
}

function listenOnce(port) {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const { port: listened } = server.address();
      server.close(() => resolve(listened));
    });
  });
}
