// Three planes on a plain canvas, voxel by voxel: nearest voxels along the axes that run nearest to the patient's.
"use strict";

globalThis.RADIOGEN_HEAT = { at: [0, 64, 128, 192, 255], colours: [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]], full: 170 }; // inferno (matplotlib, CC0), clear at 0, opaque from `full` up

// The planes of a block of (x, y, z) mm in a row or in a square, whichever is larger; scale: pixels a mm.
globalThis.radiogenLayout = (width, height, [x, y, z], gap = 4) => {
  const row = Math.min((width - 2 * gap) / (2 * x + y), height / Math.max(y, z)), square = Math.min((width - gap) / (x + y), (height - gap) / (y + z));
  return { square: square > row, scale: Math.max(row, square) };
};

globalThis.radiogenParse = (buffer) => {
  const TYPES = { 2: Uint8Array, 4: Int16Array, 8: Int32Array, 16: Float32Array, 64: Float64Array, 256: Int8Array, 512: Uint16Array, 768: Uint32Array };
  const head = new DataView(buffer), size = [42, 44, 46].map((at) => head.getInt16(at, true));
  const matrix = [280, 296, 312].map((at) => [0, 4, 8, 12].map((more) => head.getFloat32(at + more, true)));
  const slope = head.getFloat32(112, true) || 1, intercept = head.getFloat32(116, true) || 0; // NaN and 0: none
  const [a, b, c] = matrix, minor = (one, other, p, q) => one[p] * other[q] - one[q] * other[p];
  const determinant = a[0] * minor(b, c, 1, 2) - a[1] * minor(b, c, 0, 2) + a[2] * minor(b, c, 0, 1);
  const inverse = [[minor(b, c, 1, 2), -minor(a, c, 1, 2), minor(a, b, 1, 2)], [-minor(b, c, 0, 2), minor(a, c, 0, 2), -minor(a, b, 0, 2)], [minor(b, c, 0, 1), -minor(a, c, 0, 1), minor(a, b, 0, 1)]]
    .map((row) => row.map((one) => one / determinant));
  const times = (rows, [x, y, z]) => rows.map((row) => row[0] * x + row[1] * y + row[2] * z);
  return { voxels: new TYPES[head.getInt16(70, true)](buffer.slice(head.getFloat32(108, true))), size, matrix, inverse, slope, intercept,
    mm: (voxel) => times(matrix, voxel).map((one, axis) => one + matrix[axis][3]),
    voxel: (mm) => times(inverse, mm.map((one, axis) => one - matrix[axis][3])) };
};

