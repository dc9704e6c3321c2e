import { BrowserSession } from "vetassist-client";

const service: string = import.meta.env.VITE_SERVICE_URL ?? "http://localhost:8000";
const frontEnd: string | undefined = import.meta.env.VITE_FRONT_END;

/** The session of this browser. There is one for the whole application. */
export const session = new BrowserSession(service, frontEnd === undefined ? {} : { frontEnd });
