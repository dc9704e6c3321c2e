import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import { SignedOutError, UnavailableError } from "../src/errors.js";
import type { Warning } from "../src/state.js";
import { BEGAN, FakeStorage, MINUTE, outage, problem, SERVICE, settle, SITE, type Tab, World } from "./world.js";

const HOUR = 60 * MINUTE;

/** A tab that is signed in, in `cookie` delivery or with a token in its address. */
async function signedIn(world: World, delivery: "cookie" | "query", options = {}): Promise<Tab> {
  world.service.cookieDelivery = delivery === "cookie";
  const token = world.service.signIn();
  const handed = delivery === "cookie" ? "expires=x" : `token=${token}&expires=x`;
  const tab = world.tab(`/va-success?${handed}`, options);
  await tab.session.open();
  assert.equal(tab.session.state.status, "signed-in");
  return tab;
}

function end(tab: Tab): number {
  const { state } = tab.session;
  assert.equal(state.status, "signed-in");
  return Date.parse(state.session.expires_at);
}

function warning(tab: Tab): Warning | null {
  const { state } = tab.session;
  assert.equal(state.status, "signed-in");
  return state.warning;
}

const lastToken = (world: World) => world.calls.at(-1)?.token;
const signedOut = (reason: string) => ({ status: "signed-out", reason });

// How a session is found

for (const part of ["?", "#"]) {
  test(`a token after ${part} is taken out of the address before it is used`, async () => {
    const world = new World();
    const token = world.service.signIn();
    const tab = world.tab(`/va-success${part}token=${token}&expires=x`);
    assert.equal(tab.address, "/va-success");
    assert.equal(world.calls.length, 0);

    await tab.session.open();

    assert.equal(tab.session.state.status, "signed-in");
    assert.deepEqual(world.asked, ["GET session"]);
    assert.equal(world.calls[0]?.token, token);
  });
}

test("a code is taken out of the address and redeemed", async () => {
  const world = new World();
  world.service.codes.add("one-time");
  const tab = world.tab("/va-success?code=one-time");
  assert.equal(tab.address, "/va-success");

  await tab.session.open();
  await tab.session.user();

  assert.equal(tab.session.state.status, "signed-in");
  assert.deepEqual(world.asked, ["POST session/redeem", "GET user"]);
  assert.equal(world.calls[0]?.body, '{"code":"one-time"}');
  assert.ok(world.calls[1]?.token);
});

test("a cookie is left to the browser", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  assert.deepEqual(world.asked, ["GET session"]);
  assert.equal(world.calls[0]?.token, null);
  assert.equal(world.calls[0]?.credentials, "include");
  assert.equal(end(tab), BEGAN + 30 * MINUTE);
});

test("after a reload, a session in a cookie is only looked at", async () => {
  const world = new World();
  await signedIn(world, "cookie");
  world.calls.length = 0;
  const tab = world.tab("/claims");
  await tab.session.open();
  assert.equal(tab.session.state.status, "signed-in");
  assert.deepEqual(world.asked, ["GET session"]);
});

test("after a reload, the cookie of the renewal brings a token back", async () => {
  const world = new World();
  const before = await signedIn(world, "query");
  before.session.close();
  const tab = world.tab("/claims");
  await tab.session.open();
  await tab.session.user();
  assert.equal(tab.session.state.status, "signed-in");
  assert.ok(world.calls.at(-1)?.token);
});

test("without cookies, a token that the tab keeps survives a reload", async () => {
  const world = new World();
  world.service.hasCookies = false;
  const token = world.service.signIn();
  const storage = new FakeStorage();
  const before = world.tab(`/va-success?token=${token}`, { keep: "tab" }, storage);
  await before.session.open();
  before.session.close();
  world.calls.length = 0;

  const tab = world.tab("/claims", { keep: "tab" }, storage);
  await tab.session.open();

  assert.equal(tab.session.state.status, "signed-in");
  assert.deepEqual(world.asked, ["GET session"]);
  await tab.session.signOut();
  assert.equal(storage.kept.size, 0);
});

