/** Keeps a VetAssist session in a browser. */

export type * from "./answers.js";
export * from "./errors.js";
export { BrowserSession } from "./session.js";
export type { SessionOptions, SessionState, Warning } from "./state.js";
