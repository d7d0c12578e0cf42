/** The canvas: draws the layers once a frame at most, and only where something changed. */

import type { LabelMap } from "../labels/label-map";
import { union, type Rect } from "../labels/rect";
import { NoWebGL, type Placement } from "./gl";
import { ImageLayer, type ChannelStyle, type ImagePlanes } from "./image-layer";
import { LabelLayer, OUTLINE, type LabelStyle } from "./label-layer";
import { rectOnScreen, type Size, type View } from "./view";

/** Beyond two device pixels per CSS pixel the eye gains nothing and the fill rate suffers. */
const MOST_PIXEL_RATIO = 2;

export class Renderer {
  private readonly gl: WebGL2RenderingContext;
  private image!: ImageLayer;
  private labels!: LabelLayer;
  private planes: ImagePlanes | null = null;
  private map: LabelMap | null = null;
  private certainty: Readonly<Record<string, number>> = {};
  private view: View = { scale: 1, y: 0, x: 0 };
  private channels: readonly ChannelStyle[] = [];
  private style: LabelStyle = { visible: true, opacity: 0.3, outlines: true, selected: 0, hovered: 0 };
  private smoothly = true;
  private ratio = 1;
  /** Label pixels to upload and redraw; `all` redraws the canvas. */
  private dirty: Rect | null = null;
  private all = false;
  private frame = 0;

  /** @throws NoWebGL where the browser cannot draw. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly size: Size,
  ) {
    // A scissored redraw needs what was there before.
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true });
    if (!gl) throw new NoWebGL("this browser or its graphics driver has no WebGL 2");
    this.gl = gl;
    const most = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
    if (size.height > most || size.width > most)
      throw new NoWebGL(`this image is ${size.height} x ${size.width}; this device draws at most ${most} pixels a side`);
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => this.build());
    this.build();
  }

  private build(): void {
    this.gl.pixelStorei(this.gl.UNPACK_ALIGNMENT, 1);
    this.image = new ImageLayer(this.gl);
    this.labels = new LabelLayer(this.gl);
    if (this.planes) this.image.upload(this.planes);
    if (this.map) this.labels.upload(this.map);
    this.labels.setCertainty(this.certainty);
    this.redraw();
  }

  setImage(planes: ImagePlanes): void {
    this.planes = planes;
    this.image.upload(planes);
    this.redraw();
  }

  setChannels(channels: readonly ChannelStyle[], smoothly: boolean): void {
    this.channels = channels;
    this.smoothly = smoothly;
    this.redraw();
  }

  setLabels(map: LabelMap, certainty: Readonly<Record<string, number>>): void {
    this.map = map;
    this.certainty = certainty;
    this.labels.upload(map);
    this.labels.setCertainty(certainty);
    this.redraw();
  }

  setStyle(style: LabelStyle): void {
    this.style = style;
    this.redraw();
  }

  setView(view: View): void {
    this.view = view;
    this.redraw();
  }

  /** Fit the drawing buffer to the element. */
  resize(height: number, width: number): void {
    this.ratio = Math.min(MOST_PIXEL_RATIO, window.devicePixelRatio || 1);
    this.canvas.height = Math.max(1, Math.round(height * this.ratio));
    this.canvas.width = Math.max(1, Math.round(width * this.ratio));
    this.all = true;
    this.draw(); // at once: a resized canvas is black until it is drawn
  }

  /** Labels changed in `rect` (image pixels): upload and redraw that part in the next frame. */
  labelsChanged(map: LabelMap, rect: Rect): void {
    if (map !== this.map) return this.setLabels(map, this.certainty);
    this.dirty = union(this.dirty, rect);
    this.schedule();
  }

  redraw(): void {
    this.all = true;
    this.schedule();
  }

  private schedule(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const { gl, ratio, view, canvas } = this;
    if (gl.isContextLost()) return;
    if (this.dirty) this.labels.update(this.dirty);
    let part: Rect = { y0: 0, x0: 0, y1: canvas.height, x1: canvas.width };
    if (!this.all && this.dirty) {
      // An outline depends on pixels within its width, so the neighbourhood is drawn anew too.
      const screen = rectOnScreen(view, this.dirty, OUTLINE * 2 + 2);
      part = {
        y0: Math.max(0, Math.floor(screen.y0 * ratio)),
        x0: Math.max(0, Math.floor(screen.x0 * ratio)),
        y1: Math.min(canvas.height, Math.ceil(screen.y1 * ratio)),
        x1: Math.min(canvas.width, Math.ceil(screen.x1 * ratio)),
      };
    }
    this.dirty = null;
    this.all = false;
    if (part.y0 >= part.y1 || part.x0 >= part.x1) return;
    const placement: Placement = {
      originX: view.x,
      originY: view.y,
      scale: view.scale * ratio,
      screenHeight: canvas.height,
      imageHeight: this.size.height,
      imageWidth: this.size.width,
    };
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(part.x0, canvas.height - part.y1, part.x1 - part.x0, part.y1 - part.y0);
    this.image.draw(placement, this.channels, this.smoothly);
    this.labels.draw(placement, this.style, ratio);
    gl.disable(gl.SCISSOR_TEST);
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
