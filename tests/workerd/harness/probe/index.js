// A worker that touches every binding which the harness provides.
import { DurableObject } from "cloudflare:workers";

export class Registry extends DurableObject {
  async fetch(request) {
    const { sql } = this.ctx.storage;
    sql.exec("CREATE TABLE IF NOT EXISTS visits (at INTEGER)");
    if (request.method === "POST") sql.exec("INSERT INTO visits VALUES (?)", Date.now());
    return Response.json(sql.exec("SELECT count(*) AS visits FROM visits").one());
  }
}

const routes = {
  "/vars": (_request, env) =>
    Response.json(Object.fromEntries(Object.entries(env).filter(([, v]) => typeof v === "string"))),
  "/visits": (request, env) => env.REGISTRY.get(env.REGISTRY.idFromName("one")).fetch(request),
  "/kv": kv,
  "/kv/both": async (_request, env) => {
    const reads = [env.CREDENTIALS.get("a"), env.INSTANCES.get("b")];
    return Response.json(await Promise.all(reads));
  },
  "/kv/bulk": async (_request, env) => Response.json(Object.fromEntries(await env.CREDENTIALS.get(["a", "missing"]))),
  "/kv/list": async (_request, env) => Response.json(await env.CREDENTIALS.list()),
  "/limited": async (request, env) => Response.json(await env.LIMITER.limit({ key: request.headers.get("x-key") })),
  "/echo": async (request) => new Response(request.body),
  "/forward": (request) => {
    const { method, body } = request;
    const headers = new Headers(request.headers);
    const target = headers.get("x-target");
    headers.delete("x-target");
    return fetch(target, { method, headers, body, redirect: "manual" });
  },
  "/url": (request) => new Response(request.url),
};

async function kv(request, env) {
  const key = decodeURIComponent(new URL(request.url).search.slice(1));
  if (request.method === "PUT") await env.CREDENTIALS.put(key, await request.text());
  else if (request.method === "DELETE") await env.CREDENTIALS.delete(key);
  else return Response.json(await env.CREDENTIALS.get(key));
  return new Response(null, { status: 204 });
}

export default {
  async fetch(request, env) {
    const path = new URL(request.url).pathname;
    const requestId = request.headers.get("x-request-id");
    let response;
    try {
      response = await (routes[path] ?? routes["/url"])(request, env);
    } catch (error) {
      response = new Response(String(error), { status: 502 });
    }
    console.log(JSON.stringify({ request_id: requestId, path, status: response.status }));
    return response;
  },
};
