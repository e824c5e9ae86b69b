// The surgeon's page.

import { until } from "../harness/until.mjs";
import { Member } from "./member.mjs";

/** A surgeon's page. */
export class Surgeon extends Member {
  /** Adds a camera for each kind, publishes it, and turns the microphone on. */
  async publish(kinds) {
    for (const [index, kind] of kinds.entries()) {
      await this.page.click('[data-testid="add-camera"]');
      const tile = `[data-testid="source"]:nth-of-type(${index + 1})`;
      await this.page.waitForSelector(tile);
      await this.page.select(`${tile} [data-testid="kind"]`, kind);
      await this.page.click(`${tile} [data-testid="publish"]`);
      await this.page.waitForSelector(`${tile}[data-state="published"]`);
    }
    await this.page.click('[data-testid="start-microphone"]');
    await this.page.waitForSelector('[data-testid="microphone"][data-state="on"]');
  }

  /** Says something in text to the panel. */
  async say(text) {
    await this.page.type('[data-testid="say-text"]', text);
    await this.page.click('[data-testid="say-send"]');
    await this.reads(text);
  }

  /** Calls somebody of the panel by name. */
  async call(name) {
    await this.page.click(`[data-testid="call-member"][aria-label$="${name}"]`);
    await this.page.waitForSelector('[data-testid="calling"]');
  }

  /** Waits until the last call has ended so: answered, declined, withdrawn, unanswered. */
  async callEnds(outcome) {
    await this.page.waitForSelector(`[data-testid="call-outcome"] [data-outcome="${outcome}"]`);
  }

  /** Waits until so many of the panel attend this site, as its page says. */
  async isAttendedBy(count) {
    await this.page.waitForSelector(`[data-testid="attended-by"][data-count="${count}"]`);
  }

  /** Waits until a face of the panel with this site index in its strip is seen here. */
  async seesFace(site) {
    await until("a face of the panel", async () => {
      const pictures = await this.pictures("panel-picture");
      return pictures.some((picture) => picture.kind === "face" && picture.mark?.site === site);
    }, { seen: () => this.pictures("panel-picture") });
  }
}
