/** The canvas: draws the layers once a frame at most, and only where something changed. */

import type { LabelMap } from "../labels/label-map";
import { union, type Rect } from "../labels/rect";
import { Backdrop } from "./backdrop";
import { NoWebGL, type Placement } from "./gl";
import { ImageLayer, type ChannelStyle, type ImagePlanes } from "./image-layer";
import { LabelLayer, OUTLINE, type LabelStyle } from "./label-layer";
import type { Palette } from "./palette";
import { rectOnScreen, type Size, type View } from "./view";

/** Beyond two device pixels per CSS pixel the eye gains nothing and the fill rate suffers. */
const MOST_PIXEL_RATIO = 2;

export class Renderer {
  private readonly gl: WebGL2RenderingContext;
  private image!: ImageLayer;
  private labels!: LabelLayer;
  private backdrop!: Backdrop;
  private planes: ImagePlanes | null = null;
  private map: LabelMap | null = null;
  private certainty: Readonly<Record<string, number>> = {};
  private palette: Palette | null = null;
  private view: View = { scale: 1, y: 0, x: 0 };
  private channels: readonly ChannelStyle[] = [];
  private style: LabelStyle = { visible: true, colouring: "id", opacity: 0.3, outlines: true, hatched: false, selected: 0, hovered: 0 };
  private smoothly = true;
  private inverted = false;
  /** Without a graphics card every texel counts: far out, one is taken instead of four. */
  private readonly software: boolean;
  private ratio = 1;
  /** What the next frame must do: compute the image anew, lay all labels anew, or only those in a rectangle. */
  private imageStale = true;
  private labelsStale = true;
  private dirty: Rect | null = null;
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
    this.software = drawsInSoftware(gl);
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
    this.backdrop = new Backdrop(this.gl);
    if (this.planes) this.image.upload(this.planes);
    if (this.map) this.labels.upload(this.map);
    this.labels.setCertainty(this.certainty);
    this.labels.setPalette(this.palette);
    this.redraw();
  }

  setImage(planes: ImagePlanes): void {
    this.planes = planes;
    this.image.upload(planes);
    this.redraw();
  }

  setChannels(channels: readonly ChannelStyle[], smoothly: boolean, inverted: boolean): void {
    this.channels = channels;
    this.smoothly = smoothly;
    this.inverted = inverted;
    this.redraw();
  }

  setLabels(map: LabelMap, certainty: Readonly<Record<string, number>>): void {
    this.map = map;
    this.certainty = certainty;
    this.labels.upload(map);
    this.labels.setCertainty(certainty);
    this.relabel();
  }

  /** What each id looks like; null: every cell a colour of its own. */
  setPalette(palette: Palette | null): void {
    this.palette = palette;
    this.labels.setPalette(palette);
    this.relabel();
  }

  setStyle(style: LabelStyle): void {
    const old = this.style;
    this.style = style;
    if ((Object.keys(style) as (keyof LabelStyle)[]).some((key) => style[key] !== old[key])) this.relabel();
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
    this.imageStale = true;
    this.draw(); // at once: a resized canvas is black until it is drawn
  }

  /** Labels changed in `rect` (image pixels): upload and redraw that part in the next frame. */
  labelsChanged(map: LabelMap, rect: Rect): void {
    if (map !== this.map) return this.setLabels(map, this.certainty);
    this.dirty = union(this.dirty, rect);
    this.schedule();
  }

  private redraw(): void {
    this.imageStale = true;
    this.schedule();
  }

  private relabel(): void {
    this.labelsStale = true;
    this.schedule();
  }

  private schedule(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  private draw(): void {
    const { gl, canvas, dirty } = this;
    if (gl.isContextLost()) return;
    if (dirty) this.labels.update(dirty);
    const placement: Placement = {
      originX: this.view.x,
      originY: this.view.y,
      scale: this.view.scale * this.ratio,
      screenHeight: canvas.height,
      imageHeight: this.size.height,
      imageWidth: this.size.width,
    };
    gl.viewport(0, 0, canvas.width, canvas.height);
    if (this.imageStale)
      this.backdrop.render(canvas.height, canvas.width, () =>
        this.image.draw(placement, this.channels, this.smoothly && !(this.software && placement.scale < 1), this.inverted),
      );
    const whole: Rect = { y0: 0, x0: 0, y1: canvas.height, x1: canvas.width };
    const part = this.imageStale || this.labelsStale || !dirty ? whole : this.onCanvas(dirty);
    this.imageStale = false;
    this.labelsStale = false;
    this.dirty = null;
    if (part.y0 >= part.y1 || part.x0 >= part.x1) return;
    const bottom = canvas.height - part.y1;
    this.backdrop.copy(part.x0, bottom, part.x1, canvas.height - part.y0);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(part.x0, bottom, part.x1 - part.x0, part.y1 - part.y0);
    this.labels.draw(placement, this.style, this.ratio);
    gl.disable(gl.SCISSOR_TEST);
  }

  /** The device pixels that change when label pixels in `rect` do: an outline depends on its neighbourhood. */
  private onCanvas(rect: Rect): Rect {
    const { ratio, canvas } = this;
    const screen = rectOnScreen(this.view, rect, OUTLINE * 2 + 2);
    return {
      y0: Math.max(0, Math.floor(screen.y0 * ratio)),
      x0: Math.max(0, Math.floor(screen.x0 * ratio)),
      y1: Math.min(canvas.height, Math.ceil(screen.y1 * ratio)),
      x1: Math.min(canvas.width, Math.ceil(screen.x1 * ratio)),
    };
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

function drawsInSoftware(gl: WebGL2RenderingContext): boolean {
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER) as string | null;
  return /swiftshader|llvmpipe|softpipe|basic render/i.test(renderer ?? "");
}
