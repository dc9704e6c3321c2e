/** What a session says of itself, line by line, with the meaning in plain words. */

import { longTime } from "./time.js";

const MEANINGS = {
  sub: "Who you are to VetAssist: your user ID. It is not an identifier of VA’s.",
  iss: "Issuer: the service that made this token.",
  aud: "Audience: the only application that may accept this token.",
  iat: "Issued at: when this token was made.",
  exp: "Expires: from this moment the token is refused.",
  jti: "The number of this very token; no two are alike.",
  sid: "The session this token belongs to. When the session ends, the token is worth nothing.",
  va_linked: "Whether your VetAssist account is linked to a VA.gov identity.",
  va_icn: "Integration Control Number: VA’s identifier of you as a person.",
  session_id: "The session of this browser.",
  user_id: "Who you are to VetAssist. It is not an identifier of VA’s.",
  issued_at: "When you signed in.",
  renewed_at: "When the session was last renewed; at first, when you signed in.",
  expires_at: "From this moment your token is refused.",
  idle_expires_at: "When the session ends unless it is renewed.",
  absolute_expires_at: "When the session ends in any case.",
  can_extend: "Whether renewing it would let the session last longer.",
  warn_at: "When this page warns you that the session is about to end.",
};
const OTHER = "Something this page knows no more about.";

/** The claims of a JWT. They are only read here: the service is who checks the signature. */
export function decodeClaims(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Rows of name, value and meaning, for what the token or the service says. */
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
