// The web client as its people use it: what is on a member's page, and what can be done there.

import { until } from "../harness/until.mjs";
import { KINDS } from "../strip.mjs";

const one = (id) => `[data-testid="${id}"]`;

/** One member's page. */
export class Member {
  /** @param {import("puppeteer-core").Page} page */
  constructor(page) {
    this.page = page;
  }

  /** Opens a link and waits until the room has let the member in. */
  async enter(link) {
    await this.page.goto(link);
    await this.page.waitForSelector(["expert", "surgeon", "trainee", "display"].map((role) => one(`${role}-page`)).join(), { timeout: 30_000 });
    return this;
  }

  /** Every picture on the page: what the page says it is, and what its strip says. */
  async pictures(which = "large side panel-picture") {
    return await this.page.evaluate(
      (ids) =>
        [...document.querySelectorAll("[data-testid]")]
          .filter((figure) => ids.includes(figure.dataset.testid) && figure.dataset.feed)
          .map((figure) => ({ ...figure.dataset, mark: probe.readMark(figure.querySelector("video")) })),
      which.split(" "),
    );
  }

  /** The large picture. */
  async large() {
    return (await this.pictures("large"))[0];
  }

  /** Waits until so many pictures show what the page says they show, and gives them. */
  async truePictures(count, which, within_ms = 30_000) {
    const look = async () => (await this.pictures(which)).filter((picture) => picture.mark && isTrue(picture));
    const enough = async () => {
      const pictures = await look();
      return pictures.length >= count && pictures;
    };
    return await until(`${count} true pictures`, enough, { within_ms, seen: () => this.pictures(which) });
  }

  /** How the page says that its own line is, towards the server (`publish`) or from it (`receive`). */
  async ownLine(connection) {
    return await this.page.$eval(one(`line-${connection}`), (line) => line.dataset.condition);
  }

  /** How the page says that the line of the first member of another role is; good where it says nothing. */
  async lineOf(role, connection) {
    return await this.page.$eval(`${one("member")}[data-role="${role}"]`, (member, connection) => {
      const marks = [...member.querySelectorAll('[data-testid="member-line"]')];
      return marks.find((mark) => mark.dataset.connection === connection)?.dataset.condition ?? "good";
    }, connection);
  }

  /** Lets the microphone through to all sites, for good. */
  async talk() {
    await this.page.click(`${one("direct")}[data-to="all"]`);
    await this.page.waitForSelector(`${one("direct")}[data-to="all"][aria-checked="true"]`);
    await this.page.click(one("open-microphone"));
    await this.page.waitForSelector(`${one("talk")}[aria-pressed="true"]`);
  }

  /** Waits until a text is among those that the page shows as said. */
  async reads(text) {
    await until(`"${text}" on the page`, async () => (await this.read()).includes(text), { seen: () => this.read() });
  }

  /** All that the page shows as said. */
  async read() {
    return await this.page.$$eval('[data-testid="chat-line"] .chat-text, [data-testid="display-said"] span', (lines) => lines.map((line) => line.textContent));
  }

  /** Shows the own camera to the room. */
  async shareCamera() {
    await this.page.click(one("share-camera"));
    await this.page.waitForSelector(`${one("share-camera")}[aria-pressed="true"]`);
  }

  /**
   * Chooses a feed as a click does, and gives the time until the large picture shows a frame of it, in milliseconds.
   */
  async choose({ feed, site, kind }) {
    return await this.page.evaluate(
      (feed, site, kind) =>
        new Promise((resolve) => {
          const video = document.querySelector('[data-testid="large"] video');
          const begin_ms = performance.now();
          const look = () => {
            const mark = probe.readMark(video);
            if (mark && mark.site === site && mark.kind === kind) resolve(performance.now() - begin_ms);
            else video.requestVideoFrameCallback(look);
          };
          video.requestVideoFrameCallback(look);
          document.querySelector(`[data-testid="choose-feed"][data-feed="${feed}"]`).click();
        }),
      feed,
      siteIndex(site),
      KINDS.indexOf(kind),
    );
  }
}

/** Sites are called site-a, site-b, ...; strips carry their index. */
export const siteIndex = (site) => site.charCodeAt(site.length - 1) - "a".charCodeAt(0);

/** True where the label, which the server binds, and the strip, which the source drew, agree (hazard H2). */
export function isTrue({ site, kind, mark }) {
  return mark.kind === KINDS.indexOf(kind) && mark.site === siteIndex(site);
}
