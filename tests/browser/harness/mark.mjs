// Draws the machine-read corner strip whose layout stands in crates/codec/src/strip.rs; strip.mjs reads it.

/** Cells of the strip, row by row from left to right: true is white. */
export function stripCells({ site, kind, frame, loop_frames = 0 }) {
  const bytes = [(site << 4) | kind, (frame >> 8) & 255, frame & 255, loop_frames >> 8, loop_frames & 255];
  bytes.push(bytes.reduce(crc8, 0xff));
  const bits = bytes.flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => ((byte >> bit) & 1) === 1));
  return [0, 1, 2].flatMap((row) => [row !== 1, ...bits.slice(row * 16, row * 16 + 16), row === 1]);
}

function crc8(sum, byte) {
  let rest = sum ^ byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 0x80 ? ((rest << 1) ^ 0x07) & 255 : rest << 1;
  return rest;
}
