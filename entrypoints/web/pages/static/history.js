/** The page that shows the account history and downloads it as a file. */

import { exportHistory, readHistory } from "./api.js";
import { SessionPage } from "./session_page.js";
import { longTime } from "./time.js";
import { announce, element, field } from "./view.js";

const NO_OLDER = "We couldn’t load older entries. Please try again.";
const NO_FILE = "We couldn’t create the file. Please try again.";

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
  // Move the focus to the new entries. The button may have disappeared.
  items[0]?.querySelector("h2").focus();
  announce(next === null ? "All entries are shown." : "Older entries are shown.");
}

async function save(format) {
  const name = `vetassist-history.${format}`;
  const fetchAndDownload = async () => { download(await exportHistory(format), name); };
  if (await page.attempt(fetchAndDownload, NO_FILE)) announce("The download has started.");
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
