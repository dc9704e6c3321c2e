/** Keeps the session of one tab: finds it, renews it, and sees its end. */

import type { Grant, Session, ShownSession } from "./answers.js";
import type { Browser } from "./browser.js";
import { SignedOutError, UnavailableError } from "./errors.js";
import { type Handover, isToken } from "./handover.js";
import type { Service } from "./service.js";
import { plain, type SessionOptions, type SessionState } from "./state.js";
import { type Message, Tabs } from "./tabs.js";

const STORED = "vetassist.token";
/** Timers stop while a computer sleeps, so the clock is looked at this often. */
const LOOK_MS = 30_000;
/** How long after another tab's renewal its message may take. */
const HEARSAY_MS = 1000;
/** No sooner is the service asked again whether the session stands. */
const CHECK_MS = 10_000;

export class Keeper {
  readonly #browser: Browser;
  readonly #service: Service;
  readonly #tabs: Tabs;
  readonly #options: SessionOptions;
  readonly #isNew: boolean;
  readonly #listeners = new Set<() => void>();
  readonly #stops: (() => void)[];
  #state: SessionState = { status: "opening" };
  #token: string | null;
  #code: string | null;
  #renewedAt = 0;
  #checkedAt = 0;
  #news = 0;
  /** When to try again after an answer that said nothing. */
  #retryAt: number | null = null;
  /** Counts sign-ins and sign-outs, so that an answer about an earlier session is dropped. */
  #epoch = 0;
  /** The session that this tab has left last. */
  #left: string | null = null;
  #opening: Promise<SessionState> | null = null;
  #renewing: Promise<void> | null = null;
  #isLooking = false;
  #isClosed = false;
  #stopTimer = () => {};

