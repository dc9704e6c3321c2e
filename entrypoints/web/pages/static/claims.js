/** The claims of a session token, or the facts about a session, with their meanings. */

import { longTime } from "./time.js";

const MEANINGS = {
  sub: "Your VetAssist user ID. It doesn’t come from VA.",
  iss: "Issuer: the service that issued this token.",
  aud: "Audience: the only application that may accept this token.",
  iat: "Issued at: when this token was issued.",
  exp: "Expires: when this token stops working.",
  jti: "The ID of this token. Every token has its own.",
  sid: "The ID of your session. When the session ends, this token stops working.",
  va_linked: "Whether your VetAssist account is linked to VA.gov.",
  va_icn: "Integration Control Number: the number that identifies you at VA.",
  session_id: "The ID of the session in this browser.",
  user_id: "Your VetAssist user ID. It doesn’t come from VA.",
  issued_at: "When you signed in.",
  renewed_at: "When the session was last renewed. Before the first renewal, when you signed in.",
  expires_at: "When your token stops working.",
  idle_expires_at: "When the session ends if it isn’t renewed.",
  absolute_expires_at: "The latest time when the session ends, even if it is renewed.",
  can_extend: "Whether the session would last longer if it were renewed.",
  warn_at: "When this page warns you that the session will end soon.",
};
const OTHER = "This page has no explanation of this value.";

/** Returns the claims of a JWT. It doesn't verify the signature: only the service can. */
export function decodeClaims(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Returns a name, a readable value and a meaning for each claim or fact. */
export function describe(facts) {
  return Object.entries(facts).map(([name, value]) => ({
    name,
    value: readable(name, value),
    meaning: Object.hasOwn(MEANINGS, name) ? MEANINGS[name] : OTHER,
  }));
}

function readable(name, value) {
  switch (name) {
    case "iat":
    case "exp":
      return `${longTime(value * 1000)} (${value})`;
    case "issued_at":
    case "renewed_at":
    case "expires_at":
    case "idle_expires_at":
    case "absolute_expires_at":
    case "warn_at":
      return longTime(Date.parse(value));
    default:
      return typeof value === "string" ? value : JSON.stringify(value);
  }
}
