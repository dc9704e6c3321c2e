/** What the pages of a person who is signed in have in common. */

import * as api from "./api.js";
import { onTold, tellEnded, tellRenewed } from "./tabs.js";
import { clockTime, countDown } from "./time.js";
import { forgetToken, isToken, keepToken, storedToken } from "./token.js";
import { announce, complain, fill, show, whileBusy } from "./view.js";
import { Warning } from "./warning.js";

const { SessionEndedError } = api;
const HERE_ENDED = "Your session in this browser has ended.";

/**
 * Finds the session, shows it, warns before it ends, and leaves.
 *
 * The page itself adds what it is about: `enter()` takes over a session handed to it, `read()`
 * fetches what to show beside the session, `render(session, read)` shows both, `tick(left)` the
 * time that is left, and `clear()` removes everything about the person.
 */
export class SessionPage {
  #content;
  #warning;
  #session = null;
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
    document.getElementById("retry").addEventListener("click", () => this.open());
    document.getElementById("sign-out").addEventListener("click", () => {
      this.signOut(api.signOut, HERE_ENDED);
    });
    onTold((message) => this.#hear(message));
    // A page that comes back out of the browser's cache may show a session that has ended.
    addEventListener("pageshow", (event) => {
      if (event.persisted) this.open();
    });
  }

  /** Somebody opens the page: a session that only wants its next term gets it. */
  async open() {
    show("loading");
    await this.#find(async () => {
      try {
        await this.#content.enter();
        return await this.#read();
      } catch (error) {
        if (!(error instanceof SessionEndedError)) throw error;
        await renew();
        return await this.#read();
      }
    });
  }

  /** Whether `work` was done; the page says so if not, in the words of `problem`. */
  async attempt(work, problem) {
    complain();
    try {
      await whileBusy(work);
      return true;
    } catch (error) {
      if (error instanceof SessionEndedError) this.#leave("ended");
      else complain(problem);
      return false;
    }
  }

  /** Ends this session, and perhaps more, by `call`. */
  async signOut(call, farewell) {
    const isDone = await this.attempt(async () => {
      try {
        await call();
      } catch (error) {
        // A session that has ended meanwhile is what was asked for.
        if (!(error instanceof SessionEndedError)) throw error;
      }
    }, "We could not sign you out just now: you are still signed in. Please try again.");
    if (!isDone) return;
    if (this.#session !== null) tellEnded(this.#session.session_id);
    fill("farewell", farewell);
    this.#leave("signed-out");
  }

  #read() {
    return Promise.all([api.readSession(), this.#content.read()]);
  }

  /** Asks again, and shows what is true now. */
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
      if (error instanceof SessionEndedError) this.#leave("ended");
      else this.#pause();
      return;
    }
    // Somebody who asked later knows better.
    if (turn !== this.#turn) return;
    this.#session = session;
    this.#content.render(session, more);
    this.#follow(session);
    show("signed-in");
  }

  #follow(session) {
    const end = Date.parse(session.expires_at);
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
    try {
      // Another page of this browser may have renewed the session meanwhile, or ended it.
      const { expires_at } = await api.readSession();
      if (expires_at !== session.expires_at) return await this.#refresh();
    } catch (error) {
      if (error instanceof SessionEndedError) return await this.#refresh();
      // An outage changes nothing about the end.
    }
    if (this.#session !== session) return;
    this.#warnedOf = session.expires_at;
    this.#warning.give({ end: Date.parse(session.expires_at), canStay: canStay(session) });
  }

  async #stay() {
    const session = this.#session;
    this.#warning.explain();
    try {
      await whileBusy(renew);
    } catch (error) {
      if (error instanceof SessionEndedError) this.#leave("ended");
      else if (this.#session === session) {
        this.#warning.explain("We could not extend your session just now. Please try again.");
      }
      return;
    }
    this.#warning.withdraw();
    await this.#refresh();
    if (this.#session !== null) {
      announce(`You stay signed in until ${clockTime(Date.parse(this.#session.expires_at))}.`);
    }
  }

  #hear({ event, sessionId, token }) {
    if (sessionId !== this.#session?.session_id) return;
    if (event === "renewed" && storedToken() !== null && isToken(token)) keepToken(token);
    this.#refresh();
  }

  /** There is no knowing whether the session stands. */
  #pause() {
    const focusHeading = this.#warning.isOpen;
    this.#warning.withdraw();
    this.#stopCountdown();
    show("unavailable", { focusHeading });
  }

  /** Ends the page's part of the session, and leaves nothing of the person on it. */
  #leave(state) {
    const focusHeading = this.#warning.isOpen;
    this.#turn += 1;
    this.#session = null;
    this.#stopCountdown();
    this.#warning.withdraw();
    forgetToken();
    // First, so that the focus of what is cleared is not lost.
    show(state, { focusHeading });
    this.#content.clear();
  }
}

/** Whether renewing moves the end: that of the session, or that of a token shorter than it. */
function canStay(session) {
  return session.can_extend || Date.parse(session.expires_at) < Date.parse(session.idle_expires_at);
}

async function renew() {
  const { session_id: sessionId, token = null } = await api.renewSession();
  if (token === null) forgetToken();
  else keepToken(token);
  tellRenewed(sessionId, token);
}
