// What graphql-ws does when the gateway closes a connection.
import assert from "node:assert/strict";
import { createClient } from "graphql-ws";
import { setTimeout as sleep } from "node:timers/promises";

import { openLive } from "./build/live.mjs";
import { ask, followed, token, until } from "./gateway.mjs";

const FOLLOW = "subscription($id: ID!) { membershipChanged(groupId: $id) { change } }";
const ADD = "mutation($input: AddMembershipsInput!) { addMemberships(input: $input) { added } }";

// A client that counts what becomes of its connections.
function counted(url, fresh) {
  const live = openLive(url, fresh);
  const seen = { opened: 0, closed: [] };
  live.on("opened", () => (seen.opened += 1));
  live.on("closed", ({ code }) => seen.closed.push(code));
  return { live, seen };
}

// Begins to follow a group, and notes what is heard.
function follow(live, id) {
  const heard = { events: [], error: null };
  const sink = {
    next: (result) => heard.events.push(result),
    error: (error) => (heard.error = error),
    complete() {},
  };
  heard.stop = live.subscribe({ query: FOLLOW, variables: { id } }, sink);
  return heard;
}

const failure = (live, query) =>
  new Promise((resolve, reject) => {
    live.subscribe({ query }, { next: reject, error: resolve, complete: () => reject(new Error("it was answered")) });
  });

export function closingTests(test, newGroup, people) {
  test("graphql-ws: an expired token is replaced, and the client goes on", async ({ address, url }) => {
    const [person] = await people(url);
    const id = await newGroup(url, "Expired before");
    const tokens = [token(-10), token()];
    const { live, seen } = counted(url, async () => tokens.shift());
    const heard = follow(live, id);
    await until("it follows", async () => (await followed(address)) === 1);
    await ask(url, ADD, { input: { groupId: id, participantIds: [person.id] } });
    await until("an event comes", () => heard.events.length > 0);
    assert.deepEqual(heard.events, [{ data: { membershipChanged: { change: "CREATED" } } }]);
    assert.deepEqual([seen.closed, seen.opened, heard.error], [[4403], 2, null]);
    heard.stop();
    await live.dispose();
  });

  test("graphql-ws: a token that expires meanwhile is replaced, and the client goes on", async ({ address, url }) => {
    const [person] = await people(url);
    const id = await newGroup(url, "Expired meanwhile");
    const tokens = [token(3), token()];
    const { live, seen } = counted(url, async () => tokens.shift());
    const heard = follow(live, id);
    await until("it is closed", () => seen.closed.length === 1);
    await until("it follows again", async () => seen.opened === 2 && (await followed(address)) === 1);
    await ask(url, ADD, { input: { groupId: id, participantIds: [person.id] } });
    await until("an event comes", () => heard.events.length > 0);
    assert.deepEqual(heard.events, [{ data: { membershipChanged: { change: "CREATED" } } }]);
    assert.deepEqual([seen.closed, seen.opened, heard.error], [[4403], 2, null]);
    heard.stop();
    await live.dispose();
  });

  test("graphql-ws: a wrong token is reported at once", async ({ url }) => {
    for (const wrong of ["nonsense", token(3600, "another secret, which is long enough to be strong")]) {
      const { live, seen } = counted(url, async () => wrong);
      const closed = await failure(live, "{ version }");
      assert.equal(closed.code, 4401);
      await sleep(1500);
      assert.deepEqual([seen.closed, seen.opened], [[4401], 1]);
      await live.dispose();
    }
  });

  test("graphql-ws: a message that is too large ends its operation and nothing is repeated", async ({ url }) => {
    // A little too large is refused by itself; the connection stays. What is far too large closes it.
    for (const [size, expected] of [[90_000, null], [300_000, 1009], [2_000_000, 1009]]) {
      const { live, seen } = counted(url, async () => token());
      const error = await failure(live, `{ version } # ${"x".repeat(size)}`);
      if (expected) assert.equal(error.code, expected);
      else assert.equal(error[0].extensions.code, "QUERY_TOO_COMPLEX");
      await sleep(1500);
      assert.equal(seen.opened, 1);
      assert.deepEqual(seen.closed.filter((code) => code !== 1000), expected ? [expected] : []);
      await live.dispose();
    }
  });

  test("graphql-ws: what is refused is reported, and others go on", async ({ address, url }) => {
    const id = await newGroup(url, "Goes on");
    const { live, seen } = counted(url, async () => token());
    const heard = follow(live, id);
    await until("it follows", async () => (await followed(address)) === 1);
    const [invalid] = await failure(live, "{ nope }");
    assert.equal(invalid.extensions.code, "GRAPHQL_VALIDATION_FAILED");
    const [unparsed] = await failure(live, "{");
    assert.equal(unparsed.extensions.code, "GRAPHQL_PARSE_FAILED");
    assert.deepEqual([await followed(address), seen.opened, heard.error], [1, 1, null]);
    heard.stop();
    await live.dispose();
  });

  test("graphql-ws: a subprotocol that is not spoken is reported", async ({ url }) => {
    class Other extends WebSocket {
      constructor(address) {
        super(address, "another-protocol");
      }
    }
    const live = createClient({ url: url.replace(/^http/, "ws"), webSocketImpl: Other });
    assert.equal((await failure(live, "{ version }")).code, 4406);
    await live.dispose();
  });
}
