// Takes the pictures of docs/tour.md.
// usage: screenshots.mjs ARM_URL FOLDER
import { launch, open, quietPage } from "./browser.mjs";

const [arm, folder] = process.argv.slice(2);
const browser = await launch();
const PICTURES = [
  { name: "verdict", path: "/?refresh=off", height: 1000 },
  { name: "plans", path: "/plans", height: 1150 },
  { name: "costs", path: "/costs", height: 1050, colorScheme: "dark" },
  { name: "costs-inside", path: "/costs?group_by=resource&service=Amazon+Elastic+Compute+Cloud", height: 900 },
  { name: "imports", path: "/imports", height: 760 },
  { name: "run", path: "/runs/current", height: 800 },
  { name: "manual", path: "/api/docs", height: 900, wait: ".opblock" },
  { name: "telephone", path: "/?refresh=off", width: 400, height: 900, colorScheme: "dark" },
];
for (const { name, path, width = 1100, height, colorScheme = "light", wait } of PICTURES) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  const page = await quietPage(context);
  await open(page, arm + path);
  if (wait) await page.waitForSelector(wait);
  await page.screenshot({ path: `${folder}/${name}.png` });
  await context.close();
}
await browser.close();