globalThis.radiogenPlain = (canvas, moved) => {
  const pen = canvas.getContext("2d");
  const PLANES = [[2, 0, 1, "R", "L", "A", "P"], [1, 0, 2, "R", "L", "S", "I"], [0, 1, 2, "A", "P", "S", "I"]]; // through, across and up the picture by patient axis; letters left, right, above, below
  const colours = new Uint8Array(1024), { at, colours: ends, full } = globalThis.RADIOGEN_HEAT;
  for (let value = 0; value < 256; value++) {
    const after = Math.max(1, at.findIndex((one) => one >= value)), share = (value - at[after - 1]) / (at[after] - at[after - 1]);
    ends[after - 1].forEach((one, channel) => { colours[4 * value + channel] = one + share * (ends[after][channel] - one); });
    colours[4 * value + 3] = 255 * Math.min(1, (value / full) ** 2);
  }
  let image, heat, placed, low, high, seen = 0.45, axes, up, count, place, boxes = [];

  const show = async (one, buffer, heatBuffer) => {
    [image, heat, placed, low, high] = [radiogenParse(buffer), heatBuffer && radiogenParse(heatBuffer), one.placed, one.low, one.high];
    axes = [];
    const left = [0, 1, 2], most = (patient) => Math.max(...left.map((axis) => Math.abs(image.matrix[patient][axis]))); // by patient axis (right, front, head) the voxel axis
    [0, 1, 2].sort((first, second) => most(second) - most(first)).forEach((patient) => {
      axes[patient] = left.reduce((first, second) => (Math.abs(image.matrix[patient][second]) > Math.abs(image.matrix[patient][first]) ? second : first));
      left.splice(left.indexOf(axes[patient]), 1);
    });
    up = axes.map((axis, patient) => image.matrix[patient][axis] > 0);
    count = axes.map((axis) => image.size[axis]);
    place = count.map((many) => Math.floor(many / 2));
    draw();
  };
  const voxelAt = (along) => { const voxel = []; along.forEach((where, patient) => { voxel[axes[patient]] = up[patient] ? where : count[patient] - 1 - where; }); return voxel; };
  const index = ([x, y, z], size) => x + size[0] * (y + size[1] * z);
  const step = (axis) => Math.hypot(...image.matrix.map((row) => row[axis])) || 1;

  const picture = ([through, across, upwards]) => {
    const made = new ImageData(count[across], count[upwards]), along = [...place], pixels = made.data;
    for (let y = 0; y < made.height; y++) for (let x = 0; x < made.width; x++) {
      along[across] = made.width - 1 - x; // the patient's right, and front, on the left
      along[upwards] = made.height - 1 - y;
      const voxel = voxelAt(along), to = 4 * (y * made.width + x);
      const grey = 255 * (image.voxels[index(voxel, image.size)] * image.slope + image.intercept - low) / (high - low);
      pixels[to] = pixels[to + 1] = pixels[to + 2] = grey;
      pixels[to + 3] = 255;
      if (!heat || !seen) continue;
      const hot = heat.voxel(image.mm(voxel)).map(Math.round);
      if (hot.some((one, axis) => one < 0 || one >= heat.size[axis])) continue;
      const colour = 4 * heat.voxels[index(hot, heat.size)], share = seen * colours[colour + 3] / 255;
      for (let channel = 0; share && channel < 3; channel++) pixels[to + channel] = pixels[to + channel] * (1 - share) + colours[colour + channel] * share;
    }
    return made;
  };

  const corners = () => { // of the planes on the canvas: in a row, or where that is narrow in a square
    const long = axes.map((axis, patient) => count[patient] * step(axis)), [width, height] = [canvas.width, canvas.height], gap = 4;
    const { square, scale } = radiogenLayout(width, height, long, gap), wide = (square ? long[0] + long[1] : 2 * long[0] + long[1]) * scale + gap * (square ? 1 : 2);
    const [x0, y0] = [(width - wide) / 2, square ? (height - scale * (long[1] + long[2]) - gap) / 2 : 0];
    const at = square ? [[x0, y0 + scale * long[2] + gap], [x0, y0], [x0 + scale * long[0] + gap, y0]]
      : [[x0, y0], [x0 + scale * long[0] + gap, y0], [x0 + 2 * scale * long[0] + 2 * gap, y0]];
    return PLANES.map((plane, number) => {
      const box = { plane, left: at[number][0], top: at[number][1], width: scale * long[plane[1]], height: scale * long[plane[2]] };
      return square ? box : { ...box, top: (height - box.height) / 2 };
    });
  };

  const draw = () => {
    if (!image) return;
    [canvas.width, canvas.height] = [canvas.clientWidth, canvas.clientHeight];
    boxes = corners();
    boxes.forEach(({ plane, left, top, width, height }) => {
      const [, across, upwards, west, east, north, south] = plane, made = picture(plane), small = new OffscreenCanvas(made.width, made.height);
      small.getContext("2d").putImageData(made, 0, 0);
      pen.drawImage(small, left, top, width, height);
      pen.strokeStyle = "rgba(86, 180, 233, .6)";
      const x = left + width * (1 - (place[across] + 0.5) / count[across]), y = top + height * (1 - (place[upwards] + 0.5) / count[upwards]);
      pen.beginPath(); pen.moveTo(x, top); pen.lineTo(x, top + height); pen.moveTo(left, y); pen.lineTo(left + width, y); pen.stroke();
      if (!placed) return;
      pen.fillStyle = "#e6e9ec"; pen.font = "13px system-ui, sans-serif"; pen.shadowColor = "#000"; pen.shadowBlur = 3;
      [[west, left + 8, top + height / 2], [east, left + width - 8, top + height / 2], [north, left + width / 2, top + 13], [south, left + width / 2, top + height - 5]]
        .forEach(([letter, x, y]) => { pen.textAlign = "center"; pen.fillText(letter, x, y); });
      pen.shadowBlur = 0;
    });
  };
  const notify = () => { const voxel = voxelAt(place); moved(image.mm(voxel), image.voxels[index(voxel, image.size)] * image.slope + image.intercept); };
  const kept = (patient, value) => { place[patient] = Math.max(0, Math.min(count[patient] - 1, value)); };
  const boxAt = (event) => boxes.find((box) => event.offsetX >= box.left && event.offsetX < box.left + box.width && event.offsetY >= box.top && event.offsetY < box.top + box.height);
  const move = (event) => {
    const box = boxAt(event);
    if (!box) return;
    kept(box.plane[1], Math.floor(count[box.plane[1]] * (1 - (event.offsetX - box.left) / box.width)));
    kept(box.plane[2], Math.floor(count[box.plane[2]] * (1 - (event.offsetY - box.top) / box.height)));
    draw();
    notify();
  };
  canvas.addEventListener("pointerdown", (event) => { if (event.button === 0) move(event); });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons === 1) move(event); });
  canvas.addEventListener("wheel", (event) => {
    const box = boxAt(event);
    if (!box) return;
    event.preventDefault();
    kept(box.plane[0], place[box.plane[0]] - Math.sign(event.deltaY));
    draw();
    notify();
  }, { passive: false });
  addEventListener("resize", draw);

  return { show, draw, boxes: () => boxes.map((box) => [box.left, box.top, box.width, box.height]),
    window: (from, to) => { [low, high] = [from, to]; draw(); },
    heat: (share) => { seen = share; draw(); },
    goTo: (mm) => {
      const voxel = image.voxel(mm).map(Math.round);
      axes.forEach((axis, patient) => kept(patient, up[patient] ? voxel[axis] : count[patient] - 1 - voxel[axis]));
      draw();
    },
    tell: notify };
};
