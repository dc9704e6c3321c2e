/**
 * Keeps a page true that the server has rendered for a session in a cookie: it counts down, warns,
 * shows times in the device's time zone, and removes what is shown when the session has ended.
 */

import { renderEnd, tick } from "./session_end.js";
import { SessionPage } from "./session_page.js";
import { moment } from "./time.js";

const account = document.getElementById("account");
const shown = JSON.parse(account.dataset.session);
const page = new SessionPage({ read: async () => {}, render, renewed: renderEnd, tick, clear });
let isCleared = false;

/** The server renders the rest of the page. */
function render(session) {
  if (isCleared || session.session_id !== shown.session_id) location.reload();
  else renderEnd(session);
}

function clear() {
  isCleared = true;
  for (const part of document.querySelectorAll("[data-personal]")) part.replaceChildren();
  delete account.dataset.session;
}

function useLocalTime() {
  for (const time of document.querySelectorAll("time[data-local]")) {
    time.textContent = moment(Date.parse(time.dateTime));
  }
  for (const place of document.querySelectorAll(".place")) {
    const label = place.querySelector("button [data-part=issued_at]");
    if (label !== null) label.textContent = place.querySelector("time").textContent;
  }
}

// The sign-in leaves something in the address that a bookmark needn't have.
history.replaceState(null, "", account.dataset.here);
useLocalTime();
renderEnd(shown);
page.resume(shown);
