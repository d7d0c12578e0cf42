// Runs in the page before any of its scripts. Watches what a person would see and when; changes nothing.
(() => {
  const probe = {
    /** Wait for the graphics side of each frame with an event in it: honest about paint, but it slows the page. */
    exact: false,
    /** Events of the page and the frame that answered each: {type, stamp, begun, work, latency, changed}, ms. */
    acts: [],
    /** Begin times of frames since `watch()`, until `frames` is taken. */
    frames: null,
    /** ms from the end of a stroke (pointerup reaches the page) to the journal's transaction being complete. */
    durable: [],
    /** ms after navigation: the first frame that shows something of the image; the last upload of its pixels. */
    image: null,
    pixels: null,
    /** Tasks that held the page up for 50 ms and more, ms. */
    long: [],
  };
  window.__probe = probe;
  let gl = null;
  /** `read(x, y)`: the pixels of the picture there (CSS pixels of the page), once the graphics side has drawn them. */
  probe.read = null;
  let ended = null;

  const getContext = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, options) {
    const context = getContext.call(this, kind, options);
    if (kind === "webgl2" && context && this.isConnected) {
      gl = context;
      probe.read = at;
    }
    return context;
  };
  for (const name of ["texSubImage3D", "texSubImage2D", "texImage2D"]) {
    const upload = WebGL2RenderingContext.prototype[name];
    WebGL2RenderingContext.prototype[name] = function (...given) {
      if (given.includes(this.UNSIGNED_SHORT)) probe.pixels = performance.now();
      return upload.apply(this, given);
    };
  }

  const at = (x, y, size = 1) => {
    const box = gl.canvas.getBoundingClientRect();
    const ratio = gl.canvas.width / box.width;
    const pixels = new Uint8Array(4 * size * size);
    gl.readPixels(Math.round((x - box.left) * ratio), gl.canvas.height - 1 - Math.round((y - box.top) * ratio), size, size, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    return pixels;
  };

  const lookForImage = () => {
    if (gl && gl.canvas.isConnected && gl.canvas.width > 300) {
      const box = gl.canvas.getBoundingClientRect();
      const pixels = at(box.left + box.width / 2, box.top + box.height / 2, 64);
      if (pixels.some((value, i) => i % 4 !== 3 && value > 40)) probe.image = performance.now();
    }
    if (probe.image === null) requestAnimationFrame(lookForImage);
  };
  requestAnimationFrame(lookForImage);

  // From an event to the end of the frame that follows it: handlers, then scripts, style, layout and paint of the frame.
  let waiting = [];
  probe.busy = () => waiting.length > 0;
  const afterTask = new MessageChannel();
  const afterFrame = new MessageChannel();
  afterTask.port1.onmessage = () => {
    const now = performance.now();
    for (const act of waiting) act.handled ??= now;
  };
  afterFrame.port1.onmessage = ({ data: framed }) => {
    const acts = waiting;
    waiting = [];
    const last = acts.at(-1);
    const after = probe.exact && last.place ? probe.read(...last.place) : null;
    const now = performance.now();
    for (const act of acts) {
      const handled = Math.min(act.handled ?? framed, framed);
      probe.acts.push({
        type: act.type,
        stamp: act.stamp,
        begun: act.begun,
        work: handled - act.begun + (now - framed),
        latency: now - act.stamp - act.looked,
        changed: act === last && after && act.before ? act.before.some((value, i) => value !== after[i]) : null,
      });
    }
  };
  for (const type of ["pointerdown", "pointermove", "pointerup", "wheel", "keydown", "input"]) {
    window.addEventListener(
      type,
      (event) => {
        // A move with no button down paints nothing.
        const act = { type: type === "pointermove" && event.buttons === 0 ? "hover" : type, stamp: event.timeStamp, place: null, before: null, looked: 0 };
        if (event instanceof MouseEvent && probe.read && event.target.closest?.(".bench-picture")) {
          act.place = [event.clientX, event.clientY];
          const looking = performance.now();
          if (probe.exact) act.before = probe.read(...act.place);
          act.looked = performance.now() - looking;
        }
        act.begun = performance.now();
        if (type === "pointerup") ended = act.begun;
        if (waiting.length === 0) requestAnimationFrame(() => afterFrame.port2.postMessage(performance.now()));
        waiting.push(act);
        afterTask.port2.postMessage(null);
      },
      { capture: true, passive: true },
    );
  }

  const tick = (time) => {
    if (!probe.frames) return;
    probe.frames.push(time);
    requestAnimationFrame(tick);
  };
  let began = 0;
  probe.watch = () => {
    probe.frames = [];
    began = performance.now();
    requestAnimationFrame(tick);
  };
  probe.frameTimes = () => {
    const { frames } = probe;
    probe.frames = null;
    return { times: frames, ms: performance.now() - began };
  };

  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (...given) {
    if (ended !== null) {
      const from = ended;
      ended = null;
      this.transaction.addEventListener("complete", () => probe.durable.push(performance.now() - from));
    }
    return put.apply(this, given);
  };

  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) probe.long.push(entry.duration);
  }).observe({ type: "longtask", buffered: true });
})();
