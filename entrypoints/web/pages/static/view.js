/** Shows one state of the page at a time and fills in its content. */

import { moment } from "./time.js";

const heading = document.getElementById("heading");
const siteTitle = document.title.slice(document.title.lastIndexOf(" · "));

/** Returns the element of a field. */
export const field = (name) => document.querySelector(`[data-field="${name}"]`);

export const fill = (name, text) => { field(name).textContent = text ?? ""; };

/** Makes a screen reader say `text` when it has finished speaking. */
export function announce(text) {
  // Screen readers ignore what is behind an open dialog, so the dialog has its own status element.
  const place = document.querySelector("dialog[open] [role=status]");
  (place ?? document.getElementById("announcement")).textContent = text;
}

/**
 * Shows the elements of `state` and hides those of other states.
 *
 * If `focusHeading` is true or the focused element was hidden, it moves the focus to the heading.
 * Otherwise, it announces the new heading.
 */
export function show(state, { focusHeading = false } = {}) {
  let title = "";
  for (const part of document.querySelectorAll("[data-state]")) {
    part.hidden = !part.dataset.state.split(" ").includes(state);
    if (!part.hidden && part.dataset.title) title = part.dataset.title;
  }
  if (heading.textContent === title) return;
  heading.textContent = title;
  document.title = title + siteTitle;
  if (focusHeading || document.activeElement?.closest("[hidden]")) heading.focus();
  else announce(title);
}

/** Does `work` with all buttons disabled. Afterwards, the pressed button has the focus again. */
export async function whileBusy(work) {
  const pressed = document.activeElement;
  const buttons = [...document.querySelectorAll("button:enabled")];
  for (const button of buttons) button.disabled = true;
  try {
    return await work();
  } finally {
    for (const button of buttons) button.disabled = false;
    pressed?.focus();
  }
}

/** Shows a problem near the buttons. Without `problem`, removes it. */
export function complain(problem) {
  fill("problem", problem);
  field("problem").hidden = problem === undefined;
}

/**
 * Returns a copy of a template's element. `parts` says what to put in each part: a text, a Date, or
 * whether to show it.
 */
export function filled(id, parts) {
  const copy = document.getElementById(id).content.firstElementChild.cloneNode(true);
  for (const [name, value] of Object.entries(parts)) {
    for (const part of copy.querySelectorAll(`[data-part="${name}"]`)) put(part, value);
  }
  return copy;
}

function put(part, value) {
  if (typeof value === "boolean") part.hidden = !value;
  else if (value instanceof Date) {
    part.textContent = moment(value);
    if (part instanceof HTMLTimeElement) part.dateTime = value.toISOString();
  } else part.textContent = value ?? "";
}

/** Creates an element. `content` is text or elements, never markup. */
export function element(tag, properties, ...content) {
  const created = Object.assign(document.createElement(tag), properties);
  created.append(...content);
  return created;
}
