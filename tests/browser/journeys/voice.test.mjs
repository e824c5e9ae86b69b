// A voice over a line that loses a tenth of everything, to the viewer or from the publisher: each packet carries the one
// before it once more, so that hardly any sound is made up by the viewer's browser.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { open } from "../harness/browser.mjs";
import { farNamespace } from "../harness/namespace.mjs";
import { heard } from "../harness/picture.mjs";
import { Server } from "../harness/server.mjs";
import { until } from "../harness/until.mjs";
import { Member } from "../pages/member.mjs";
import { Surgeon } from "../pages/surgeon.mjs";

const LOSS = 0.1;
/** Ten seconds at 48 kHz. */
const SAMPLES = 480_000;

let server;
let line;

before(async () => {
  line = await farNamespace("home", { delay_ms: 20, loss: LOSS });
  server = await Server.start({ host: "10.77.0.1" });
});

after(async () => {
  await server?.stop();
  await line?.link.stop();
});

/** What of ten seconds of the voice is lost on the way to the viewer, and what its browser makes up; shares of 1. */
async function listen(page) {
  await heard(page, 440);
  const count = () => page.evaluate(async () => (await probe.inbound("audio")).find((row) => row.packetsReceived > 50));
  const first = await until("a voice that flows", count);
  const since = (row, name) => row[name] - first[name];
  const last = await until("ten seconds of sound", async () => {
    const row = await count();
    return since(row, "totalSamplesReceived") > SAMPLES && row;
  }, { within_ms: 60_000 });
  const lost = since(last, "packetsLost") / (since(last, "packetsLost") + since(last, "packetsReceived"));
  return { lost, madeUp: since(last, "concealedSamples") / since(last, "totalSamplesReceived") };
}

/** A surgeon who speaks and a trainee who listens; one of them at home. `prepare` is done to the surgeon's page first. */
async function consult({ room, far, prepare }, meet) {
  const where = (who) => ({ trusted: server.url, ...(far === who && { namespace: line.name }) });
  const surgeon = new Surgeon(await open({ ...where("surgeon"), camera: { site: 0, kinds: [0] }, tone_hz: 440 }));
  const trainee = new Member(await open(where("trainee")));
  try {
    if (prepare) await surgeon.page.evaluateOnNewDocument(prepare);
    await surgeon.enter(await server.link({ room, role: "surgeon", site: "site-a" }));
    await surgeon.publish(["endoscope"]);
    await trainee.enter(await server.link({ room, role: "trainee" }));
    return await meet(trainee.page);
  } finally {
    await Promise.all([surgeon, trainee].map((member) => member.page.end()));
  }
}

/** Gives redundancy a name that nobody knows in all that the page offers. */
function offerNoRedundancy() {
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (text) {
    send.call(this, text.replaceAll(" red/48000/2", " nothing/48000/2"));
  };
}

const percent = (share) => `${(share * 100).toFixed(1)} %`;

test("little of a voice is made up where a tenth of its packets is lost on the way to the viewer", async () => {
  const { lost, madeUp } = await consult({ room: "room-down", far: "trainee" }, listen);
  console.log(`on the way out: lost ${percent(lost)}, made up ${percent(madeUp)} of the sound`);
  assert.ok(lost > LOSS / 2, "the line does lose");
  assert.ok(madeUp < lost / 2, "most of what is lost is there all the same");
});

describe("where a tenth is lost on the way from the publisher", () => {
  let bare;

  test("a voice without redundancy is made up", async () => {
    bare = await consult({ room: "room-bare", far: "surgeon", prepare: offerNoRedundancy }, async (page) => {
      const shares = await listen(page);
      assert.equal((await server.metrics()).sum("consilium_voice_recovered_packets_total", 'room="room-bare"'), 0);
      return shares;
    });
    console.log(`on the way in, without redundancy: lost ${percent(bare.lost)}, made up ${percent(bare.madeUp)} of the sound`);
    assert.ok(bare.lost > LOSS / 2 && bare.madeUp > LOSS / 2, "the line does lose");
  });

  test("little is where it is sent with redundancy, as browsers do", async () => {
    const { lost, madeUp } = await consult({ room: "room-up", far: "surgeon" }, async (page) => {
      const shares = await listen(page);
      const metrics = await server.metrics();
      const [packets, recovered] = ["packets", "recovered_packets"].map((name) => metrics.sum(`consilium_voice_${name}_total`, 'room="room-up"'));
      console.log(`of ${packets} packets ${recovered} were found in the redundancy of the next`);
      assert.ok(recovered / packets > LOSS / 2, "the line does lose");
      return shares;
    });
    console.log(`on the way in, with redundancy: lost ${percent(lost)}, made up ${percent(madeUp)} of the sound`);
    assert.ok(madeUp < bare.madeUp / 2, "most of what is lost is there all the same");
  });
});
