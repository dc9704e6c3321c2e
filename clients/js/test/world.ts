/** A browser with several tabs, a service, and a clock that only the test moves. */

import type { Browser, Channel, PageEvent } from "../src/browser.js";
import { BrowserSession } from "../src/session.js";
import type { SessionOptions } from "../src/state.js";

export const SERVICE = "https://api.example.org";
export const SITE = "https://app.example.org";
export const BEGAN = Date.parse("2026-11-29T12:00:00Z");
export const MINUTE = 60_000;

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly token: string | null;
  readonly body: unknown;
  readonly credentials: string | undefined;
}

/** Lets everything run that waits for nothing but promises. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}

export class World {
  now = BEGAN;
  /** The service's clock, and this device's (ms). */
  lead = 0;
  showsDate = false;
  hasLocks = true;
  hasChannels = true;
  readonly calls: Call[] = [];
  readonly service = new FakeService(this);
  readonly #timers = new Map<number, { at: number; work: () => void }>();
  readonly #channels = new Map<FakeChannel, string>();
  readonly #locks = new FakeLocks();
  #timer = 0;

  /** A tab at an address of the front end. */
  tab(address: string, options: SessionOptions = {}, storage = new FakeStorage()): Tab {
    return new Tab(this, new URL(address, SITE), options, storage);
  }

  /** The paths that were asked for, with their methods. */
  get asked(): string[] {
    return this.calls.map(({ method, path }) => `${method} ${path}`);
  }

  count(call: string): number {
    return this.asked.filter((each) => each === call).length;
  }

  /** Lets time pass, with every timer at its time. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await settle();
      const [key, timer] = this.#first() ?? [];
      if (key === undefined || timer === undefined || timer.at > end) break;
      this.#timers.delete(key);
      this.now = Math.max(this.now, timer.at);
      timer.work();
    }
    this.now = end;
    await settle();
  }

  /** The computer sleeps: the clock goes on, and the timers don't. */
  async sleep(ms: number): Promise<void> {
    this.now += ms;
    for (const timer of this.#timers.values()) timer.at += ms;
    await settle();
  }

  #first(): [number, { at: number; work: () => void }] | undefined {
    return [...this.#timers].sort(([, one], [, other]) => one.at - other.at)[0];
  }

  readonly after = (ms: number, work: () => void): (() => void) => {
    this.#timer += 1;
    const key = this.#timer;
    this.#timers.set(key, { at: this.now + ms, work });
    return () => void this.#timers.delete(key);
  };

  channel(name: string): Channel | null {
    if (!this.hasChannels) return null;
    const channel = new FakeChannel((data) => {
      for (const [other, its] of this.#channels) {
        if (other !== channel && its === name) setImmediate(() => other.receive(data));
      }
    }, () => void this.#channels.delete(channel));
    this.#channels.set(channel, name);
    return channel as unknown as Channel;
  }

  get locks(): Browser["locks"] {
    return this.hasLocks ? (this.#locks as unknown as Browser["locks"]) : null;
  }
}

/** One tab, with its own page and memory. */
export class Tab {
  readonly session: BrowserSession;
  readonly addresses: string[];
  readonly left: string[] = [];
  readonly #listeners: Record<PageEvent, Set<() => void>> = {
    act: new Set(),
    return: new Set(),
    restore: new Set(),
  };

  constructor(world: World, address: URL, options: SessionOptions, storage: FakeStorage) {
    this.addresses = [address.pathname + address.search + address.hash];
    const { left, addresses } = this;
    this.session = new BrowserSession(SERVICE, options, {
      location: {
        origin: SITE,
        get pathname() {
          return new URL(addresses[0] as string, SITE).pathname;
        },
        get search() {
          return new URL(addresses[0] as string, SITE).search;
        },
        get hash() {
          return new URL(addresses[0] as string, SITE).hash;
        },
        assign: (url) => void left.push(String(url)),
      },
      history: {
        state: null,
        replaceState: (_state, _title, url) => void addresses.unshift(String(url)),
      },
      storage,
      locks: world.locks,
      fetch: (input, init) => world.service.answer(input, init),
      now: () => world.now,
      after: world.after,
      channel: (name) => world.channel(name),
      on: (event, listener) => {
        this.#listeners[event].add(listener);
        return () => void this.#listeners[event].delete(listener);
      },
    });
  }

  get address(): string {
    return this.addresses[0] as string;
  }

  /** What happens to the page. */
  async happens(event: PageEvent): Promise<void> {
    for (const listener of this.#listeners[event]) listener();
    await settle();
  }
}

/** Answers as the service does. Cookies are those of the browser, so every tab has them. */
export class FakeService {
  cookieDelivery = false;
  idle = 30 * MINUTE;
  life = 30 * MINUTE;
  absolute = 12 * 60 * MINUTE;
  /** Where cookies don't reach the service, such as on another site. */
  hasCookies = true;
  readonly #world: World;
  readonly #planned: ((call: Call) => Response | Promise<Response> | undefined)[] = [];
  readonly #tokens = new Map<string, { session: string; expires: number }>();
  /** The redeemable codes. */
  readonly codes = new Set<string>();
  readonly ended = new Set<string>();
  readonly #renewed = new Map<string, number>();
  readonly #began = new Map<string, number>();
  #count = 0;
  cookie: { session: string; token: string } | null = null;

  constructor(world: World) {
    this.#world = world;
  }

  get now(): number {
    return this.#world.now + this.#world.lead;
  }

  /** The Veteran signs in, with the cookies of it. Returns the JWT. */
  signIn(session = `session-${(this.#count += 1)}`): string {
    this.#began.set(session, this.now);
    return this.grant(session).token;
  }

  /** Plans the answer to a later call that `which` is part of, before all others. */
  plan(which: string, answer: (call: Call) => Response | Promise<Response>): void {
    let isUsed = false;
    this.#planned.push((call) => {
      if (isUsed || `${call.method} ${call.path}` !== which) return undefined;
      isUsed = true;
      return answer(call);
    });
  }

  async answer(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    const call: Call = {
      method: request.method,
      path: request.url.replace(`${SERVICE}/api/v1/`, ""),
      token: request.headers.get("Authorization")?.replace(/^Bearer /, "") ?? null,
      body: await request.text(),
      credentials: request.credentials,
    };
    this.#world.calls.push(call);
    for (const plan of this.#planned) {
      const planned = plan(call);
      if (planned !== undefined) return planned;
    }
    return this.#answer(call);
  }

  #answer(call: Call): Response {
    const { method, path } = call;
    if (method === "POST" && path === "session/renew") return this.#renew();
    if (method === "POST" && path === "session/redeem") return this.#redeem(call);
    const token = call.token ?? (this.hasCookies ? this.cookieToken : null);
    const known = token === null ? undefined : this.#tokens.get(token);
    if (method === "DELETE" && path === "session") return this.#signOut(known?.session);
    if (known === undefined || known.expires <= this.now || !this.#stands(known.session)) {
      return problem(401, "invalid_token");
    }
    if (path === "session") {
      return this.json({ ...this.times(known.session, known.expires), user_id: "user-1" });
    }
    if (method === "DELETE") {
      if (path === "sessions") this.#end(known.session);
      return new Response(null, { status: 204 });
    }
    if (path === "user") return this.json({ user_id: "user-1" });
    if (path === "sessions") return this.json({ sessions: [] });
    return this.json({ seen: token });
  }

  get cookieToken(): string | null {
    return this.cookieDelivery ? (this.cookie?.token ?? null) : null;
  }

  #renew(): Response {
    const session = this.hasCookies ? this.cookie?.session : undefined;
    if (session === undefined || !this.#stands(session)) return problem(401, "session_ended");
    const { token, ...times } = this.grant(session);
    return this.json(this.cookieDelivery ? times : { ...times, token });
  }

  #redeem(call: Call): Response {
    const { code } = JSON.parse(String(call.body)) as { code: string };
    if (!this.codes.delete(code)) return problem(401, "invalid_token");
    const session = `session-${(this.#count += 1)}`;
    this.#began.set(session, this.now);
    return this.json(this.grant(session));
  }

  #signOut(session = this.hasCookies ? this.cookie?.session : undefined): Response {
    if (session === undefined) return problem(401, "invalid_token");
    this.#end(session);
    return new Response(null, { status: 204 });
  }

  #end(session: string): void {
    this.ended.add(session);
    this.cookie = null;
  }

  grant(session: string) {
    this.#renewed.set(session, this.now);
    const expires = Math.min(this.now + this.life, this.#endOf(session));
    const token = `e30.${session}.${(this.#count += 1)}`;
    this.#tokens.set(token, { session, expires });
    this.cookie = { session, token };
    return { ...this.times(session, expires), token };
  }

  times(session: string, expires: number) {
    const idle = this.#endOf(session);
    const absolute = (this.#began.get(session) as number) + this.absolute;
    const at = (ms: number) => new Date(ms).toISOString();
    return {
      session_id: session,
      expires_at: at(expires),
      idle_expires_at: at(idle),
      absolute_expires_at: at(absolute),
      renewed_at: at(this.#renewed.get(session) as number),
      can_extend: Math.min(idle, expires) < absolute,
      warn_at: at(Math.min(expires, idle) - 2 * MINUTE),
    };
  }

  #stands(session: string): boolean {
    return !this.ended.has(session) && this.now < this.#endOf(session);
  }

  #endOf(session: string): number {
    const renewed = this.#renewed.get(session) as number;
    const began = this.#began.get(session) as number;
    return Math.min(renewed + this.idle, began + this.absolute);
  }

  json(body: unknown): Response {
    const date = this.#world.showsDate ? { Date: new Date(this.now).toUTCString() } : {};
    return Response.json(body, { headers: { "Cache-Control": "no-store", ...date } });
  }
}

