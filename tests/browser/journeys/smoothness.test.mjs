// A viewer on a line that loses much has its pictures in time all the same: by parity, or by holding them back for as long as it
// takes to have again what is lost; and one on a clean line is told nothing of the kind. How smooth that is is printed, and judged
// widely: `smoothness.mjs` measures it on a machine that does nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LINES, measureSmoothness } from "../harness/smoothness.mjs";

/** Pauses over 200 ms in ten seconds that a busy machine makes by itself. */
const PAUSES = 4;

for (const [name, most_ms] of Object.entries({ "clean": 0, "5 % lost, both ways": 400 })) {
  test(`a line that is ${name}`, async () => {
    const row = await measureSmoothness(LINES[name], [], 300);
    console.log(`${name}: ${JSON.stringify(row)}`);
    assert.ok(row.held_p50_ms <= most_ms, `${row.held_p50_ms} ms are held back`);
    assert.ok(row.gaps_over_200_ms <= PAUSES, `${row.gaps_over_200_ms} pauses`);
  });
}
