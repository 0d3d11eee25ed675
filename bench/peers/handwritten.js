// The whole job as a good engineer would write it in JavaScript, without a framework.
import { ProxyError, drain, lacksScope, notCores } from "./job/errors.js";
import { enrich } from "./job/enrich.js";
import { headersUp, passOn, requestIdOf, traceIdOf } from "./job/headers.js";
import { cachesOf, readCredential, readInstance } from "./job/records.js";
import { find, mayUse, methodsOf } from "./job/routes.js";
import { isPlainPath, isPlainQuery, splitUrl, takeInstance } from "./job/target.js";
import { isSecretOf, presented } from "./job/token.js";

export default {
  fetch(request, env, context) {
    const answer = serve(request, env);
    // A caller who hangs up must neither cancel a write nor lose its log line.
    if (request.method !== "GET") context.waitUntil(answer);
    return answer;
  },
};

async function serve(request, env) {
  const { headers, method } = request;
  const requestId = requestIdOf(headers.get("x-request-id"));
  const line = { level: "info", request_id: requestId, trace_id: traceIdOf(headers.get("traceparent")), method };
  const call = { route: undefined, sentAt: undefined, reference: undefined, made: undefined };
  let answer;
  try {
    answer = await forward(request, env, requestId, line, call);
    line.status = answer.status;
    if (answer.status === 401) [line.level, line.detail] = ["error", "Core refused the instance's own key"];
    answer = passOn(answer, requestId, call.made ? call.reference : undefined);
  } catch (error) {
    const own = error instanceof ProxyError ? error : new ProxyError("PROXY_INTERNAL");
    await drain(request);
    answer = own.response(requestId, outcomeOf(method, call));
    if (call.made && call.reference !== undefined) answer.headers.set("x-blnk-reference", call.reference);
    line.status = own.status;
    line.code = own.code;
    line.level = own.level;
    line.upstream_status = own.details.upstream_status;
  }
  if (call.sentAt !== undefined) line.core_ms = Date.now() - call.sentAt;
  console.log(JSON.stringify(line));
  return answer;
}

/** What a caller is told about a write that ended in an error. */
function outcomeOf(method, { route, sentAt, reference }) {
  const couldWrite = route === undefined ? method !== "GET" : route.needs === "write";
  if (!couldWrite) return undefined;
  return { outcome: sentAt === undefined ? "not_sent" : "unknown", reference };
}

async function forward(request, env, requestId, line, call) {
  const { headers, method, url } = request;
  const { https, path, query } = splitUrl(url);
  if (path === undefined) throw new ProxyError("PROXY_ROUTE_NOT_FOUND");
  const token = presented(headers.get("authorization"), headers.get("x-blnk-key"));
  if (token === undefined) throw new ProxyError("PROXY_MISSING_CREDENTIAL");
  if (token === null) throw new ProxyError("PROXY_INVALID_CREDENTIAL");
  const target = takeInstance(query);
  if (target.instance === null) throw new ProxyError("PROXY_INVALID_INSTANCE_ID");

  const now = Date.now();
  const caches = cachesOf(env);
  let credential = caches.credentials.look(token.id, now);
  let instance = target.instance && caches.instances.look(target.instance, now);
  let cached = true;
  if (credential === undefined || (target.instance !== undefined && instance === undefined)) {
    cached = false;
    [credential, instance] = await recordsFromKv(env, token.id, credential, target.instance, instance, now);
  }

  const known = await isSecretOf(credential, token.secret, now);
  if (!known || credential.status !== "active" || now >= credential.notAfter)
    throw new ProxyError("PROXY_INVALID_CREDENTIAL");
  line.credential = credential.id;
  line.workspace = credential.workspace;
  const instanceId = target.instance ?? credential.default_instance;
  if (instanceId === undefined) throw new ProxyError("PROXY_MISSING_INSTANCE_ID");
  if (!isPlainPath(path) || !isPlainQuery(query)) throw new ProxyError("PROXY_INVALID_PATH");
  const route = find(method, path);
  if (route === undefined) {
    const methods = methodsOf(path);
    if (methods.length === 0) throw new ProxyError("PROXY_ROUTE_NOT_FOUND");
    throw new ProxyError("PROXY_METHOD_NOT_ALLOWED", {}, { allow: methods.join(", ") });
  }
  call.route = route;
  if (!mayUse(credential, route)) throw lacksScope(route);

  if (target.instance === undefined) {
    instance = caches.instances.look(instanceId, now);
    if (instance === undefined) {
      cached = false;
      [, instance] = await recordsFromKv(env, token.id, credential, instanceId, undefined, now);
    }
  }
  const reachable =
    instance !== null && instance.workspace === credential.workspace && (credential.reachable?.has(instanceId) ?? true);
  if (!reachable) throw new ProxyError("PROXY_INSTANCE_NOT_FOUND");
  if (instance.profile === "documented" && !route.documented) throw new ProxyError("PROXY_ROUTE_NOT_FOUND");
  line.route = route.pattern;
  line.instance = instanceId;
  line.cache = cached ? "hit" : "miss";

  let body = route.takesBody ? request.body : null;
  if (route.shape !== undefined) {
    const enriched = await enrich(request, route.shape, instance, Number(env.MAX_TRANSACTION_BYTES));
    body = enriched.body;
    call.reference = enriched.reference;
    call.made = enriched.made;
    line.reference = enriched.made ? "made" : "given";
  }
  call.sentAt = Date.now();
  const core = instance.base_url + path + (target.rest === "" ? "" : `?${target.rest}`);
  const answer = await send(core, {
    method,
    headers: headersUp(headers, instance, requestId, https),
    body,
    redirect: "manual",
    cache: "no-store",
    signal: AbortSignal.timeout(route.isUpload ? instance.upload_timeout_ms : instance.timeout_ms),
  });
  const error = notCores(answer);
  if (error !== undefined) throw error;
  return answer;
}

async function recordsFromKv(env, credentialId, credential, instanceId, instance, now) {
  try {
    return await Promise.all([
      credential === undefined ? readCredential(env, credentialId, now) : credential,
      instanceId !== undefined && instance === undefined ? readInstance(env, instanceId, now) : instance,
    ]);
  } catch {
    throw new ProxyError("PROXY_REGISTRY_UNAVAILABLE");
  }
}

async function send(url, init) {
  try {
    return await fetch(url, init);
  } catch (error) {
    throw new ProxyError(error.name === "TimeoutError" ? "PROXY_CORE_TIMEOUT" : "PROXY_CORE_UNREACHABLE");
  }
}
