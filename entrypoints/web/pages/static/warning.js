/** The warning before a session ends: a dialog and, once that is put aside, a line on the page. */

import { clockTime, duration } from "./time.js";
import { field, fill } from "./view.js";

const dialog = document.getElementById("warning");
const stay = document.getElementById("stay");
const putAside = document.getElementById("put-aside");
const signOut = document.getElementById("warning-sign-out");
const stayAfterAll = document.getElementById("stay-after-all");

export class Warning {
  #isGiven = false;

  /** `onStay` and `onSignOut` are what the person may choose. */
  constructor({ onStay, onSignOut }) {
    for (const button of [stay, stayAfterAll]) button.addEventListener("click", onStay);
    signOut.addEventListener("click", onSignOut);
    putAside.addEventListener("click", () => dialog.close());
    // Escape decides nothing: the dialog goes, and the choice stays on the page.
    dialog.addEventListener("close", () => { field("ending").hidden = !this.#isGiven; });
  }

  get isOpen() {
    return dialog.open;
  }

  /** Asks whether to stay beyond `end` (ms) or, if one cannot, says so. */
  give({ end, canStay }) {
    this.#isGiven = true;
    const signedOutAt = `You will be signed out at ${clockTime(end)}.`;
    fill("warning-title", canStay ? "Do you want to stay signed in?" : "Your session ends soon");
    fill("warning-text", canStay
      ? `${signedOutAt} You can stay signed in for longer if you like.`
      : `${signedOutAt} This session has lasted as long as one may, so it cannot be extended. `
        + "You can sign in again afterwards.");
    stay.hidden = stayAfterAll.hidden = !canStay;
    putAside.hidden = canStay;
    this.explain();
    dialog.showModal();
    (canStay ? stay : putAside).focus();
  }

  /** Says that staying did not work, or with no `problem` that all is well. */
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

  /** Takes the warning back. */
  withdraw() {
    this.#isGiven = false;
    field("ending").hidden = true;
    dialog.close();
  }
}
