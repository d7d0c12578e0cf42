/** The label map over the image: fill and outline by id, drawn from one uint32 texture that follows the edits. */

import type { LabelMap } from "../labels/label-map";
import { clip, type Rect } from "../labels/rect";
import { integerTexture, PLACE, Program, setPlacement, type Placement } from "./gl";
import { lookupOf, type Palette } from "./palette";

/** What a cell's colour says, where there is no palette: which cell it is, nothing, or how sure the draft was of it. */
export const COLOURINGS = ["id", "one", "certainty"] as const;
export type Colouring = (typeof COLOURINGS)[number];

export interface LabelStyle {
  readonly visible: boolean;
  readonly colouring: Colouring;
  /** Of the fill, 0 to 1. */
  readonly opacity: number;
  readonly outlines: boolean;
  /** Background is hatched: nothing has been said of it yet. */
  readonly hatched: boolean;
  /** 0: none. */
  readonly selected: number;
  /** 0: none. */
  readonly hovered: number;
}

/** How wide an outline is, device pixels at a pixel ratio of one. */
export const OUTLINE = 1.6;
/** Cells of a draft below this certainty are outlined in amber dashes: look here first. */
const UNSURE = 0.6;
const LOOKUP = 1024;
/** From one line of the hatching to the next, CSS pixels. */
const HATCH = 14;

const FRAGMENT = `${PLACE}
uniform usampler2D labels;
uniform sampler2D certainty;    // by id, ${LOOKUP} a row; 0 = nothing known
uniform uint certaintyCount;
uniform sampler2D palette;      // by id, ${LOOKUP} a row; a = 0: not drawn
uniform uint paletteCount;      // 0: no palette, a colour of its own for each id
uniform int colouring;          // 0 by id, 1 all alike, 2 by certainty
uniform bool hatched;
uniform float hatch;            // device pixels from line to line
uniform float opacity;
uniform bool outlines;
uniform float outline;          // device pixels
uniform uint selected;
uniform uint hovered;
uint idAt(vec2 p) {
  if (outside(p)) return 0u;
  return texelFetch(labels, ivec2(floor(p)), 0).r;
}
vec4 toldColour(uint id) {
  return id < paletteCount ? texelFetch(palette, ivec2(int(id) % ${LOOKUP}, int(id) / ${LOOKUP}), 0) : vec4(0.0);
}
float sureOf(uint id) {
  return id < certaintyCount ? texelFetch(certainty, ivec2(int(id) % ${LOOKUP}, int(id) / ${LOOKUP}), 0).r : 0.0;
}
vec3 colourOf(uint id) {
  if (colouring == 1) return vec3(0.31, 0.82, 0.71);
  if (colouring == 2) {
    float sure = sureOf(id);
    // Drawn by people: white. Else from orange (unsure) to blue (sure), told apart by red-green blind people too.
    return sure == 0.0 ? vec3(0.92) : mix(vec3(1.0, 0.55, 0.1), vec3(0.25, 0.55, 1.0), smoothstep(0.4, 1.0, sure));
  }
  float hue = float((id * 2654435769u) >> 8) / 16777216.0;
  vec3 rgb = clamp(abs(mod(hue * 6.0 + vec3(0.0, 4.0, 2.0), 6.0) - 3.0) - 1.0, 0.0, 1.0);
  // Towards white until blue is as easy to see on black as green is.
  float light = dot(rgb, vec3(0.21, 0.72, 0.07));
  return mix(rgb, vec3(1.0), mix(0.5, 0.12, light));
}
bool edge(vec2 p, uint id, float width) {
  float o = width / scale;
  return idAt(p + vec2(o, 0.0)) != id || idAt(p - vec2(o, 0.0)) != id || idAt(p + vec2(0.0, o)) != id || idAt(p - vec2(0.0, o)) != id;
}
void main() {
  vec2 p = place();
  uint id = idAt(p);
  if (id == 0u) {
    // A light line beside a dark one: seen on black and on stained tissue.
    float at = hatched && opacity > 0.0 && !outside(p) ? mod(gl_FragCoord.x + gl_FragCoord.y, hatch) / hatch : 1.0;
    result = at < 0.1 ? vec4(0.32) : at < 0.2 ? vec4(vec3(0.0), 0.32) : vec4(0.0);
    return;
  }
  bool chosen = id == selected;
  vec4 told = toldColour(id);
  if (paletteCount > 0u && told.a == 0.0 && !chosen) { result = vec4(0.0); return; }
  vec3 colour = paletteCount > 0u ? told.rgb : colourOf(id);
  float alpha = opacity + (chosen ? 0.12 : id == hovered ? 0.08 : 0.0);
  if (opacity == 0.0 && !chosen) alpha = 0.0;
  float width = outline * (chosen ? 1.7 : 1.0);
  if ((outlines || chosen) && edge(p, id, width)) {
    alpha = 0.95;
    if (!chosen) {
      float sure = sureOf(id);
      if (sure > 0.0 && sure < ${UNSURE.toFixed(2)}) {
        colour = vec3(0.98, 0.72, 0.25);
        if (mod(gl_FragCoord.x + gl_FragCoord.y, 9.0) > 5.5) alpha = 0.0;
      }
    }
    if (chosen) colour = vec3(1.0);
  }
  result = vec4(colour * alpha, alpha);
}`;

