/** Compiles only if the library's types are those that the service's description generates. */

import type * as ours from "../../src/answers.js";
import type { components, operations } from "../../build/openapi.js";

type Schemas = components["schemas"];
type Body<Name extends keyof operations> = operations[Name] extends {
  responses: { 200: { content: { "application/json": infer Answer } } };
}
  ? Answer
  : never;

/** Accepts two types that can stand for each other, with the same fields. */
type Same<One extends Other, Other extends Like, Like = One> = [keyof Other] extends [keyof One]
  ? true
  : never;

export const matches: {
  session: Same<ours.ShownSession, Schemas["Session"]>;
  grant: Same<ours.Grant, Schemas["Grant"]>;
  user: Same<ours.User, Schemas["User"]>;
  place: Same<ours.Place, Schemas["Sessions"]["sessions"][number]>;
  shown: Same<ours.ShownSession, Body<"showSession">>;
  renewed: Same<ours.Grant, Body<"renewSession">>;
  redeemed: Same<ours.Grant, Body<"redeemCode">>;
  account: Same<ours.User, Body<"showUser">>;
  places: Same<{ sessions: ours.Place[] }, Body<"listSessions">>;
} = {
  session: true,
  grant: true,
  user: true,
  place: true,
  shown: true,
  renewed: true,
  redeemed: true,
  account: true,
  places: true,
};

/** Nothing that the service answers is left open. */
type Open = {
  [Name in keyof operations]: unknown extends Body<Name> ? Name : never;
}[keyof operations];
export const isComplete: [Open] extends [never] ? true : Open = true;

/** What a front end without the library would write. */
export function problemOf(
  answer: operations["endSession"]["responses"][404],
): [string, "not_found" | undefined] {
  const problem = answer.content["application/problem+json"];
  return [problem.reference, problem.code];
}
