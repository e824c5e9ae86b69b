import { describe, expect, it } from "vitest";
import type { Member } from "../../../signaling/messages.ts";
import { say, type Word } from "../words.ts";
import { memberName, memberOfSite, pictureHead, sentBy } from "./names.ts";

const en = { t: (word: Word, places?: Readonly<Record<string, string | number>>) => say("en", word, places) };
const zh = { t: (word: Word, places?: Readonly<Record<string, string | number>>) => say("zh", word, places) };
const box: Member = { id: 1, name: " ", role: "device", site: "A" };
const surgeon: Member = { id: 2, name: "Dr. Example Three", role: "surgeon", site: "A" };
const expert: Member = { id: 3, name: "", role: "expert", site: null };

describe("names", () => {
  it("say what somebody without a name is", () => {
    expect([memberName(en, box), memberName(zh, box)]).toEqual(["Capture box, Site\u00a0A", "现场\u00a0A 采集设备"]);
    expect([memberName(en, surgeon), memberName(en, expert)]).toEqual(["Dr. Example Three", "Expert"]);
    expect([memberOfSite(en, box), memberOfSite(zh, box)]).toEqual(["Capture box (Site\u00a0A)", "采集设备（现场\u00a0A）"]);
    const face = { id: 1, member: 3, site: null, kind: "face", label: "", codec: null, muted: false, fault: null } as const;
    expect(pictureHead(en, face, expert)).toBe("Panel · Expert · Face");
  });

  it("count who fills a site's places", () => {
    expect(sentBy(en, [box, box, box, box], 0)).toBe("4 sent by the capture box");
    expect(sentBy(en, [box, surgeon, undefined], 1)).toBe("2 sent by the capture box, 1 sent by Dr. Example Three, 1 from this page");
    expect(sentBy(zh, [box, box, box], 1)).toBe("采集设备发布 3 路、本页 1 路");
  });
});
