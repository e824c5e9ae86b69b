// The machine-read corner strip, for browsers: which site, which feed and which frame a picture is.
//
// The layout is described in crates/codec/src/strip.rs, which draws the same strip and reads it in the same way;
// strip.test.mjs holds both to one example. Nothing here touches the page: a reader gets pixels, a painter a context.

const COLUMNS = 18;
const ROWS = 3;
const CELLS_PER_HEIGHT = 45;
const MIN_CONTRAST = 64;

/** The feed kinds by their index in the strip. */
export const KINDS = ['endoscope', 'ultrasound', 'ct', 'fluoroscopy', 'microscope', 'room', 'monitor', 'screen', 'face'];

/**
 * The part of a video that holds the strip: what to draw into a canvas and to hand to `readStrip`.
 * @param {number} videoWidth the video's natural width, pixels
 * @param {number} videoHeight the video's natural height, pixels
 * @returns {{width: number, height: number}} size of the top left corner, whole pixels
 */
export function stripSize(videoWidth, videoHeight) {
  const cell = videoHeight / CELLS_PER_HEIGHT;
  return { width: Math.min(videoWidth, Math.ceil(COLUMNS * cell)), height: Math.ceil(ROWS * cell) };
}

/**
 * Reads the strip.
 * @param {{data: Uint8ClampedArray | Uint8Array, width: number, height: number}} image RGBA of the video's top left
 *   corner at natural size (not scaled), at least `stripSize` large
 * @param {number} videoWidth the video's natural width, pixels
 * @param {number} videoHeight the video's natural height, pixels
 * @returns {{site: number, kind: number, frame: number, loopFrames: number} | null} null if no strip can be read
 *   without doubt
 */
export function readStrip(image, videoWidth, videoHeight) {
  const cell = videoHeight / CELLS_PER_HEIGHT;
  const size = stripSize(videoWidth, videoHeight);
  if (cell < 2 || COLUMNS * cell > videoWidth || image.width < size.width || image.height < size.height) return null;
  const span = (index) => {
    const low = Math.round((index + 0.25) * cell);
    return [low, Math.max(Math.round((index + 0.75) * cell), low + 1)];
  };
  const mean = (row, column) => {
    const [left, right] = span(column);
    const [top, bottom] = span(row);
    let sum = 0;
    for (let y = top; y < bottom; y += 1) {
      for (let x = left; x < right; x += 1) {
        const at = (y * image.width + x) * 4;
        sum += 0.2126 * image.data[at] + 0.7152 * image.data[at + 1] + 0.0722 * image.data[at + 2];
      }
    }
    return sum / ((right - left) * (bottom - top));
  };
  const white = (mean(0, 0) + mean(2, 0) + mean(1, 17)) / 3;
  const black = (mean(1, 0) + mean(0, 17) + mean(2, 17)) / 3;
  const contrast = white - black;
  if (contrast < MIN_CONTRAST) return null;
  const bytes = [0, 0, 0, 0, 0, 0];
  for (let row = 0; row < ROWS; row += 1) {
    for (let column = 0; column < COLUMNS; column += 1) {
      const above = mean(row, column) - (white + black) / 2;
      if (Math.abs(above) < contrast / 8) return null;
      const bit = above > 0 ? 1 : 0;
      if (column === 0 || column === 17) {
        if (bit !== ((column === 0) === (row !== 1) ? 1 : 0)) return null;
      } else {
        const index = row * 16 + column - 1;
        bytes[index >> 3] |= bit << (7 - (index & 7));
      }
    }
  }
  if (check(bytes) !== bytes[5]) return null;
  return {
    site: bytes[0] >> 4,
    kind: bytes[0] & 15,
    frame: (bytes[1] << 8) | bytes[2],
    loopFrames: (bytes[3] << 8) | bytes[4],
  };
}

/**
 * Paints a strip, for pages that publish a canvas.
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context of the whole picture
 * @param {number} videoHeight height of the picture, pixels
 * @param {{site: number, kind: number, frame: number, loopFrames?: number}} mark frame modulo 65536;
 *   loopFrames 0 (or none) where frame numbers count through all of them
 */
export function drawStrip(context, videoHeight, mark) {
  const cell = videoHeight / CELLS_PER_HEIGHT;
  const bytes = stripBytes(mark);
  for (let row = 0; row < ROWS; row += 1) {
    for (let column = 0; column < COLUMNS; column += 1) {
      const index = row * 16 + column - 1;
      const reference = column === 0 || column === COLUMNS - 1;
      const white = reference ? (column === 0) === (row !== 1) : ((bytes[index >> 3] >> (7 - (index & 7))) & 1) === 1;
      const [left, top] = [Math.round(column * cell), Math.round(row * cell)];
      context.fillStyle = white ? '#fff' : '#000';
      context.fillRect(left, top, Math.round((column + 1) * cell) - left, Math.round((row + 1) * cell) - top);
    }
  }
}

/**
 * How many frames `later` is after `earlier`, for readings less than one loop apart.
 * @param {{frame: number, loopFrames: number}} earlier
 * @param {{frame: number, loopFrames: number}} later
 * @returns {number}
 */
export function framesSince(earlier, later) {
  const loop = later.loopFrames === 0 ? 65536 : later.loopFrames;
  return (((later.frame - earlier.frame) % loop) + loop) % loop;
}

/** The six bytes of a strip; exported for the test. */
export function stripBytes(mark) {
  const loop = mark.loopFrames ?? 0;
  const bytes = [(mark.site << 4) | (mark.kind & 15), (mark.frame >> 8) & 255, mark.frame & 255, (loop >> 8) & 255, loop & 255, 0];
  bytes[5] = check(bytes);
  return bytes;
}

/** CRC-8 of the first five bytes: polynomial 0x07, initial value 0xff. */
function check(bytes) {
  let sum = 0xff;
  for (const byte of bytes.slice(0, 5)) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 0x80 ? ((sum << 1) ^ 0x07) & 0xff : sum << 1;
  }
  return sum;
}
