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
  /** Calls `listener` when the user acts, or comes back to the page. Returns what ends that. */
  on(event: "act" | "return", listener: () => void): () => void;
}

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
  on: (event, listener) => (event === "act" ? onAct(listener) : onReturn(listener)),
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
  // A page from the back/forward cache shows what it showed when it was left.
  const restored = (event: PageTransitionEvent) => {
    if (event.persisted) listener();
  };
  document.addEventListener("visibilitychange", visible);
  addEventListener("focus", listener);
  addEventListener("pageshow", restored);
  return () => {
    document.removeEventListener("visibilitychange", visible);
    removeEventListener("focus", listener);
    removeEventListener("pageshow", restored);
  };
}