test("unless asked to, nothing is stored", async () => {
  const world = new World();
  const storage = new FakeStorage();
  const tab = world.tab(`/va-success?token=${world.service.signIn()}`, {}, storage);
  await tab.session.open();
  assert.equal(storage.kept.size, 0);
});

test("a new sign-in never falls back on a token of an earlier one", async () => {
  const world = new World();
  const storage = new FakeStorage();
  storage.kept.set("vetassist.token", world.service.signIn());
  world.service.plan("POST session/redeem", outage);
  const tab = world.tab("/va-success?code=one-time", { keep: "tab" }, storage);
  await tab.session.open();
  assert.equal(tab.session.state.status, "unavailable");
  assert.equal(storage.kept.size, 0);
});

test("nobody is signed in", async () => {
  const world = new World();
  const tab = world.tab("/claims");
  assert.deepEqual(await tab.session.open(), signedOut("none"));
});

test("a code that is of no use leaves it to the cookies", async () => {
  const world = new World();
  world.service.cookieDelivery = true;
  world.service.signIn();
  const tab = world.tab("/va-success?code=made-up");
  await tab.session.open();
  assert.equal(tab.session.state.status, "signed-in");
  const other = new World().tab("/va-success?code=made-up");
  assert.deepEqual(await other.session.open(), signedOut("none"));
});

test("an outage signs nobody out: the code is kept, and redeemed after Retry-After", async () => {
  const world = new World();
  world.service.codes.add("one-time");
  world.service.plan("POST session/redeem", outage);
  const tab = world.tab("/va-success?code=one-time");
  assert.deepEqual(await tab.session.open(), { status: "unavailable" });

  await world.pass(6999);
  assert.equal(world.calls.length, 1);
  await world.pass(1);

  assert.equal(tab.session.state.status, "signed-in");
  assert.equal(world.count("POST session/redeem"), 2);
});

test("a lost network is an outage too", async () => {
  const world = new World();
  await signedIn(world, "cookie");
  world.service.plan("GET session", () => Promise.reject(new TypeError("Failed to fetch")));
  const tab = world.tab("/claims");
  assert.deepEqual(await tab.session.open(), { status: "unavailable" });
  await world.pass(5000);
  assert.equal(tab.session.state.status, "signed-in");
});

test("two calls of open() ask once", async () => {
  const world = new World();
  const tab = world.tab("/claims");
  await Promise.all([tab.session.open(), tab.session.open()]);
  assert.equal(world.count("GET session"), 1);
});

// Signing in

test("a sign-in goes to the service with the page and the front end", () => {
  const world = new World();
  const tab = world.tab("/claims?a=1#b", { frontEnd: "fe-1" });
  tab.session.signIn();
  tab.session.signIn("/other");
  const login = `${SERVICE}/api/v1/va/login?front_end=fe-1&return_to=`;
  assert.deepEqual(tab.left, [`${login}%2Fclaims%3Fa%3D1%23b`, `${login}%2Fother`]);
});

test("after a failure, a sign-in goes to where the user wanted to go", () => {
  const world = new World();
  const tab = world.tab("/va-error?error=access_denied&return_to=%2Fclaims");
  assert.equal(tab.session.failure, "access_denied");
  assert.equal(tab.session.signInUrl(), `${SERVICE}/api/v1/va/login?return_to=%2Fclaims`);
  const bare = world.tab("/va-error?error=access_denied");
  assert.equal(bare.session.signInUrl(), `${SERVICE}/api/v1/va/login`);
});

// Renewal

