// Takes the examples out of docs/clients.md, so that what is tested is what the document shows.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const DOCUMENT = new URL("../../../docs/clients.md", import.meta.url);
const FOLDER = new URL("./build/", import.meta.url);
const EXAMPLE = /<!-- file (\S+) -->\n+```js\n(.*?)```/gs;

const names = ["live.mjs", "apollo.mjs", "urql.mjs", "relay.mjs", "retry.mjs"];
const text = readFileSync(DOCUMENT, "utf8");
const found = new Map([...text.matchAll(EXAMPLE)].map(([, name, code]) => [name, code]));
rmSync(FOLDER, { force: true, recursive: true });
mkdirSync(FOLDER);
for (const name of names) {
  if (!found.has(name)) throw new Error(`docs/clients.md has no example ${name}`);
  writeFileSync(new URL(name, FOLDER), found.get(name));
}
if (found.size !== names.length) throw new Error("docs/clients.md has an example that no test knows");
