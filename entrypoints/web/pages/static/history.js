/** The page that shows the account history and downloads it as a file. */

import { exportHistory, readHistory } from "./api.js";
import { SessionPage } from "./session_page.js";
import { text } from "./texts.js";
import { announce, element, field, filled } from "./view.js";

const page = new SessionPage({ read: () => readHistory(), render, clear });
const list = field("events");
let next = null;

function render(_session, history) {
  clear();
  add(history);
}

function add(history) {
  next = history.next;
  const items = history.events.map(describe);
  list.append(...items);
  const isEmpty = list.childElementCount === 0;
  list.hidden = isEmpty;
  field("no-events").hidden = !isEmpty;
  field("more").hidden = next === null;
  return items;
}

function describe(event) {
  return filled("event", {
    summary: event.summary,
    occurred_at: new Date(event.occurred_at),
    device: event.device,
    with_device: event.device !== null,
    reference: event.reference,
    with_reference: event.reference !== null,
  });
}

async function showOlder() {
  let items = [];
  const read = async () => { items = add(await readHistory(next)); };
  if (!await page.attempt(read, text("olderFailed"))) return;
  // Move the focus to the new entries. The button may have disappeared.
  items[0]?.querySelector("h2").focus();
  announce(text(next === null ? "allShown" : "olderShown"));
}

async function save(format) {
  const name = `vetassist-history.${format}`;
  const fetchAndDownload = async () => { download(await exportHistory(format), name); };
  if (await page.attempt(fetchAndDownload, text("fileFailed"))) announce(text("downloadStarted"));
}

/** Downloads a file. A plain link can't, because it wouldn't send the token of this tab. */
function download(file, name) {
  const url = URL.createObjectURL(file);
  const link = element("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url));
}

function clear() {
  list.replaceChildren();
  next = null;
}

document.getElementById("show-older").addEventListener("click", showOlder);
document.getElementById("save-csv").addEventListener("click", () => save("csv"));
document.getElementById("save-json").addEventListener("click", () => save("json"));

page.open();
