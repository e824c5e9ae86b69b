import { expect, it } from "vitest";
import { HeldPictures } from "./held.ts";

const row = (id: string, jitterBufferDelay: number, jitterBufferEmittedCount: number) =>
  [id, { jitterBufferDelay, jitterBufferEmittedCount }] as const;

it("is what was held back since the last time, by the stream that is held back least", () => {
  const held = new HeldPictures();
  expect(held.note([row("a", 100, 1_000)])).toBeNull();
  expect(held.note([row("a", 107.2, 1_060), row("b", 5, 10)])).toBe(120);
  expect(held.note([row("a", 115.6, 1_120), row("b", 14, 70)])).toBe(140);
  expect(held.note([row("a", 116.2, 1_180), row("b", 23, 130)]), "too little").toBeNull();
});

it("is nothing of streams that stand or have hardly begun", () => {
  const held = new HeldPictures();
  held.note([row("a", 10, 100), row("b", 10, 100)]);
  expect(held.note([row("a", 10.1, 101), row("b", 80, 200)])).toBeNull();
  expect(held.note([row("a", 10.1, 101), ["c", {}]])).toBeNull();
});
