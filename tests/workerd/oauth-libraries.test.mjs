// Two client libraries, as they come, against the metadata document.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import * as oauth from "oauth4webapi";
import { ClientCredentials } from "simple-oauth2";

import { startAuthorized } from "./authorized.mjs";

let edge;
let client;
before(async () => {
  edge = await startAuthorized();
  client = await edge.client();
});
after(() => edge.stop());

const ledgers = () => new URL(`${edge.worker.origin}/proxy/ledgers?instance_id=${edge.instance.id}`);
const withToken = (token, init = {}) =>
  fetch(ledgers(), { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } });

describe("oauth4webapi", () => {
  // The only setting: it would not talk plain http otherwise.
  const plain = { [oauth.allowInsecureRequests]: true };

  const discover = async () => {
    const issuer = new URL(edge.worker.origin);
    return oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...plain }),
    );
  };
  const grant = async (server, authentication, parameters = {}) => {
    const own = { client_id: client.client_id };
    const answer = await oauth.clientCredentialsGrantRequest(server, own, authentication, parameters, plain);
    return oauth.processClientCredentialsResponse(server, own, answer);
  };

  for (const method of [oauth.ClientSecretBasic, oauth.ClientSecretPost]) {
    test(`${method.name}: discovers the server, gets a token, uses it and gives it back`, async () => {
      const server = await discover();
      const authentication = method(client.client_secret);
      const { access_token: token, token_type: type, expires_in: seconds, scope } = await grant(server, authentication);
      assert.deepEqual([type, seconds, scope], ["bearer", 3_600, "proxy:read proxy:write"]);
      const answer = await oauth.protectedResourceRequest(token, "GET", ledgers(), undefined, undefined, plain);
      assert.equal(answer.status, 200);

      const revoked = await oauth.revocationRequest(
        server,
        { client_id: client.client_id },
        authentication,
        token,
        plain,
      );
      await oauth.processRevocationResponse(revoked);
      await assert.rejects(
        oauth.protectedResourceRequest(token, "GET", ledgers(), undefined, undefined, plain),
        (error) => {
          assert.ok(error instanceof oauth.WWWAuthenticateChallengeError);
          assert.deepEqual(
            error.cause.map(({ scheme, parameters }) => [scheme, parameters.error]),
            [["bearer", "invalid_token"]],
          );
          return true;
        },
      );
    });
  }

  test("a narrowed token is told which scope it lacks", async () => {
    const server = await discover();
    const { access_token: token, scope } = await grant(server, oauth.ClientSecretBasic(client.client_secret), {
      scope: "proxy:read",
    });
    assert.equal(scope, "proxy:read");
    const post = oauth.protectedResourceRequest(token, "POST", ledgers(), undefined, "{}", plain);
    await assert.rejects(post, ({ status, cause }) => {
      assert.deepEqual(
        [status, cause[0].parameters.error, cause[0].parameters.scope],
        [403, "insufficient_scope", "proxy:write"],
      );
      return true;
    });
  });

  test("reads the errors as what they are", async () => {
    const server = await discover();
    const wrong = oauth.ClientSecretPost((await edge.client()).client_secret);
    // A challenge comes before the body in this library.
    await assert.rejects(grant(server, wrong), (error) => error.status === 401 || error.response?.status === 401);
    const right = oauth.ClientSecretBasic(client.client_secret);
    await assert.rejects(grant(server, right, { scope: "admin" }), ({ error, status }) => {
      assert.deepEqual([error, status], ["invalid_scope", 400]);
      return true;
    });
  });
});

describe("simple-oauth2", () => {
  const configured = async (authorizationMethod, secret = client.client_secret) => {
    const metadata = await (await fetch(`${edge.worker.origin}/.well-known/oauth-authorization-server`)).json();
    return new ClientCredentials({
      client: { id: client.client_id, secret },
      auth: {
        tokenHost: metadata.issuer,
        tokenPath: new URL(metadata.token_endpoint).pathname,
        revokePath: new URL(metadata.revocation_endpoint).pathname,
      },
      options: { authorizationMethod, bodyFormat: "form" },
    });
  };

  for (const method of ["header", "body"]) {
    test(`${method}: gets a token, uses it and gives it back`, async () => {
      const token = await (await configured(method)).getToken({ scope: ["proxy:read", "proxy:write"] });
      assert.equal(token.token.token_type, "Bearer");
      assert.equal(token.expired(), false);
      const value = token.token.access_token;
      assert.equal((await withToken(value)).status, 200);
      await token.revoke("access_token");
      assert.equal((await withToken(value)).status, 401);
    });
  }

  test("reads the errors as what they are", async () => {
    const other = await edge.client();
    await assert.rejects((await configured("header", other.client_secret)).getToken({}), ({ output, data }) => {
      assert.deepEqual([output.statusCode, data.payload.error], [401, "invalid_client"]);
      return true;
    });
    await assert.rejects((await configured("body")).getToken({ scope: "admin" }), ({ output, data }) => {
      assert.deepEqual([output.statusCode, data.payload.error], [400, "invalid_scope"]);
      return true;
    });
  });
});
