/** The page after a sign-out by a form: the other tabs of the browser show it too. */

import { tellEnded } from "./tabs.js";

tellEnded(null);
