/** The little of WebGL2 that both layers share. */

export class NoWebGL extends Error {}

/** One big triangle; every layer is a fragment shader over it. */
const VERTEX = `#version 300 es
void main() {
  vec2 corner = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
  gl_Position = vec4(corner, 0.0, 1.0);
}`;

/** Common to all fragment shaders: where in the image this fragment lies. Axes xy, image pixels. */
export const PLACE = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
precision highp usampler2DArray;
uniform vec2 origin;      // image point at the upper left corner
uniform float scale;      // device pixels per image pixel
uniform float screenHeight;
uniform vec2 imageSize;
out vec4 result;
vec2 place() { return origin + vec2(gl_FragCoord.x, screenHeight - gl_FragCoord.y) / scale; }
bool outside(vec2 p) { return any(lessThan(p, vec2(0.0))) || any(greaterThanEqual(p, imageSize)); }
`;

export class Program {
  private readonly program: WebGLProgram;
  private readonly places = new Map<string, WebGLUniformLocation | null>();

  constructor(
    readonly gl: WebGL2RenderingContext,
    fragment: string,
  ) {
    const program = gl.createProgram();
    for (const [kind, source] of [
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, fragment],
    ] as const) {
      const shader = gl.createShader(kind);
      if (!shader) throw new NoWebGL("the graphics context was lost");
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost())
        throw new NoWebGL(gl.getShaderInfoLog(shader) ?? "a shader does not compile");
    }
    gl.linkProgram(program);
    this.program = program;
  }

  at(name: string): WebGLUniformLocation | null {
    let place = this.places.get(name);
    if (place === undefined) this.places.set(name, (place = this.gl.getUniformLocation(this.program, name)));
    return place;
  }

  use(): void {
    this.gl.useProgram(this.program);
  }

  draw(): void {
    this.gl.drawArrays(this.gl.TRIANGLES, 0, 3);
  }
}

/** Integer textures cannot be filtered: shaders fetch texels and weigh them themselves. */
export function integerTexture(gl: WebGL2RenderingContext, target: GLenum): WebGLTexture {
  const texture = gl.createTexture();
  gl.bindTexture(target, texture);
  gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.texParameteri(target, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(target, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  return texture;
}

/** Where the picture is on the canvas, in device pixels. */
export interface Placement {
  readonly originX: number;
  readonly originY: number;
  readonly scale: number;
  readonly screenHeight: number;
  readonly imageHeight: number;
  readonly imageWidth: number;
}

export function setPlacement(program: Program, placement: Placement): void {
  const { gl } = program;
  gl.uniform2f(program.at("origin"), placement.originX, placement.originY);
  gl.uniform1f(program.at("scale"), placement.scale);
  gl.uniform1f(program.at("screenHeight"), placement.screenHeight);
  gl.uniform2f(program.at("imageSize"), placement.imageWidth, placement.imageHeight);
}
