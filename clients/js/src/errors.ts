/** What a caller has to handle on its own is a class. No error holds a token or a code. */

/** What a problem document says (RFC 9457). */
export interface ProblemDetails {
  readonly status?: number | undefined;
  /** For programs. */
  readonly code?: string | undefined;
  /** The `X-Request-ID`, which the user can quote to support. */
  readonly reference?: string | undefined;
}

/** The base of the errors below. */
export abstract class VetAssistError extends Error {
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly reference: string | undefined;

  constructor(message: string, { status, code, reference }: ProblemDetails = {}) {
    super(message);
    this.name = new.target.name;
    this.status = status;
    this.code = code;
    this.reference = reference;
  }
}

/** 401: the session doesn't stand. The user has to sign in again. */
export class SignedOutError extends VetAssistError {}

/** No usable answer. It says nothing about the session, so keep it and try again. */
export class UnavailableError extends VetAssistError {
  /** How long to wait, in seconds. */
  readonly retryAfter: number;

  constructor(message: string, details: ProblemDetails & { readonly retryAfter: number }) {
    super(message, details);
    this.retryAfter = details.retryAfter;
  }
}

/** 403: the service doesn't know the origin of this page as one of its front ends. */
export class ForbiddenError extends VetAssistError {}

/** Any other refusal of a request. Trying again doesn't help. */
export class RefusedError extends VetAssistError {}
