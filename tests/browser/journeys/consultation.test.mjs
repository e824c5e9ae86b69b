// One panel, three sites, an audience: who hears, sees and reads whom, as the pages make it happen. Every speaker has a tone of
// its own, and every listener must hear exactly those that it may.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { Server } from "../harness/server.mjs";
import { hearsExactly } from "../harness/spectrum.mjs";
import { until } from "../harness/until.mjs";
import { Member, siteIndex } from "../pages/member.mjs";
import { PanelMember } from "../pages/panel.mjs";
import { Surgeon } from "../pages/surgeon.mjs";

/** None is a multiple of another. */
const tones_hz = { "site-a": 410, "site-b": 530, "site-c": 690, lead: 890, expert: 1130, trainee: 1490 };
const sites = ["site-a", "site-b", "site-c"];
const one = (id) => `[data-testid="${id}"]`;

let server;
const people = {};

before(async () => {
  // Of a member whom another worker of the server serves no voice can be taken yet (rule F2), nor can it be moved.
  server = await Server.start({ flags: ["--workers", "1"] });
  for (const site of sites) {
    const page = await open({ camera: { site: siteIndex(site), kinds: [0] }, tone_hz: tones_hz[site] });
    people[site] = await new Surgeon(page).enter(await server.link({ role: "surgeon", name: `Dr. Example ${site}`, site }));
    await people[site].publish(["endoscope"]);
  }
  for (const role of ["lead", "expert"]) {
    const page = await open({ tone_hz: tones_hz[role] });
    people[role] = await new PanelMember(page).enter(await server.link({ role }));
  }
  for (const name of ["trainee", "listener"]) {
    people[name] = await new Member(await open({ tone_hz: tones_hz.trainee, size: [390, 844] })).enter(await server.link({ role: "trainee", name }));
  }
  people.display = await new Member(await open()).enter(await server.link({ role: "display", site: "site-a" }));
});

after(async () => {
  await Promise.all(Object.values(people).map((member) => member.page.end()));
  await server?.stop();
});

/** Each of these hears exactly those, all at the same time. */
const hear = (expected) =>
  Promise.all(Object.entries(expected).map(([who, names]) => hearsExactly(who, people[who].page, tones_hz, names)));

test("the panel hears every site, and no site another", async () => {
  await hear({ expert: sites, lead: sites, trainee: sites, "site-a": [], "site-b": [], "site-c": [], display: [] });
});

test("a voice of the panel is heard where it attends, by a tap and by a key, and nowhere else", async () => {
  const { expert } = people;
  await expert.openMicrophone();
  await hear({ lead: [...sites, "expert"], "site-a": [], "site-b": [], "site-c": [], display: [] });
  assert.deepEqual(await expert.onAir(), []);
  await expert.attend("site-b");
  await people["site-b"].isAttendedBy(1);
  await hear({ "site-a": [], "site-b": ["expert"], "site-c": [], display: [], lead: [...sites, "expert"] });
  assert.deepEqual(await expert.onAir(), ["site-b"]);
  await expert.page.keyboard.press("q");
  await expert.attends("site-a");
  await expert.page.keyboard.press("w");
  await expert.attends("site-b", false);
  await people["site-b"].isAttendedBy(0);
  await hear({ "site-a": ["expert"], "site-b": [], "site-c": [], display: ["expert"] });
  assert.deepEqual(await expert.onAir(), ["site-a"]);
});

test("it is heard by all sites, or by the panel alone", async () => {
  const { expert } = people;
  await expert.direct("all");
  await hear({ "site-a": ["expert"], "site-b": ["expert"], "site-c": ["expert"], display: ["expert"], listener: [...sites, "expert"] });
  await expert.page.keyboard.press("c");
  await hear({ "site-a": [], "site-b": [], "site-c": [], display: [], lead: [...sites, "expert"], listener: sites });
  assert.deepEqual(await expert.onAir(), []);
  await expert.page.keyboard.press("z");
  await hear({ "site-a": ["expert"], "site-b": [], "site-c": [] });
});

test("a site calls an expert, who answers with one key and attends it", async () => {
  const { expert } = people;
  await people["site-c"].call("Dr. Example expert");
  await expert.page.waitForSelector(`${one("ringing")}[data-site="site-c"]`);
  assert.equal(await people["site-b"].page.$(one("calling")), null);
  await expert.page.keyboard.press("Enter");
  await people["site-c"].callEnds("answered");
  await expert.attends("site-c");
  await hear({ "site-a": ["expert"], "site-b": [], "site-c": ["expert"] });
  await people["site-b"].call("Dr. Example expert");
  await expert.page.waitForSelector(`${one("ringing")}[data-site="site-b"]`);
  await expert.page.keyboard.press("Backspace");
  await people["site-b"].callEnds("declined");
  await expert.attends("site-b", false);
});

