/** Where this tab keeps its session token; with the `cookie` delivery no script ever sees one. */

const KEY = "vetassist.token";
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export const isToken = (value) => typeof value === "string" && JWT.test(value);

/** The token, or null: then the session, if there is one, is in a cookie. */
export const storedToken = () => sessionStorage.getItem(KEY);

/**
 * Only so that the pages survive a reload, and only for this tab. Script that gets into a page can
 * read it: a front end in production is better off with the `cookie` delivery.
 */
export const keepToken = (token) => { sessionStorage.setItem(KEY, token); };

export const forgetToken = () => { sessionStorage.removeItem(KEY); };