test("activity renews in the second half of the time, and not before", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  await world.pass(15 * MINUTE - 1);
  await tab.happens("act");
  assert.equal(world.count("POST session/renew"), 0);
  await world.pass(1);
  await tab.happens("act");
  await tab.happens("act");
  assert.equal(world.count("POST session/renew"), 1);
  assert.equal(end(tab), BEGAN + 45 * MINUTE);
  await world.pass(14 * MINUTE);
  await tab.happens("act");
  assert.equal(world.count("POST session/renew"), 1);
});

test("after the warning, only an answer to it renews", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  await world.pass(28 * MINUTE);
  await tab.happens("act");
  assert.equal(world.count("POST session/renew"), 0);
  await tab.session.extend();
  assert.equal(warning(tab), null);
  assert.equal(end(tab), BEGAN + 58 * MINUTE);
});

test("a session that can't be extended isn't renewed", async () => {
  const world = new World();
  world.service.absolute = 30 * MINUTE;
  const tab = await signedIn(world, "cookie");
  await world.pass(20 * MINUTE);
  await tab.happens("act");
  assert.equal(world.count("POST session/renew"), 0);
});

test("a token that expires before its session is renewed, up to the absolute limit", async () => {
  const world = new World();
  Object.assign(world.service, { absolute: 30 * MINUTE, life: 10 * MINUTE });
  const tab = await signedIn(world, "cookie");
  await world.pass(5 * MINUTE);
  await tab.happens("act");
  assert.equal(end(tab), BEGAN + 15 * MINUTE);
});

test("the next request has the token of the renewal", async () => {
  const world = new World();
  const tab = await signedIn(world, "query");
  const first = lastToken(world);
  await tab.session.extend();
  await tab.session.user();
  assert.notEqual(lastToken(world), first);
  assert.equal(lastToken(world), world.service.cookie?.token);
});

test("after an outage, a renewal is repeated in time", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  await world.pass(20 * MINUTE);
  world.service.plan("POST session/renew", outage);
  await tab.happens("act");
  assert.equal(tab.session.state.status, "signed-in");
  await tab.happens("act");
  assert.equal(world.count("POST session/renew"), 1);
  await world.pass(7000);
  assert.equal(world.count("POST session/renew"), 2);
  assert.equal(end(tab), BEGAN + 50 * MINUTE + 7000);
});

test("a renewal whose answer is lost is repeated within the 30 seconds of grace", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  world.service.plan("POST session/renew", () => Promise.reject(new TypeError("lost")));
  await assert.rejects(tab.session.extend(), UnavailableError);
  await world.pass(29_000);
  assert.equal(world.count("POST session/renew"), 2);
});

test("a renewal shows that the session has ended", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  world.service.ended.add("session-1");
  await assert.rejects(tab.session.extend(), SignedOutError);
  assert.deepEqual(tab.session.state, signedOut("ended"));
});

test("a sign-out isn't undone by a renewal that was on its way", async () => {
  const world = new World();
  const tab = await signedIn(world, "query");
  let answer = (_: Response) => {};
  world.service.plan("POST session/renew", () => new Promise((resolve) => (answer = resolve)));
  const extending = tab.session.extend();
  await settle();
  const late = world.service.grant("session-1");
  await tab.session.signOut();
  answer(Response.json(late));
  await extending;
  assert.deepEqual(tab.session.state, signedOut("signed-out"));
  await tab.session.user().catch(() => {});
  assert.deepEqual(tab.session.state, signedOut("signed-out"));
  assert.ok(world.calls.filter((call) => call.path === "user").every((call) => call.token === null));
});

// Several tabs

