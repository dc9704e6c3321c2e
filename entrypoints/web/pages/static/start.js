/**
 * The start page: says that the session stands whose token this tab keeps, and stops saying that one
 * is signed in when the session in the cookie has ended.
 */

import { SessionEndedError, readSession } from "./api.js";
import { storedToken } from "./token.js";

const CHECK_MS = 30_000;
const hint = document.getElementById("signed-in-already");

async function greet() {
  if (storedToken() === null) return;
  try {
    await readSession();
  } catch {
    // Without an answer, the page says nothing about the session.
    return;
  }
  hint.hidden = false;
}

async function check() {
  try {
    await readSession();
  } catch (error) {
    if (error instanceof SessionEndedError) location.reload();
  }
}

// The server shows the hint only if it knows of no session.
if (hint !== null) greet();
else {
  setInterval(check, CHECK_MS);
  addEventListener("focus", check);
  addEventListener("pageshow", (event) => { if (event.persisted) check(); });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") check();
  });
}
