/** Shows when a session ends, on a page that has a place for it. */

import { text } from "./texts.js";
import { duration, moment } from "./time.js";
import { field, fill } from "./view.js";

const isShown = field("end") !== null;

export function renderEnd(session) {
  if (!isShown) return;
  const end = Date.parse(session.expires_at);
  field("progress").max = end - Date.parse(session.renewed_at);
  field("progress").hidden = false;
  field("end").dateTime = session.expires_at;
  fill("end", moment(end));
}

export function tick(left) {
  // The person may be gone from the page already.
  if (!isShown || field("end") === null) return;
  field("progress").value = Math.max(0, left);
  fill("left", text("timeLeft", { time: duration(left) }));
}