for (const [name, hasLocks] of [["Web Locks", true], ["BroadcastChannel alone", false]] as const) {
  for (const delivery of ["cookie", "query"] as const) {
    test(`tabs renew once, by ${name} in ${delivery} delivery`, async () => {
      const world = new World();
      world.hasLocks = hasLocks;
      const tabs = [await signedIn(world, delivery), world.tab("/a"), world.tab("/b")];
      const opening = tabs.map((tab) => tab.session.open());
      await world.pass(MINUTE);
      await Promise.all(opening);
      world.calls.length = 0;

      const extending = tabs.map((tab) => tab.session.extend());
      await world.pass(2000);
      await Promise.all(extending);

      assert.equal(world.count("POST session/renew"), 1);
      assert.equal(new Set(tabs.map(end)).size, 1);
      await Promise.all(tabs.map((tab) => tab.session.user()));
      const used = new Set(world.calls.slice(-3).map((call) => call.token));
      assert.deepEqual([...used], [delivery === "query" ? world.service.cookie?.token : null]);
    });
  }

  test(`a tab that comes later waits for a renewal that takes its time, by ${name}`, async () => {
    const world = new World();
    world.hasLocks = hasLocks;
    const tabs = [await signedIn(world, "query"), world.tab("/a")];
    const opening = tabs[1]?.session.open();
    await world.pass(2000);
    await opening;
    world.calls.length = 0;
    let answer = () => {};
    world.service.plan("POST session/renew", (call) =>
      new Promise((resolve) => {
        answer = () => resolve(Response.json(world.service.grant("session-1")));
        assert.equal(call.method, "POST");
      }),
    );
    const working = [tabs[0]?.session.extend()];
    await world.pass(1000);
    const late = world.tab("/b");
    working.push(tabs[1]?.session.extend(), late.session.open().then(() => {}));
    await world.pass(5000);
    assert.equal(world.count("POST session/renew"), 1);
    answer();
    await world.pass(2000);
    await Promise.all(working);
    assert.equal(world.count("POST session/renew"), 1);
    assert.equal(new Set([...tabs, late].map(end)).size, 1);
  });

  test(`a renewal within the second of the last one is one too, by ${name}`, async () => {
    const world = new World();
    world.hasLocks = hasLocks;
    const tabs = [await signedIn(world, "cookie"), world.tab("/a")];
    await tabs[1]?.session.open();
    const ended: number[] = [];
    const extending = tabs.map((tab) => tab.session.extend().then(() => ended.push(world.now)));
    world.service.plan("POST session/renew", () => {
      const { token: _, ...times } = world.service.grant("session-1");
      return Response.json({ ...times, expires_at: new Date(BEGAN + 30 * MINUTE).toISOString() });
    });
    await world.pass(MINUTE);
    await Promise.all(extending);
    assert.equal(world.count("POST session/renew"), 1);
    assert.ok(ended.every((time) => time < BEGAN + 500), String(ended));
  });

  test(`a tab renews by itself if the other one can't, by ${name}`, async () => {
    const world = new World();
    world.hasLocks = hasLocks;
    const [one, other] = [await signedIn(world, "cookie"), world.tab("/a")];
    await other.session.open();
    world.service.plan("POST session/renew", outage);
    const results = Promise.allSettled([one, other].map((tab) => tab.session.extend()));
    await world.pass(5000);
    const statuses = (await results).map((result) => result.status);
    assert.deepEqual(statuses.sort(), ["fulfilled", "rejected"]);
    assert.equal(world.count("POST session/renew"), 2);
  });
}

test("a tab that can't talk to the others renews once for all of its callers", async () => {
  const world = new World();
  Object.assign(world, { hasLocks: false, hasChannels: false });
  const tab = await signedIn(world, "cookie");
  await Promise.all([tab.session.extend(), tab.session.extend()]);
  assert.equal(world.count("POST session/renew"), 1);
});

test("the end of another session is no end of this one", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  const ended = { type: "ended", sessionId: "session-0" };
  world.channel(`vetassist ${SERVICE}`)?.postMessage(ended);
  await settle();
  assert.equal(tab.session.state.status, "signed-in");
});

