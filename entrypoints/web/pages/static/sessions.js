/** The page that shows where a person is signed in and lets them sign out there. */

import { readSessions, signOutElsewhere, signOutOf } from "./api.js";
import { SessionPage } from "./session_page.js";
import { shortTime } from "./time.js";
import { announce, element, field, fill } from "./view.js";

const PROBLEM = "We couldn’t confirm the sign-out. Please try again.";

const page = new SessionPage({ read: readSessions, render, clear });
const others = field("others");

function render(_session, sessions) {
  field("here").replaceChildren(...sessions.filter((each) => each.current).map(describe));
  others.replaceChildren(...sessions.filter((each) => !each.current).map(otherPlace));
  showWhatIsLeft();
}

function otherPlace(session) {
  const signedIn = shortTime(Date.parse(session.issued_at));
  // Devices can have the same name, and a screen reader may list the buttons on their own.
  const which = element(
    "span", { className: "visually-hidden" }, ` of ${session.device}, signed in ${signedIn}`,
  );
  const button = element("button", { type: "button", className: "button" }, "Sign out", which);
  const place = element("li", { className: "place" }, describe(session), button);
  button.addEventListener("click", () => signOut(place, session));
  return place;
}

function describe(session) {
  const isRenewed = session.renewed_at !== session.issued_at;
  return element(
    "div",
    {},
    element("h3", { className: "device", tabIndex: -1 }, session.device),
    element("p", { className: "when" }, "Signed in ", time(session.issued_at)),
    element(
      "p",
      { className: "when" },
      ...(isRenewed ? ["Last renewed ", time(session.renewed_at)] : ["Not renewed yet"]),
    ),
  );
}

const time = (instant) => element("time", { dateTime: instant }, shortTime(Date.parse(instant)));

async function signOut(place, session) {
  if (!await page.attempt(() => signOutOf(session.session_id), PROBLEM)) return;
  const neighbor = place.nextElementSibling ?? place.previousElementSibling;
  place.remove();
  // Don't focus a button: pressing Enter twice would also sign out of the next device.
  (neighbor?.querySelector("h3") ?? field("others-heading")).focus();
  showWhatIsLeft(`You are signed out of ${session.device}.`);
}

async function signOutOfOthers() {
  if (!await page.attempt(signOutElsewhere, PROBLEM)) return;
  others.replaceChildren();
  field("others-heading").focus();
  showWhatIsLeft("You are signed out everywhere else.");
}

function showWhatIsLeft(outcome = "") {
  const isEmpty = others.childElementCount === 0;
  others.hidden = isEmpty;
  field("no-others").hidden = !isEmpty;
  field("all-others").hidden = isEmpty;
  fill("outcome", outcome);
  field("outcome").hidden = outcome === "";
  if (outcome !== "") announce(outcome);
}

function clear() {
  field("here").replaceChildren();
  others.replaceChildren();
  fill("outcome", "");
}

document.getElementById("sign-out-elsewhere").addEventListener("click", signOutOfOthers);

page.open();
