// Every page at two widths, light and dark: it answers, its console is silent, it is no wider than the screen, and axe-core finds nothing serious.
// Then each link of the explorer is followed once.
// usage: pages.mjs ARM_URL [SCREENSHOT_FOLDER]
import { barriers, count, expect, launch, open, overflow, pass, quietPage } from "./browser.mjs";

const [arm, shots] = process.argv.slice(2);
const browser = await launch();

const imports = await (await fetch(`${arm}/api/imports`)).json();
const PAGES = {
  verdict: "/?refresh=off",
  plans: "/plans",
  "plans-compared": "/plans?plans=app-service%2FS1%2Cfunctions%2Fflex-512",
  "plans-given": "/plans?calls_per_day=200000&duration=40ms",
  runs: "/runs",
  run: "/runs/current",
  costs: "/costs",
  "costs-by-month": "/costs?group_by=provider&period=month",
  "costs-inside": "/costs?group_by=resource&service=Amazon+Elastic+Compute+Cloud",
  "costs-by-resource": "/costs?group_by=resource",
  "costs-nothing": "/costs?service=none+such",
  imports: "/imports",
  import: `/imports/${imports.imports[0].id}`,
  manual: "/api/docs",
  problems: "/api/docs/problems",
};

for (const width of [400, 1200]) {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    for (const [name, path] of Object.entries(PAGES)) {
      const page = await quietPage(context);
      await open(page, arm + path);
      if (name === "manual") await page.waitForSelector(".opblock", { timeout: 60_000 });
      const where = `${name}, ${width} px, ${colorScheme}`;
      if (shots) await page.screenshot({ path: `${shots}/${name}-${width}-${colorScheme}.png`, fullPage: name !== "manual" });
      const wider = await overflow(page);
      expect(wider <= 0, `${where}: ${wider} px wider than the screen`);
      const hidden = await page.$$eval(".scroll table.stack", (tables) => Math.max(0, ...tables.map((table) => table.scrollWidth - table.parentElement.clientWidth)));
      expect(hidden <= 0, `${where}: ${hidden} px of a table stand outside of the page`);
      // Swagger UI's own marks are its makers' to mend; they are listed, and ours must be none.
      const found = await barriers(page);
      if (name === "manual") found.forEach((barrier) => console.log(`note: ${where}: ${barrier}`));
      else expect(found.length === 0, `${where}: ${found.join("; ")}`);
      expect(page.said.length === 0, `${where}: the console says ${page.said.join("; ")}`);
      await page.close();
      pass(where);
    }
    await context.close();
  }
}

const context = await browser.newContext();
const page = await quietPage(context);
await open(page, `${arm}/costs`);
const links = await page.$$eval('main a[href^="/costs"]', (anchors) => [...new Set(anchors.map((anchor) => anchor.href))]);
expect(links.length > 15, `only ${links.length} links on the explorer`);
for (const link of links.filter((link) => !link.includes("format=csv"))) await open(page, link);
expect(page.said.length === 0, `the console says ${page.said.join("; ")}`);
pass(`${links.length} links of the explorer lead somewhere`);

// The form's fields lead to an address that says the same again.
await open(page, `${arm}/plans`);
await page.fill('input[name="calls_per_day"]', "3456000");
await page.fill('input[name="duration"]', "20ms");
await Promise.all([page.waitForNavigation(), page.click("main form button")]);
const priced = new URL(page.url());
expect(priced.searchParams.get("calls_per_day") === "3456000" && priced.searchParams.get("duration") === "20ms", `the form led to ${priced}`);
expect((await page.textContent("h1")).startsWith("At 3,456,000 calls a day"), await page.textContent("h1"));
const answer = await (await fetch(`${arm}/api/plans${priced.search}`)).json();
const shown = await page.$$eval("#months ~ .scroll tbody tr", (rows) => rows.map((row) => [row.cells[0].firstChild.textContent.trim(), row.cells[1].textContent]));
const months = shown.map(([plan, month]) => [plan, month === "unknown" ? null : Number(month.replace(/[$,]/g, ""))]);
const exact = answer.plans.map(({ plan, per_month }) => [plan, per_month === null ? null : Number(per_month)]);
expect(months.length > 10 && JSON.stringify(months) === JSON.stringify(exact), `${JSON.stringify(months)} are not ${JSON.stringify(exact)}`);
pass("a form prices other traffic, as the API does");
await browser.close();
console.log(`${count()} passed, 0 failed`);
