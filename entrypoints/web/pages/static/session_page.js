/** What all pages for signed-in Veterans share. */

import * as api from "./api.js";
import { onTold, tellEnded, tellRenewed } from "./tabs.js";
import { text } from "./texts.js";
import { clockTime, countDown } from "./time.js";
import { forgetToken, isToken, keepToken, storedToken } from "./token.js";
import { announce, complain, fill, show, whileBusy } from "./view.js";
import { Warning } from "./warning.js";

const { SessionEndedError } = api;
const CHECK_MS = 30_000;

/**
 * Finds the session, shows it, warns before it ends, and signs out.
 *
 * Each page passes its own functions: `enter()` takes over the session of a sign-in, `read()`
 * fetches the content of the page, `render(session, content)` shows both, `renewed(session)` shows
 * that the session ends later, `tick(left)` shows the remaining time, and `clear()` removes
 * everything about the person.
 */
export class SessionPage {
  #content;
  #warning;
  #session = null;
  /** What to add to this device's clock to get the service's (ms). */
  #lead = 0;
  #warnedOf = null;
  #turn = 0;
  #isChecking = false;
  #isRenewing = false;
  #stopCountdown = () => {};

  constructor({
    enter = async () => {}, read, render, renewed = () => {}, tick = () => {}, clear,
  }) {
    this.#content = { enter, read, render, renewed, tick, clear };
    this.#warning = new Warning({
      onStay: () => this.#stay(),
      onSignOut: () => {
        this.#warning.withdraw();
        this.signOut(api.signOut, text("hereEnded"));
      },
    });
    for (const id of ["retry", "continue"]) {
      document.getElementById(id).addEventListener("click", () => this.open());
    }
    document.getElementById("leave").addEventListener("click", () => this.#signOutOfLapsed());
    // With a session in a cookie, a form signs out.
    document.getElementById("sign-out")?.addEventListener("click", () => {
      this.signOut(api.signOut, text("hereEnded"));
    });
    onTold((message) => this.#receive(message));
    // A page from the browser's back/forward cache may show a session that has ended.
    addEventListener("pageshow", (event) => {
      if (event.persisted) this.open();
    });
    // The session may have ended elsewhere.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#checkAgain();
    });
    addEventListener("focus", () => this.#checkAgain());
    setInterval(() => this.#checkAgain(), CHECK_MS);
    for (const act of ["pointerdown", "keydown"]) {
      document.addEventListener(act, () => this.#keepAlive(), { capture: true, passive: true });
    }
  }

  /** Goes on with a session that the page shows already. */
  resume(session) {
    this.#session = session;
    this.#follow(session);
    this.#keepAlive();
  }

  /** Opens the page. If the token has expired, renews the session. */
  async open() {
    show("loading");
    this.#session = null;
    await this.#find(async () => {
      try {
        await this.#content.enter();
      } catch (error) {
        if (!(error instanceof SessionEndedError)) throw error;
        await renew();
      }
      return await withRenewal(() => this.#read());
    });
    this.#keepAlive();
  }

  /**
   * Does `work`, which the person asked for, and returns whether it succeeded. If the token has
   * expired, renews the session and tries again. If it fails otherwise, shows `problem`: a text, or
   * a function of the error that returns one.
   */
  async attempt(work, problem) {
    complain();
    try {
      await whileBusy(() => withRenewal(work));
      return true;
    } catch (error) {
      if (error instanceof SessionEndedError) this.#leave("ended");
      else complain(typeof problem === "function" ? problem(error) : problem);
      return false;
    }
  }

  /** Signs out with `call`, which ends this session and maybe others, and shows `farewell`. */
  async signOut(call, farewell) {
    await this.end(call, text("signOutFailed"), farewell);
  }

  /** Does `work`, which ends this session, and shows `farewell`. If it fails, shows `problem`. */
  async end(work, problem, farewell) {
    if (await this.attempt(work, problem)) this.#sayFarewell(farewell);
  }

  #sayFarewell(farewell) {
    if (this.#session !== null) tellEnded(this.#session.session_id);
    fill("farewell", farewell);
    this.#leave("signed-out");
  }

  async #signOutOfLapsed() {
    try {
      await whileBusy(api.signOut);
    } catch (error) {
      if (error instanceof SessionEndedError) this.#leave("ended");
      else this.#pause();
      return;
    }
    this.#sayFarewell(text("hereEnded"));
  }

  #read() {
    return Promise.all([api.readSession(), this.#content.read()]);
  }

  /** Reads the session again and shows it. */
  async #refresh() {
    await this.#find(() => this.#read());
  }

  async #find(look) {
    const turn = ++this.#turn;
    let session, more;
    try {
      [session, more] = await look();
    } catch (error) {
      if (turn !== this.#turn) return;
      if (error instanceof SessionEndedError) this.#lose();
      else this.#pause();
      return;
    }
    // A later call has newer data.
    if (turn !== this.#turn) return;
    this.#session = session;
    this.#content.render(session, more);
    this.#follow(session);
    show("signed-in");
  }

  #follow(session) {
    tellPage(session);
    const end = Date.parse(session.expires_at);
    this.#lead = session.answered_at - Date.now();
    if (session.expires_at !== this.#warnedOf) this.#warning.withdraw();
    this.#stopCountdown();
    this.#stopCountdown = countDown(end - session.answered_at, {
      warning: end - Date.parse(session.warn_at),
      onTick: (left) => {
        this.#content.tick(left);
        this.#warning.tick(left);
      },
      onSpoken: (words) => announce(text("sessionEndsIn", { time: words })),
      onWarn: () => this.#warn(session),
      onEnd: () => this.#refresh(),
    });
  }

  async #warn(session) {
    if (session.expires_at === this.#warnedOf) return;
    if (!await this.#check(session) || this.#session !== session) return;
    this.#warnedOf = session.expires_at;
    this.#warning.give({
      end: Date.parse(session.expires_at),
      canStay: canStay(session),
      endsSession: session.expires_at === session.idle_expires_at,
    });
  }

  /**
   * Returns whether the session is as shown, as far as the service can be asked. If another tab or
   * device has renewed or ended it, shows that.
   */
  async #check(session) {
    try {
      const { expires_at } = await api.readSession();
      if (expires_at === session.expires_at) return true;
    } catch (error) {
      // During an outage, the session still ends at the same time.
      if (!(error instanceof SessionEndedError)) return true;
    }
    if (this.#session === session) await this.#refresh();
    return false;
  }

  #checkAgain() {
    const isShown = this.#session !== null && !this.#isChecking;
    if (!isShown) return;
    this.#isChecking = true;
    this.#check(this.#session).finally(() => { this.#isChecking = false; });
  }

  /**
   * The person is active, so that they stay signed in: renews the session in the second half of its
   * time. After the warning, only an answer to its question does.
   */
  async #keepAlive() {
    const session = this.#session;
    if (session === null || this.#isRenewing || !canStay(session)) return;
    const end = Date.parse(session.expires_at);
    const now = Date.now() + this.#lead;
    const isEarly = now < (Date.parse(session.renewed_at) + end) / 2;
    if (isEarly || now >= Date.parse(session.warn_at)) return;
    this.#isRenewing = true;
    try {
      await renew();
      const renewed = await api.readSession();
      if (this.#session !== session) return;
      this.#session = renewed;
      this.#content.renewed(renewed);
      this.#follow(renewed);
    } catch {
      // The next check shows whether the session stands, and the warning comes in time.
    } finally {
      this.#isRenewing = false;
    }
  }

  async #stay() {
    const session = this.#session;
    this.#warning.explain();
    try {
      await whileBusy(renew);
    } catch (error) {
      if (error instanceof SessionEndedError) this.#leave("ended");
      else if (this.#session === session) {
        this.#warning.explain(text("stayFailed"));
      }
      return;
    }
    this.#warning.withdraw();
    await this.#refresh();
    if (this.#session !== null) {
      const time = clockTime(Date.parse(this.#session.expires_at));
      announce(text("staysUntil", { time }));
    }
  }

  #receive({ event, sessionId, token }) {
    if (this.#session === null) return;
    if (sessionId !== null && sessionId !== this.#session.session_id) return;
    if (event === "renewed" && storedToken() !== null && isToken(token)) keepToken(token);
    this.#refresh();
  }

  /**
   * The service doesn't accept the token anymore. Shows that the session has ended, unless only the
   * token's time is up: renewing would show whether the session stands, but would also extend it.
   */
  #lose() {
    const session = this.#session;
    const now = Date.now() + this.#lead;
    const isLapsed = session !== null
      && Date.parse(session.expires_at) <= now && now < Date.parse(session.idle_expires_at);
    if (isLapsed) this.#hide("lapsed");
    else this.#leave("ended");
  }

  /** Shows that the session can't be checked. */
  #pause() {
    const focusHeading = this.#warning.isOpen;
    this.#warning.withdraw();
    this.#stopCountdown();
    show("unavailable", { focusHeading });
  }

  /** Drops the token, removes everything about the person, and shows `state`. */
  #leave(state) {
    this.#session = null;
    forgetToken();
    this.#hide(state);
  }

  /** Removes everything about the person, and shows `state`. */
  #hide(state) {
    const focusHeading = this.#warning.isOpen;
    this.#turn += 1;
    this.#stopCountdown();
    this.#warning.withdraw();
    tellPage(null);
    // Show the state before clearing, so that the focus moves from what is cleared.
    show(state, { focusHeading });
    this.#content.clear();
  }
}

/** Tells other scripts of this page which session it shows, or null. */
function tellPage(session) {
  document.dispatchEvent(new CustomEvent("vetassist-session", { detail: session }));
}

/** Whether a renewal extends the session, or a token that expires before the session. */
function canStay(session) {
  return session.can_extend || Date.parse(session.expires_at) < Date.parse(session.idle_expires_at);
}

/** Does `work`. If the token has expired, renews the session and tries again. */
async function withRenewal(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SessionEndedError)) throw error;
    await renew();
    return await work();
  }
}

async function renew() {
  const { session_id: sessionId, token = null } = await api.renewSession();
  if (token === null) forgetToken();
  else keepToken(token);
  tellRenewed(sessionId, token);
}