test("a renewal of the session before a new sign-in doesn't bring it back", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  let answer = () => {};
  world.service.plan("POST session/renew", () => {
    const { token: _, ...times } = world.service.grant("session-1");
    return new Promise((resolve) => (answer = () => resolve(Response.json(times))));
  });
  const extending = tab.session.extend();
  await settle();
  const newer = await signedIn(world, "cookie");
  await settle();
  answer();
  await extending;
  assert.deepEqual(tab.session.state, newer.session.state);
});

test("a look at the session from before a renewal doesn't take it back", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  await world.pass(20 * MINUTE);
  let answer = (_: Response) => {};
  world.service.plan("GET session", () => new Promise((resolve) => (answer = resolve)));
  const before = Response.json(world.service.times("session-1", BEGAN + 30 * MINUTE));
  await tab.happens("return");
  await tab.happens("act");
  answer(before);
  await settle();
  assert.equal(end(tab), BEGAN + 50 * MINUTE);
});

test("every tab hears of a sign-out", async () => {
  const world = new World();
  const [one, other] = [await signedIn(world, "query"), world.tab("/a")];
  await other.session.open();
  await settle();
  await one.session.signOut();
  await settle();
  assert.deepEqual(other.session.state, signedOut("ended"));
  assert.equal(world.count("DELETE session"), 1);
});

test("a tab that has signed out doesn't believe another one that was still renewing", async () => {
  const world = new World();
  const [one, other] = [await signedIn(world, "cookie"), world.tab("/a")];
  await other.session.open();
  const signingOut = one.session.signOut();
  const { token: _, ...session } = world.service.grant("session-1");
  await signingOut;
  const late = { type: "session", session, renewedAt: world.now, token: null };
  world.channel(`vetassist ${SERVICE}`)?.postMessage(late);
  await settle();
  assert.deepEqual(one.session.state, signedOut("signed-out"));
});

test("every tab follows a new sign-in", async () => {
  const world = new World();
  const old = await signedIn(world, "query");
  await signedIn(world, "query");
  await settle();
  const { state } = old.session;
  assert.ok("session" in state && state.session.session_id !== "session-1");
  await old.session.user();
  assert.equal(world.calls.at(-1)?.token, world.service.cookie?.token);
});

test("a tab that is closed does nothing anymore", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  await world.pass(28 * MINUTE - 1);
  tab.session.close();
  world.calls.length = 0;
  await world.pass(HOUR);
  await tab.happens("act");
  await tab.happens("return");
  assert.equal(world.calls.length, 0);
});

// The warning and the end

test("the warning comes once, in time, and says what can be done", async () => {
  const world = new World();
  const warnings: Warning[] = [];
  const tab = await signedIn(world, "cookie", { warn: (each: Warning) => warnings.push(each) });
  await world.pass(28 * MINUTE - 1);
  assert.deepEqual(warnings, []);
  await world.pass(MINUTE);
  const expected = { endsAt: new Date(BEGAN + 30 * MINUTE), canExtend: true };
  assert.deepEqual(warnings, [expected]);
  assert.deepEqual(warning(tab), expected);
});

test("the warning of the absolute limit says that nothing extends the session", async () => {
  const world = new World();
  world.service.absolute = 30 * MINUTE;
  const tab = await signedIn(world, "cookie");
  await world.pass(28 * MINUTE);
  assert.equal(warning(tab)?.canExtend, false);
});

test("nobody is warned of an end that another browser window has moved", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  await world.pass(20 * MINUTE);
  world.service.grant("session-1");
  await world.pass(8 * MINUTE);
  assert.equal(warning(tab), null);
  assert.equal(end(tab), BEGAN + 50 * MINUTE);
});

test("the warning comes during an outage too", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  world.service.plan("GET session", outage);
  await world.pass(28 * MINUTE);
  assert.notEqual(warning(tab), null);
});

test("the session ends at its end", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  await world.pass(30 * MINUTE - 1);
  assert.equal(tab.session.state.status, "signed-in");
  await world.pass(1);
  assert.deepEqual(tab.session.state, signedOut("ended"));
  assert.equal(world.count("POST session/renew"), 0);
});

