// The page: which case is shown, its volumes, the window, the heat, and one crosshair for all of its series.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const figures = [...document.querySelectorAll(".series")], by = document.querySelector(".by");
  const [choice, slider, drag] = ["select.case", "input.heat", "select.drag"].map((name) => document.querySelector(name));
  const beside = new Map();
  const framed = parent !== globalThis; // in the report
  let drawers = [], shown = -1, following = false, awake = !framed;
  document.body.classList.toggle("framed", framed);

  const unzipped = (base64) => new Response(new Blob([Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))]).stream()
    .pipeThrough(new DecompressionStream("gzip")));

  globalThis.radiogenVolume = (key, text) => beside.set(key, text);
  const text = (key) => {
    const inside = document.getElementById(`volume-${key}`);
    if (inside) return Promise.resolve(inside.textContent);
    return new Promise((done, failed) => {
      const script = document.createElement("script"), path = `${data.folder}/${key}.js`;
      script.onload = () => { script.remove(); done(beside.get(key)); beside.delete(key); };
      script.onerror = () => failed(new Error(`${decodeURIComponent(path)} is not beside this page`));
      script.src = path;
      document.head.append(script);
    });
  };
  const volume = async (key) => unzipped(await text(key)).arrayBuffer();

  const words = (mm) => ["RL", "AP", "SI"].map((sides, axis) => `${sides[mm[axis] < 0 ? 1 : 0]} ${Math.abs(mm[axis]).toFixed(0)}`).join(", ");
  const moved = (number) => (mm, value) => {
    const one = series(number);
    figures[number].querySelector("output").textContent = `${one.placed ? `${words(mm)} mm: ` : ""}${Number(Number(value).toPrecision(4))}`;
    figures[number].dataset.place = JSON.stringify(mm);
    if (following || !one.placed) return;
    following = true;
    drawers.forEach((other, place) => { if (place !== number && series(place) && series(place).placed) { other.goTo(mm); other.tell(); } });
    following = false;
  };
  const series = (number) => shown >= 0 && data.cases[shown].series.find((one) => one.name === data.names[number]);

  const fill = (figure, one) => {
    figure.hidden = !one;
    if (!one) return;
    figure.querySelector(".facts").textContent = one.facts;
    figure.querySelector(".reduced").textContent = one.reduced;
    figure.querySelector("ul").replaceChildren(...one.findings.map((finding) => Object.assign(document.createElement("li"), { textContent: finding })));
  };

  const open = async (number) => {
    delete document.body.dataset.case;
    by.textContent = "The images are being read …";
    shown = number;
    const one = data.cases[number], heat = one.heat ? await volume(one.heat.image) : null;
    document.querySelector(".case-note").textContent = one.note;
    for (const [place, drawer] of drawers.entries()) {
      const own = series(place);
      fill(figures[place], own);
      if (!own) continue;
      const image = await volume(own.image);
      if (shown !== number) return;
      own.window = [own.low, own.high];
      await drawer.show(own, image, own.hot ? heat.slice(0) : null);
      if (slider) drawer.heat(slider.value / 100);
      if (own.hot) drawer.goTo(one.heat.at);
      figures[place].dataset.boxes = JSON.stringify(drawer.boxes());
    }
    following = true;
    drawers.forEach((drawer, place) => { if (series(place)) drawer.tell(); });
    following = false;
    by.textContent = document.body.dataset.drawn === "niivue" ? "" : document.getElementById("niivue") ? "This browser has no WebGL 2: drawn without NiiVue, voxel by voxel."
      : "Drawn voxel by voxel; with the package ipyniivue installed (pip install \"radiogen[view]\") NiiVue draws smoothly.";
    document.body.dataset.case = number;
  };

  const listen = (number) => {
    const stage = figures[number].querySelector(".stage");
    let windowing = false;
    const wanted = (event) => event.button === 2 || (event.button === 0 && drag.value === "window");
    const block = (event) => { // whoever scrolls through the report with a finger or the wheel is not held up before a click
      if (!awake && (event.type.startsWith("touch") || event.type === "wheel")) event.stopPropagation();
      else if (windowing || (drag.value === "window" && event.type.startsWith("touch"))) { event.stopPropagation(); event.preventDefault(); }
    };
    stage.addEventListener("pointerdown", (event) => { if (wanted(event)) { windowing = true; stage.setPointerCapture(event.pointerId); event.stopPropagation(); } }, true);
    stage.addEventListener("pointermove", (event) => {
      if (!windowing) return;
      event.stopPropagation();
      const one = series(number), step = (one.high - one.low) / 300, [low, high] = one.window;
      const level = (low + high) / 2 + step * event.movementX, half = Math.max(step, (high - low) / 2 + step * event.movementY);
      one.window = [level - half, level + half];
      drawers[number].window(...one.window);
    }, true);
    ["pointerup", "pointercancel"].forEach((name) => stage.addEventListener(name, () => { windowing = false; }, true));
    ["mousedown", "mousemove", "touchstart", "touchmove", "wheel"].forEach((name) => stage.addEventListener(name, block, { capture: true, passive: false }));
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.addEventListener("dblclick", () => { const one = series(number); one.window = [one.low, one.high]; drawers[number].window(one.low, one.high); });
  };

  const start = async () => {
    let NiiVue = null;
    try { NiiVue = await radiogenLoadNiiVue(unzipped); } catch (error) { console.info(String(error)); }
    for (const [number, figure] of figures.entries()) {
      const canvas = figure.querySelector("canvas");
      listen(number);
      drawers.push(NiiVue ? await radiogenNiiVue(NiiVue, canvas, moved(number)) : radiogenPlain(canvas, moved(number)));
    }
    if (choice) choice.addEventListener("change", () => open(Number(choice.value)).catch(failed));
    if (slider) slider.addEventListener("input", () => drawers.forEach((drawer, number) => { if (series(number)) drawer.heat(slider.value / 100); }));
    if (framed) {
      const wake = (state) => { awake = state; document.body.classList.toggle("awake", state); };
      addEventListener("click", () => wake(true));
      addEventListener("blur", () => wake(false));
      new ResizeObserver(() => parent.postMessage({ radiogenHeight: Math.ceil(document.documentElement.getBoundingClientRect().height) }, "*")).observe(document.documentElement);
    }
    drag.addEventListener("change", () => document.body.classList.toggle("windowing", drag.value === "window"));
    document.body.dataset.drawn = NiiVue ? "niivue" : "plain";
    globalThis.drawers = drawers;
    await open(0);
  };
  const failed = (error) => { by.textContent = `The images cannot be drawn: ${error.message || error}`; console.error(error); };
  start().catch(failed);
})();
