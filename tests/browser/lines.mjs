// Measures what a picture and a voice are like over bad lines, by this server and by others, and keeps the figures in
// benches/results, by date.
//
// START="command" starts others and PEERS="name=WHIP-URL,WHEP-URL ..." names them; Janus is measured where Debian's
// package is installed.

import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";

import { hasJanus, Janus } from "./harness/janus.mjs";
import { LINES, playOver, publishBy, Whip } from "./harness/lines.mjs";
import { Process } from "./harness/process.mjs";
import { Server } from "./harness/server.mjs";
import { until } from "./harness/until.mjs";

const host = "10.77.0.1";
const room = "room-lines";
const where = `${room}?feed=endoscope`;
const SECONDS = Number(process.env.SECONDS ?? 30);

const server = await Server.start({ host });
const [device, trainee] = await Promise.all([server.token({ room, role: "device", site: "site-a" }), server.token({ room, role: "trainee" })]);
const subjects = [
  new Whip("Consilium", { publish: `${server.url}/whip/${where}`, play: `${server.url}/whep/${where}&site=site-a`, publishToken: device, playToken: trainee }),
];
if (hasJanus()) subjects.push(await Janus.start());
const others = process.env.START ? new Process("sh", ["-c", `exec ${process.env.START}`]) : null;
for (const peer of (process.env.PEERS ?? "").split(" ").filter(Boolean)) {
  const [, name, publish, play] = peer.match(/^([^=]+)=([^,]+),([^,]+)/);
  await until(`${name} answers`, () => fetch(publish).then(() => true, () => false));
  subjects.push(new Whip(name, { publish, play }));
}

const rows = [];
const publishers = [];
for (const subject of subjects) publishers.push(await publishBy(subject, server.url));
let number = 0;
for (const [line, how] of Object.entries(LINES)) {
  // In turn, so that what else the machine does is the same for all.
  for (const subject of subjects) {
    const row = { line, server: subject.name, ...(await playOver(subject, server.url, `place${++number}`, how, SECONDS)) };
    console.error(row);
    rows.push(row);
  }
}
await Promise.all(publishers.map((page) => page.end()));
await Promise.all(subjects.map((subject) => subject.stop?.()));
await others?.stop();
await server.stop();

const digits = (value, count, unit = "") => (value === null ? "-" : value.toFixed(count) + unit);
const percent = (share) => digits(share === null ? null : share * 100, 1, " %");
const cells = (row) => [
  row.line, row.server, digits(row.frames_a_second, 1), row.height ?? "-", percent(row.stood_share), digits(row.longest_ms, 0),
  digits(row.age_p50_ms, 0), digits(row.age_p95_ms, 0), percent(row.lost_share), percent(row.made_up_share),
];
const report = [
  `# Over bad lines, ${new Date().toISOString().slice(0, 10)}`,
  "",
  `A page that sends 720p30 in H.264 at 2.5 Mb/s and a tone, near the server; a page that plays it behind the line, for ${SECONDS} s`,
  `after ten. All headless Chromium on one machine (${cpus().length} cores, ${cpus()[0].model}; load ${loadavg()[0].toFixed(1)} in the end).`,
  "A picture stands if no new one comes for 200 ms; where there is none within 30 s nothing else is measured. Ages are from glass to glass, of pictures whose mark can be read. Made by `make bench`.",
  "",
  "| line | server | frames a second | height | time that it stood | longest, ms | age p50, ms | p95 | video lost on the way | voice made up |",
  "|---|---|---|---|---|---|---|---|---|---|",
  ...rows.map((row) => `| ${cells(row).join(" | ")} |`),
  "",
].join("\n");
const results = new URL("../../benches/results/", import.meta.url);
await mkdir(results, { recursive: true });
await writeFile(new URL(`${new Date().toISOString().slice(0, 10)}-lines.md`, results), report);
