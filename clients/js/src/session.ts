/** The session of a browser, for the pages of a front end. */

import type { Place, SignInFailure, User } from "./answers.js";
import { type Browser, thisBrowser } from "./browser.js";
import { SignedOutError } from "./errors.js";
import { type Handover, takeHandover } from "./handover.js";
import { Keeper } from "./keeper.js";
import { Service } from "./service.js";
import type { SessionOptions, SessionState } from "./state.js";

export class BrowserSession {
  readonly #browser: Browser;
  readonly #handover: Handover;
  readonly #service: Service;
  readonly #options: SessionOptions;
  readonly #keeper: Keeper;

  /**
   * Takes token or code out of the address at once. Then call `open()`.
   *
   * @param serviceUrl The service's public URL.
   */
  constructor(serviceUrl: string, options: SessionOptions = {}, browser: Browser = thisBrowser()) {
    this.#handover = takeHandover(browser.location, browser.history);
    this.#browser = browser;
    this.#options = options;
    this.#service = new Service(serviceUrl, browser);
    const name = `vetassist ${serviceUrl}`;
    this.#keeper = new Keeper(name, this.#service, this.#handover, options, browser);
  }

  /** Never changed in place, so it can be compared. */
  get state(): SessionState {
    return this.#keeper.state;
  }

  /** Where the user wanted to go before the sign-in: a path of this site. */
  get returnTo(): string | null {
    return this.#handover.returnTo;
  }

  /** On `/va-error`, why the sign-in failed. */
  get failure(): SignInFailure | null {
    return this.#handover.failure;
  }

  /** Calls `listener` after each change of `state`. Returns what ends that. */
  readonly subscribe = (listener: () => void): (() => void) => this.#keeper.subscribe(listener);

  /** Stops listening to the user, the clock and the other tabs. */
  close(): void {
    this.#keeper.close();
  }

  /**
   * Finds the session: the one that a sign-in just handed over, or the one that this browser has.
   *
   * @throws ForbiddenError The service doesn't know this origin as a front end.
   */
  open(): Promise<SessionState> {
    return this.#keeper.open();
  }

  /** The address that starts a sign-in, for a link. `returnTo` is a path of this site. */
  signInUrl(returnTo: string | null = this.#here()): string {
    return this.#service.loginUrl(returnTo, this.#options.frontEnd ?? null);
  }

  /** Sends the browser to VA, and afterwards back to `returnTo`. */
  signIn(returnTo: string | null = this.#here()): void {
    this.#browser.location.assign(this.signInUrl(returnTo));
  }

  /**
   * Renews the session, because the user wants to stay signed in.
   *
   * @throws SignedOutError The session has ended.
   * @throws UnavailableError The service didn't answer. The session may still stand.
   */
  extend(): Promise<void> {
    return this.#keeper.renew();
  }

  /**
   * Ends the session, even if its token has expired.
   *
   * @throws UnavailableError The user may still be signed in: say so, and let them try again.
   */
  async signOut(): Promise<void> {
    try {
      await this.#service.signOut(this.#keeper.token);
    } catch (error) {
      // Then there is nothing to sign out of.
      if (!(error instanceof SignedOutError)) throw error;
    }
    this.#keeper.leave("signed-out");
  }

  /**
   * Ends all sessions of the user.
   *
   * @throws SignedOutError The session has ended, so the others weren't.
   * @throws UnavailableError The user may still be signed in.
   */
  async signOutEverywhere(): Promise<void> {
    await this.#keeper.withRenewal((token) => this.#service.signOutEverywhere(token));
    this.#keeper.leave("signed-out");
  }

  /** Ends all other sessions of the user. Throws as `user()` does. */
  signOutElsewhere(): Promise<void> {
    return this.#keeper.withRenewal((token) => this.#service.signOutElsewhere(token));
  }

  /** Ends another session of the user. Throws as `user()` does, or a `RefusedError` (404). */
  signOutOf(sessionId: string): Promise<void> {
    return this.#keeper.withRenewal((token) => this.#service.signOutOf(sessionId, token));
  }

  /**
   * Who is signed in.
   *
   * @throws SignedOutError The session has ended.
   * @throws UnavailableError The service didn't answer. The session may still stand.
   */
  user(): Promise<User> {
    return this.#keeper.withRenewal((token) => this.#service.user(token));
  }

  /** Where the user is signed in. Throws as `user()` does. */
  places(): Promise<readonly Place[]> {
    return this.#keeper.withRenewal((token) => this.#service.places(token));
  }

  /**
   * Calls a back end with the session. After a 401, renews the session if only its token has
   * expired, and calls again. Any other answer is returned as it is, a 503 as well.
   *
   * @throws TypeError The session isn't sent to this origin: see the option `origins`.
   * @throws UnavailableError After a 401, the service couldn't say whether the session stands.
   */
  async fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init);
    const { origin } = new URL(request.url);
    const own = [this.#browser.location.origin, this.#service.origin];
    if (![...own, ...(this.#options.origins ?? [])].includes(origin)) {
      throw new TypeError(`The session isn't sent to ${origin}`);
    }
    const { news } = this.#keeper;
    const response = await this.#send(request.clone());
    if (response.status !== 401 || this.state.status === "signed-out") return response;
    try {
      await this.#keeper.withRenewal((token) => this.#service.show(token));
    } catch (error) {
      if (error instanceof SignedOutError) return response;
      throw error;
    }
    // If nothing is new, the back end had a reason of its own.
    return news === this.#keeper.news ? response : this.#send(request);
  }

  #send(request: Request): Promise<Response> {
    const { token } = this.#keeper;
    if (token === null) {
      return this.#browser.fetch(new Request(request, { credentials: "include" }));
    }
    request.headers.set("Authorization", `Bearer ${token}`);
    return this.#browser.fetch(request);
  }

  #here(): string | null {
    if (this.#handover.isArrival) return this.returnTo;
    const { pathname, search, hash } = this.#browser.location;
    return pathname + search + hash;
  }
}
