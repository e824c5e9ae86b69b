import { expect, it } from "vitest";
import { HeldPictures } from "./held.ts";

it("is what was held back since the last time, by the stream that is held back longest", () => {
  const held = new HeldPictures();
  const row = (id: string, jitterBufferDelay: number, jitterBufferEmittedCount: number) =>
    [id, { jitterBufferDelay, jitterBufferEmittedCount }] as const;
  expect(held.note([row("a", 100, 1_000)])).toBeNull();
  expect(held.note([row("a", 107.2, 1_060), row("b", 5, 10)])).toBe(120);
  expect(held.note([row("a", 107.8, 1_120), row("b", 7, 20)])).toBe(200);
  expect(held.note([row("a", 108.4, 1_180)])).toBeNull();
  expect(held.note([row("a", 108.4, 1_180), ["c", {}]]), "nothing new was shown").toBeNull();
});
