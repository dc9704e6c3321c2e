/** The calls to the service. */

import type { Grant, Place, ShownSession, User } from "./answers.js";
import type { Browser } from "./browser.js";
import {
  ForbiddenError,
  type ProblemDetails,
  RefusedError,
  SignedOutError,
  UnavailableError,
} from "./errors.js";

const LONGEST_MS = 10_000;
const RETRY_SECONDS = 5;
const LONGEST_RETRY_SECONDS = 300;
const SECOND_MS = 1000;

interface Request {
  readonly token?: string | null;
  readonly fields?: Record<string, string>;
}

export class Service {
  readonly #url: string;
  readonly #browser: Pick<Browser, "fetch" | "now">;
  #lead = 0;

  constructor(url: string, browser: Pick<Browser, "fetch" | "now">) {
    this.#url = new URL(url).href.replace(/\/+$/, "");
    this.#browser = browser;
  }

  /** The service's clock (ms), as far as it is known. That of this device may be wrong. */
  get now(): number {
    return this.#browser.now() + this.#lead;
  }

  /** Sets the clock back by `ms`: the service still accepts what should be over. */
  setBack(ms: number): void {
    this.#lead -= ms;
  }

  get origin(): string {
    return new URL(this.#url).origin;
  }

  loginUrl(returnTo: string | null, frontEnd: string | null): string {
    const url = new URL(`${this.#url}/api/v1/va/login`);
    if (frontEnd !== null) url.searchParams.set("front_end", frontEnd);
    if (returnTo !== null) url.searchParams.set("return_to", returnTo);
    return url.href;
  }

  show(token: string | null): Promise<ShownSession> {
    return this.#json("GET", "session", { token });
  }

  redeem(code: string): Promise<Grant> {
    return this.#json("POST", "session/redeem", { fields: { code } });
  }

  renew(): Promise<Grant> {
    return this.#json("POST", "session/renew", {});
  }

  async signOut(token: string | null): Promise<void> {
    await this.#answer("DELETE", "session", { token });
  }

  async signOutEverywhere(token: string | null): Promise<void> {
    await this.#answer("DELETE", "sessions", { token });
  }

  async signOutElsewhere(token: string | null): Promise<void> {
    await this.#answer("DELETE", "sessions?except=current", { token });
  }

  async signOutOf(sessionId: string, token: string | null): Promise<void> {
    await this.#answer("DELETE", `sessions/${encodeURIComponent(sessionId)}`, { token });
  }

  user(token: string | null): Promise<User> {
    return this.#json("GET", "user", { token });
  }

  async places(token: string | null): Promise<readonly Place[]> {
    return (await this.#json<{ sessions: Place[] }>("GET", "sessions", { token })).sessions;
  }

  async #json<Body>(method: string, path: string, request: Request): Promise<Body> {
    const response = await this.#answer(method, path, request);
    try {
      return (await response.json()) as Body;
    } catch {
      throw unavailable("The answer of the service can't be read", { status: response.status });
    }
  }

  async #answer(method: string, path: string, { token, fields }: Request): Promise<Response> {
    const headers: Record<string, string> = {};
    if (token) headers.Authorization = `Bearer ${token}`;
    if (fields !== undefined) headers["Content-Type"] = "application/json";
    const asked = this.#browser.now();
    let response: Response;
    try {
      response = await this.#browser.fetch(`${this.#url}/api/v1/${path}`, {
        method,
        headers,
        body: fields === undefined ? null : JSON.stringify(fields),
        // The cookies: of the session, or of its renewal.
        credentials: "include",
        cache: "no-store",
        redirect: "error",
        // If the page is left, the browser must still get the cookies of the answer.
        keepalive: method !== "GET",
        signal: AbortSignal.timeout(LONGEST_MS),
      });
    } catch {
      throw unavailable("The service didn't answer");
    }
    this.#learnTime(response, asked);
    if (!response.ok) throw await errorOf(response);
    return response;
  }

  /** A page can read `Date` if it is on the service's origin. */
  #learnTime(response: Response, asked: number): void {
    const second = Date.parse(response.headers.get("Date") ?? "");
    if (Number.isNaN(second)) return;
    // The service's clock was between `second` and a second later, between the question and now.
    const least = second - this.#browser.now();
    const most = second + SECOND_MS - asked;
    this.#lead = Math.min(Math.max(0, least), most);
  }
}

/** The error for a response that isn't OK. */
async function errorOf(response: Response): Promise<Error> {
  const details = await detailsOf(response);
  const { status } = response;
  if (status === 401) return new SignedOutError("There is no session", details);
  if (status === 403) return new ForbiddenError("The service doesn't allow this", details);
  if (status === 408 || status === 429 || status >= 500) {
    const wait = response.headers.get("Retry-After");
    return unavailable("The service can't answer at the moment", details, wait);
  }
  return new RefusedError("The service refused the request", details);
}

async function detailsOf(response: Response): Promise<ProblemDetails> {
  const { status } = response;
  try {
    const { code, reference } = (await response.json()) as Record<string, unknown>;
    return { status, code: text(code), reference: text(reference) };
  } catch {
    return { status };
  }
}

const text = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;

function unavailable(
  message: string,
  details: ProblemDetails = {},
  wait: string | null = null,
): UnavailableError {
  const seconds = wait !== null && /^\d+$/.test(wait) ? Number(wait) : RETRY_SECONDS;
  const retryAfter = Math.min(Math.max(1, seconds), LONGEST_RETRY_SECONDS);
  return new UnavailableError(message, { ...details, retryAfter });
}
