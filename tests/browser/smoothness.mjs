// Measures what holding pictures back does for a viewer on a bad line, and what it costs: the same lines with a server
// that never does and with one that does, in turn. Prints the rows of benches/results/DATE-playout.md.
// Usage: harness/alone node smoothness.mjs [FRAMES [LINE...]]

import { LINES, measureSmoothness } from "./harness/smoothness.mjs";

const [frames = "1200", ...names] = process.argv.slice(2);
const flags = { never: ["--max-playout-delay-ms", "0"], "as needed": [] };
for (const name of names.length ? names : Object.keys(LINES)) {
  for (const [held, more] of Object.entries(flags)) {
    const row = { line: name, held, ...(await measureSmoothness(LINES[name], more, Number(frames))) };
    console.log(`| ${Object.values(row).join(" | ")} |`);
    if (name === "clean" && held === "never") console.error(Object.keys(row).join(" | "));
  }
}
