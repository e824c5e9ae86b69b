// A viewer on a line that loses much is told to hold pictures back as long as it takes to have again what is lost, and one
// on a clean line is told nothing of the kind. What that does for the picture is printed, not judged: `smoothness.mjs`
// measures it on a machine that does nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LINES, measureSmoothness } from "../harness/smoothness.mjs";

for (const [name, { least_ms, most_ms }] of Object.entries({
  "clean": { least_ms: 0, most_ms: 0 },
  "5 % lost, both ways": { least_ms: 20, most_ms: 400 },
})) {
  test(`a line that is ${name}`, async () => {
    const row = await measureSmoothness(LINES[name], [], 300);
    console.log(`${name}: ${JSON.stringify(row)}`);
    assert.ok(row.held_p50_ms >= least_ms && row.held_p50_ms <= most_ms, `${row.held_p50_ms} ms are held back`);
  });
}
