/** The warning before a session ends: a dialog and, after the dialog is closed, a notice. */

import { clockTime, duration } from "./time.js";
import { field, fill } from "./view.js";

const dialog = document.getElementById("warning");
const stay = document.getElementById("stay");
const putAside = document.getElementById("put-aside");
const signOut = document.getElementById("warning-sign-out");
const stayAfterAll = document.getElementById("stay-after-all");

export class Warning {
  #isGiven = false;

  /** `onStay` and `onSignOut` are called if the person makes that choice. */
  constructor({ onStay, onSignOut }) {
    for (const button of [stay, stayAfterAll]) button.addEventListener("click", onStay);
    signOut.addEventListener("click", onSignOut);
    putAside.addEventListener("click", () => dialog.close());
    // Escape only closes the dialog. The notice on the page keeps the choice.
    dialog.addEventListener("close", () => { field("ending").hidden = !this.#isGiven; });
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
    const signedOutAt = endsSession
      ? `You will be signed out at ${clockTime(end)}.`
      : `This page will stop showing your account at ${clockTime(end)}.`;
    fill("warning-title", canStay ? "Do you want to stay signed in?" : "Your session ends soon");
    fill("warning-text", canStay
      ? `${signedOutAt} You can stay signed in for longer.`
      : `${signedOutAt} Your session has a time limit, so you can’t extend it any further. `
        + "You can sign in again afterward.");
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
    fill("warning-left", `${duration(left)} left`);
    fill("ending-left", duration(left));
  }

  /** Removes the warning. */
  withdraw() {
    this.#isGiven = false;
    field("ending").hidden = true;
    dialog.close();
  }
}
