/** The page that takes back VetAssist's access to VA. */

import { FreshSignInNeededError, disconnect } from "./api.js";
import { SessionPage } from "./session_page.js";
import { text } from "./texts.js";
import { field } from "./view.js";

const page = new SessionPage({ read: async () => {}, render: () => {}, clear: () => {} });

function explain(error) {
  const isFreshNeeded = error instanceof FreshSignInNeededError;
  field("fresh-needed").hidden = !isFreshNeeded;
  return isFreshNeeded ? undefined : text("disconnectFailed");
}

document.getElementById("disconnect").addEventListener("click", () => {
  page.end(disconnect, explain, text("disconnected"));
});

page.open();
