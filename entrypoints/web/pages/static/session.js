/** The page a sign-in ends on: who is signed in, for how long, and the ways out. */

import { Api, SessionEndedError } from "./api.js";
import { decodeClaims, describe } from "./claims.js";
import { forgetToken, takeHandover } from "./handover.js";
import { countDown, duration, shortTime } from "./time.js";
import { announce, field, fill, fillClaims, show } from "./view.js";

const STATUSES = {
  confirmed: ["Confirmed", "VA confirms that you are a Veteran."],
  "not confirmed": ["Not confirmed", "VA could not confirm from its records that you are a Veteran."],
  unknown: ["Not known", "VA has not told us whether you are a Veteran."],
};

const { token, returnTo } = takeHandover();
const api = new Api(token);
let stopCountdown = () => {};

async function load() {
  let session, user;
  try {
    [session, user] = await Promise.all([api.session(), api.user()]);
  } catch (error) {
    if (error instanceof SessionEndedError) leave("ended");
    else show("unavailable");
    return;
  }
  render(session, user);
  show("signed-in");
}

function render(session, user) {
  renderPerson(user);
  renderEnd(session);
  renderClaims(session);
  fill("continue-link", `Continue to ${returnTo}`);
  if (returnTo !== null) field("continue-link").href = returnTo;
  field("continue").hidden = returnTo === null;
}

function renderPerson(user) {
  const names = [user.given_name, user.family_name].filter(Boolean);
  fill("name", names.join(" ") || "VA.gov gave us no name");
  fill("initials", names.map((name) => [...name][0]).join("").toUpperCase());
  fill("email", user.email);
  const status = Object.hasOwn(STATUSES, user.veteran_status) ? user.veteran_status : "unknown";
  const [word, meaning] = STATUSES[status];
  fill("status", word);
  fill("status-meaning", meaning);
  field("status").dataset.status = status;
}

function renderEnd(session) {
  const end = Date.parse(session.expires_at);
  const length = end - Date.parse(session.issued_at);
  const progress = field("progress");
  progress.max = length;
  field("end").dateTime = session.expires_at;
  fill("end", shortTime(end));
  stopCountdown();
  stopCountdown = countDown(Math.min(length, end - session.answered_at), {
    onTick(left) {
      progress.value = Math.max(0, left);
      fill("left", `${duration(left)} left`);
    },
    onMinutesLeft(minutes) {
      announce(`Your session ends in ${minutes} ${minutes === 1 ? "minute" : "minutes"}.`);
    },
    onEnd: load,
  });
}

function renderClaims(session) {
  if (token !== null) {
    fill("claims-title", "What your session token says");
    fill("claims-note", "The token is what this browser shows to VetAssist with each request. "
      + "Treat it like a key: whoever has it can act as you until the session ends.");
    fillClaims(describe(decodeClaims(token)));
  } else {
    const { answered_at: _, ...facts } = session;
    fill("claims-title", "What VetAssist says about your session");
    fill("claims-note", "Your token is in a cookie that no script can read, this page’s included. "
      + "So this is what the service itself answers.");
    fillClaims(describe(facts));
  }
}

async function signOut(call, farewell) {
  const buttons = [...document.querySelectorAll("#sign-out, #sign-out-everywhere")];
  const pressed = document.activeElement;
  for (const button of buttons) button.disabled = true;
  field("problem").hidden = true;
  try {
    await call();
  } catch (error) {
    // A session that has ended meanwhile is what was asked for.
    if (!(error instanceof SessionEndedError)) {
      field("problem").hidden = false;
      fill("problem", "We could not sign you out just now: you are still signed in. Please try again.");
      return;
    }
  } finally {
    for (const button of buttons) button.disabled = false;
    pressed?.focus();
  }
  fill("farewell", farewell);
  leave("signed-out");
}

/** Ends the page's part of the session, and leaves nothing of the person on it. */
function leave(state) {
  stopCountdown();
  forgetToken();
  for (const name of ["name", "initials", "email", "status", "status-meaning", "end", "left"]) {
    fill(name, "");
  }
  fillClaims([]);
  show(state);
}

document.getElementById("retry").addEventListener("click", () => {
  show("loading");
  load();
});
document.getElementById("sign-out").addEventListener("click", () => {
  signOut(() => api.signOut(), "Your session in this browser has ended.");
});
document.getElementById("sign-out-everywhere").addEventListener("click", () => {
  signOut(() => api.signOutEverywhere(), "Your sessions have ended, here and on every other device.");
});
// A page that comes back out of the browser's cache may show a session that has ended.
addEventListener("pageshow", (event) => {
  if (event.persisted) load();
});

show("loading");
load();
