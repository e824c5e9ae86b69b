// A hospital that blocks UDP: everything runs over ICE-TCP on the same port number, with nothing to set.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { dropUdp, namespace } from "../harness/namespace.mjs";
import { heard } from "../harness/picture.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { isTrue, Member } from "../pages/member.mjs";
import { Surgeon } from "../pages/surgeon.mjs";

let server;
let surgeon;
let expert;

before(async () => {
  const hospital = namespace("hospital");
  const office = namespace("office");
  for (const place of [hospital, office]) dropUdp(place);
  server = await Server.start({ host: "10.77.0.1" });
  const trusted = server.url;
  const camera = { site: 0, kinds: [0, 5] };
  surgeon = new Surgeon(await open({ namespace: hospital.name, trusted, camera, tone_hz: 330 }));
  expert = new Member(await open({ namespace: office.name, trusted, camera: { site: 7, kinds: [8] }, tone_hz: 550 }));
});

after(async () => {
  await Promise.all([surgeon, expert].map((member) => member?.page.end()));
  await server?.stop();
});

test("a surgeon and an expert see and hear each other without UDP", async () => {
  await surgeon.enter(await server.link({ role: "surgeon", site: "site-a" }));
  await surgeon.publish(["endoscope", "room"]);
  await expert.enter(await server.link({ role: "expert" }));
  await expert.talk();
  await expert.shareCamera();
  const sides = await expert.truePictures(2, "side");
  assert.deepEqual(sides.map((picture) => picture.kind).sort(), ["endoscope", "room"]);
  await heard(expert.page, 330);
  await heard(surgeon.page, 550);
  for (const { page } of [surgeon, expert]) {
    const transports = await page.evaluate(() => probe.transports());
    assert.equal(transports.length, 2, "one connection to publish, one to receive");
    assert.ok(transports.every((protocol) => protocol === "tcp"), `${transports}`);
  }
  const first = await expert.large();
  await until("three hundred more frames", async () => {
    const large = await expert.large();
    return large.mark && isTrue(large) && large.mark.frame > first.mark.frame + 300;
  });
});
