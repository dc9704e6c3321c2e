/** Shows one state of the page at a time, and fills in what belongs to it. */

const heading = document.getElementById("heading");
const announcement = document.getElementById("announcement");
const siteTitle = document.title.slice(document.title.lastIndexOf(" · "));

/** The element that carries a fact. */
export const field = (name) => document.querySelector(`[data-field="${name}"]`);

export const fill = (name, text) => { field(name).textContent = text ?? ""; };

/** Has a screen reader say it when it has finished what it is saying. */
export const announce = (text) => { announcement.textContent = text; };

/** Leaves visible what belongs to `state` (and what belongs to none), and says so. */
export function show(state) {
  let title = "";
  for (const part of document.querySelectorAll("[data-state]")) {
    part.hidden = !part.dataset.state.split(" ").includes(state);
    if (!part.hidden && part.dataset.title) title = part.dataset.title;
  }
  if (heading.textContent === title) return;
  heading.textContent = title;
  document.title = title + siteTitle;
  // A control that disappears takes the focus with it, so the heading receives it.
  if (document.activeElement?.closest("[hidden]")) heading.focus();
  else announce(title);
}

/** Replaces the rows of the table of claims. */
export function fillClaims(rows) {
  field("claims").replaceChildren(...rows.map(claimRow));
}

function claimRow({ name, value, meaning }) {
  const header = element("th", { scope: "row" }, element("code", {}, name));
  const cell = element(
    "td",
    {},
    element("span", { className: "value" }, value),
    element("span", { className: "meaning" }, meaning),
  );
  return element("tr", {}, header, cell);
}

function element(tag, properties, ...content) {
  const created = Object.assign(document.createElement(tag), properties);
  created.append(...content);
  return created;
}
