// A map of points: a circle or triangle for each, a legend, a lasso, the picture under the mouse.
const ROOM = 14; // pixels around the map

function render({ model, el }) {
  const size = model.get("size");
  const [canvas, tip] = [document.createElement("canvas"), document.createElement("div")];
  const ratio = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [size[0] * ratio, size[1] * ratio];
  Object.assign(canvas.style, { width: `${size[0]}px`, height: `${size[1]}px`, cursor: "crosshair" });
  canvas.style.touchAction = "none"; // or a finger's lasso would scroll the page
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", model.get("label"));
  Object.assign(tip.style, {
    position: "absolute", display: "none", background: "white", border: "1px solid #777",
    padding: "3px", font: "12px sans-serif", color: "#222", pointerEvents: "none", zIndex: 10,
  });
  el.style.position = "relative";
  el.append(legend(model.get("kinds")), canvas, tip);
  const places = model.get("points").map(([x, y]) => [
    ROOM + x * (size[0] - 2 * ROOM), ROOM + (1 - y) * (size[1] - 2 * ROOM),
  ]);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  let lasso = null;

  function draw() {
    pen.clearRect(0, 0, ...size);
    const [kind, kinds] = [model.get("kind"), model.get("kinds")];
    places.forEach((place, i) => mark(pen, place, kinds[kind[i]], 4, 0.6));
    for (const i of model.get("selection")) {
      mark(pen, places[i], kinds[kind[i]], 5, 1);
      pen.globalAlpha = 1;
      pen.strokeStyle = "#222222";
      pen.stroke();
    }
    if (!lasso) return;
    pen.beginPath();
    lasso.forEach(([x, y]) => pen.lineTo(x, y));
    pen.closePath();
    pen.globalAlpha = 1;
    pen.strokeStyle = "#222222";
    pen.stroke();
  }

  function hover(at) {
    const gap = places.map(([x, y]) => Math.hypot(x - at[0], y - at[1]));
    const near = gap.indexOf(Math.min(...gap));
    tip.style.display = gap[near] < 8 ? "block" : "none";
    if (gap[near] >= 8) return;
    const image = document.createElement("img");
    [image.src, image.alt, image.height] = [model.get("pictures")[near], "", 128];
    const words = document.createElement("div");
    words.textContent = model.get("told")[near];
    tip.replaceChildren(image, words);
    tip.style.left = `${Math.min(at[0] + 14, size[0] - 100)}px`;
    tip.style.top = `${at[1] + 34}px`;
  }

  canvas.addEventListener("pointerdown", (event) => {
    lasso = [[event.offsetX, event.offsetY]];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = [event.offsetX, event.offsetY];
    if (!lasso) return hover(at);
    tip.style.display = "none";
    lasso.push(at);
    draw();
  });
  canvas.addEventListener("pointerleave", () => { tip.style.display = "none"; });
  canvas.addEventListener("pointercancel", () => { lasso = null; draw(); });
  canvas.addEventListener("pointerup", () => {
    if (!lasso) return;  // pressed elsewhere: the selection stays
    const rows = places.map((_, i) => i).filter((i) => inside(places[i], lasso));
    lasso = null;
    model.set("selection", rows);
    model.save_changes();
    draw();
  });
  model.on("change:selection", draw);
  draw();
}

function mark(pen, [x, y], kind, radius, alpha) {
  pen.globalAlpha = alpha;
  pen.fillStyle = kind.colour;
  pen.beginPath();
  if (kind.marker === "^") {
    pen.moveTo(x, y - 1.2 * radius);
    pen.lineTo(x + 1.1 * radius, y + 0.9 * radius);
    pen.lineTo(x - 1.1 * radius, y + 0.9 * radius);
    pen.closePath();
  } else {
    pen.arc(x, y, radius, 0, 2 * Math.PI);
  }
  pen.fill();
}

function legend(kinds) {
  const line = document.createElement("div");
  Object.assign(line.style, { font: "13px sans-serif", padding: "2px 8px" });
  for (const kind of kinds) {
    const [sign, words] = [document.createElement("canvas"), document.createElement("span")];
    [sign.width, sign.height] = [16, 14];
    sign.setAttribute("aria-hidden", "true");
    mark(sign.getContext("2d"), [8, 8], kind, 5, 1);
    words.textContent = kind.word;
    words.style.marginRight = "14px";
    line.append(sign, words);
  }
  return line;
}

function inside([x, y], polygon) {
  let odd = false;
  polygon.forEach(([x1, y1], i) => {
    const [x2, y2] = polygon[(i + 1) % polygon.length];
    if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) odd = !odd;
  });
  return odd;
}

export default { render };
