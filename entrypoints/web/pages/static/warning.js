/** The warning before a session ends: a dialog and, after the dialog is closed, a notice. */

import { text } from "./texts.js";
import { clockTime, duration } from "./time.js";
import { field, fill } from "./view.js";

const dialog = document.getElementById("warning");
const stay = document.getElementById("stay");
const putAside = document.getElementById("put-aside");
const signOut = document.getElementById("warning-sign-out");
const stayAfterAll = document.getElementById("stay-after-all");

export class Warning {
  #isGiven = false;
  /** The page's own title while the dialog has changed it. */
  #title = null;

  /** `onStay` and `onSignOut` are called if the person makes that choice. */
  constructor({ onStay, onSignOut }) {
    for (const button of [stay, stayAfterAll]) button.addEventListener("click", onStay);
    signOut.addEventListener("click", onSignOut);
    putAside.addEventListener("click", () => dialog.close());
    // Escape only closes the dialog. The notice on the page keeps the choice.
    dialog.addEventListener("close", () => {
      field("ending").hidden = !this.#isGiven;
      this.#restoreTitle();
    });
  }

  get isOpen() {
    return dialog.open;
  }

  /**
   * Warns that the page's time is up at `end` (ms), and if `endsSession`, that of the session. If
   * `canStay`, asks whether to stay signed in.
   */
  give({ end, canStay, endsSession }) {
    this.#isGiven = true;
    const until = text(endsSession ? "signedOutAt" : "hiddenAt", { time: clockTime(end) });
    const question = text(canStay ? "stayQuestion" : "endsSoon");
    fill("warning-title", question);
    fill("warning-text", `${until} ${text(canStay ? "canStay" : "cannotStay")}`);
    // The person may be looking at another tab.
    this.#restoreTitle();
    this.#title = document.title;
    document.title = `${question} · VetAssist`;
    stay.hidden = stayAfterAll.hidden = !canStay;
    putAside.hidden = canStay;
    this.explain();
    dialog.showModal();
    (canStay ? stay : putAside).focus();
  }

  /** Shows a problem with staying signed in. Without `problem`, removes it. */
  explain(problem) {
    fill("warning-problem", problem);
    field("warning-problem").hidden = problem === undefined;
    if (problem !== undefined && !dialog.open) {
      dialog.showModal();
      stay.focus();
    }
  }

  tick(left) {
    fill("warning-left", text("timeLeft", { time: duration(left) }));
    fill("ending-left", duration(left));
  }

  /** Removes the warning. */
  withdraw() {
    this.#isGiven = false;
    field("ending").hidden = true;
    dialog.close();
    // The dialog tells that it was closed only later.
    this.#restoreTitle();
  }

  #restoreTitle() {
    if (this.#title !== null) document.title = this.#title;
    this.#title = null;
  }
}
