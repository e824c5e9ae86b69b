import { describe, expect, it } from "vitest";
import { ServerClock } from "./clock.ts";
import { tokenIn } from "./token.ts";
import { duration, LANGUAGES, say, WORDS, type Word } from "./words.ts";

describe("clock", () => {
  it("believes the exchange with the smallest round trip", () => {
    const clock = new ServerClock();
    expect(clock.offset_ms).toBeNull();
    clock.heard(1_000, 1_100, 6_090);
    clock.heard(2_000, 2_004, 7_002);
    clock.heard(3_000, 3_050, 8_049);
    expect(clock.offset_ms).toBe(5_000);
    expect(clock.round_trip_ms).toBe(50);
  });
});

describe("token", () => {
  it("is found in a link or alone, and not in anything else", () => {
    expect(tokenIn("http://localhost:8080/demo#token=aa.bb.cc")).toBe("aa.bb.cc");
    expect(tokenIn("  aa.b-b_.cc \n")).toBe("aa.b-b_.cc");
    for (const text of ["", "hello", "http://localhost:8080/", "aa.bb", "aa.bb.c c d"]) expect(tokenIn(text)).toBeNull();
  });
});

describe("words", () => {
  it("have the same places in both languages", () => {
    const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
    for (const word of Object.keys(WORDS) as Word[]) {
      for (const language of LANGUAGES) {
        expect(WORDS[word][language], word).not.toBe("");
        expect(places(WORDS[word][language]), word).toEqual(places(WORDS[word].en));
      }
    }
  });

  it("are filled in", () => {
    expect(say("en", "site", { site: "B" })).toBe("Site\u00a0B");
    expect(say("zh", "site", { site: "B" })).toBe("现场\u00a0B");
  });

  it("write durations as 1:02:33", () => {
    expect(duration(3_753_000)).toBe("1:02:33");
    expect(duration(7_900)).toBe("0:07");
  });
});