export class LabelLayer {
  private readonly program: Program;
  private readonly texture: WebGLTexture;
  private readonly certainty: WebGLTexture;
  private readonly palette: WebGLTexture;
  private certaintyCount = 0;
  private paletteCount = 0;
  private map: LabelMap | null = null;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.program = new Program(gl, FRAGMENT);
    this.texture = integerTexture(gl, gl.TEXTURE_2D);
    this.certainty = integerTexture(gl, gl.TEXTURE_2D);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, 1, 1, 0, gl.RED, gl.UNSIGNED_BYTE, new Uint8Array(1));
    this.palette = integerTexture(gl, gl.TEXTURE_2D);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 1, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  }

  /** Take the whole map. */
  upload(map: LabelMap): void {
    const { gl } = this;
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32UI, map.width, map.height, 0, gl.RED_INTEGER, gl.UNSIGNED_INT, map.data);
    this.map = map;
  }

  /** Take the part that changed, straight out of the map's array. */
  update(rect: Rect): void {
    const { gl, map } = this;
    const part = map && clip(rect, map.height, map.width);
    if (!map || !part) return;
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, map.width);
    gl.pixelStorei(gl.UNPACK_SKIP_ROWS, part.y0);
    gl.pixelStorei(gl.UNPACK_SKIP_PIXELS, part.x0);
    const { y0, x0, y1, x1 } = part;
    gl.texSubImage2D(gl.TEXTURE_2D, 0, x0, y0, x1 - x0, y1 - y0, gl.RED_INTEGER, gl.UNSIGNED_INT, map.data);
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, 0);
    gl.pixelStorei(gl.UNPACK_SKIP_ROWS, 0);
    gl.pixelStorei(gl.UNPACK_SKIP_PIXELS, 0);
  }

  /** Certainty by cell id, 0 to 1. Ids beyond the lookup (a million) are shown as sure. */
  setCertainty(cells: Readonly<Record<string, number>>): void {
    const { gl } = this;
    const known = Object.entries(cells).map(([id, sure]) => [Number(id), sure] as const).filter(([id]) => id < LOOKUP * LOOKUP);
    const rows = Math.floor(known.reduce((most, [id]) => Math.max(most, id), 0) / LOOKUP) + 1;
    const lookup = new Uint8Array(rows * LOOKUP);
    for (const [id, sure] of known) lookup[id] = Math.max(1, Math.round(sure * 255));
    gl.bindTexture(gl.TEXTURE_2D, this.certainty);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, LOOKUP, rows, 0, gl.RED, gl.UNSIGNED_BYTE, lookup);
    this.certaintyCount = rows * LOOKUP;
  }

  /** Colours by id (those below a million); null: a colour of its own for each. */
  setPalette(palette: Palette | null): void {
    this.paletteCount = 0;
    if (!palette) return;
    const { gl } = this;
    const { rows, data } = lookupOf(palette, LOOKUP);
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, LOOKUP, rows, 0, gl.RGBA, gl.UNSIGNED_BYTE, data);
    this.paletteCount = rows * LOOKUP;
  }

  draw(placement: Placement, style: LabelStyle, pixelRatio: number): void {
    const { gl, program } = this;
    if (!this.map || !style.visible) return;
    program.use();
    setPlacement(program, placement);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.certainty);
    gl.activeTexture(gl.TEXTURE2);
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    gl.activeTexture(gl.TEXTURE0);
    gl.uniform1i(program.at("labels"), 0);
    gl.uniform1i(program.at("certainty"), 1);
    gl.uniform1i(program.at("palette"), 2);
    gl.uniform1ui(program.at("paletteCount"), this.paletteCount);
    gl.uniform1i(program.at("colouring"), COLOURINGS.indexOf(style.colouring));
    gl.uniform1i(program.at("hatched"), style.hatched ? 1 : 0);
    gl.uniform1f(program.at("hatch"), HATCH * pixelRatio);
    gl.uniform1ui(program.at("certaintyCount"), this.certaintyCount);
    gl.uniform1f(program.at("opacity"), style.opacity);
    gl.uniform1i(program.at("outlines"), style.outlines ? 1 : 0);
    gl.uniform1f(program.at("outline"), OUTLINE * pixelRatio);
    gl.uniform1ui(program.at("selected"), style.selected);
    gl.uniform1ui(program.at("hovered"), style.hovered);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    program.draw();
    gl.disable(gl.BLEND);
  }
}
