import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { check, decode } from "./check.ts";

describe("check", () => {
  it("takes a message and drops what it does not know (E3)", () => {
    const heard = check({ type: "left", member: 3, mood: "fine" });
    expect(heard).toEqual({ message: { type: "left", member: 3 } });
  });

  it("names an unknown message, and does not take an inherited name for a known one", () => {
    expect(check({ type: "drawn" })).toEqual({ unknown: "drawn" });
    expect(check({ type: "toString" })).toEqual({ unknown: "toString" });
  });

  it("holds back a known message of a wrong shape", () => {
    for (const wrong of [
      { type: "left", member: "3" }, { type: "left", member: -1 }, { type: "left", member: 1.5 }, { type: "left" },
      { type: "feed_published", feed: { id: 1 } }, { type: "speaking", voices: [null] }, { type: "closed", reason: "tired" },
    ]) expect(check(wrong)).toHaveProperty("wrong");
  });

  it("takes an absent option for none", () => {
    const heard = check({ type: "entered", member: { id: 1, name: "Dr. Example One", role: "expert" } });
    expect(heard).toEqual({ message: { type: "entered", member: { id: 1, name: "Dr. Example One", role: "expert", site: null } } });
  });

  it("passes on a refusal whose code is newer than this client", () => {
    expect(check({ type: "refused", re: 4, code: "too_tired", message: "No." }))
      .toEqual({ message: { type: "refused", re: 4, code: "internal", message: "No." } });
  });

  it("never throws, whatever comes", () => {
    for (const text of ["", "{", "null", "[]", "7", '"joined"', '{"type":7}', '{"type":"joined"}', '{"type":"__proto__"}']) {
      expect(decode(text)).not.toHaveProperty("message");
    }
  });
});

// The examples of the contract, those that a client reads. `means` is what is left of a message, null for nothing.
describe("signaling/accept", () => {
  const directory = new URL("../../signaling/accept/", import.meta.url);
  for (const file of readdirSync(directory).filter((name) => name.endsWith(".json"))) {
    const example = JSON.parse(readFileSync(new URL(file, directory), "utf8")) as { from: string; message: unknown; means?: unknown };
    if (example.from !== "server") continue;
    const means = "means" in example ? example.means : example.message;
    it(file, () => {
      const heard = check(example.message);
      if (means === null) expect(heard).toHaveProperty("unknown");
      else expect(heard).toEqual({ message: means });
    });
  }
});
