import assert from "node:assert/strict";
import { test } from "node:test";
import { createElement } from "react";
import { renderToString } from "react-dom/server";

import { useSession } from "../src/react.js";
import { World } from "./world.js";

test("the hook returns the state", async () => {
  const world = new World();
  const { session } = world.tab("/claims");
  const Status = () => createElement("p", null, useSession(session).status);
  assert.equal(renderToString(createElement(Status)), "<p>opening</p>");
  await session.open();
  assert.equal(renderToString(createElement(Status)), "<p>signed-out</p>");
});
