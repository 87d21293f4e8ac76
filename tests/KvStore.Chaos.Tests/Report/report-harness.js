"use strict";
// Runs a report's script on a page that only counts what is drawn: node report-harness.js report.html
const fs = require("fs");
const page = fs.readFileSync(process.argv[2], "utf8");
const between = (begin, end) => page.slice(page.indexOf(begin) + begin.length, page.indexOf(end, page.indexOf(begin)));

let rectangles = 0;
const handlers = {};
const pen = new Proxy({}, { get: (_, name) => name === "fillRect" ? () => { rectangles++; } : () => {}, set: () => true });
const make = () => ({
  style: {}, textContent: "", clientWidth: 1200, appendChild() {}, setPointerCapture() {}, getContext: () => pen,
  addEventListener(name, handler) { handlers[name] = handler; },
});
const elements = { data: make() };
elements.data.textContent = between('<script id="data" type="application/octet-stream">', "</script>");
globalThis.document = { title: "", createElement: make, getElementById: id => elements[id] ??= make() };
globalThis.window = { devicePixelRatio: 1, innerWidth: 1200, addEventListener() {} };
globalThis.requestAnimationFrame = paint => paint();

(0, eval)(between('<script id="code">', "</script>").replace('"use strict";', ""));

const wait = setInterval(() => {
  if (!elements.title || !handlers.pointermove && !elements.title.textContent.startsWith("this report")) return;
  clearInterval(wait);
  if (!handlers.pointermove) throw new Error(elements.title.textContent);
  const begun = performance.now();
  rectangles = 0;
  handlers.wheel({ offsetX: 600, deltaY: 1, preventDefault() {} });
  const milliseconds = performance.now() - begun, drawn = rectangles;
  let tips = 0;
  for (let step = 0; step < 40; step++) {
    handlers.wheel({ offsetX: 600, deltaY: step < 20 ? -100 : 100, preventDefault() {} });
    for (let y = 0; y < 900; y += 5) {
      handlers.pointermove({ offsetX: 600, offsetY: y, clientX: 600, clientY: y });
      if (elements.tip.style.display === "block") tips++;
    }
  }
  handlers.pointerdown({ offsetX: 600, pointerId: 1 });
  handlers.pointermove({ offsetX: 500, offsetY: 50, clientX: 500, clientY: 50 });
  handlers.pointerup({});
  elements.all.onclick();
  elements.first.onclick();
  console.log(JSON.stringify({ title: elements.title.textContent, rectangles: drawn, tips, milliseconds }));
}, 10);
