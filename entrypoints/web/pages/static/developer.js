/** Shows developers the claims of the token, or the facts about the session. */

import { decodeClaims, describe } from "./claims.js";
import { storedToken } from "./token.js";
import { element, field, fill } from "./view.js";

document.addEventListener("vetassist-session", ({ detail: session }) => {
  if (field("claims") === null) return;
  if (session === null) fillClaims([]);
  else render(session);
});

function render(session) {
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
