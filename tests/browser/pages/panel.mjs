// The panel's page: attending, talking, being rung, and the sheets at its side.

import { until } from "../harness/until.mjs";
import { Member } from "./member.mjs";

const one = (id) => `[data-testid="${id}"]`;

/** An expert's or a lead's page. */
export class PanelMember extends Member {
  /** Opens the microphone, whoever hears it. */
  async openMicrophone() {
    await this.page.click(one("open-microphone"));
    await this.page.waitForSelector(`${one("talk")}[data-heard="true"]`);
  }

  /** Attends a site, or no more, and waits until the page says so. */
  async attend(site, attended = true) {
    await this.page.click(`${one("attend")}[data-site="${site}"]`);
    await this.attends(site, attended);
  }

  async attends(site, attended = true) {
    await this.page.waitForSelector(`${one("attend")}[data-site="${site}"][aria-pressed="${attended}"]`);
  }

  /** The sites where the page says that the own voice is on air. */
  async onAir() {
    return await this.page.$$eval(`${one("attend")}[data-on-air="true"]`, (buttons) => buttons.map((button) => button.dataset.site));
  }

  /** Says whom the voice is for. */
  async direct(to) {
    await this.page.click(`${one("direct")}[data-to="${to}"]`);
    await this.page.waitForSelector(`${one("direct")}[data-to="${to}"][aria-checked="true"]`);
  }

  /** Opens a sheet: people, chat, questions, desk. */
  async sheet(name) {
    if (await this.page.$(one(`sheet-${name}`))) return;
    await this.page.click(one(`show-${name}`));
    await this.page.waitForSelector(one(`sheet-${name}`));
  }

  async closeSheet() {
    await this.page.click(one("close-sheet"));
    await until("no sheet", async () => !(await this.page.$("#sheet")));
  }

  /** Says something in text: to "panel", "everybody", or {site}. */
  async say(to, text) {
    await this.sheet("chat");
    await this.page.select(one("say-to"), JSON.stringify(to));
    await this.page.type(one("say-text"), text);
    await this.page.click(one("say-send"));
    await this.reads(text);
  }

  /** Shows a feed to the audience. */
  async showFeed(site, kind) {
    await this.sheet("desk");
    await this.page.click(`${one("programme-feed")}[data-site="${site}"][data-kind="${kind}"]`);
    await this.page.waitForSelector(`${one("programme-feed")}[data-site="${site}"][data-kind="${kind}"][aria-pressed="true"]`);
  }
}
