/** What all pages for signed-in Veterans share. */

import * as api from "./api.js";
import { onTold, tellEnded, tellRenewed } from "./tabs.js";
import { clockTime, countDown } from "./time.js";
import { forgetToken, isToken, keepToken, storedToken } from "./token.js";
import { announce, complain, fill, show, whileBusy } from "./view.js";
import { Warning } from "./warning.js";

const { SessionEndedError } = api;
const HERE_ENDED = "Your session in this browser has ended.";

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
    onTold((message) => this.#receive(message));
    // A page from the browser's back/forward cache may show a session that has ended.
    addEventListener("pageshow", (event) => {
      if (event.persisted) this.open();
    });
  }

  /** Opens the page. If the token has expired, renews the session. */
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

  /** Does `work` and returns whether it succeeded. If not, shows `problem`. */
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

  /** Signs out with `call`, which ends this session and maybe others, and shows `farewell`. */
  async signOut(call, farewell) {
    const isDone = await this.attempt(async () => {
      try {
        await call();
      } catch (error) {
        // If the session has already ended, there is nothing left to do.
        if (!(error instanceof SessionEndedError)) throw error;
      }
    }, "We couldn’t sign you out. You may still be signed in. Please try again.");
    if (!isDone) return;
    if (this.#session !== null) tellEnded(this.#session.session_id);
    fill("farewell", farewell);
    this.#leave("signed-out");
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
      if (error instanceof SessionEndedError) this.#leave("ended");
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
      // Another tab may have renewed or ended the session in the meantime.
      const { expires_at } = await api.readSession();
      if (expires_at !== session.expires_at) return await this.#refresh();
    } catch (error) {
      if (error instanceof SessionEndedError) return await this.#refresh();
      // During an outage, the session still ends at the same time, so warn.
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

  /** Shows that the session can't be checked. */
  #pause() {
    const focusHeading = this.#warning.isOpen;
    this.#warning.withdraw();
    this.#stopCountdown();
    show("unavailable", { focusHeading });
  }

  /** Drops the token, removes everything about the person, and shows `state`. */
  #leave(state) {
    const focusHeading = this.#warning.isOpen;
    this.#turn += 1;
    this.#session = null;
    this.#stopCountdown();
    this.#warning.withdraw();
    forgetToken();
    // Show the state before clearing, so that the focus moves from what is cleared.
    show(state, { focusHeading });
    this.#content.clear();
  }
}

/** Whether a renewal extends the session, or a token that expires before the session. */
function canStay(session) {
  return session.can_extend || Date.parse(session.expires_at) < Date.parse(session.idle_expires_at);
}

async function renew() {
  const { session_id: sessionId, token = null } = await api.renewSession();
  if (token === null) forgetToken();
  else keepToken(token);
  tellRenewed(sessionId, token);
}
