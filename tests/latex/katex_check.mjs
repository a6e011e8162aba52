// Renders formulas with KaTeX at its strictest.
// In: one JSON object a line, {"tex": string, "display": boolean}. Out: one JSON value a line, null or the complaint.
import { createInterface } from "node:readline";
import katex from "katex";

for await (const line of createInterface({ input: process.stdin })) {
  const { tex, display } = JSON.parse(line);
  let complaint = null;
  try {
    katex.renderToString(tex, { displayMode: display, throwOnError: true, strict: "error", trust: false });
  } catch (error) {
    complaint = String(error.message);
  }
  console.log(JSON.stringify(complaint));
}
