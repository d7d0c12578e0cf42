/** The image: up to six 16-bit channels in one array texture, windowed, coloured and added up by the shader. */

import { integerTexture, PLACE, Program, setPlacement, type Placement } from "./gl";
import { halvings } from "./halving";

export const MOST_CHANNELS = 6;

export interface ImagePlanes {
  readonly height: number;
  readonly width: number;
  /** One plane of texels per channel, row-major. */
  readonly planes: readonly Uint16Array<ArrayBuffer>[];
}

export interface ChannelStyle {
  readonly visible: boolean;
  /** `#rrggbb` */
  readonly colour: string;
  /** Window in texels. */
  readonly low: number;
  readonly high: number;
  readonly gamma: number;
}

const FRAGMENT = `${PLACE}
uniform usampler2DArray planes;
uniform int lod;
uniform int count;
uniform vec4 colour[${MOST_CHANNELS}];   // rgb, a = 1 where visible
uniform vec3 window[${MOST_CHANNELS}];   // low, 1 / (high - low), 1 / gamma
uniform bool smoothly;
uniform bool inverted;
float texel(ivec2 at, ivec2 last, int layer) {
  return float(texelFetch(planes, ivec3(clamp(at, ivec2(0), last), layer), lod).r);
}
float value(vec2 t, ivec2 last, int layer) {
  if (!smoothly) return texel(ivec2(floor(t)), last, layer);
  vec2 corner = floor(t - 0.5);
  vec2 f = t - 0.5 - corner;
  ivec2 c = ivec2(corner);
  return mix(mix(texel(c, last, layer), texel(c + ivec2(1, 0), last, layer), f.x),
             mix(texel(c + ivec2(0, 1), last, layer), texel(c + ivec2(1, 1), last, layer), f.x), f.y);
}
void main() {
  vec2 p = place();
  if (outside(p)) { result = vec4(0.039, 0.051, 0.063, 1.0); return; }
  ivec2 size = textureSize(planes, lod).xy;
  vec2 t = p * vec2(size) / imageSize;
  vec3 sum = vec3(0.0);
  for (int i = 0; i < count; i++) {
    if (colour[i].a == 0.0) continue;
    float v = clamp((value(t, size - 1, i) - window[i].x) * window[i].y, 0.0, 1.0);
    sum += colour[i].rgb * (window[i].z == 1.0 ? v : pow(v, window[i].z));
  }
  sum = min(sum, vec3(1.0));
  result = vec4(inverted ? 1.0 - sum : sum, 1.0);
}`;

export class ImageLayer {
  private readonly program: Program;
  private texture: WebGLTexture | null = null;
  private form = "";
  private planes: ImagePlanes | null = null;
  private lods = 1;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.program = new Program(gl, FRAGMENT);
  }

  /** Take an image and its halvings, from which the view far out is drawn: one texel a screen pixel, never many. */
  upload(image: ImagePlanes): void {
    const { gl } = this;
    const planes = image.planes.slice(0, MOST_CHANNELS);
    const levels = halvings(image.height, image.width);
    const form = `${image.height} x ${image.width} x ${planes.length}`;
    // The frames of a movie go into one texture, one after the other.
    if (this.texture && form === this.form) gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture);
    else {
      gl.deleteTexture(this.texture);
      this.texture = integerTexture(gl, gl.TEXTURE_2D_ARRAY);
      gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_MIN_FILTER, gl.NEAREST_MIPMAP_NEAREST);
      gl.texStorage3D(gl.TEXTURE_2D_ARRAY, levels.length, gl.R16UI, image.width, image.height, planes.length);
      this.form = form;
    }
    planes.forEach((plane, layer) => {
      let texels = plane;
      levels.forEach(({ height, width, from }, lod) => {
        if (from) texels = from(texels);
        gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, lod, 0, 0, layer, width, height, 1, gl.RED_INTEGER, gl.UNSIGNED_SHORT, texels);
      });
    });
    this.planes = image;
    this.lods = levels.length;
  }

  draw(placement: Placement, channels: readonly ChannelStyle[], smoothly: boolean, inverted: boolean): void {
    const { gl, program, planes } = this;
    if (!planes) return;
    program.use();
    setPlacement(program, placement);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture);
    gl.uniform1i(program.at("planes"), 0);
    const footprint = planes.width / placement.imageWidth / placement.scale; // texels of level 0 a screen pixel
    gl.uniform1i(program.at("lod"), Math.min(this.lods - 1, Math.max(0, Math.round(Math.log2(footprint)))));
    gl.uniform1i(program.at("count"), Math.min(MOST_CHANNELS, planes.planes.length, channels.length));
    gl.uniform1i(program.at("smoothly"), smoothly ? 1 : 0);
    gl.uniform1i(program.at("inverted"), inverted ? 1 : 0);
    channels.slice(0, MOST_CHANNELS).forEach((channel, i) => {
      const rgb = parseInt(channel.colour.slice(1), 16);
      gl.uniform4f(program.at(`colour[${i}]`), (rgb >> 16) / 255, ((rgb >> 8) & 255) / 255, (rgb & 255) / 255, channel.visible ? 1 : 0);
      gl.uniform3f(program.at(`window[${i}]`), channel.low, 1 / Math.max(1e-6, channel.high - channel.low), 1 / channel.gamma);
    });
    program.draw();
  }
}
