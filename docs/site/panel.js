// A panel without a kernel: pictures made beforehand, one for each setting of its dials.
for (const panel of document.querySelectorAll("figure.panel")) {
  const { frames } = JSON.parse(panel.querySelector("script").textContent);
  const dials = [...panel.querySelectorAll("input, select")];
  const image = panel.querySelector("img"), caption = panel.querySelector("figcaption");
  const button = panel.querySelector("button.play");
  const count = (dial) => dial.options?.length ?? Number(dial.max) + 1;
  const place = (dial) => dial.selectedIndex ?? Number(dial.value);
  let clock = null;

  function show() {
    const number = dials.reduce((sum, dial) => sum * count(dial) + place(dial), 0);
    for (const dial of dials) {
      if (!dial.dataset.values) continue;
      const value = JSON.parse(dial.dataset.values)[place(dial)];
      dial.nextElementSibling.textContent = value;
      dial.setAttribute("aria-valuetext", value);
    }
    image.src = frames[number].src;
    image.alt = caption.textContent = frames[number].alt;
  }

  function stop() {
    clearInterval(clock);
    clock = null;
    button.textContent = "Play";
  }

  function step(dial) {
    const next = place(dial) + 1;
    if (next >= count(dial)) return stop();
    if (dial.options) dial.selectedIndex = next;
    else dial.value = next;
    show();
  }

  button.addEventListener("click", () => {
    if (clock) return stop();
    const last = dials.at(-1);
    if (place(last) + 1 >= count(last)) last.options ? (last.selectedIndex = 0) : (last.value = 0);
    show();
    button.textContent = "Pause";
    clock = setInterval(() => step(last), 700);
  });
  for (const dial of dials) dial.addEventListener("input", () => { stop(); show(); });
  // arrow keys turn the dial, not the slide around it
  panel.addEventListener("keydown", (event) => event.stopPropagation());
  show();
}
