import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import {
  ForbiddenError,
  RefusedError,
  SignedOutError,
  UnavailableError,
  VetAssistError,
} from "../src/errors.js";
import { Service } from "../src/service.js";
import { problem } from "./world.js";

const SECRET = "e30.secret.c2ln";

async function refusedBy(answer: () => Response | Promise<Response>): Promise<VetAssistError> {
  const service = new Service("https://api.example.org/", { fetch: async () => answer(), now: Date.now });
  try {
    await service.show(SECRET);
  } catch (error) {
    assert.ok(error instanceof VetAssistError);
    return error;
  }
  assert.fail("nothing was refused");
}

const ANSWERS = [
  [401, SignedOutError],
  [403, ForbiddenError],
  [404, RefusedError],
  [400, RefusedError],
  [408, UnavailableError],
  [429, UnavailableError],
  [500, UnavailableError],
  [503, UnavailableError],
] as const;

for (const [status, type] of ANSWERS) {
  test(`${status} is a ${type.name} with the problem's code and reference`, async () => {
    const error = await refusedBy(() => problem(status, "a_code"));
    assert.equal(error.constructor, type);
    assert.equal(error.name, type.name);
    assert.deepEqual([error.status, error.code, error.reference], [status, "a_code", "request-1"]);
  });
}

for (const [wait, seconds] of [["7", 7], ["0", 1], ["99999", 300], ["soon", 5], ["", 5]] as const) {
  test(`Retry-After ${JSON.stringify(wait)} is ${seconds} seconds`, async () => {
    const error = await refusedBy(() => problem(503, "unavailable", { "Retry-After": wait }));
    assert.ok(error instanceof UnavailableError);
    assert.equal(error.retryAfter, seconds);
  });
}

test("no answer and an unreadable one say nothing about the session", async () => {
  for (const answer of [() => Promise.reject(new TypeError(SECRET)), () => new Response("<html>")]) {
    assert.ok((await refusedBy(answer)) instanceof UnavailableError);
  }
});

test("a 401 without a problem document is one all the same", async () => {
  assert.ok((await refusedBy(() => new Response("<html>", { status: 401 }))) instanceof SignedOutError);
});

test("no error holds the token", async () => {
  const answers = [() => Promise.reject(new TypeError(SECRET)), () => problem(401, "x")];
  for (const answer of answers) {
    const error = await refusedBy(answer);
    assert.ok(!inspect(error, { depth: null }).includes("secret"));
  }
});

test("a request has the cookies, isn't cached, and follows no redirect", async () => {
  let asked: [unknown, RequestInit | undefined] | undefined;
  const fetch = async (input: unknown, init?: RequestInit) => {
    asked = [input, init];
    return new Response(null, { status: 204 });
  };
  await new Service("https://api.example.org/base/", { fetch, now: Date.now }).signOut(SECRET);
  assert.ok(asked);
  const [url, { signal, ...init }] = asked as [string, RequestInit];
  assert.equal(url, "https://api.example.org/base/api/v1/session");
  assert.ok(signal);
  assert.deepEqual(init, {
    method: "DELETE",
    headers: { Authorization: `Bearer ${SECRET}` },
    body: null,
    credentials: "include",
    cache: "no-store",
    redirect: "error",
    keepalive: true,
  });
});
