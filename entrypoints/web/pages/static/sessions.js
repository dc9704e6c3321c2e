/** The page that shows where a person is signed in and lets them sign out there. */

import { readSessions, signOutElsewhere, signOutOf } from "./api.js";
import { SessionPage } from "./session_page.js";
import { text } from "./texts.js";
import { announce, field, fill, filled } from "./view.js";

const page = new SessionPage({ read: readSessions, render, clear });
const others = field("others");

function render(_session, sessions) {
  const here = sessions.filter((each) => each.current).map(placeOf);
  field("here").replaceChildren(...here.map((place) => place.firstElementChild));
  others.replaceChildren(...sessions.filter((each) => !each.current).map(otherPlace));
  showWhatIsLeft();
}

function placeOf({ device, front_end, issued_at, renewed_at, expires_at }) {
  return filled("place", {
    device,
    front_end: front_end ?? "",
    issued_at: new Date(issued_at),
    renewed_at: new Date(renewed_at),
    expires_at: new Date(expires_at),
  });
}

function otherPlace(session) {
  const place = placeOf(session);
  place.querySelector("button").addEventListener("click", () => signOut(place, session));
  return place;
}

async function signOut(place, session) {
  const isDone = await page.attempt(
    () => signOutOf(session.session_id), text("signOutUnconfirmed"),
  );
  if (!isDone) return;
  const neighbor = place.nextElementSibling ?? place.previousElementSibling;
  place.remove();
  // Don't focus a button: pressing Enter twice would also sign out of the next device.
  (neighbor?.querySelector("h3") ?? field("others-heading")).focus();
  showWhatIsLeft(text("signedOutOf", { device: session.device }));
}

async function signOutOfOthers() {
  if (!await page.attempt(signOutElsewhere, text("signOutUnconfirmed"))) return;
  others.replaceChildren();
  field("others-heading").focus();
  showWhatIsLeft(text("signedOutElsewhere"));
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
