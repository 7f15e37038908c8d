// Three planes by NiiVue, where this page holds it and the browser has WebGL 2.
"use strict";

globalThis.radiogenLoadNiiVue = async (unzipped) => {
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

globalThis.radiogenNiiVue = async (NiiVue, canvas, moved) => {
  let silent = false;
  const viewer = new NiiVue({ isRadiologicalConvention: true, sagittalNoseLeft: true, multiplanarShowRender: 0, multiplanarLayout: 3, multiplanarPadPixels: 4,
    dragMode: 0, crosshairColor: [0.34, 0.71, 0.91, 0.7], crosshairWidthUnit: "mm", crosshairGap: 6, fontColor: [0.9, 0.9, 0.9, 1], fontSizeScaling: 0, backColor: [0, 0, 0, 1],
    showAllOrientationMarkers: true, dragAndDropEnabled: false, logLevel: "error", loadingText: "",
    onLocationChange: (place) => { if (!silent) moved([...place.mm].slice(0, 3), place.values[0] ? place.values[0].value : NaN); } });
  await viewer.attachToCanvas(canvas);
  const { at, colours, full } = globalThis.RADIOGEN_HEAT, channel = (number) => colours.map((one) => one[number]);
  viewer.addColormap("radiogen-heat", { R: channel(0), G: channel(1), B: channel(2), A: at.map((one) => (one ? 255 : 0)), I: at });
  let seen = 0.45;

  const draw = () => {
    if (!viewer.volumes.length) return;
    const { dimsRAS, pixDimsRAS } = viewer.volumes[0], { square, scale } = radiogenLayout(canvas.clientWidth, canvas.clientHeight, [1, 2, 3].map((axis) => dimsRAS[axis] * pixDimsRAS[axis]));
    viewer.opts.multiplanarLayout = square ? 2 : 3;
    viewer.opts.crosshairWidth = 1.4 / scale;
    viewer.drawScene();
  };
  const window_ = (low, high) => { [viewer.volumes[0].cal_min, viewer.volumes[0].cal_max] = [low, high]; viewer.updateGLVolume(); };
  addEventListener("resize", draw);

  return { viewer, draw,
    show: async (one, buffer, heatBuffer) => {
      silent = true;
      while (viewer.volumes.length) viewer.removeVolume(viewer.volumes[viewer.volumes.length - 1]);
      viewer.opts.isOrientationTextVisible = one.placed;
      await viewer.loadFromArrayBuffer(buffer, `${one.name}.nii`);
      if (heatBuffer) {
        await viewer.loadFromArrayBuffer(heatBuffer, "heat.nii");
        Object.assign(viewer.volumes[1], { colormap: "radiogen-heat", opacity: seen, cal_min: full, cal_max: 255, colormapType: 2 }); // 2: clear at 0, opaque from cal_min up
      }
      window_(one.low, one.high);
      viewer.setSliceType(3);
      draw();
      silent = false;
    },
    boxes: () => [...viewer.screenSlices].sort((one, other) => one.axCorSag - other.axCorSag).map((tile) => {
      const [left, top, width, height] = [...tile.leftTopWidthHeight].map((one) => one / viewer.uiData.dpr);
      return [Math.min(left, left + width), Math.min(top, top + height), Math.abs(width), Math.abs(height)];
    }),
    window: window_,
    heat: (share) => { seen = share; if (viewer.volumes.length > 1) viewer.setOpacity(1, share); },
    goTo: (mm) => { silent = true; viewer.scene.crosshairPos = viewer.mm2frac(mm, 0, true); viewer.drawScene(); silent = false; },
    tell: () => { silent = false; viewer.createOnLocationChange(); } };
};
