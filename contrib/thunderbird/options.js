// Where the node is, the ticket, and what became of each report.

import { originOf, outcome } from "./outbox.mjs";

const field = (id) => document.getElementById(id);

async function show() {
  const { outbox } = await browser.storage.local.get({ outbox: [] });
  field("none").hidden = outbox.length > 0;
  field("reports").replaceChildren(
    ...outbox.toReversed().map((entry) => {
      const row = document.createElement("tr");
      for (const text of [new Date(entry.at).toLocaleString(), entry.subject, outcome(entry)]) {
        row.append(Object.assign(document.createElement("td"), { textContent: text }));
      }
      return row;
    }),
  );
}

field("settings").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const origin = originOf(field("node").value);
    // Asked for in the person's own click, and for this one node.
    const { hostname, protocol } = new URL(origin);
    const allowed = await browser.permissions.request({ origins: [`${protocol}//${hostname}/*`] });
    if (!allowed) throw new Error("Without this permission nothing can be handed in.");
    await browser.storage.local.set({ node: origin, ticket: field("ticket").value.trim() });
    field("said").textContent = "Saved.";
    await browser.runtime.sendMessage("flush");
  } catch (error) {
    field("said").textContent = error.message;
  }
});

const { node, ticket } = await browser.storage.local.get({ node: "", ticket: "" });
field("node").value = node;
field("ticket").value = ticket;
browser.storage.onChanged.addListener(show);
await show();