test("whoever has a duty is called by it", async () => {
  const { lead } = people;
  await lead.sheet("people");
  await lead.page.type(one("own-duty"), "imaging");
  await lead.page.click(one("set-duty"));
  await people["site-b"].page.waitForSelector(`${one("call-duty")}[data-duty="imaging"]`);
  await people["site-b"].page.click(`${one("call-duty")}[data-duty="imaging"]`);
  await lead.page.waitForSelector(`${one("ringing")}[data-site="site-b"]`);
  assert.equal(await people.expert.page.$(one("ringing")), null);
  await lead.page.click(one("answer-call"));
  await people["site-b"].callEnds("answered");
  await people["site-b"].isAttendedBy(1);
  await lead.attend("site-b", false);
  await lead.closeSheet();
});

test("a trainee who is given the floor is heard where the lead says, until it is taken", async () => {
  const { lead, trainee } = people;
  await trainee.page.click(one("raise-hand"));
  await lead.sheet("desk");
  await lead.page.waitForSelector(one("hand"));
  await lead.page.click(`${one("floor-site")}[data-site="site-a"]`);
  await lead.page.click(one("give-floor"));
  await trainee.page.waitForSelector(`${one("microphone")}[data-state="on"]`);
  await hear({
    lead: [...sites, "expert", "trainee"], expert: [...sites, "trainee"], listener: [...sites, "expert", "trainee"],
    "site-a": ["expert", "trainee"], display: ["expert", "trainee"], "site-b": [], "site-c": ["expert"],
  });
  await lead.page.click(one("take-floor"));
  await trainee.page.waitForSelector(one("raise-hand"));
  await hear({ lead: [...sites, "expert"], listener: [...sites, "expert"], "site-a": ["expert"], display: ["expert"] });
  assert.equal((await trainee.page.evaluate(() => probe.tonesPublished().filter((track) => track.readyState === "live"))).length, 0, "the microphone is given back");
});

/** Waits until a trainee's large picture is of this site, by what the page says and by what the picture shows. */
async function sees(name, site) {
  const look = async () => {
    const [picture] = await people[name].pictures("large");
    return picture?.site === site && picture.mark?.site === siteIndex(site);
  };
  await until(`${name} sees ${site}`, look, { seen: () => people[name].pictures("large") });
}

const framesDecoded = async (member) =>
  (await member.page.evaluate(() => probe.inbound("video"))).reduce((sum, row) => sum + (row.framesDecoded ?? 0), 0);

test("the audience sees and hears what the programme shows, by itself; dark, it is sent nothing", async () => {
  const { lead, trainee, listener, expert } = people;
  await lead.showFeed("site-b", "endoscope");
  await Promise.all(["trainee", "listener"].map((name) => sees(name, "site-b")));
  await hear({ trainee: ["site-b"], listener: ["site-b"], expert: sites });
  await lead.showFeed("site-c", "endoscope");
  await Promise.all(["trainee", "listener"].map((name) => sees(name, "site-c")));
  await hear({ trainee: ["expert", "site-c"], listener: ["expert", "site-c"] });
  await lead.page.click(one("programme-dark"));
  for (const { page } of [trainee, listener]) await page.waitForSelector(`${one("trainee-page")}[data-programme="dark"]`);
  await hear({ trainee: [], listener: [], expert: sites });
  const before = await Promise.all([trainee, listener].map(framesDecoded));
  const begun = await framesDecoded(expert);
  await until("two seconds of pictures at the expert's", async () => (await framesDecoded(expert)) > begun + 150);
  assert.deepEqual(await Promise.all([trainee, listener].map(framesDecoded)), before, "not one picture more");
  await lead.showFeed("site-c", "endoscope");
  await Promise.all(["trainee", "listener"].map((name) => sees(name, "site-c")));
  await lead.page.click(one("programme-open"));
  await trainee.page.waitForSelector(`${one("trainee-page")}[data-programme="open"]`);
  await lead.closeSheet();
});

/** The display shows a text with who said it, and only for a while. */
async function showsAWhile(display, text) {
  await until(`"${text}" on the display`, async () => (await display.read()).some((line) => line.includes(text)));
}

test("what is said to a site is read there and by the panel, and nowhere else", async () => {
  const { lead, expert, display } = people;
  await lead.sheet("chat");
  await people["site-a"].say("The bleeding has stopped.");
  await lead.reads("The bleeding has stopped.");
  await showsAWhile(display, "The bleeding has stopped.");
  await expert.say({ site: "site-b" }, "Please turn the scope.");
  await people["site-b"].reads("Please turn the scope.");
  await expert.say("panel", "I would stop here.");
  await lead.reads("I would stop here.");
  await expert.say("everybody", "Ten minutes more.");
  await showsAWhile(display, "Ten minutes more.");
  for (const who of [...sites, "trainee", "listener"]) await people[who].reads("Ten minutes more.");
  const read = async (who) => (await people[who].read()).filter((line) => !line.includes("Ten minutes more."));
  assert.deepEqual(await read("site-a"), ["The bleeding has stopped."]);
  assert.deepEqual(await read("site-b"), ["Please turn the scope."]);
  for (const who of ["site-c", "trainee", "listener"]) assert.deepEqual(await read(who), [], who);
  const onDisplay = (await display.read()).join();
  for (const text of ["Please turn the scope.", "I would stop here."]) assert.ok(!onDisplay.includes(text), text);
  for (const who of [lead, expert]) await who.closeSheet();
});

