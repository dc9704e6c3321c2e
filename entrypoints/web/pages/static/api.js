/** The calls a page makes to VetAssist's API. */

const LONGEST_WAIT_MS = 15_000;

/** The caller has no live session (any more). */
export class SessionEndedError extends Error {}

/** There is no usable answer now; this says nothing about the session. */
export class UnavailableError extends Error {}

/**
 * Speaks for one session: with the token it is given or, given none, with the session cookie that
 * the browser adds by itself.
 *
 * Every call throws SessionEndedError or UnavailableError when it does not succeed.
 */
export class Api {
  #token;

  constructor(token) {
    this.#token = token;
  }

  /** The session, and in `answered_at` the service's own time (ms), for clocks that are wrong. */
  async session() {
    const { body, response } = await this.#call("GET", "session");
    const answeredAt = Date.parse(response.headers.get("Date"));
    return { ...body, answered_at: Number.isNaN(answeredAt) ? Date.now() : answeredAt };
  }

  async user() {
    return (await this.#call("GET", "user")).body;
  }

  async signOut() {
    await this.#call("DELETE", "session");
  }

  async signOutEverywhere() {
    await this.#call("DELETE", "sessions");
  }

  async #call(method, path) {
    try {
      const response = await fetch(`/api/v1/${path}`, {
        method,
        headers: this.#token ? { Authorization: `Bearer ${this.#token}` } : {},
        credentials: "same-origin",
        cache: "no-store",
        redirect: "error",
        signal: AbortSignal.timeout(LONGEST_WAIT_MS),
      });
      if (response.status === 401) throw new SessionEndedError();
      if (!response.ok) throw new UnavailableError(`HTTP ${response.status}`);
      return { response, body: response.status === 204 ? null : await response.json() };
    } catch (error) {
      if (error instanceof SessionEndedError) throw error;
      throw new UnavailableError("no usable answer", { cause: error });
    }
  }
}
