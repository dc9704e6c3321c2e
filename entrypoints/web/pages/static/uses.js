/** The page that shows who used a person's VA connection, when, and why. */

import { readUses } from "./api.js";
import { SessionPage } from "./session_page.js";
import { text } from "./texts.js";
import { announce, field, filled } from "./view.js";

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
  return filled("use", {
    client: use.client ?? text("unknownService"),
    with_purpose: use.in_order_to !== null,
    without_purpose: use.in_order_to === null,
    in_order_to: use.in_order_to,
    used_at: new Date(use.used_at),
  });
}

async function showOlder() {
  let items = [];
  const read = async () => { items = add(await readUses(next)); };
  if (!await page.attempt(read, text("olderFailed"))) return;
  // Move the focus to the new entries. The button may have disappeared.
  items[0]?.querySelector("h2").focus();
  announce(text(next === null ? "allShown" : "olderShown"));
}

function clear() {
  list.replaceChildren();
  next = null;
}

document.getElementById("show-older").addEventListener("click", showOlder);

page.open();
