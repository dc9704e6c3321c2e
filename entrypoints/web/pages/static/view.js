/** Shows one state of the page at a time, and fills in what belongs to it. */

const heading = document.getElementById("heading");
const siteTitle = document.title.slice(document.title.lastIndexOf(" · "));

/** The element that carries a fact. */
export const field = (name) => document.querySelector(`[data-field="${name}"]`);

export const fill = (name, text) => { field(name).textContent = text ?? ""; };

/** Has a screen reader say it when it has finished what it is saying. */
export function announce(text) {
  // What is behind an open dialog is not spoken, so the dialog has a place of its own.
  const place = document.querySelector("dialog[open] [role=status]");
  (place ?? document.getElementById("announcement")).textContent = text;
}

/**
 * Leaves visible what belongs to `state` (and what belongs to none), and says so: by moving the
 * focus to the heading if `focusHeading`, or if what had the focus has disappeared.
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

/** Does `work` while no button can be pressed; the one that was has the focus back afterwards. */
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

/** Says what went wrong, in words, where the buttons are; or, with no words, that nothing is. */
export function complain(problem) {
  fill("problem", problem);
  field("problem").hidden = problem === undefined;
}

/** A new element; `content` is text or elements, never markup. */
export function element(tag, properties, ...content) {
  const created = Object.assign(document.createElement(tag), properties);
  created.append(...content);
  return created;
}
