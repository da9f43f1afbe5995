// The button and the menu entry. Nothing is reported but what a person chose, message by message.

import { Outbox, outcome } from "./outbox.mjs";

const TITLE = "Report to Antiphon";
const ALARM = "antiphon-outbox";

const store = {
  get: async () => (await browser.storage.local.get({ outbox: [] })).outbox,
  set: (outbox) => browser.storage.local.set({ outbox }),
};
const settings = () => browser.storage.local.get({ node: "", ticket: "" });
const box = new Outbox(store, settings);

async function report(headers) {
  const failed = [];
  let kept = 0;
  for (const header of headers) {
    try {
      const file = await browser.messages.getRaw(header.id, { data_format: "File" });
      await box.add(new Uint8Array(await file.arrayBuffer()), header.subject);
      kept += 1;
    } catch (error) {
      failed.push(error.message);
    }
  }
  const changed = await handOver();
  const said = kept === 1 && changed.length === 1 ? outcome(changed[0]) : `${kept} of ${headers.length} reported.`;
  await tell([said, ...new Set(failed)].join("\n"));
}

async function handOver() {
  const changed = await box.flush();
  const due = await box.dueAt();
  if (due !== null) browser.alarms.create(ALARM, { when: Math.max(due, Date.now() + 1000) });
  return changed;
}

function tell(message) {
  return browser.notifications.create({ type: "basic", iconUrl: "icon.svg", title: "Antiphon", message });
}

async function chosen(list) {
  const found = [...list.messages];
  while (list.id) {
    list = await browser.messages.continueList(list.id);
    found.push(...list.messages);
  }
  return found;
}

browser.menus.create({ id: "antiphon-report", title: TITLE, contexts: ["message_list"] }, () => void browser.runtime.lastError);

browser.menus.onClicked.addListener(async (info) => {
  if (info.selectedMessages) await report(await chosen(info.selectedMessages));
});

browser.messageDisplayAction.onClicked.addListener(async (tab) => {
  const shown = await browser.messageDisplay.getDisplayedMessages(tab.id);
  await report(Array.isArray(shown) ? shown : await chosen(shown));
});

browser.alarms.onAlarm.addListener(async (alarm) => {
  if (alarm.name !== ALARM) return;
  for (const entry of await handOver()) {
    if (["refused", "accepted", "evidence-only"].includes(entry.state)) await tell(`${entry.subject}\n${outcome(entry)}`);
  }
});

browser.runtime.onMessage.addListener((said) => (said === "flush" ? handOver() : undefined));
browser.runtime.onStartup.addListener(handOver);
