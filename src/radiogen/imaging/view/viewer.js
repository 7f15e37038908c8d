// Series in three planes: by NiiVue where this page holds it and the browser has WebGL 2, else by a plain canvas.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const figures = [...document.querySelectorAll(".series")];

  const unzipped = (base64) => new Response(new Blob([Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))]).stream()
    .pipeThrough(new DecompressionStream("gzip")));

  const loadNiiVue = async () => {
    const kept = document.getElementById("niivue");
    if (!kept || !document.createElement("canvas").getContext("webgl2")) return null;
    const script = document.createElement("script");
    script.type = "module";
    script.textContent = await unzipped(kept.textContent).text();
    const loaded = new Promise((done, failed) => {
      const end = Date.now() + 20000, look = () => (globalThis.NiiVue ? done(globalThis.NiiVue) : Date.now() > end ? failed(new Error("NiiVue did not start")) : setTimeout(look, 20));
      look();
    });
    document.head.append(script);
    return loaded;
  };

  const drawByNiiVue = async (NiiVue, one, figure) => {
    const output = figure.querySelector("output"), canvas = figure.querySelector("canvas");
    const viewer = new NiiVue({ isRadiologicalConvention: true, sagittalNoseLeft: true, multiplanarShowRender: 0, multiplanarLayout: 3, multiplanarPadPixels: 4,
      dragMode: 9, crosshairColor: [0.34, 0.71, 0.91, 0.7], crosshairGap: 6, fontColor: [0.9, 0.9, 0.9, 1], backColor: [0, 0, 0, 1],
      isOrientationTextVisible: one.placed, dragAndDropEnabled: false, logLevel: "error",
      onLocationChange: (place) => { output.textContent = place.string || ""; } });
    await viewer.attachToCanvas(canvas);
    await viewer.loadFromArrayBuffer(await unzipped(one.image).arrayBuffer(), `${one.name}.nii`);
    const open = () => { viewer.volumes[0].cal_min = one.low; viewer.volumes[0].cal_max = one.high; viewer.updateGLVolume(); };
    open();
    viewer.setSliceType(3);
    canvas.addEventListener("dblclick", open);
    viewer.drawScene();
    figure.dataset.boxes = JSON.stringify(viewer.screenSlices.map((tile) => [...tile.leftTopWidthHeight].map((one) => one / viewer.uiData.dpr)));
    return viewer;
  };

  // ---- the plain viewer: nearest voxels along the axes that run nearest to the patient's

  const TYPES = { 2: Uint8Array, 4: Int16Array, 8: Int32Array, 16: Float32Array, 64: Float64Array, 256: Int8Array, 512: Uint16Array, 768: Uint32Array };

  const parsed = (buffer) => {
    const head = new DataView(buffer), size = [42, 44, 46].map((at) => head.getInt16(at, true));
    const rows = [280, 296, 312].map((at) => [0, 4, 8].map((more) => head.getFloat32(at + more, true)));
    const placed = head.getInt16(254, true) > 0, from = head.getFloat32(108, true);
    const matrix = placed ? rows : [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
    const axes = [], left = [0, 1, 2]; // by patient axis (right, front, head) the voxel axis
    [...left].sort((one, other) => Math.max(...matrix[other].map(Math.abs)) - Math.max(...matrix[one].map(Math.abs))).forEach((patient) => {
      const best = left.reduce((one, other) => (Math.abs(matrix[patient][other]) > Math.abs(matrix[patient][one]) ? other : one));
      axes[patient] = best;
      left.splice(left.indexOf(best), 1);
    });
    const up = axes.map((axis, patient) => matrix[patient][axis] > 0);
    const mm = [0, 1, 2].map((axis) => Math.hypot(...matrix.map((row) => row[axis])) || 1);
    return { voxels: new TYPES[head.getInt16(70, true)](buffer.slice(from)), size, axes, up, mm };
  };

  const drawPlainly = async (one, figure) => {
    const image = parsed(await unzipped(one.image).arrayBuffer());
    const canvas = figure.querySelector("canvas"), output = figure.querySelector("output"), pen = canvas.getContext("2d");
    const count = image.axes.map((axis) => image.size[axis]), place = count.map((many) => Math.floor(many / 2));
    const steps = [1, image.size[0], image.size[0] * image.size[1]];
    const index = (along) => along.reduce((sum, at, patient) => sum + steps[image.axes[patient]] * (image.up[patient] ? at : count[patient] - 1 - at), 0);
    const planes = [[2, 0, 1, "R", "L", "A"], [1, 0, 2, "R", "L", "S"], [0, 1, 2, "A", "P", "S"]]; // across which axis; across and up the picture
    let [low, high] = [one.low, one.high], boxes = [];
    const picture = ([through, across, upwards]) => {
      const made = new ImageData(count[across], count[upwards]), at = [...place];
      for (let y = 0; y < made.height; y++) for (let x = 0; x < made.width; x++) {
        at[across] = made.width - 1 - x; // the patient's right, and front, on the left
        at[upwards] = made.height - 1 - y;
        const grey = 255 * (image.voxels[index(at)] - low) / (high - low), to = 4 * (y * made.width + x);
        made.data[to] = made.data[to + 1] = made.data[to + 2] = grey;
        made.data[to + 3] = 255;
      }
      return made;
    };
    const draw = () => {
      [canvas.width, canvas.height] = [canvas.clientWidth, canvas.clientHeight];
      const long = image.axes.map((axis, patient) => count[patient] * image.mm[axis]);
      const scale = Math.min(canvas.width / (2 * long[0] + long[1] + 1e-6), canvas.height / Math.max(long[1], long[2]));
      let left = (canvas.width - scale * (2 * long[0] + long[1])) / 2;
      boxes = planes.map((plane) => {
        const [through, across, upwards, west, east, north] = plane, made = picture(plane);
        const box = { plane, left, top: (canvas.height - scale * long[upwards]) / 2, width: scale * long[across], height: scale * long[upwards] };
        const small = new OffscreenCanvas(made.width, made.height);
        small.getContext("2d").putImageData(made, 0, 0);
        pen.drawImage(small, box.left, box.top, box.width, box.height);
        pen.strokeStyle = "rgba(86, 180, 233, .6)";
        const x = box.left + box.width * (1 - (place[across] + 0.5) / count[across]), y = box.top + box.height * (1 - (place[upwards] + 0.5) / count[upwards]);
        pen.beginPath(); pen.moveTo(x, box.top); pen.lineTo(x, box.top + box.height); pen.moveTo(box.left, y); pen.lineTo(box.left + box.width, y); pen.stroke();
        if (one.placed) {
          pen.fillStyle = "#e6e9ec"; pen.font = "13px system-ui, sans-serif";
          pen.textAlign = "left"; pen.fillText(west, box.left + 4, box.top + box.height / 2);
          pen.textAlign = "right"; pen.fillText(east, box.left + box.width - 4, box.top + box.height / 2);
          pen.textAlign = "center"; pen.fillText(north, box.left + box.width / 2, box.top + 14);
        }
        left += box.width;
        return box;
      });
      output.textContent = `${Number(image.voxels[index(place)].toPrecision(4))}`;
      figure.dataset.boxes = JSON.stringify(boxes.map((box) => [box.left, box.top, box.width, box.height]));
    };
    const at = (event) => boxes.find((box) => event.offsetX >= box.left && event.offsetX < box.left + box.width && event.offsetY >= box.top && event.offsetY < box.top + box.height);
    const kept = (patient, value) => { place[patient] = Math.max(0, Math.min(count[patient] - 1, value)); };
    const move = (event) => {
      const box = at(event);
      if (!box) return;
      const [, across, upwards] = box.plane;
      kept(across, Math.floor(count[across] * (1 - (event.offsetX - box.left) / box.width)));
      kept(upwards, Math.floor(count[upwards] * (1 - (event.offsetY - box.top) / box.height)));
      draw();
    };
    canvas.addEventListener("pointerdown", (event) => { if (event.button === 0) move(event); });
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons === 1) move(event);
      else if (event.buttons === 2) {
        const step = (one.high - one.low) / 300, level = (low + high) / 2 + step * event.movementX, half = Math.max(step, (high - low) / 2 + step * event.movementY);
        [low, high] = [level - half, level + half];
        draw();
      }
    });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("dblclick", () => { [low, high] = [one.low, one.high]; draw(); });
    canvas.addEventListener("wheel", (event) => { const box = at(event); if (box) { event.preventDefault(); kept(box.plane[0], place[box.plane[0]] - Math.sign(event.deltaY)); draw(); } }, { passive: false });
    addEventListener("resize", draw);
    draw();
  };

  const start = async () => {
    let NiiVue = null;
    try { NiiVue = await loadNiiVue(); } catch (error) { console.info(String(error)); }
    const viewers = [];
    for (const [number, one] of data.entries()) {
      if (NiiVue) viewers.push(await drawByNiiVue(NiiVue, one, figures[number]));
      else await drawPlainly(one, figures[number]);
    }
    viewers.forEach((viewer, number) => viewer.broadcastTo(viewers.filter((_, other) => other !== number), { "2d": true, "3d": false }));
    document.querySelector(".by").textContent = NiiVue ? "" : document.getElementById("niivue") ? "This browser has no WebGL 2: drawn without NiiVue, voxel by voxel."
      : "Drawn voxel by voxel; with the package ipyniivue installed (pip install \"radiogen[view]\") NiiVue draws smoothly.";
    document.body.dataset.drawn = NiiVue ? "niivue" : "plain";
    globalThis.viewers = viewers;
  };
  start().catch((error) => { document.querySelector(".by").textContent = `The images cannot be drawn: ${error}`; console.error(error); });
})();
