// The whole job on Hono, with its router, its middleware and its proxy helper. The helper sends no Accept-Encoding, so
// that Core answers uncompressed.
import { Hono, type Context } from "hono";
import { createMiddleware } from "hono/factory";
import { proxy } from "hono/proxy";
import { enrich } from "./job/enrich.js";
import { ProxyError, drain, lacksScope, notCores } from "./job/errors.js";
import { NEVER_RETURNED, headersUp, requestIdOf, traceIdOf } from "./job/headers.js";
import { cachesOf, readCredential, readInstance } from "./job/records.js";
import { PARAMETERS, ROUTES, mayUse, methodsOf } from "./job/routes.js";
import { isPlainPath, isPlainQuery, splitUrl, takeInstance } from "./job/target.js";
import { isSecretOf, presented } from "./job/token.js";

type Route = (typeof ROUTES)[number];
type Kv = { get(key: string, type: "json"): Promise<unknown> };
type Bindings = { CREDENTIALS: Kv; INSTANCES: Kv; MAX_TRANSACTION_BYTES: string };
type Variables = {
  requestId: string;
  line: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: the records are read by JavaScript, which has no types for them.
  credential: any;
  target: { https: boolean; path: string; query: string; instance?: string; rest: string };
  route?: Route;
  sentAt?: number;
  reference?: string;
  made?: boolean;
};
type App = { Bindings: Bindings; Variables: Variables };

const logger = createMiddleware<App>(async (c, next) => {
  const requestId = requestIdOf(c.req.header("x-request-id") ?? null);
  const traceId = traceIdOf(c.req.header("traceparent") ?? null);
  const line: Record<string, unknown> = {
    level: "info",
    request_id: requestId,
    trace_id: traceId,
    method: c.req.method,
  };
  c.set("requestId", requestId);
  c.set("line", line);
  await next();
  line.status = c.res.status;
  const sentAt = c.get("sentAt");
  if (sentAt !== undefined) line.core_ms = Date.now() - sentAt;
  console.log(JSON.stringify(line));
});

const authenticate = createMiddleware<App>(async (c, next) => {
  const { url } = c.req;
  const { https, path, query } = splitUrl(url);
  if (path === undefined) throw new ProxyError("PROXY_ROUTE_NOT_FOUND");
  const token = presented(c.req.header("authorization") ?? null, c.req.header("x-blnk-key") ?? null);
  if (token === undefined) throw new ProxyError("PROXY_MISSING_CREDENTIAL");
  if (token === null) throw new ProxyError("PROXY_INVALID_CREDENTIAL");
  const { instance, rest } = takeInstance(query);
  if (instance === null) throw new ProxyError("PROXY_INVALID_INSTANCE_ID");

  const now = Date.now();
  const caches = cachesOf(c.env);
  let credential = caches.credentials.look(token.id, now);
  const known = instance === undefined ? null : caches.instances.look(instance, now);
  const line = c.get("line");
  line.cache = "hit";
  if (credential === undefined || known === undefined) {
    line.cache = "miss";
    [credential] = await fromKv([
      credential === undefined ? readCredential(c.env, token.id, now) : credential,
      instance !== undefined && known === undefined ? readInstance(c.env, instance, now) : known,
    ]);
  }
  const isKnown = await isSecretOf(credential, token.secret, now);
  if (!isKnown || credential.status !== "active" || now >= credential.notAfter)
    throw new ProxyError("PROXY_INVALID_CREDENTIAL");
  line.credential = credential.id;
  line.workspace = credential.workspace;
  c.set("credential", credential);
  c.set("target", { https, path, query, instance: instance ?? credential.default_instance, rest });
  if (c.get("target").instance === undefined) throw new ProxyError("PROXY_MISSING_INSTANCE_ID");
  if (!isPlainPath(path) || !isPlainQuery(query)) throw new ProxyError("PROXY_INVALID_PATH");
  await next();
});

// biome-ignore lint/suspicious/noExplicitAny: as above.
async function fromKv(reads: unknown[]): Promise<any[]> {
  try {
    return await Promise.all(reads);
  } catch {
    throw new ProxyError("PROXY_REGISTRY_UNAVAILABLE");
  }
}