export function problem(status: number, code: string, headers: HeadersInit = {}): Response {
  return Response.json({ status, code, reference: "request-1" }, { status, headers });
}

export const outage = (): Response => problem(503, "unavailable", { "Retry-After": "7" });

export class FakeStorage {
  readonly kept = new Map<string, string>();
  getItem = (name: string): string | null => this.kept.get(name) ?? null;
  setItem = (name: string, value: string): void => void this.kept.set(name, value);
  removeItem = (name: string): void => void this.kept.delete(name);
}

class FakeChannel {
  readonly #listeners = new Set<(event: MessageEvent) => void>();
  constructor(
    readonly postMessage: (data: unknown) => void,
    readonly close: () => void,
  ) {}

  addEventListener(_type: string, listener: (event: MessageEvent) => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_type: string, listener: (event: MessageEvent) => void): void {
    this.#listeners.delete(listener);
  }

  receive(data: unknown): void {
    const event = { data: structuredClone(data) } as MessageEvent;
    for (const listener of this.#listeners) listener(event);
  }
}

/** Web Locks, as far as the library uses them. */
class FakeLocks {
  #held: Promise<unknown> | null = null;

  async request(
    _name: string,
    options: { ifAvailable?: boolean },
    work: (lock: object | null) => unknown,
  ): Promise<unknown> {
    if (options.ifAvailable && this.#held !== null) return work(null);
    while (this.#held !== null) await this.#held.catch(() => {});
    const held = (async () => work({}))();
    this.#held = held;
    try {
      return await held;
    } finally {
      this.#held = null;
    }
  }
}
