/** The page that shows a person what happened to their account, and saves it as a file. */

import { exportHistory, readHistory } from "./api.js";
import { SessionPage } from "./session_page.js";
import { longTime } from "./time.js";
import { announce, element, field } from "./view.js";

const NO_OLDER = "We could not fetch older ones just now. Please try again.";
const NO_FILE = "We could not make the file just now. Please try again.";

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
  const where = event.device === null ? [] : [element("p", { className: "when" }, event.device)];
  const reference = event.reference === null ? [] : [
    element("p", { className: "when" }, "Reference: ", element("code", {}, event.reference)),
  ];
  return element(
    "li",
    { className: "place" },
    element(
      "div",
      {},
      element("h2", { className: "device", tabIndex: -1 }, event.summary),
      element("p", { className: "when" }, time(event.occurred_at)),
      ...where,
      ...reference,
    ),
  );
}

const time = (instant) => element("time", { dateTime: instant }, longTime(Date.parse(instant)));

async function showOlder() {
  let items = [];
  const read = async () => { items = add(await readHistory(next)); };
  if (!await page.attempt(read, NO_OLDER)) return;
  // What was asked for is what to read next; the button may have gone.
  items[0]?.querySelector("h2").focus();
  announce(next === null ? "That was all." : "Older ones are shown.");
}

async function save(format) {
  const name = `vetassist-history.${format}`;
  const fetchAndSave = async () => { hand(await exportHistory(format), name); };
  if (await page.attempt(fetchAndSave, NO_FILE)) announce("The file is saved.");
}

/** The token may be in this tab alone, so no plain link would do. */
function hand(file, name) {
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
