/** What all pages for signed-in Veterans share. */

import * as api from "./api.js";
import { onTold, tellEnded, tellRenewed } from "./tabs.js";
import { clockTime, countDown } from "./time.js";
import { forgetToken, isToken, keepToken, storedToken } from "./token.js";
import { announce, complain, fill, show, whileBusy } from "./view.js";
import { Warning } from "./warning.js";

const { SessionEndedError } = api;
const HERE_ENDED = "Your session on this page has ended.";

/**
 * Finds the session, shows it, warns before it ends, and signs out.
 *
 * Each page passes its own functions: `enter()` takes over the session of a sign-in, `read()`
 * fetches the content of the page, `render(session, content)` shows both, `tick(left)` shows the
 * remaining time, and `clear()` removes everything about the person.
 */
export class SessionPage {
  #content;
  #warning;
  #session = null;
  /** What to add to this device's clock to get the service's (ms). */
  #lead = 0;
  #warnedOf = null;
  #turn = 0;
  #stopCountdown = () => {};

  constructor({ enter = async () => {}, read, render, tick = () => {}, clear }) {
    this.#content = { enter, read, render, tick, clear };
    this.#warning = new Warning({
      onStay: () => this.#stay(),
      onSignOut: () => {
        this.#warning.withdraw();
        this.signOut(api.signOut, HERE_ENDED);
      },
    });
    for (const id of ["retry", "continue"]) {
      document.getElementById(id).addEventListener("click", () => this.open());
    }
    document.getElementById("leave").addEventListener("click", () => this.#signOutOfLapsed());
    document.getElementById("sign-out").addEventListener("click", () => {
      this.signOut(api.signOut, HERE_ENDED);
    });
    onTold((message) => this.#receive(message));
    // A page from the browser's back/forward cache may show a session that has ended.
    addEventListener("pageshow", (event) => {
      if (event.persisted) this.open();
    });
    // The session may have ended elsewhere while nobody saw this page.
    document.addEventListener("visibilitychange", () => {
      const isSeen = document.visibilityState === "visible";
      if (isSeen && this.#session !== null) this.#check(this.#session);
    });
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
  }

  /**
   * Does `work`, which the person asked for, and returns whether it succeeded. If the token has
   * expired, renews the session and tries again. If it fails otherwise, shows `problem`.
   */
  async attempt(work, problem) {
    complain();
    try {
      await whileBusy(() => withRenewal(work));
      return true;
    } catch (error) {
      if (error instanceof SessionEndedError) this.#leave("ended");
      else complain(problem);
      return false;
    }
  }

  /** Signs out with `call`, which ends this session and maybe others, and shows `farewell`. */
  async signOut(call, farewell) {
    const isDone = await this.attempt(
      call, "We couldn’t sign you out. You may still be signed in. Please try again.",
    );
    if (isDone) this.#sayFarewell(farewell);
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
    this.#sayFarewell(HERE_ENDED);
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
      onSpoken: (words) => announce(`Your session ends in ${words}.`),
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

  async #stay() {
    const session = this.#session;
    this.#warning.explain();
    try {
      await whileBusy(renew);
    } catch (error) {
      if (error instanceof SessionEndedError) this.#leave("ended");
      else if (this.#session === session) {
        this.#warning.explain("We couldn’t extend your session. Please try again.");
      }
      return;
    }
    this.#warning.withdraw();
    await this.#refresh();
    if (this.#session !== null) {
      announce(`You will stay signed in until ${clockTime(Date.parse(this.#session.expires_at))}.`);
    }
  }

  #receive({ event, sessionId, token }) {
    if (sessionId !== this.#session?.session_id) return;
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
    // Show the state before clearing, so that the focus moves from what is cleared.
    show(state, { focusHeading });
    this.#content.clear();
  }
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
