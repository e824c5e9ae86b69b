// Raw pictures for encoders that read from a pipe: a colour pattern that moves, and the machine-read strip.

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { stripBytes } from "../strip.mjs";

export const size = { width: 640, height: 360 };
export const fps = 30;

const { width, height } = size;
const cell = height / 45;
const luma_bytes = width * height;
const noise = Buffer.alloc(65_537).map((_, index) => 95 + ((index * index * 7 + index * 13) % 31));

/** U and V of the quadrants, and what a viewer then sees in the middle of each: red, green, blue, grey. */
const chroma = [
  [90, 240],
  [54, 34],
  [240, 110],
  [128, 128],
];
export const colours = [
  [255, 32, 32],
  [0, 215, 0],
  [80, 80, 255],
  [110, 110, 110],
];

/** Endless I420 pictures, each one saying which it is. The same memory is used again. */
export function* pictures({ site, kind }) {
  const picture = Buffer.alloc((luma_bytes * 3) / 2, 110);
  for (const [plane, at] of [luma_bytes, (luma_bytes * 5) / 4].entries()) {
    for (let y = 0; y < height / 2; y++) {
      for (let x = 0; x < width / 2; x++) {
        const quadrant = (y < height / 4 ? 0 : 2) + (x < width / 4 ? 0 : 1);
        picture[at + (y * width) / 2 + x] = y < 16 && x < 80 ? 128 : chroma[quadrant][plane];
      }
    }
  }
  for (let frame = 0; ; frame++) {
    drawNoise(picture, frame);
    drawBar(picture, frame);
    drawStrip(picture, { site, kind, frame: frame & 0xffff });
    yield picture;
  }
}

// Never the same twice, so that a frame fills several packets.
function drawNoise(picture, frame) {
  for (let y = height / 2; y < height; y++) {
    const at = y * width + width / 2;
    const from = (y * 331 + frame * 7919) % (noise.length - width / 2);
    noise.copy(picture, at, from, from + width / 2);
  }
}

// Something must move, or an encoder sends next to nothing.
function drawBar(picture, frame) {
  for (let y = 200; y < 240; y++) {
    const row = y * width;
    picture.fill(110, row, row + width);
    const from = (frame * 4) % (width - 40);
    picture.fill(200, row + from, row + from + 40);
  }
}

// 18 cells by 3, the outer columns fixed; crates/codec/src/strip.rs says all.
function drawStrip(picture, mark) {
  const bytes = stripBytes(mark);
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 18; column++) {
      const bit = row * 16 + column - 1;
      const inner = (bytes[bit >> 3] >> (7 - (bit & 7))) & 1;
      const white = column === 0 ? row !== 1 : column === 17 ? row === 1 : inner === 1;
      const left = column * cell;
      for (let y = row * cell; y < (row + 1) * cell; y++) picture.fill(white ? 235 : 16, y * width + left, y * width + left + cell);
    }
  }
}

/** Feeds a process until it closes its standard input; it reads at its own speed. */
export function feed(stdin, which) {
  const copies = (function* () {
    for (const picture of pictures(which)) yield Buffer.from(picture); // a pipe keeps what it could not write yet
  })();
  pipeline(Readable.from(copies, { highWaterMark: 2 }), stdin).catch(() => {}); // its reader ended; its exit says why
}
