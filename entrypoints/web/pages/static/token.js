/** Keeps the session token of this tab. With `cookie` delivery, scripts never see a token. */

const KEY = "vetassist.token";
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export const isToken = (value) => typeof value === "string" && JWT.test(value);

/** Returns the token, or null. Without a token, the session may be in a cookie. */
export const storedToken = () => sessionStorage.getItem(KEY);

/**
 * Stores the token for this tab, so that it survives a reload. An injected script could read it, so
 * front ends in production should use `cookie` delivery.
 */
export const keepToken = (token) => { sessionStorage.setItem(KEY, token); };

export const forgetToken = () => { sessionStorage.removeItem(KEY); };