async function forward(c: Context<App>, route: Route): Promise<Response> {
  c.set("route", route);
  const { credential, target, line, requestId } = c.var;
  if (!mayUse(credential, route)) throw lacksScope(route);
  const instanceId = target.instance as string;
  const now = Date.now();
  let instance = cachesOf(c.env).instances.look(instanceId, now);
  if (instance === undefined) {
    line.cache = "miss";
    [instance] = await fromKv([readInstance(c.env, instanceId, now)]);
  }
  const reachable =
    instance !== null && instance.workspace === credential.workspace && (credential.reachable?.has(instanceId) ?? true);
  if (!reachable) throw new ProxyError("PROXY_INSTANCE_NOT_FOUND");
  if (instance.profile === "documented" && !route.documented) throw new ProxyError("PROXY_ROUTE_NOT_FOUND");
  line.route = route.pattern;
  line.instance = instanceId;

  let body: BodyInit | null = route.takesBody ? c.req.raw.body : null;
  if (route.shape !== undefined) {
    const enriched = await enrich(
      c.req.raw,
      route.shape as "single" | "bulk",
      instance,
      Number(c.env.MAX_TRANSACTION_BYTES),
    );
    body = enriched.body;
    c.set("reference", enriched.reference);
    c.set("made", enriched.made);
    line.reference = enriched.made ? "made" : "given";
  }
  c.set("sentAt", Date.now());
  const core = instance.base_url + target.path + (target.rest === "" ? "" : `?${target.rest}`);
  const answer = await proxy(core, {
    method: c.req.method,
    headers: headersUp(c.req.raw.headers, instance, requestId, target.https),
    body,
    redirect: "manual",
    cache: "no-store",
    signal: AbortSignal.timeout(route.isUpload ? instance.upload_timeout_ms : instance.timeout_ms),
  }).catch((error: Error) => {
    throw new ProxyError(error.name === "TimeoutError" ? "PROXY_CORE_TIMEOUT" : "PROXY_CORE_UNREACHABLE");
  });
  const error = notCores(answer);
  if (error !== undefined) throw error;
  if (answer.status === 401) Object.assign(line, { level: "error", detail: "Core refused the instance's own key" });
  for (const name of NEVER_RETURNED) answer.headers.delete(name);
  answer.headers.set("x-request-id", requestId);
  const { made, reference } = c.var;
  if (made && reference !== undefined) answer.headers.set("x-blnk-reference", reference);
  return answer;
}

/** What a caller is told about a write that ended in an error. */
function outcomeOf(c: Context<App>) {
  const { route, sentAt, reference } = c.var;
  const couldWrite = route === undefined ? c.req.method !== "GET" : route.needs === "write";
  return couldWrite ? { outcome: sentAt === undefined ? "not_sent" : "unknown", reference } : undefined;
}

const app = new Hono<App>();
app.use("*", logger);
app.use("*", authenticate);
// Static paths first: where two patterns match, the first that was registered is taken.
const byRank = [...ROUTES].sort((a, b) => rank(b) - rank(a));
for (const route of byRank) {
  const pattern = route.pattern.replace(/:(\w+)/g, (_, kind: keyof typeof PARAMETERS) => `:p{${PARAMETERS[kind]}}`);
  let at = 0;
  const numbered = pattern.replace(/:p\{/g, () => {
    at += 1;
    return `:p${at}{`;
  });
  app.on(route.method, `/proxy${numbered}`, (c) => forward(c, route));
}

function rank({ pattern }: Route) {
  const parameter = pattern.indexOf(":");
  return parameter < 0 ? Infinity : parameter;
}

app.notFound((c) => {
  const methods = methodsOf(c.get("target").path);
  if (methods.length === 0) throw new ProxyError("PROXY_ROUTE_NOT_FOUND");
  throw new ProxyError("PROXY_METHOD_NOT_ALLOWED", {}, { allow: methods.join(", ") });
});

app.onError(async (error, c) => {
  const own = error instanceof ProxyError ? error : new ProxyError("PROXY_INTERNAL");
  await drain(c.req.raw);
  const line = c.get("line");
  Object.assign(line, { code: own.code, level: own.level, upstream_status: own.details.upstream_status });
  const answer = own.response(c.get("requestId"), outcomeOf(c));
  if (c.get("made") && c.get("reference") !== undefined)
    answer.headers.set("x-blnk-reference", c.get("reference") as string);
  return answer;
});

export default {
  fetch(request: Request, env: Bindings, context: { waitUntil(promise: Promise<unknown>): void }) {
    const answer = Promise.resolve(app.fetch(request, env, context as never));
    // A caller who hangs up must neither cancel a write nor lose its log line.
    if (request.method !== "GET") context.waitUntil(answer);
    return answer;
  },
};
