import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import test from "node:test";
import { KEPT_MS, MOST_BYTES, MOST_WAITING, Outbox, originOf, outcome } from "../outbox.mjs";

globalThis.crypto ??= webcrypto; // Debian 12's Node keeps it there
const bytes = (text) => new TextEncoder().encode(text);

function world(answer, { settings = { node: "http://127.0.0.1:8765/", ticket: "t" } } = {}) {
  const self = { kept: [], asked: [], time: 1_000_000 };
  const store = { get: async () => structuredClone(self.kept), set: async (entries) => void (self.kept = structuredClone(entries)) };
  const ask = async (url, options) => {
    self.asked.push({ url, ...options });
    const said = await answer(url, options);
    if (said instanceof Error) throw said;
    const [status, body = {}, headers = {}] = said;
    return new Response(JSON.stringify(body), { status, headers });
  };
  self.box = new Outbox(store, async () => settings, { fetch: ask, now: () => self.time });
  return self;
}

test("a message is handed in as it is, with its digest as the key", async () => {
  const it = world(() => [202, { id: "abc" }]);
  await it.box.add(bytes("Subject: \u00e4\r\n\r\nx"), "\u00e4");
  const [changed] = await it.box.flush();
  assert.equal(it.asked[0].url, "http://127.0.0.1:8765/api/v1/reports");
  assert.equal(it.asked[0].headers.Authorization, "Bearer t");
  assert.equal(it.asked[0].headers["Idempotency-Key"].length, 64);
  assert.equal(it.asked[0].redirect, "error");
  assert.deepEqual(it.asked[0].body, bytes("Subject: \u00e4\r\n\r\nx"));
  assert.equal(changed.state, "handed in");
  assert.equal(it.kept[0].raw, "", "what the node has is kept here no longer");
});

test("the same message is one report, and two clicks at once lose neither", async () => {
  const it = world(() => [202, { id: "abc" }]);
  await Promise.all([it.box.add(bytes("a")), it.box.add(bytes("b")), it.box.add(bytes("a"))]);
  assert.equal(it.kept.length, 2);
});

test("while the node is away a report waits, longer each time, and its bytes stay", async () => {
  let there = false;
  const it = world(() => (there ? [202, { id: "abc" }] : new TypeError("refused")));
  await it.box.add(bytes("a"));
  const pauses = [];
  for (let n = 0; n < 14; n += 1) {
    await it.box.flush();
    pauses.push((await it.box.dueAt()) - it.time);
    it.time = await it.box.dueAt();
  }
  assert.ok(pauses.every((pause, n) => n === 0 || pause >= pauses[n - 1]), pauses);
  assert.equal(pauses.at(-1), 6 * 3600 * 1000);
  there = true;
  const [changed] = await it.box.flush();
  assert.equal(changed.state, "handed in");
});

test("nothing is asked before its time, and Retry-After is heeded", async () => {
  const it = world(() => [429, { detail: "Too often." }, { "Retry-After": "4000" }]);
  await it.box.add(bytes("a"));
  await it.box.flush();
  await it.box.flush();
  assert.equal(it.asked.length, 1);
  assert.equal((await it.box.dueAt()) - it.time, 4_000_000);
});

test("a ticket that is not known keeps the report and says so", async () => {
  const it = world(() => [401]);
  await it.box.add(bytes("a"));
  const [changed] = await it.box.flush();
  assert.equal(changed.state, "on its way");
  assert.match(outcome(changed), /does not know this ticket/);
});

test("what the node will never take is over, with its reason", async () => {
  for (const status of [400, 413, 415, 422]) {
    const it = world(() => [status, { detail: "Not a message." }]);
    await it.box.add(bytes("a"));
    const [changed] = await it.box.flush();
    assert.equal(changed.state, "refused");
    assert.match(outcome(changed), /Not a message/);
    assert.equal(await it.box.dueAt(), null);
  }
});

test("what became of it is asked for until it is decided", async () => {
  const said = [[202, { id: "abc" }], [200, { state: "waiting" }], [200, { state: "refused", refusals: [{ rule: "x", sentence: "Reported already." }] }]];
  const it = world(() => said.shift());
  await it.box.add(bytes("a"));
  for (let n = 0; n < 3; n += 1) {
    await it.box.flush();
    it.time = (await it.box.dueAt()) ?? it.time;
  }
  assert.equal(it.asked[2].url, "http://127.0.0.1:8765/api/v1/reports/abc");
  assert.equal(outcome(it.kept[0]), "Not counted. Reported already.");
  assert.equal(await it.box.dueAt(), null);
});

test("an accepted report says who it is from, and from when on something may leave", () => {
  const said = outcome({ state: "accepted", why: "", originator: "shop.example", heldUntil: "2026-11-28" });
  assert.match(said, /shop\.example/);
  assert.match(said, /2026-11-28/);
});

test("without a node in the options it waits and says where to look", async () => {
  const it = world(() => [202], { settings: { node: "", ticket: "" } });
  await it.box.add(bytes("a"));
  const [changed] = await it.box.flush();
  assert.equal(it.asked.length, 0);
  assert.match(outcome(changed), /options/);
});

test("limits: empty, too large, too many, and old ones go", async () => {
  const it = world(() => new TypeError("refused"));
  await assert.rejects(it.box.add(bytes("")), /empty/);
  await assert.rejects(it.box.add(new Uint8Array(MOST_BYTES + 1)), /10 MiB/);
  for (let n = 0; n < MOST_WAITING; n += 1) await it.box.add(bytes(`${n}`));
  await assert.rejects(it.box.add(bytes("one more")), /wait already/);
  const large = world(() => [202, { id: "abc" }]);
  await large.box.add(new Uint8Array(MOST_BYTES).fill(65));
  await large.box.flush();
  assert.equal(large.asked[0].body.length, MOST_BYTES);
  const done = world(() => [422]);
  await done.box.add(bytes("a"));
  await done.box.flush();
  done.time += KEPT_MS + 1;
  await done.box.flush();
  assert.equal(done.kept.length, 0);
});

test("an address is a node's alone, and only this machine is asked without https", () => {
  assert.equal(originOf(" https://node.example/ "), "https://node.example");
  assert.equal(originOf("http://127.0.0.1:8765"), "http://127.0.0.1:8765");
  for (const wrong of ["node.example", "http://node.example", "ftp://127.0.0.1", "https://a:b@node.example", "https://node.example/?x"]) {
    assert.throws(() => originOf(wrong), Error, wrong);
  }
});
