/** What scripts say. The texts are on the page, in its language. */

const texts = document.getElementById("texts").dataset;

/** Returns a text with each word in braces replaced by its value. */
export const text = (name, values = {}) => texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
