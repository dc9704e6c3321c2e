import { useEffect, useRef, useState } from "react";
import { SignedOutError, type User, type Warning } from "vetassist-client";
import { useSession } from "vetassist-client/react";

import { session } from "./session";

/** What the user can do something about. The codes are in the service's reference. */
const FAILURES: Record<string, string> = {
  access_denied: "VA.gov didn't let you sign in.",
  account_disabled: "Your account is disabled. Contact support.",
  identity_conflict: "Your VA.gov account belongs to another user. Contact support.",
};

export function App() {
  const state = useSession(session);
  if (session.failure !== null && location.pathname === "/va-error") return <Failure />;
  switch (state.status) {
    case "opening":
      return <p role="status">One moment…</p>;
    case "unavailable":
      return <p role="status">The service doesn't answer. We're trying again.</p>;
    case "expired":
      return <Expired />;
    case "signed-out":
      return <Start wasSignedIn={state.reason !== "none"} />;
    case "signed-in":
      return (
        <>
          <Claims key={state.session.session_id} until={state.session.expires_at} />
          {state.warning !== null && <Ending warning={state.warning} />}
        </>
      );
  }
}

function Start({ wasSignedIn }: { readonly wasSignedIn: boolean }) {
  return (
    <main>
      <h1>{wasSignedIn ? "You are signed out" : "Your claims"}</h1>
      <SignIn returnTo="/claims" />
    </main>
  );
}

function Failure() {
  return (
    <main>
      <h1>You are not signed in</h1>
      <p>{FAILURES[session.failure ?? ""] ?? "The sign-in didn't work this time."}</p>
      <SignIn returnTo={session.returnTo ?? "/claims"} />
    </main>
  );
}

function SignIn({ returnTo }: { readonly returnTo: string }) {
  return (
    <a className="button" href={session.signInUrl(returnTo)}>
      Sign in with VA.gov
    </a>
  );
}

/** A page behind a session. */
function Claims({ until }: { readonly until: string }) {
  const [user, setUser] = useState<User | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    session.user().then(setUser, (error: unknown) => {
      // If the session has ended, the state says so.
      if (!(error instanceof SignedOutError)) setProblem("Your name can't be loaded now.");
    });
  }, []);
  return (
    <main>
      <h1>Your claims</h1>
      <p>{user === null ? "" : `Signed in as ${user.given_name} ${user.family_name}`}</p>
      <p>
        Until <time dateTime={until}>{new Date(until).toLocaleTimeString()}</time>, and longer if
        you stay active.
      </p>
      <ul>
        <li>Disability compensation: evidence requested</li>
      </ul>
      <SignOut onFailure={setProblem} />
      <p role="alert">{problem}</p>
    </main>
  );
}

function SignOut({ onFailure }: { readonly onFailure: (problem: string) => void }) {
  const signOut = () => {
    session.signOut().catch(() => onFailure("You may still be signed in. Try again."));
  };
  return (
    <button className="button" onClick={signOut}>
      Sign out
    </button>
  );
}

/** The session is about to end. WCAG 2.2 asks for at least 20 seconds to answer. */
function Ending({ warning }: { readonly warning: Warning }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="ending">
      <h2 id="ending">Your session ends at {warning.endsAt.toLocaleTimeString()}</h2>
      {warning.canExtend && <Stay label="Stay signed in" onFailure={setProblem} />}
      <SignOut onFailure={setProblem} />
      <p role="alert">{problem}</p>
    </dialog>
  );
}

function Expired() {
  const [problem, setProblem] = useState("");
  return (
    <main>
      <h1>Your time is up</h1>
      <Stay label="Continue" onFailure={setProblem} />
      <SignOut onFailure={setProblem} />
      <p role="alert">{problem}</p>
    </main>
  );
}

interface StayProps {
  readonly label: string;
  readonly onFailure: (problem: string) => void;
}

function Stay({ label, onFailure }: StayProps) {
  const stay = () => {
    session.extend().catch((error: unknown) => {
      if (!(error instanceof SignedOutError)) onFailure("That didn't work. Try again.");
    });
  };
  return (
    <button className="button" onClick={stay}>
      {label}
    </button>
  );
}