test("a token that is over says nothing about its session", async () => {
  const world = new World();
  world.service.life = 10 * MINUTE;
  const tab = await signedIn(world, "query");
  await world.pass(10 * MINUTE);
  assert.equal(tab.session.state.status, "expired");
  await tab.session.extend();
  assert.equal(end(tab), BEGAN + 20 * MINUTE);
});

test("a renewal after the end whose answer is lost is repeated too", async () => {
  const world = new World();
  world.service.life = 10 * MINUTE;
  const tab = await signedIn(world, "query");
  await world.pass(10 * MINUTE);
  world.service.plan("POST session/renew", () => Promise.reject(new TypeError("lost")));
  world.service.plan("GET session", outage);
  await assert.rejects(tab.session.extend(), UnavailableError);
  await world.pass(20_000);
  assert.equal(tab.session.state.status, "signed-in");
});

test("without an answer at the end, it isn't claimed that the session has ended", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  await world.pass(29 * MINUTE);
  world.service.plan("GET session", outage);
  await world.pass(MINUTE);
  assert.equal(tab.session.state.status, "expired");
});

test("a computer that wakes up after the end knows it within half a minute", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  await world.sleep(8 * HOUR);
  assert.equal(tab.session.state.status, "signed-in");
  await world.pass(30_000);
  assert.deepEqual(tab.session.state, signedOut("ended"));
});

test("a user who comes back is told at once what happened meanwhile", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  world.service.ended.add("session-1");
  await tab.happens("return");
  assert.equal(tab.session.state.status, "signed-in");
  await world.pass(10_000);
  await tab.happens("return");
  assert.deepEqual(tab.session.state, signedOut("ended"));
});

test("a page from the back/forward cache is asked about however new it is", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  world.service.ended.add("session-1");
  await tab.happens("restore");
  assert.deepEqual(tab.session.state, signedOut("ended"));
});

for (const lead of [-HOUR, -10 * MINUTE, 10 * MINUTE, HOUR]) {
  test(`a clock that is ${lead / MINUTE} minutes behind the service's counts right`, async () => {
    const world = new World();
    Object.assign(world, { lead, showsDate: true });
    const tab = await signedIn(world, "cookie");
    await world.pass(28 * MINUTE - 2000);
    assert.equal(warning(tab), null);
    await world.pass(4000);
    const left = (warning(tab)?.endsAt.getTime() ?? 0) - world.now;
    assert.ok(Math.abs(left - (2 * MINUTE - 2000)) <= 1000, String(left));
  });
}

test("a clock that is ahead signs nobody out", async () => {
  const world = new World();
  world.lead = -10 * MINUTE;
  const tab = await signedIn(world, "cookie");
  await world.pass(29 * MINUTE);
  assert.equal(tab.session.state.status, "signed-in");
  assert.ok(world.calls.length < 25);
  await world.pass(2 * MINUTE);
  assert.deepEqual(tab.session.state, signedOut("ended"));
});

// Signing out

test("a sign-out works after the token has expired", async () => {
  const world = new World();
  world.service.life = 10 * MINUTE;
  const tab = await signedIn(world, "query");
  await world.pass(11 * MINUTE);
  await tab.session.signOut();
  assert.ok(world.calls.at(-1)?.token);
  assert.ok(world.service.ended.has("session-1"));
  assert.deepEqual(tab.session.state, signedOut("signed-out"));
});

test("a sign-out that finds no session is one", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  world.service.plan("DELETE session", () => problem(401, "invalid_token"));
  await tab.session.signOut();
  assert.deepEqual(tab.session.state, signedOut("signed-out"));
});

test("a sign-out that isn't acknowledged is none", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  world.service.plan("DELETE session", outage);
  await assert.rejects(tab.session.signOut(), UnavailableError);
  assert.equal(tab.session.state.status, "signed-in");
});

