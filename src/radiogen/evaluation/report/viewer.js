// The slice viewer, the search in the predictions and what made a row. No library, no request; without it the page still reads.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);

  const load = (uri) => new Promise((done) => { const image = new Image(); image.onload = () => done(image); image.src = uri; });

  document.querySelectorAll(".viewer").forEach((viewer) => {
    const cases = data.cases[viewer.dataset.run];
    const [canvas, choice, slider, overlay, output] = ["canvas", "select", ".slice", ".overlay", "output"].map((name) => viewer.querySelector(name));
    const pen = canvas.getContext("2d");
    const pictures = new Map();
    let shown = 0;

    cases.forEach((one, number) => choice.add(new Option(one.title, number)));

    const draw = async () => {
      const number = shown, one = cases[number];
      if (!pictures.has(number)) pictures.set(number, Promise.all([load(one.tiles), load(one.heat)]));
      const [tiles, heat] = await pictures.get(number);
      if (number !== shown) return;
      const slice = Number(slider.value), left = (slice % one.across) * one.columns, top = Math.floor(slice / one.across) * one.rows;
      [canvas.width, canvas.height] = [one.columns, one.rows];
      pen.drawImage(tiles, left, top, one.columns, one.rows, 0, 0, one.columns, one.rows);
      const finer = tiles.naturalWidth / heat.naturalWidth; // heat may be kept coarser than the slices
      if (overlay.checked) pen.drawImage(heat, left / finer, top / finer, one.columns / finer, one.rows / finer, 0, 0, one.columns, one.rows);
      output.textContent = `${one.slices[slice]} (${slice + 1} of ${one.count})`;
      canvas.setAttribute("aria-label", `Case ${one.title}; slice ${one.slices[slice]}${overlay.checked ? ", with Grad-CAM" : ""}`);
      viewer.dataset.drawn = `${number}/${slice}/${overlay.checked}`;
    };
    const open = (number) => {
      shown = (number + cases.length) % cases.length;
      choice.value = shown;
      slider.max = cases[shown].count - 1;
      slider.value = cases[shown].hottest;
      return draw();
    };

    choice.addEventListener("change", () => open(Number(choice.value)));
    slider.addEventListener("input", draw);
    overlay.addEventListener("change", draw);
    viewer.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key], jump = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (event.key === "o") { overlay.checked = !overlay.checked; draw(); }
      else if (event.target === choice) return;
      else if (step) { slider.value = Number(slider.value) + step; draw(); }
      else if (jump) open(shown + jump);
      else return;
      event.preventDefault();
    });
    open(0);
  });

  // The page of the images beside this one: read when it is nearly in sight, seen once it says that it is there.
  document.querySelectorAll(".own-resolution").forEach((part) => {
    const frame = document.createElement("iframe");
    frame.title = "The cases in three planes at their own resolution";
    addEventListener("message", (event) => {
      if (event.source !== frame.contentWindow || !(event.data && event.data.radiogenHeight)) return;
      part.classList.add("drawn");
      frame.style.height = `${event.data.radiogenHeight}px`;
    });
    const near = new IntersectionObserver((seen) => {
      if (!seen.some((one) => one.isIntersecting)) return;
      near.disconnect();
      frame.src = part.dataset.page;
      part.append(frame);
    }, { rootMargin: "400px" });
    near.observe(part);
  });

  const element = (name, text, parent) => { const made = document.createElement(name); made.textContent = text; parent.append(made); return made; };

  const explain = (cell, run, id) => {
    const names = { seed: "seed", networks: "networks", networks_sha256: "their SHA-256", array: "array", array_sha256: "its SHA-256", slices: "slices",
      series_files: "DICOM files", series_sha256: "SHA-256 of each series" };
    (data.rows[run][id] || []).forEach((row) => {
      const values = Object.fromEntries(data.columns.map((name, place) => [name, data.texts[row[place]].replaceAll("\0", id)]));
      element("b", values.run, cell);
      const list = element("dl", "", cell);
      Object.entries(names).forEach(([key, name]) => {
        if (!values[key]) return;
        element("dt", name, list);
        const value = element("dd", "", list);
        values[key].split(" ").forEach((part) => { element("span", part, value).className = "file"; value.append(document.createElement("br")); });
      });
      if (values.series_sha256) { element("dt", "to check a series", list); element("dd", `LC_ALL=C sha256sum ${values.series_files.split(" ")[0]} | cut -c-64 | sha256sum`, list).className = "file"; }
    });
    if (data.commands[run].length) element("p", "To make it again:", cell);
    data.commands[run].forEach((command) => element("pre", command, cell));
  };

  document.querySelectorAll(".predictions").forEach((part) => {
    const body = part.querySelector("tbody"), rows = [...body.rows];
    rows.forEach((row) => { row.dataset.case = row.cells[0].textContent.trim(); row.tabIndex = 0; });
    const words = data.classes[part.dataset.run];
    const texts = rows.map((row) => ` ${row.textContent.toLowerCase().replace(/\s+/g, " ")} ${[...row.cells].map((one) => one.textContent).join(" ")} ${words[row.cells[2].textContent.trim()] || ""}`);
    const toggle = (row) => {
      if (row.nextSibling && row.nextSibling.className === "made-of") { row.nextSibling.remove(); return; }
      const opened = document.createElement("tr");
      opened.className = "made-of";
      const cell = opened.insertCell();
      cell.colSpan = row.cells.length;
      explain(cell, part.dataset.run, row.dataset.case);
      row.after(opened);
    };
    body.addEventListener("click", (event) => { const row = event.target.closest("tr[data-case]"); if (row) toggle(row); });
    body.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.dataset.case) toggle(event.target); });
    part.querySelector("input").addEventListener("input", (event) => {
      const wanted = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      body.querySelectorAll(".made-of").forEach((row) => row.remove());
      rows.forEach((row, place) => { row.hidden = !wanted.every((word) => texts[place].includes(` ${word}`)); });
    });
  });

  const openAt = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let part = target; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
    if (target) target.scrollIntoView();
  };
  addEventListener("hashchange", openAt);
  openAt();

  let closed = [];
  addEventListener("beforeprint", () => { closed = [...document.querySelectorAll("details:not([open])")]; closed.forEach((one) => { one.open = true; }); });
  addEventListener("afterprint", () => closed.forEach((one) => { one.open = false; }));
})();
