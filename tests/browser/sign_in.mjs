// Somebody signs in with a key, uploads the sample, looks at one service, and takes its sums along: they are what the API says.
// usage: sign_in.mjs ONE_URL KEY BILL.csv
import { readFileSync } from "node:fs";
import { barriers, count, expect, launch, overflow, pass, quietPage } from "./browser.mjs";

const [url, key, bill] = process.argv.slice(2);
const browser = await launch();
const context = await browser.newContext({ viewport: { width: 400, height: 800 }, acceptDownloads: true });
const page = await quietPage(context);

await page.goto(`${url}/imports`);
expect(new URL(page.url()).pathname === "/sign-in", `a stranger is at ${page.url()}`);
expect((await barriers(page)).length === 0 && (await overflow(page)) <= 0, "the sign-in page has barriers");
await page.fill('input[name="key"]', "guessed");
await page.click("main button");
expect((await page.textContent('[role="alert"]')).includes("not known"), "a wrong key is not refused");
page.said.length = 0; // A 401 is an error to the console.
await page.fill('input[name="key"]', key);
await page.click("main button");
const arm = new URL(page.url()).origin;
expect(new URL(page.url()).pathname === "/imports", `signed in, somebody is at ${page.url()}`);
expect((await page.textContent(".site")).includes("Sign out"), "nobody seems to be signed in");
pass("a key signs in, a wrong one does not");

const cookie = (await context.cookies())[0];
expect(cookie.httpOnly && cookie.sameSite === "Lax" && !cookie.value.includes(key), JSON.stringify(cookie));
const sent = { method: "POST", headers: { "content-type": "text/csv", cookie: `${cookie.name}=${cookie.value}` }, body: "x" };
const posted = await fetch(`${arm}/api/imports`, sent);
expect(posted.status === 401, `a write with the session alone was answered ${posted.status}`);
page.said.length = 0;
pass("the session is read-only by itself");

await page.fill('input[name="dataset"]', "azure-actual");
await page.setInputFiles('input[type="file"]', bill);
await page.click("main button");
expect((await page.textContent("main")).includes("1,000"), `the upload ended at ${page.url()}: ${(await page.textContent("main")).slice(0, 300)}`);
pass("the sample is uploaded by a form");

await page.click('main a.button');
await page.click('nav[aria-label="Pages"] a[href="/costs"]');
await page.click("main tbody th a");
const service = new URL(page.url()).searchParams.get("service");
expect(service, `no service is chosen at ${page.url()}`);
const [download] = await Promise.all([page.waitForEvent("download"), page.click('main a[href*="format=csv"]')]);
const file = readFileSync(await download.path(), "utf8");
const asked = new URLSearchParams({ metric: "billed", group_by: "resource", period: "day", top: "8", service });
const answer = await fetch(`${arm}/api/costs?${asked}`, { headers: { "x-api-key": key, accept: "text/csv" } });
expect(file.split("\n").length > 2 && file === (await answer.text()), "the file differs from the API's answer");
pass(`the sums of ${service} are those of the API`);

await page.click(".site button");
expect(new URL(page.url()).pathname === "/sign-in", `signed out, somebody is at ${page.url()}`);
await page.goto(`${arm}/costs`);
expect(new URL(page.url()).pathname === "/sign-in", "the session goes on");
pass("signing out ends it");
expect(page.said.length === 0, `the console says ${page.said.join("; ")}`);
await browser.close();
console.log(`${count()} passed, 0 failed`);
