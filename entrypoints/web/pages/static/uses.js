/** The page that shows who used a person's VA connection, when, and why. */

import { readUses } from "./api.js";
import { SessionPage } from "./session_page.js";
import { longTime } from "./time.js";
import { announce, element, field } from "./view.js";

const PROBLEM = "We couldn’t load older entries. Please try again.";

const page = new SessionPage({ read: () => readUses(), render, clear });
const list = field("uses");
let next = null;

function render(_session, account) {
  clear();
  add(account);
}

function add(account) {
  next = account.next;
  const items = account.uses.map(describe);
  list.append(...items);
  const isEmpty = list.childElementCount === 0;
  list.hidden = isEmpty;
  field("no-uses").hidden = !isEmpty;
  field("more").hidden = next === null;
  return items;
}

function describe(use) {
  const who = use.client ?? "A service that is no longer registered";
  const reason = use.in_order_to === null ? "" : ` in order to ${use.in_order_to}`;
  return element(
    "li",
    { className: "place" },
    element(
      "div",
      {},
      element("h2", { className: "device", tabIndex: -1 }, who),
      element("p", {}, `Was given access to VA${reason}.`),
      element("p", { className: "when" }, time(use.used_at)),
    ),
  );
}

const time = (instant) => element("time", { dateTime: instant }, longTime(Date.parse(instant)));

async function showOlder() {
  let items = [];
  const read = async () => { items = add(await readUses(next)); };
  if (!await page.attempt(read, PROBLEM)) return;
  // Move the focus to the new entries. The button may have disappeared.
  items[0]?.querySelector("h2").focus();
  announce(next === null ? "All entries are shown." : "Older entries are shown.");
}

function clear() {
  list.replaceChildren();
  next = null;
}

document.getElementById("show-older").addEventListener("click", showOlder);

page.open();