test("a trainee's question is answered, and seen by others when it is put on air", async () => {
  const { lead, expert, trainee, listener } = people;
  await trainee.page.type(one("ask-text"), "Why from this side?");
  await trainee.page.click(one("ask-send"));
  await expert.sheet("questions");
  await expert.page.waitForSelector(one("question"));
  await expert.page.type(one("answer-text"), "The vessel lies there.");
  await expert.page.click(one("answer-send"));
  await trainee.page.waitForSelector(`${one("question")} .question-answer`);
  assert.equal(await listener.page.$(one("question")), null);
  await lead.sheet("questions");
  await lead.page.click(one("air-question"));
  await listener.page.waitForSelector(`${one("question")}[data-on-air="true"]`);
  await lead.page.click(one("air-question"));
  await until("the question is gone", async () => (await listener.page.$(one("question"))) === null);
  for (const who of [lead, expert]) await who.closeSheet();
});

test("who has to wait is let in or turned away; who is silenced or sent out is", async () => {
  const { lead, listener } = people;
  await lead.sheet("desk");
  await lead.page.click(one("policy-wait-trainee"));
  await until("the policy", () => lead.page.$eval(one("policy-wait-trainee"), (box) => box.checked));
  const late = await open({ size: [390, 844] });
  people.late = new Member(late);
  await late.goto(await server.link({ role: "trainee", name: "late" }));
  await late.waitForSelector(one("waiting-page"));
  await lead.page.waitForSelector(one("waiter"));
  await lead.page.click(one("turn-away"));
  await late.waitForSelector(`${one("end-page")}[data-reason="turned_away"]`);
  await late.click(one("join-again"));
  await late.waitForSelector(one("waiting-page"));
  await lead.page.waitForSelector(one("admit"));
  await lead.page.click(one("admit"));
  await late.waitForSelector(one("trainee-page"));
  await lead.page.click(one("policy-locked"));
  await until("the lock", () => lead.page.$eval(one("policy-locked"), (box) => box.checked));
  const shut = await open({ size: [390, 844] });
  people.shut = new Member(shut);
  await shut.goto(await server.link({ role: "trainee", name: "shut" }));
  await shut.waitForSelector(`${one("end-page")}[data-code="room_locked"]`);
  await lead.closeSheet();

  await lead.sheet("people");
  const person = async (name) => {
    const rows = await lead.page.$$(one("person"));
    for (const row of rows) if ((await row.evaluate((each) => each.textContent)).includes(name)) return row;
    throw new Error(`nobody called ${name}`);
  };
  const expert = await person("Dr. Example expert");
  await (await expert.$(one("member-verbs"))).click();
  await lead.page.waitForSelector(one("silence"));
  const silence = async (pressed) => {
    await lead.page.click(one("silence"));
    await lead.page.waitForSelector(`${one("silence")}[aria-pressed="${pressed}"]`);
  };
  await silence(true);
  await hear({ "site-a": [], "site-c": [], lead: sites });
  await until("the expert's page says that nobody hears", async () => (await people.expert.onAir()).length === 0);
  await silence(false);
  await hear({ "site-a": ["expert"], "site-c": ["expert"] });
  await (await (await person("Dr. Example expert")).$(one("member-verbs"))).click();
  await until("no verbs", async () => !(await lead.page.$(one("silence"))));
  await (await (await person("listener")).$(one("member-verbs"))).click();
  await lead.page.waitForSelector(one("remove-member"));
  await lead.page.click(one("remove-member"));
  await listener.page.waitForSelector(`${one("end-page")}[data-reason="removed"]`);
  await lead.closeSheet();
});

test("whoever is moved becomes another, with what it may know now", async () => {
  const { lead, late } = people;
  await lead.sheet("people");
  for (const row of await lead.page.$$(one("person"))) {
    if (!(await row.evaluate((each) => each.textContent)).includes("late")) continue;
    await (await row.$(one("member-verbs"))).click();
    break;
  }
  await lead.page.waitForSelector(one("move-role"));
  await lead.page.select(one("move-role"), "expert");
  await lead.page.click(one("move"));
  await late.page.waitForSelector(one("expert-page"));
  await hear({ late: [...sites, "expert"] });
  await lead.closeSheet();
});

test("the room ends for everybody", async () => {
  const { lead } = people;
  await lead.sheet("desk");
  await lead.page.click(one("end-room"));
  await lead.page.click(one("end-room-yes"));
  for (const who of [...sites, "lead", "expert", "trainee", "display"]) await people[who].page.waitForSelector(`${one("end-page")}[data-reason="ended"]`);
});

test("no page has complained", () => {
  for (const [who, member] of Object.entries(people)) assert.deepEqual(member.page.complaints, [], who);
});
