// Runs every client against a gateway on the data of the demo, and the audits of GraphQL over HTTP.
//
//   node run.mjs KRING FOLDER    the programme, and a folder for what it writes
import assert from "node:assert/strict";
import { auditServer } from "graphql-http";
import { WebSocket } from "ws";

import { openLive } from "./build/live.mjs";
import { insist } from "./build/retry.mjs";
import { clients } from "./clients.mjs";
import { ask, followed, serve, token, until } from "./gateway.mjs";
import { closingTests } from "./closing.mjs";

// Browsers have it, and so do newer releases of node.
globalThis.WebSocket = WebSocket;
const AUDITS = 61;
const [kring, folder] = process.argv.slice(2);
const tests = [];
const test = (name, body) => tests.push({ name, body });

async function people(url) {
  const query = "{ participants(first: 5, filter: { kinds: [PERSON] }) { edges { node { id displayName } } } }";
  const found = (await ask(url, query)).participants.edges.map(({ node }) => node);
  assert.equal(found.length, 5);
  return found;
}

async function newGroup(url, name) {
  const owners = "{ participants(first: 1, filter: { kinds: [ORGANIZATION] }) { edges { node { id } } } }";
  const { participants } = await ask(url, owners);
  const input = { organizationId: participants.edges[0].node.id, settings: { name } };
  const query = `mutation($input: CreateGroupInput!) {
    createGroup(input: $input) { group { id } userErrors { code message } } }`;
  const { createGroup } = await ask(url, query, { input });
  assert.deepEqual(createGroup.userErrors, []);
  return createGroup.group.id;
}

for (const [name, open] of Object.entries(clients)) {
  test(`${name}: a query, a mutation and a subscription`, async ({ address, url }) => {
    const [person] = await people(url);
    const id = await newGroup(url, `Users of ${name}`);
    const live = openLive(url, token);
    const client = open(url, token, live);
    const events = [];
    const stop = client.follow({ id }, (event) => events.push(event), (error) => events.push(error));
    await until("the subscription begins", async () => (await followed(address)) === 1);

    assert.deepEqual(plain(await client.query({ id })).group, { id, name: `Users of ${name}`, memberCount: 0 });
    const input = { groupId: id, participantIds: [person.id] };
    assert.deepEqual(plain(await client.mutate({ input })), { addMemberships: { added: 1, userErrors: [] } });
    await until("an event comes", () => events.length > 0);
    const membership = { participant: { displayName: person.displayName } };
    assert.deepEqual(plain(events), [{ membershipChanged: { change: "CREATED", membership } }]);
    assert.equal((await client.query({ id })).group.memberCount, 1);

    stop();
    await until("the subscription ends", async () => (await followed(address)) === 0);
    client.stop?.();
    await live.dispose();
  });
}

// Without what Apollo Client and urql ask for besides.
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object" || value instanceof Error) return value;
  const fields = Object.entries(value).filter(([name]) => !name.startsWith("__"));
  return Object.fromEntries(fields.map(([name, inner]) => [name, plain(inner)]));
}

closingTests(test, newGroup, people);

test("a mutation that is sent again is carried out once", async ({ url }) => {
  const query = `mutation($input: CreateGroupCategoryInput!) {
    createGroupCategory(input: $input) { groupCategory { id } userErrors { code } } }`;
  const answers = [];
  const send = async (input) => {
    answers.push(await ask(url, query, { input }));
    if (answers.length < 3) throw new Error("the answer was lost");
    return answers.at(-1);
  };
  await insist(send, { name: "Sent three times" }, 1);
  assert.equal(answers.length, 3);
  assert.ok(answers[0].createGroupCategory.groupCategory.id);
  assert.deepEqual(answers[1], answers[0]);
  assert.deepEqual(answers[2], answers[0]);
});

test("all audits of graphql-http", async ({ url }) => {
  const results = await auditServer({ url });
  const failed = results.filter(({ status }) => status !== "ok");
  assert.deepEqual(failed.map(({ id, name, reason }) => `${id} ${name}: ${reason}`), []);
  assert.equal(results.length, AUDITS);
});

const within = (seconds, promise) =>
  Promise.race([
    promise,
    new Promise((_, reject) => setTimeout(() => reject(new Error(`not done after ${seconds} s`)), seconds * 1000)),
  ]);

const gateway = await serve(kring, folder);
let failures = 0;
for (const { name, body } of tests) {
  const since = performance.now();
  try {
    await within(40, body(gateway));
    console.log(`ok      ${name} (${Math.round(performance.now() - since)} ms)`);
  } catch (error) {
    failures += 1;
    console.error(`FAILED  ${name}\n`, error);
  }
}
await gateway.stop();
console.log(`${tests.length - failures} of ${tests.length} passed`);
// Whatever a client still keeps open has nothing to say any more.
process.exit(failures === 0 && tests.length > 0 ? 0 : 1);
