// A Chromium that is there already, and what every check of a page needs.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(`${process.env.BROWSER_MODULES}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export async function launch() {
  const sandbox = process.getuid() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: process.env.CHROMIUM, args: [...sandbox, "--disable-gpu", "--disable-quic"] });
}

let passed = 0;
export function pass(what) {
  passed += 1;
  console.log(`ok: ${what}`);
}
export function expect(holds, what) {
  if (!holds) throw new Error(what);
}
export const count = () => passed;

// A page whose console must stay silent.
export async function quietPage(context) {
  const page = await context.newPage();
  page.said = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && page.said.push(message.text()));
  page.on("pageerror", (error) => page.said.push(String(error)));
  return page;
}

export async function open(page, url) {
  const answer = await page.goto(url, { waitUntil: "load" });
  expect(answer.status() === 200, `${url} answered ${answer.status()}`);
}

// What axe-core finds that keeps somebody from using the page.
export async function barriers(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const serious = found.violations.filter((violation) => ["serious", "critical"].includes(violation.impact));
  return serious.map((violation) => `${violation.id}: ${violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 120)).join(" | ")}`);
}

// How far the page is wider than the screen, pixels.
export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
