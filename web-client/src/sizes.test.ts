import { expect, test, vi } from "vitest";
import { Sizes } from "./sizes.ts";

function sizes(): { sizes: Sizes; said: [number, number, number][] } {
  const said: [number, number, number][] = [];
  return { sizes: new Sizes((slot, { width, height }) => said.push([slot, width, height])), said };
}

test("says what has settled, and once", () => {
  vi.useFakeTimers();
  const { sizes: each, said } = sizes();
  const who = {};
  each.open();
  for (let width = 100; width <= 400; width += 10) {
    each.draw(2, who, { width, height: width / 2 });
    vi.advanceTimersByTime(20);
  }
  expect(said).toEqual([]);
  vi.advanceTimersByTime(1000);
  each.draw(2, who, { width: 400.2, height: 199.9 });
  vi.advanceTimersByTime(1000);
  expect(said).toEqual([[2, 400, 200]]);
  vi.useRealTimers();
});

test("of a slot that is drawn twice the larger counts", () => {
  vi.useFakeTimers();
  const { sizes: each, said } = sizes();
  const [large, side] = [{}, {}];
  each.open();
  each.draw(0, large, { width: 1280, height: 720 });
  each.draw(0, side, { width: 200, height: 112 });
  vi.advanceTimersByTime(1000);
  each.draw(0, large, null);
  vi.advanceTimersByTime(1000);
  each.draw(0, side, null);
  vi.advanceTimersByTime(1000);
  expect(said).toEqual([[0, 1280, 720], [0, 200, 112]]);
  vi.useRealTimers();
});

test("a new connection is told everything at once, and nothing before", () => {
  vi.useFakeTimers();
  const { sizes: each, said } = sizes();
  each.draw(1, {}, { width: 9e9, height: 10 });
  vi.advanceTimersByTime(1000);
  expect(said).toEqual([]);
  each.open();
  expect(said).toEqual([[1, 65_535, 10]]);
  each.close();
  each.draw(1, {}, { width: 9e9, height: 20 });
  vi.advanceTimersByTime(1000);
  each.open();
  expect(said).toEqual([[1, 65_535, 10], [1, 65_535, 20]]);
  vi.useRealTimers();
});
