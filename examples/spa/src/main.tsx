// First, so that the token is out of the address before anything else runs.
import { session } from "./session";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App } from "./App";

await session.open();
if (location.pathname === "/va-success") {
  history.replaceState(null, "", session.returnTo ?? "/claims");
}
createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
