// Two real browsers, one for each participant, driven through one interface.

import { readFile, writeFile, chmod } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import puppeteer from "puppeteer-core";

import { soundCard } from "./sound.mjs";

const chromium_flags = [
  "--no-sandbox",
  "--no-first-run",
  "--mute-audio",
  "--autoplay-policy=no-user-gesture-required",
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream=fps=30",
  "--auto-select-desktop-capture-source=Entire screen",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-quic",
  // A participant whose window is not in front must not be slowed down.
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  // Between two browsers without a server in the middle nobody would resolve the mDNS names.
  "--disable-features=WebRtcHideLocalIpsWithMdns",
];

const firefox_preferences = {
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.peerconnection.ice.loopback": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "media.autoplay.default": 0,
  "media.autoplay.blocking_policy": 0,
  "media.devices.insecure.enabled": true,
  "media.getusermedia.insecure.enabled": true,
  // Nothing is fetched at run time, the OpenH264 plugin included: here Firefox has VP8, VP9 and AV1.
  "media.gmp-manager.updateEnabled": false,
  "app.update.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
};

/**
 * A browser with one page in it.
 *
 * @param {{ engine?: "chromium" | "firefox", namespace?: string, trusted?: string, size?: [number, number],
 *   language?: string, camera?: object, tone_hz?: number }} [who]
 *   `trusted` is an http origin that may use cameras although it is not on loopback;
 *   `camera` and `tone_hz` take the place of its devices (see devices.js).
 * @returns {Promise<import("puppeteer-core").Page & { [Symbol.asyncDispose](): Promise<void> }>}
 */
export async function open({ engine = "chromium", namespace, trusted, size = [1280, 800], language = "en", camera, tone_hz } = {}) {
  const [width, height] = size;
  const browser = await (engine === "firefox"
    ? puppeteer.launch({
        browser: "firefox",
        executablePath: "/usr/bin/firefox-esr",
        env: { ...process.env, ...(await soundCard()) },
        headless: true,
        defaultViewport: { width, height },
        extraPrefsFirefox: { ...firefox_preferences, "intl.accept_languages": language },
      })
    : puppeteer.launch({
        executablePath: namespace ? await inside(namespace) : "/usr/bin/chromium",
        headless: true,
        pipe: true, // reaches into other network namespaces, where a socket would not
        defaultViewport: { width, height },
        args: [...chromium_flags, `--accept-lang=${language}`, ...(trusted ? [`--unsafely-treat-insecure-origin-as-secure=${trusted}`] : [])],
      }));
  const page = (await browser.pages())[0] ?? (await browser.newPage());
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  await page.evaluateOnNewDocument(await probe({ camera, tone_hz }));
  page.end = () => browser.close();
  return page;
}

async function probe(devices) {
  const read = (file) => readFile(new URL(file, import.meta.url), "utf8");
  const [strip, cameras, eyes] = await Promise.all(["../strip.mjs", "devices.js", "probe.js"].map(read));
  // The page gets the same reader that node has: without its `export`s a module is a script.
  return `(() => {\n${strip.replace(/^export /gm, "")}\nconst devices = ${JSON.stringify(devices)};\n${cameras}\n${eyes}\n})();`;
}

async function inside(namespace) {
  const script = join(tmpdir(), `chromium-in-${namespace}`);
  await writeFile(script, `#!/bin/sh\nexec ip netns exec ${namespace} /usr/bin/chromium "$@"\n`);
  await chmod(script, 0o755);
  return script;
}
