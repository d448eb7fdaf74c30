// A gateway on the data of the demo, with a secret that the tests know, so that they can make any token.
import { spawn } from "node:child_process";
import { createHmac, randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const SECRET = randomBytes(32).toString("hex");
const base64 = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

// An administrator's token that is good for so many seconds from now, or has expired so many seconds ago.
export function token(seconds = 3600, secret = SECRET) {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: "kring",
    aud: "kring",
    grants: [{ role: "administrator" }],
    name: "Clients",
    iat: now - 7200,
    exp: now + seconds,
  };
  const signed = `${base64({ typ: "JWT", alg: "HS256" })}.${base64(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

async function start(kring, folder, command, settings) {
  const listen = `127.0.0.1:${randomInt(20000, 40000)}`;
  const environment = { ...process.env, KRING_LOG: "warn", KRING_LISTEN: listen, ...settings };
  const served = spawn(kring, command, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const log = createWriteStream(`${folder}/clients.log`, { flags: "a" });
  served.stdout.pipe(log, { end: false });
  served.stderr.pipe(log, { end: false });
  const ended = once(served, "exit");
  const address = `http://${listen}`;
  const stop = async () => {
    served.kill();
    await ended;
  };
  for (const deadline = Date.now() + 60_000; ; await sleep(100)) {
    if (served.exitCode !== null) throw new Error(`kring ${command.join(" ")} stopped; see ${folder}/clients.log`);
    const ready = await fetch(`${address}/ready`).catch(() => null);
    if (ready?.ok) return { address, stop };
    if (Date.now() > deadline) {
      await stop();
      throw new Error(`kring ${command.join(" ")} is not ready after a minute`);
    }
  }
}

// Makes the data, and serves it.
export async function serve(kring, folder) {
  const file = `${folder}/clients.db`;
  const demo = await start(kring, folder, ["demo", "--file", file], {});
  await demo.stop();
  const settings = { DATABASE_URL: `sqlite://${file}`, KRING_JWT_SECRET: SECRET, KRING_FILES: `${folder}/clients-files` };
  const { address, stop } = await start(kring, folder, ["serve"], settings);
  return { address, url: `${address}/graphql`, stop };
}

// Asks without any client library.
export async function ask(url, query, variables) {
  const headers = { authorization: `Bearer ${token()}`, "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

// How many subscriptions the gateway follows.
export async function followed(address) {
  const figures = await (await fetch(`${address}/metrics`)).text();
  return Number(/^kring_subscriptions (\d+)$/m.exec(figures)?.[1]);
}

// Waits until something is so.
export async function until(what, holds, seconds = 20) {
  for (const deadline = Date.now() + seconds * 1000; !(await holds()); await sleep(20)) {
    if (Date.now() > deadline) throw new Error(`in vain for ${seconds} s: ${what}`);
  }
}
