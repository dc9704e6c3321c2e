/** What the library uses of the browser. Tests pass another one. */

export interface Browser {
  readonly location: Pick<Location, "assign" | "hash" | "origin" | "pathname" | "search">;
  readonly history: Pick<History, "replaceState" | "state">;
  /** What a tab keeps until it is closed. Null if the browser doesn't allow it. */
  readonly storage: Pick<Storage, "getItem" | "removeItem" | "setItem"> | null;
  /** Null in old browsers, and on plain http except on this machine. */
  readonly locks: Pick<LockManager, "request"> | null;
  readonly fetch: typeof globalThis.fetch;
  /** The device's clock (ms). */
  now(): number;
  /** Calls `work` once, after `ms`, and returns what takes it back. */
  after(ms: number, work: () => void): () => void;
  /** Messages to the other tabs of this origin. */
  channel(name: string): Channel | null;
  /** Calls `listener` at each of these events. Returns what ends that. */
  on(event: PageEvent, listener: () => void): () => void;
}

/** The user acts, comes back to the page, or gets it back from the back/forward cache. */
export type PageEvent = "act" | "return" | "restore";

export type Channel = Pick<
  BroadcastChannel,
  "addEventListener" | "close" | "postMessage" | "removeEventListener"
>;

/** The browser that this runs in. */
export const thisBrowser = (): Browser => ({
  location: globalThis.location,
  history: globalThis.history,
  storage: tabStorage(),
  locks: globalThis.navigator.locks ?? null,
  fetch: (...request) => globalThis.fetch(...request),
  now: () => Date.now(),
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  channel: (name) => ("BroadcastChannel" in globalThis ? new BroadcastChannel(name) : null),
  on: (event, listener) => LISTEN[event](listener),
});

function tabStorage(): Storage | null {
  try {
    return globalThis.sessionStorage;
  } catch {
    return null;
  }
}

function onAct(listener: () => void): () => void {
  const options = { capture: true, passive: true };
  const acts = ["pointerdown", "keydown"];
  for (const act of acts) document.addEventListener(act, listener, options);
  return () => {
    for (const act of acts) document.removeEventListener(act, listener, options);
  };
}

function onReturn(listener: () => void): () => void {
  const visible = () => {
    if (document.visibilityState === "visible") listener();
  };
  document.addEventListener("visibilitychange", visible);
  addEventListener("focus", listener);
  return () => {
    document.removeEventListener("visibilitychange", visible);
    removeEventListener("focus", listener);
  };
}

function onRestore(listener: () => void): () => void {
  // The page shows what it showed when it was left.
  const shown = (event: PageTransitionEvent) => {
    if (event.persisted) listener();
  };
  addEventListener("pageshow", shown);
  return () => removeEventListener("pageshow", shown);
}

const LISTEN = { act: onAct, return: onReturn, restore: onRestore };
