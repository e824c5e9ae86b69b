// Run by `node --test tests/browser/strip.test.mjs`. The example is the one of crates/codec/src/strip.rs.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { drawStrip, framesSince, readStrip, stripBytes, stripSize } from './strip.mjs';

const MARK = { site: 2, kind: 1, frame: 0x0123, loopFrames: 200 };

/** As much of a canvas as `drawStrip` needs. */
function canvas(width, height) {
  const image = { data: new Uint8ClampedArray(width * height * 4), width, height };
  const context = {
    fillStyle: '#000',
    fillRect(left, top, wide, high) {
      const value = this.fillStyle === '#fff' ? 255 : 0;
      for (let y = top; y < top + high; y += 1) {
        for (let x = left; x < left + wide; x += 1) image.data.fill(value, (y * width + x) * 4, (y * width + x) * 4 + 3);
      }
    },
  };
  return { image, context };
}

test('the example of both readers', () => {
  assert.deepEqual(stripBytes(MARK), [0x21, 0x01, 0x23, 0x00, 0xc8, 0xa1]);
});

test('what is drawn is read at every usual size', () => {
  for (const [width, height] of [[320, 180], [640, 360], [640, 480], [854, 480], [960, 540], [1280, 720], [1920, 1080]]) {
    const size = stripSize(width, height);
    const { image, context } = canvas(size.width, size.height);
    drawStrip(context, height, MARK);
    assert.deepEqual(readStrip(image, width, height), MARK, `${width} x ${height}`);
  }
});

test('a damaged strip is refused', () => {
  const { image, context } = canvas(144, 24);
  assert.equal(readStrip(image, 640, 360), null, 'no strip at all');
  for (let column = 0; column < 18; column += 1) {
    drawStrip(context, 360, MARK);
    for (let y = 8; y < 16; y += 1) {
      for (let x = column * 8; x < column * 8 + 8; x += 1) {
        for (let sample = 0; sample < 3; sample += 1) image.data[(y * 144 + x) * 4 + sample] ^= 255;
      }
    }
    assert.equal(readStrip(image, 640, 360), null, `cell ${column} of row 1`);
  }
});

test('counting goes on over the end of the loop', () => {
  const at = (frame) => ({ ...MARK, frame });
  assert.equal(framesSince(at(198), at(3)), 5);
  assert.equal(framesSince({ ...at(65535), loopFrames: 0 }, { ...at(1), loopFrames: 0 }), 2);
});
