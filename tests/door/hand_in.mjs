// As the add-on hands a mail in: node hand_in.mjs OUTBOX NODE TICKET < mail. Prints what became of it.
import { webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

globalThis.crypto ??= webcrypto; // Debian 12's Node keeps it there
const [, , module, node, ticket] = process.argv;
const { Outbox, outcome } = await import(pathToFileURL(module));
let kept = [];
let time = 0;
const store = { get: async () => kept, set: async (entries) => void (kept = entries) };
const box = new Outbox(store, async () => ({ node, ticket }), { now: () => time });
await box.add(new Uint8Array(readFileSync(0)), "made up");
for (let tries = 0; tries < 100 && (await box.dueAt()) !== null; tries += 1) {
  time = await box.dueAt();
  await box.flush();
  if (kept[0].why) break;
  await new Promise((done) => setTimeout(done, 100));
}
console.log(JSON.stringify({ ...kept[0], said: outcome(kept[0]) }));
