// The delay can be measured: every frame is read and says when it was taken. The figures are printed, not judged:
// `make bench` measures them on a machine that does nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";

import { measureDelay } from "../harness/delay.mjs";

test("glass to glass, through the server and directly", async () => {
  const rows = await measureDelay(90);
  for (const row of rows) {
    console.log(`${row.path}: p50 ${row.p50_ms} ms, p95 ${row.p95_ms} ms over ${row.frames} frames`);
    assert.equal(row.unreadable, 0, `${row.path}: every number is readable`);
  }
  assert.equal(rows[0].without_capture_time, 0, "every frame through the server has a capture time");
});
