// `--all`: every page in every size and both languages, into results/. `--readme`: the picture in README.md.

import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { parseArgs } from "node:util";

import { open } from "./harness/browser.mjs";
import { Server } from "./harness/server.mjs";
import { Member } from "./pages/member.mjs";
import { PanelMember } from "./pages/panel.mjs";
import { Surgeon } from "./pages/surgeon.mjs";
import { ffmpeg } from "./publishers/ffmpeg.mjs";

const { values: asked } = parseArgs({ options: { all: { type: "boolean", default: false }, readme: { type: "boolean", default: false } } });
const sizes = !asked.all ? {} : { desktop: [1920, 1080], laptop: [1280, 800], tablet: [1180, 820], phone: [390, 844] };
const languages = { en: "en", zh: "zh-CN" };
const results = new URL("results/", import.meta.url).pathname;
await mkdir(results, { recursive: true });

const server = await Server.start({ command: "demo" });
await server.process.line(/^ready$/, 180_000);
const links = Object.fromEntries([...server.process.said.matchAll(/^(\w+) (http\S+)$/gm)].map(([, role, link]) => [role, link]));
const pictures = { expert: [13], lead: [13], surgeon: [4, "site-picture"], trainee: [1], display: [1] };
// The demo's site is full; another room shows the surgeon's own sources.
const own = { room: "own", role: "surgeon", name: "Dr. Example Three", site: "A" };

for (const [name, language] of Object.entries(languages)) {
  const page = await open({ language, camera: { site: 0, kinds: [0, 1, 2, 5] }, tone_hz: 330 });
  for (const [size, [width, height]] of Object.entries(sizes)) {
    await page.setViewport({ width, height });
    for (const [role, link] of Object.entries(links)) {
      await page.goto("about:blank"); // leaves the room before it comes back in another role
      const member = await new Member(page).enter(link);
      await member.truePictures(...pictures[role]);
      await picture(page, `${role}-${size}-${name}.png`);
    }
    await page.goto("about:blank");
    const surgeon = await new Surgeon(page).enter(await server.link(own));
    await picture(page, `own-empty-${size}-${name}.png`);
    await surgeon.publish(["endoscope", "ultrasound"]);
    await page.click('[data-testid="add-camera"]');
    await page.waitForSelector('[data-testid="source"][data-state="ready"]');
    await picture(page, `own-${size}-${name}.png`);
    await page.evaluate(() => sessionStorage.clear()); // the token of the last role
    await page.goto("about:blank");
    await page.goto(server.url);
    await picture(page, `start-${size}-${name}.png`);
  }
  await page.end();
}

for (const [name, language] of asked.all ? Object.entries(languages) : []) await consultation(name, language);

if (asked.readme) {
  const page = await open({ size: [1440, 900], tone_hz: 330 });
  const expert = await new Member(page).enter(links.expert);
  await expert.truePictures(13);
  await expert.talk();
  await page.waitForSelector('[data-testid="talk"][data-heard="true"]');
  const docs = new URL("../../docs/", import.meta.url).pathname;
  await mkdir(docs, { recursive: true });
  await picture(page, "readme.png");
  // 256 colours are enough to show what it is, at a quarter of the size.
  const palette = "split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=bayer:bayer_scale=4";
  execFileSync(ffmpeg, ["-y", "-loglevel", "error", "-i", `${results}readme.png`, "-vf", palette, `${docs}expert.png`]);
  await page.end();
}
await server.stop();

/** The pages while people attend, call, write and ask: all at the same time, in a demo that goes on. */
async function consultation(name, language) {
  const one = (id) => `[data-testid="${id}"]`;
  const members = {};
  for (const role of ["surgeon", "expert", "lead", "trainee"]) {
    members[role] = await new PanelMember(await open({ language, camera: { site: 0, kinds: [8] }, tone_hz: 330 })).enter(links[role]);
  }
  const take = async (role, what) => {
    for (const [size, [width, height]] of Object.entries(sizes)) {
      await members[role].page.setViewport({ width, height });
      await picture(members[role].page, `${what}-${size}-${name}.png`);
    }
  };
  const { surgeon, expert, lead, trainee } = members;
  await expert.openMicrophone();
  await expert.attend("site-a");
  await trainee.page.type(one("ask-text"), "Why do you come from this side?");
  await trainee.page.click(one("ask-send"));
  await trainee.page.click(one("raise-hand"));
  await surgeon.page.click(one("call-member"));
  await surgeon.page.waitForSelector(one("calling"));
  await take("surgeon", "calling");
  await expert.say({ site: "site-a" }, "Slowly. Keep the vessel in view.");
  await take("expert", "chat");
  for (const sheet of ["people", "questions", "desk"]) {
    await lead.sheet(sheet);
    await take("lead", sheet);
  }
  await lead.page.click(one("programme-dark"));
  await trainee.page.waitForSelector(`${one("trainee-page")}[data-programme="dark"]`);
  await take("trainee", "dark");
  await lead.page.click(one("programme-open"));
  await lead.page.waitForSelector(`${one("programme-open")}[aria-pressed="true"]`);
  await Promise.all(Object.values(members).map((member) => member.page.end()));
}

/** Takes a page when nothing fades any more. */
async function picture(page, file) {
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  await page.screenshot({ path: results + file });
  console.log(file);
}