test("signing out everywhere renews first if it has to", async () => {
  const world = new World();
  world.service.life = 10 * MINUTE;
  const tab = await signedIn(world, "query");
  await world.pass(11 * MINUTE);
  world.calls.length = 0;
  await tab.session.signOutEverywhere();
  assert.deepEqual(world.asked, ["DELETE sessions", "POST session/renew", "DELETE sessions"]);
  assert.deepEqual(tab.session.state, signedOut("signed-out"));
});

test("the other sessions are listed and ended by their ids", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  assert.deepEqual(await tab.session.places(), []);
  await tab.session.signOutOf("a/b");
  await tab.session.signOutElsewhere();
  assert.deepEqual(world.asked.slice(-2), [
    "DELETE sessions/a%2Fb",
    "DELETE sessions?except=current",
  ]);
  assert.equal(tab.session.state.status, "signed-in");
});

// Calls to back ends

test("a back end gets the token, and the body once more after a renewal", async () => {
  const world = new World();
  world.service.life = 10 * MINUTE;
  const tab = await signedIn(world, "query");
  await world.pass(10 * MINUTE);
  world.calls.length = 0;
  const answer = await tab.session.fetch(`${SERVICE}/api/v1/claims`, { method: "POST", body: "{}" });
  assert.equal(answer.status, 200);
  const claims = world.calls.filter((call) => call.path === "claims");
  assert.deepEqual(claims.map((call) => call.body), ["{}", "{}"]);
  assert.equal(claims[1]?.token, world.service.cookie?.token);
});

test("a back end's own refusal is returned, without a renewal", async () => {
  const world = new World();
  const tab = await signedIn(world, "cookie");
  for (const status of [401, 403, 503]) {
    world.service.plan("GET claims", () => new Response(null, { status }));
    assert.equal((await tab.session.fetch(`${SERVICE}/api/v1/claims`)).status, status);
  }
  assert.equal(world.count("POST session/renew"), 0);
  assert.equal(world.calls.at(-1)?.credentials, "include");
});

test("after the end of the session, a back end's 401 is returned", async () => {
  const world = new World();
  const tab = await signedIn(world, "query");
  world.service.ended.add("session-1");
  assert.equal((await tab.session.fetch(`${SERVICE}/api/v1/claims`)).status, 401);
  assert.deepEqual(tab.session.state, signedOut("ended"));
});

test("the session is sent to no other origin unless it is named", async () => {
  const world = new World();
  const origins = ["https://claims.example.org"];
  const tab = await signedIn(world, "query", { origins });
  world.calls.length = 0;
  for (const url of ["https://evil.example/", "http://app.example.org/", "//api.example.net/"]) {
    await assert.rejects(tab.session.fetch(new URL(url, SITE)), TypeError);
  }
  assert.equal(world.calls.length, 0);
  await tab.session.fetch("https://claims.example.org/x");
  await tab.session.fetch(`${SITE}/x`);
  assert.equal(world.calls.filter((call) => call.token !== null).length, 2);
});

// What a page sees

test("a state is a new value after each change, and listeners are told", async () => {
  const world = new World();
  const tab = world.tab("/claims");
  const seen: unknown[] = [tab.session.state];
  const stop = tab.session.subscribe(() => seen.push(tab.session.state));
  await tab.session.open();
  stop();
  world.service.signIn();
  await tab.session.open();
  assert.deepEqual(seen, [{ status: "opening" }, signedOut("none")]);
  assert.equal(tab.session.state, tab.session.state);
});

test("no state and no inspection of a session shows the token", async () => {
  const world = new World();
  const token = world.service.signIn();
  const tab = world.tab(`/va-success?token=${token}`);
  await tab.session.open();
  await tab.session.extend();
  const shown = inspect(tab.session, { depth: null, showHidden: true });
  assert.ok(!shown.includes("e30."), shown);
  assert.ok(!JSON.stringify(tab.session.state).includes("e30."));
});
