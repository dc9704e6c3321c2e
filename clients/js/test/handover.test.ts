import assert from "node:assert/strict";
import { test } from "node:test";

import { takeHandover } from "../src/handover.js";
import { SITE } from "./world.js";

const JWT = "e30.e30.c2ln";

function arriveAt(address: string) {
  const addresses: string[] = [];
  const handover = takeHandover(new URL(address, SITE), {
    state: "kept",
    replaceState: (state, _, url) => void addresses.push(`${state} ${url}`),
  });
  return { handover, addresses };
}

const SUCCESSES = [
  [`/va-success?token=${JWT}&expires=x`, { token: JWT, isNew: true }, "/va-success"],
  [`/va-success#token=${JWT}&expires=x`, { token: JWT, isNew: true }, "/va-success"],
  ["/va-success?code=one-time", { code: "one-time", isNew: true }, "/va-success"],
  ["/va-success?expires=x", { isNew: true }, "/va-success"],
  ["/app/va-success/?expires=x", { isNew: true }, "/app/va-success/"],
  [
    "/va-success?expires=x&return_to=%2Fclaims%2Fnew%3Fa%3D1%23b",
    { isNew: true, returnTo: "/claims/new?a=1#b" },
    "/va-success?return_to=%2Fclaims%2Fnew%3Fa%3D1%23b",
  ],
  // After a reload, only the return path is left.
  ["/va-success?return_to=%2Fa", { returnTo: "/a" }, "/va-success?return_to=%2Fa"],
  [`/va-success?token=${JWT}&token=${JWT}`, {}, "/va-success"],
  ["/va-success?token=not-a-token", { isNew: true }, "/va-success"],
] as const;

for (const [address, expected, left] of SUCCESSES) {
  test(`${address} is taken over and leaves ${left}`, () => {
    const { handover, addresses } = arriveAt(address);
    const nothing = { isArrival: true, token: null, code: null, isNew: false, failure: null };
    assert.deepEqual(handover, { ...nothing, returnTo: null, ...expected });
    assert.deepEqual(addresses, [`kept ${left}`]);
  });
}

for (const hostile of ["//evil.example", "/\\evil.example", "https:evil", "/\t/evil.example", "x"]) {
  test(`the return path ${JSON.stringify(hostile)} leads nowhere`, () => {
    const { handover } = arriveAt(`/va-success?return_to=${encodeURIComponent(hostile)}`);
    assert.equal(handover.returnTo, null);
  });
}

test("a failure says why, and where the user wanted to go", () => {
  const { handover } = arriveAt("/va-error?error=access_denied&return_to=%2Fclaims");
  assert.equal(handover.failure, "access_denied");
  assert.equal(handover.returnTo, "/claims");
});

test("other pages keep their parameters", () => {
  const { handover, addresses } = arriveAt(`/claims?token=${JWT}&code=mine`);
  assert.equal(handover.token, null);
  assert.equal(handover.code, null);
  assert.deepEqual(addresses, []);
});
