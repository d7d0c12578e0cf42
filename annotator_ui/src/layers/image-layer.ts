/** The image: up to six 16-bit channels in one array texture, windowed, coloured and added up by the shader. */

import { integerTexture, PLACE, Program, setPlacement, type Placement } from "./gl";

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
uniform vec2 planeSize;
uniform int count;
uniform vec4 colour[${MOST_CHANNELS}];   // rgb, a = 1 where visible
uniform vec3 window[${MOST_CHANNELS}];   // low, 1 / (high - low), 1 / gamma
uniform bool smoothly;
float texel(ivec2 at, int layer) {
  return float(texelFetch(planes, ivec3(clamp(at, ivec2(0), ivec2(planeSize) - 1), layer), 0).r);
}
float value(vec2 t, int layer, float footprint) {
  if (footprint > 1.0) {             // far out: average what falls into this screen pixel
    int n = min(4, int(ceil(footprint)));
    float sum = 0.0;
    for (int j = 0; j < n; j++)
      for (int i = 0; i < n; i++)
        sum += texel(ivec2(floor(t + footprint * ((vec2(i, j) + 0.5) / float(n) - 0.5))), layer);
    return sum / float(n * n);
  }
  if (!smoothly) return texel(ivec2(floor(t)), layer);
  vec2 corner = floor(t - 0.5);
  vec2 f = t - 0.5 - corner;
  ivec2 c = ivec2(corner);
  return mix(mix(texel(c, layer), texel(c + ivec2(1, 0), layer), f.x),
             mix(texel(c + ivec2(0, 1), layer), texel(c + ivec2(1, 1), layer), f.x), f.y);
}
void main() {
  vec2 p = place();
  if (outside(p)) { result = vec4(0.039, 0.051, 0.063, 1.0); return; }
  vec2 ratio = planeSize / imageSize;
  float footprint = ratio.x / scale;
  vec3 sum = vec3(0.0);
  for (int i = 0; i < count; i++) {
    if (colour[i].a == 0.0) continue;
    float v = clamp((value(p * ratio, i, footprint) - window[i].x) * window[i].y, 0.0, 1.0);
    sum += colour[i].rgb * pow(v, window[i].z);
  }
  result = vec4(min(sum, vec3(1.0)), 1.0);
}`;

export class ImageLayer {
  private readonly program: Program;
  private readonly texture: WebGLTexture;
  private planes: ImagePlanes | null = null;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.program = new Program(gl, FRAGMENT);
    this.texture = integerTexture(gl, gl.TEXTURE_2D_ARRAY);
  }

  upload(image: ImagePlanes): void {
    const { gl } = this;
    const count = Math.min(MOST_CHANNELS, image.planes.length);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture);
    gl.texImage3D(gl.TEXTURE_2D_ARRAY, 0, gl.R16UI, image.width, image.height, count, 0, gl.RED_INTEGER, gl.UNSIGNED_SHORT, null);
    for (let i = 0; i < count; i++)
      gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, i, image.width, image.height, 1, gl.RED_INTEGER, gl.UNSIGNED_SHORT, image.planes[i]!);
    this.planes = image;
  }

  draw(placement: Placement, channels: readonly ChannelStyle[], smoothly: boolean): void {
    const { gl, program, planes } = this;
    if (!planes) return;
    program.use();
    setPlacement(program, placement);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture);
    gl.uniform1i(program.at("planes"), 0);
    gl.uniform2f(program.at("planeSize"), planes.width, planes.height);
    gl.uniform1i(program.at("count"), Math.min(MOST_CHANNELS, planes.planes.length, channels.length));
    gl.uniform1i(program.at("smoothly"), smoothly ? 1 : 0);
    channels.slice(0, MOST_CHANNELS).forEach((channel, i) => {
      const rgb = parseInt(channel.colour.slice(1), 16);
      gl.uniform4f(program.at(`colour[${i}]`), (rgb >> 16) / 255, ((rgb >> 8) & 255) / 255, (rgb & 255) / 255, channel.visible ? 1 : 0);
      gl.uniform3f(program.at(`window[${i}]`), channel.low, 1 / Math.max(1e-6, channel.high - channel.low), 1 / channel.gamma);
    });
    program.draw();
  }
}
