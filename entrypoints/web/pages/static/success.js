/** The page after a sign-in. It shows who is signed in and until when, and signs out. */

import { readUser, redeemCode, signOutEverywhere, signOutOfEarlier } from "./api.js";
import { takeHandover } from "./handover.js";
import { renderEnd, tick } from "./session_end.js";
import { SessionPage } from "./session_page.js";
import { text } from "./texts.js";
import { keepToken } from "./token.js";
import { field, fill } from "./view.js";

const STATUSES = [...document.querySelectorAll("[data-status]")];

const handover = takeHandover();
const page = new SessionPage({
  enter, read: readUser, render, renewed: renderEnd, tick, clear,
});

async function enter() {
  if (handover.code !== null) {
    const { token } = await redeemCode(handover.code);
    handover.code = null;
    keepToken(token);
  }
  await leaveEarlier();
}

/** Signing in again replaces the earlier session, so that it isn't shown as another device. */
async function leaveEarlier() {
  const { earlier } = handover;
  handover.earlier = null;
  try {
    if (earlier !== null) await signOutOfEarlier(earlier);
  } catch {
    // It ends when its time is up.
  }
}

function render(session, user) {
  renderPerson(user);
  renderEnd(session);
  fill("continue-link", text("continueTo", { path: handover.returnTo }));
  if (handover.returnTo !== null) field("continue-link").href = handover.returnTo;
  field("continue").hidden = handover.returnTo === null;
}

function renderPerson(user) {
  const names = [user.given_name, user.family_name].filter(Boolean);
  fill("name", names.join(" ") || text("noName"));
  fill("initials", names.map((name) => [...name][0]).join("").toUpperCase());
  fill("email", user.email);
  const isKnown = STATUSES.some((each) => each.dataset.status === user.veteran_status);
  showStatus(isKnown ? user.veteran_status : "unknown");
  field("va-sign-in-needed").hidden = !user.va_sign_in_needed;
}

function showStatus(status) {
  for (const each of STATUSES) each.hidden = each.dataset.status !== status;
}

function clear() {
  for (const name of ["name", "initials", "email", "end", "left"]) fill(name, "");
  showStatus(null);
}

document.getElementById("sign-out-everywhere").addEventListener("click", () => {
  page.signOut(signOutEverywhere, text("allEnded"));
});

page.open();