  constructor(
    name: string,
    service: Service,
    handover: Handover,
    options: SessionOptions,
    browser: Browser,
  ) {
    this.#browser = browser;
    this.#service = service;
    this.#options = options;
    this.#isNew = handover.isNew;
    this.#code = handover.code;
    // A new session in a code or a cookie replaces the token of an earlier one.
    this.#token = handover.isNew ? handover.token : this.#stored();
    this.#keep(this.#token);
    this.#tabs = new Tabs(name, browser, (message) => this.#hear(message));
    this.#stops = [
      browser.on("act", () => this.#keepAlive()),
      browser.on("return", () => void this.#look(true)),
      browser.on("restore", () => {
        this.#checkedAt = 0;
        void this.#look(true);
      }),
    ];
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The JWT. Null if it is in a cookie, or if there is none. */
  get token(): string | null {
    return this.#token;
  }

  /** Counts sessions and renewals. */
  get news(): number {
    return this.#news;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#isClosed = true;
    this.#epoch += 1;
    this.#stopTimer();
    this.#tabs.close();
    for (const stop of this.#stops) stop();
  }

  open(): Promise<SessionState> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  /** Renews the session once, however many callers and tabs ask. */
  renew(): Promise<void> {
    this.#renewing ??= this.#renewInTurn().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  /** Does `work`. If the token has expired, renews the session and tries again. */
  async withRenewal<Result>(work: (token: string | null) => Promise<Result>): Promise<Result> {
    try {
      return await work(this.#token);
    } catch (error) {
      if (!(error instanceof SignedOutError)) throw error;
      await this.renew();
      return work(this.#token);
    }
  }

  /** The session has ended. */
  leave(reason: "ended" | "signed-out", { tells = true } = {}): void {
    const was = this.#state;
    this.#epoch += 1;
    this.#retryAt = null;
    this.#keep(null);
    if (was.status === "signed-out") return;
    if ("session" in was) {
      this.#left = was.session.session_id;
      if (tells) this.#tabs.tell({ type: "ended", sessionId: this.#left });
    }
    const isNew = reason === "ended" && (was.status === "opening" || was.status === "unavailable");
    this.#set({ status: "signed-out", reason: isNew ? "none" : reason });
  }

  async #open(): Promise<SessionState> {
    const epoch = this.#epoch;
    try {
      await this.#find(epoch);
    } catch (error) {
      if (error instanceof UnavailableError) {
        if (!("session" in this.#state)) this.#postpone(error, epoch);
      } else if (!(error instanceof SignedOutError)) {
        throw error;
      }
    }
    return this.#state;
  }

  async #find(epoch: number): Promise<void> {
    if (this.#code !== null && (await this.#redeemed(this.#code, epoch))) return;
    let shown: ShownSession;
    try {
      shown = await this.#service.show(this.#token);
    } catch (error) {
      if (!(error instanceof SignedOutError)) throw error;
      // After a reload, only the cookie of the renewal is left.
      await this.renew();
      return;
    }
    if (epoch !== this.#epoch || (this.#state.status === "signed-in" && this.#isSame(shown))) return;
    this.#adopt(shown, Date.parse(shown.renewed_at), this.#token);
    // The other tabs may still show an earlier session.
    if (this.#isNew) this.#tell();
  }

  /** False if the code is of no use, as when its answer was lost. Then the cookies decide. */
  async #redeemed(code: string, epoch: number): Promise<boolean> {
    let grant: Grant;
    try {
      grant = await this.#service.redeem(code);
    } catch (error) {
      if (!(error instanceof SignedOutError)) throw error;
      this.#code = null;
      return false;
    }
    if (epoch === this.#epoch) this.#take(grant);
    return true;
  }

  /** The service can't say whether there is a session. */
  #postpone(error: UnavailableError, epoch: number): void {
    if (epoch !== this.#epoch) return;
    this.#retryAt = this.#browser.now() + error.retryAfter * 1000;
    if (this.#state.status === "opening") this.#set({ status: "unavailable" });
    else this.#schedule();
  }

  async #renewInTurn(): Promise<void> {
    const { news } = this;
    const epoch = this.#epoch;
    while (!(await this.#tabs.take(() => this.#renewNow(epoch)))) {
      await this.#tabs.over();
      if (news === this.news) await this.#change();
      if (news !== this.news) return;
      if (this.#state.status === "signed-out") throw new SignedOutError("The session has ended");
    }
  }

  async #renewNow(epoch: number): Promise<void> {
    try {
      const grant = await this.#service.renew();
      if (epoch === this.#epoch) this.#take(grant);
    } catch (error) {
      if (error instanceof SignedOutError && epoch === this.#epoch) this.leave("ended");
      // If the answer was lost, only a repetition within 30 seconds gets it again.
      if (error instanceof UnavailableError) this.#postpone(error, epoch);
      throw error;
    }
  }

  /** Waits for a change of the state, but not for long. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        stop();
        cancel();
        resolve();
      };
      const stop = this.subscribe(done);
      const cancel = this.#browser.after(HEARSAY_MS, done);
    });
  }

  /** Takes over what the service just handed over, and tells the other tabs. */
  #take(grant: Grant): void {
    this.#adopt(grant, this.#service.now, isToken(grant.token) ? grant.token : null);
    this.#tell();
  }

  #tell(): void {
    if (this.#state.status !== "signed-in") return;
    const { session } = this.#state;
    this.#tabs.tell({ type: "session", session, renewedAt: this.#renewedAt, token: this.#token });
  }

  /** What another tab tells. All tabs of a browser have the session of its newest sign-in. */
  #hear(message: Message): void {
    const known = "session" in this.#state ? this.#state.session : null;
    if (message.type === "session") {
      // Another tab may have renewed it while this one signed out.
      if (message.session.session_id === this.#left) return;
      this.#adopt(message.session, message.renewedAt, message.token);
    } else if (message.type === "ended" && known?.session_id === message.sessionId) {
      this.leave("ended", { tells: false });
    }
  }

  #adopt(session: Session, renewedAt: number, token: string | null): void {
    const known = "session" in this.#state ? this.#state.session : null;
    const isKnown = known?.session_id === session.session_id;
    this.#code = null;
    this.#retryAt = null;
    this.#renewedAt = renewedAt;
    this.#checkedAt = this.#browser.now();
    this.#keep(token);
    if (!isKnown) this.#epoch += 1;
    this.#news += 1;
    this.#set({ status: "signed-in", session: plain(session), warning: null });
  }

  #set(state: SessionState): void {
    this.#state = state;
    this.#schedule();
    for (const listener of [...this.#listeners]) listener();
  }

  /**
   * The user is active, so that they stay signed in: renews the session in the second half of its
   * time. After the warning, only `extend()` does.
   */
  #keepAlive(): void {
    const state = this.#state;
    if (state.status !== "signed-in" || this.#retryAt !== null) return;
    const { session } = state;
    const { now } = this.#service;
    const half = (this.#renewedAt + Date.parse(session.expires_at)) / 2;
    if (!session.can_extend || now < half || now >= Date.parse(session.warn_at)) return;
    // A failure is tried again. If the session has ended, the state says so.
    this.renew().catch(() => {});
  }

  #schedule(): void {
    this.#stopTimer();
    const next = this.#next();
    if (next === null || this.#isClosed) return;
    this.#stopTimer = this.#browser.after(Math.min(Math.max(0, next), LOOK_MS), () => {
      void this.#look(false);
    });
  }

  /** In how many milliseconds there is something to do. */
  #next(): number | null {
    const waits: number[] = [];
    if (this.#retryAt !== null) waits.push(this.#retryAt - this.#browser.now());
    if (this.#state.status === "signed-in") {
      const { session, warning } = this.#state;
      const instant = warning === null ? session.warn_at : session.expires_at;
      waits.push(Date.parse(instant) - this.#service.now);
    }
    return waits.length === 0 ? null : Math.min(...waits);
  }

  /** Looks at the clock, and at the service if it is time or the user has come back. */
  async #look(isReturn: boolean): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      if (this.#retryAt !== null && this.#browser.now() >= this.#retryAt) await this.#retry();
      await this.#lookAtSession(isReturn);
    } finally {
      this.#isLooking = false;
      this.#schedule();
    }
  }

  async #retry(): Promise<void> {
    this.#retryAt = null;
    const again = "session" in this.#state ? this.renew() : this.open();
    // A failure is tried again, and anything else was reported to the first caller.
    await again.catch(() => {});
  }

  async #lookAtSession(isReturn: boolean): Promise<void> {
    const state = this.#state;
    if (state.status !== "signed-in") return;
    const { session } = state;
    const end = Date.parse(session.expires_at);
    const isOver = this.#service.now >= end;
    const isDue = state.warning === null && this.#service.now >= Date.parse(session.warn_at);
    const isAsked = isReturn && this.#browser.now() - this.#checkedAt >= CHECK_MS;
    if (!isOver && !isDue && !isAsked) return;
    await this.#check();
    if (this.#state !== state) return;
    if (this.#service.now >= end) {
      // The session may stand, but nobody has extended it.
      this.#set({ status: "expired", session });
    } else if (isDue) {
      const lead = this.#service.now - this.#browser.now();
      const warning = { endsAt: new Date(end - lead), canExtend: session.can_extend };
      this.#set({ status: "signed-in", session, warning });
      this.#options.warn?.(warning);
    }
  }

  /** Asks the service whether the session stands. That doesn't extend it. */
  async #check(): Promise<void> {
    const epoch = this.#epoch;
    const { news, token } = this;
    try {
      const shown = await this.#service.show(token);
      if (epoch !== this.#epoch || news !== this.news) return;
      this.#checkedAt = this.#browser.now();
      if (!this.#isSame(shown)) this.#adopt(shown, Date.parse(shown.renewed_at), token);
      // Then the clock of this device is ahead. Look again later.
      if (Date.parse(shown.expires_at) <= this.#service.now) this.#service.setBack(LOOK_MS);
    } catch (error) {
      if (epoch !== this.#epoch || news !== this.news) return;
      if (error instanceof SignedOutError && !this.#isOnlyExpired()) this.leave("ended");
    }
  }

  #isSame({ session_id, expires_at }: Session): boolean {
    if (!("session" in this.#state)) return false;
    const { session } = this.#state;
    return session.session_id === session_id && session.expires_at === expires_at;
  }

  /** Whether the service refuses the token for its age, although the session may stand. */
  #isOnlyExpired(): boolean {
    if (!("session" in this.#state)) return false;
    const { expires_at, idle_expires_at } = this.#state.session;
    const { now } = this.#service;
    return now >= Date.parse(expires_at) && now < Date.parse(idle_expires_at);
  }

  #stored(): string | null {
    const token = this.#options.keep === "tab" ? this.#browser.storage?.getItem(STORED) : null;
    return isToken(token) ? token : null;
  }

  #keep(token: string | null): void {
    this.#token = token;
    if (this.#options.keep !== "tab") return;
    if (token === null) this.#browser.storage?.removeItem(STORED);
    else this.#browser.storage?.setItem(STORED, token);
  }
}
