// What a person reported, kept until the node has it, and what became of it. Nothing of Thunderbird in here: the store
// is two functions, the node is `fetch`, time is a function, so that all of it runs in a test.

export const MOST_WAITING = 200;
export const MOST_BYTES = 10 * 1024 * 1024;
export const KEPT_MS = 30 * 24 * 3600 * 1000;
const FIRST_LOOK_MS = 5 * 1000;
const FIRST_PAUSE_MS = 30 * 1000;
const LONGEST_PAUSE_MS = 6 * 3600 * 1000;
const PATIENCE_MS = 30 * 1000;

// The states of a report on its way; later ones come from the node.
const WAITING = "on its way";
const OPEN = new Set(["handed in", "waiting"]);

const SENTENCES = {
  "on its way": "Waits here until your node can be reached.",
  "handed in": "Your node has it.",
  waiting: "Your node has it.",
  accepted: "Accepted: it is counted and grouped.",
  "evidence-only": "Taken as evidence: it counts for a campaign and pays for nothing.",
  refused: "Not counted.",
  retracted: "Taken back.",
};

export class Outbox {
  // `store`: { get(): Promise<Array>, set(Array): Promise }; `settings`: () => Promise<{ node, ticket }>.
  constructor(store, settings, { fetch: ask = (...words) => globalThis.fetch(...words), now = Date.now } = {}) {
    this.store = store;
    this.settings = settings;
    this.ask = ask;
    this.now = now;
    this.turn = Promise.resolve();
  }

  // Keeps one message. The same message again is the same report. Rejects with a sentence for people.
  add(raw, subject = "") {
    return this.#alone(async (entries) => {
      if (raw.length === 0) throw new Error("This message is empty.");
      if (raw.length > MOST_BYTES) throw new Error("This message is larger than 10 MiB; your node would not take it.");
      const key = await digest(raw);
      const known = entries.find((each) => each.key === key);
      if (known) return known;
      if (entries.filter((each) => each.state === WAITING).length >= MOST_WAITING) {
        throw new Error(`${MOST_WAITING} reports wait already: is your node there?`);
      }
      const entry = { key, subject, at: this.now(), state: WAITING, raw: toBase64(raw), tries: 0, next: this.now(), why: "" };
      entries.push(entry);
      return entry;
    });
  }

  // Hands in what is due and asks after what is not decided yet. Returns the entries that changed.
  flush() {
    return this.#alone(async (entries) => {
      const { node, ticket } = await this.settings();
      const changed = [];
      for (const entry of entries) {
        if (entry.next > this.now() || !(entry.state === WAITING || OPEN.has(entry.state))) continue;
        const before = `${entry.state} ${entry.why}`;
        if (node && ticket) await this.#move(entry, node, ticket);
        else entry.why = "Say in the options where your node is.";
        if (before !== `${entry.state} ${entry.why}`) changed.push({ ...entry });
      }
      const fresh = entries.filter((each) => each.state === WAITING || each.at > this.now() - KEPT_MS);
      entries.splice(0, entries.length, ...fresh);
      return changed;
    });
  }

  // When there is something to do next; null where there is not.
  async dueAt() {
    const open = (await this.store.get()).filter((each) => each.state === WAITING || OPEN.has(each.state));
    return open.length ? Math.min(...open.map((each) => each.next)) : null;
  }

  async #move(entry, node, ticket) {
    const headers = { Authorization: `Bearer ${ticket}` };
    const url = `${node.replace(/\/+$/, "")}/api/v1/reports`;
    entry.tries += 1;
    try {
      const patience = AbortSignal.timeout(PATIENCE_MS);
      if (entry.state === WAITING) {
        Object.assign(headers, { "Content-Type": "message/rfc822", "Idempotency-Key": entry.key });
        const body = fromBase64(entry.raw);
        this.#handed(entry, await read(await this.ask(url, { method: "POST", headers, body, signal: patience, redirect: "error" })));
      } else {
        this.#told(entry, await read(await this.ask(`${url}/${entry.id}`, { headers, signal: patience, redirect: "error" })));
      }
    } catch (error) {
      console.warn("antiphon:", error.message);
      this.#later(entry, "Your node does not answer.");
    }
  }

  #handed(entry, { status, body, retryAfter }) {
    if (status === 202) {
      Object.assign(entry, { id: body.id, state: "handed in", raw: "", tries: 0, why: "" });
      entry.next = this.now() + FIRST_LOOK_MS;
    } else if ([400, 413, 415, 422].includes(status)) {
      Object.assign(entry, { state: "refused", raw: "", why: body.detail || "Your node does not take it." });
    } else {
      this.#later(entry, status === 401 ? "Your node does not know this ticket." : body.detail || `Your node said ${status}.`, retryAfter);
    }
  }

  #told(entry, { status, body, retryAfter }) {
    if (status === 404) Object.assign(entry, { state: "refused", why: "Your node does not know it any more." });
    else if (status !== 200) this.#later(entry, body.detail || `Your node said ${status}.`, retryAfter);
    else {
      const why = (body.refusals || []).map((each) => each.sentence).join(" ");
      Object.assign(entry, { state: body.state, why, originator: body.originator || "", heldUntil: body.held_until || "" });
      if (OPEN.has(entry.state)) this.#later(entry, "");
    }
  }

  #later(entry, why, retryAfter = 0) {
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(entry.tries - 1, 12), LONGEST_PAUSE_MS);
    entry.why = why;
    entry.next = this.now() + Math.max(pause, retryAfter * 1000);
  }

  // One after the other: two clicks must not overwrite each other's list.
  #alone(work) {
    const done = this.turn.then(async () => {
      const entries = await this.store.get();
      const result = await work(entries);
      await this.store.set(entries);
      return result;
    });
    this.turn = done.catch(() => {});
    return done;
  }
}

// One sentence for people about one report.
export function outcome(entry) {
  const said = [SENTENCES[entry.state] || entry.state, entry.why];
  if (entry.originator) said.push(`From ${entry.originator}.`);
  if (entry.heldUntil && entry.state === "accepted") said.push(`Nothing leaves before ${shown(entry.heldUntil)}.`);
  return said.filter(Boolean).join(" ");
}

function shown(instant) {
  return instant.replace("T", " ").replace(/(:\d\d)?Z$/, " UTC");
}

// The origin to ask permission for. Throws with a sentence for people.
export function originOf(text) {
  let url;
  try {
    url = new URL(text.trim());
  } catch {
    throw new Error("This is no address. Write it as https://node.example, or http://127.0.0.1:8765.");
  }
  const here = ["127.0.0.1", "localhost"].includes(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && here)) {
    throw new Error("Your ticket would be readable on the way: only a node on this machine may be asked without https.");
  }
  if (url.username || url.password || url.search || url.hash) throw new Error("Write the address alone.");
  return url.origin;
}

async function read(response) {
  const text = await response.text();
  let body = {};
  try {
    body = JSON.parse(text);
  } catch {
    // Not from the node: a web server before it.
  }
  return { status: response.status, body, retryAfter: Number(response.headers.get("Retry-After")) || 0 };
}

async function digest(raw) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", raw));
  return Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
}

function toBase64(raw) {
  let text = "";
  for (let at = 0; at < raw.length; at += 0x8000) text += String.fromCharCode(...raw.subarray(at, at + 0x8000));
  return btoa(text);
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
}
