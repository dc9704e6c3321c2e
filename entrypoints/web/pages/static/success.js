/** The page after a sign-in. It shows who is signed in and until when, and signs out. */

import { readUser, redeemCode, signOutEverywhere } from "./api.js";
import { decodeClaims, describe } from "./claims.js";
import { takeHandover } from "./handover.js";
import { SessionPage } from "./session_page.js";
import { duration, shortTime } from "./time.js";
import { keepToken, storedToken } from "./token.js";
import { element, field, fill } from "./view.js";

const STATUSES = {
  confirmed: ["Confirmed", "VA confirms that you are a Veteran."],
  "not confirmed": ["Not confirmed", "VA couldn’t confirm your Veteran status from its records."],
  unknown: ["Unknown", "VA didn’t send us your Veteran status."],
};

const handover = takeHandover();
const page = new SessionPage({ enter, read: readUser, render, tick, clear });

async function enter() {
  if (handover.code === null) return;
  const { token } = await redeemCode(handover.code);
  handover.code = null;
  keepToken(token);
}

function render(session, user) {
  renderPerson(user);
  renderEnd(session);
  renderClaims(session);
  fill("continue-link", `Continue to ${handover.returnTo}`);
  if (handover.returnTo !== null) field("continue-link").href = handover.returnTo;
  field("continue").hidden = handover.returnTo === null;
}

function renderPerson(user) {
  const names = [user.given_name, user.family_name].filter(Boolean);
  fill("name", names.join(" ") || "We don’t have your name");
  fill("initials", names.map((name) => [...name][0]).join("").toUpperCase());
  fill("email", user.email);
  const status = Object.hasOwn(STATUSES, user.veteran_status) ? user.veteran_status : "unknown";
  const [word, meaning] = STATUSES[status];
  fill("status", word);
  fill("status-meaning", meaning);
  field("status").dataset.status = status;
  field("va-sign-in-needed").hidden = !user.va_sign_in_needed;
}

function renderEnd(session) {
  const end = Date.parse(session.expires_at);
  field("progress").max = end - Date.parse(session.renewed_at);
  field("end").dateTime = session.expires_at;
  fill("end", shortTime(end));
}

function tick(left) {
  field("progress").value = Math.max(0, left);
  fill("left", `${duration(left)} left`);
}

function renderClaims(session) {
  const token = storedToken();
  if (token !== null) {
    fill("claims-title", "What your session token says");
    fill("claims-note", "Your browser sends this token to VetAssist with each request. "
      + "Treat it like a key: anyone who has it can act as you until it expires or the session "
      + "ends.");
    fillClaims(describe(decodeClaims(token)));
  } else {
    const { answered_at: _, ...facts } = session;
    fill("claims-title", "What VetAssist says about your session");
    fill("claims-note", "Your token is in a cookie that this page can’t read. "
      + "So the table shows what VetAssist knows about your session instead.");
    fillClaims(describe(facts));
  }
}

function fillClaims(rows) {
  field("claims").replaceChildren(...rows.map(({ name, value, meaning }) => element(
    "tr",
    {},
    element("th", { scope: "row" }, element("code", {}, name)),
    element(
      "td",
      {},
      element("span", { className: "value" }, value),
      element("span", { className: "meaning" }, meaning),
    ),
  )));
}

function clear() {
  for (const name of ["name", "initials", "email", "status", "status-meaning", "end", "left"]) {
    fill(name, "");
  }
  fillClaims([]);
}

document.getElementById("sign-out-everywhere").addEventListener("click", () => {
  page.signOut(signOutEverywhere, "Your sessions have ended, here and on all other devices.");
});

page.open();
