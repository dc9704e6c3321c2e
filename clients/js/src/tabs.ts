/** The tabs of one browser: what they tell each other, and whose turn it is to renew. */

import type { Session } from "./answers.js";
import type { Browser, Channel } from "./browser.js";

/** How long tabs without Web Locks wait for another one that also wants to renew. */
const CONTEST_MS = 250;
/** Longer than any renewal takes. */
const LONGEST_TURN_MS = 15_000;

export type Message =
  /** The session is new, or was renewed. `token` is null if it is in a cookie. */
  | {
      readonly type: "session";
      readonly session: Session;
      readonly renewedAt: number;
      readonly token: string | null;
    }
  | { readonly type: "ended"; readonly sessionId: string }
  /** A tab wants to renew, or is doing so. */
  | { readonly type: "turn"; readonly tab: string; readonly isTaken: boolean }
  | { readonly type: "over"; readonly tab: string };

export class Tabs {
  readonly #browser: Browser;
  readonly #name: string;
  readonly #channel: Channel | null;
  readonly #tab = crypto.randomUUID();
  readonly #receive: (message: Message) => void;
  #hasTurn = false;
  #isAsking = false;
  #rivals: string[] = [];
  #isTakenUntil = 0;
  #wake: (() => void)[] = [];

  /** `receive` is called with what other tabs tell of the session. */
  constructor(name: string, browser: Browser, receive: (message: Message) => void) {
    this.#browser = browser;
    this.#name = name;
    this.#receive = receive;
    this.#channel = browser.channel(name);
    this.#channel?.addEventListener("message", this.#onMessage);
  }

  tell(message: Message): void {
    this.#channel?.postMessage(message);
  }

  close(): void {
    this.#channel?.removeEventListener("message", this.#onMessage);
    this.#channel?.close();
  }

  /** Does `work` while no other tab does. Returns false, without doing it, if another one does. */
  async take(work: () => Promise<void>): Promise<boolean> {
    if (this.#browser.locks !== null) {
      return this.#browser.locks.request(this.#name, { ifAvailable: true }, async (lock) => {
        if (lock !== null) await work();
        return lock !== null;
      });
    }
    if (!(await this.#winsContest())) return false;
    this.#hasTurn = true;
    try {
      this.tell({ type: "turn", tab: this.#tab, isTaken: true });
      await work();
    } finally {
      this.#hasTurn = false;
      this.tell({ type: "over", tab: this.#tab });
    }
    return true;
  }

  /** Waits until no other tab does the work. */
  async over(): Promise<void> {
    if (this.#browser.locks !== null) {
      await this.#browser.locks.request(this.#name, { mode: "shared" }, () => {});
      return;
    }
    const left = this.#isTakenUntil - this.#browser.now();
    if (left > 0) await this.#wait(left);
  }

  /** Without Web Locks, the tab with the least id among those that ask at once goes first. */
  async #winsContest(): Promise<boolean> {
    if (this.#channel === null) return true;
    if (this.#isTakenUntil > this.#browser.now()) return false;
    this.#rivals = [];
    this.#isAsking = true;
    this.tell({ type: "turn", tab: this.#tab, isTaken: false });
    await this.#wait(CONTEST_MS);
    this.#isAsking = false;
    const isTaken = this.#isTakenUntil > this.#browser.now();
    return !isTaken && this.#rivals.every((rival) => this.#tab < rival);
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#browser.after(ms, resolve);
      this.#wake.push(() => {
        cancel();
        resolve();
      });
    });
  }

  readonly #onMessage = (event: MessageEvent<Message>): void => {
    const message = event.data;
    if (message.type === "turn") {
      this.#rivals.push(message.tab);
      if (message.isTaken) this.#isTakenUntil = this.#browser.now() + LONGEST_TURN_MS;
      // Who asks later has to hear of this tab, too.
      else if (this.#hasTurn || (this.#isAsking && this.#tab < message.tab)) {
        this.tell({ type: "turn", tab: this.#tab, isTaken: this.#hasTurn });
      }
    } else if (message.type === "over") {
      this.#isTakenUntil = 0;
      for (const wake of this.#wake.splice(0)) wake();
    } else {
      this.#receive(message);
    }
  };
}
