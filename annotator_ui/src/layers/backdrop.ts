/** The finished image without labels, kept in a texture: a stroke or a selection need not compute it again. */

export class Backdrop {
  private readonly framebuffer: WebGLFramebuffer;
  private readonly texture: WebGLTexture;
  private height = 0;
  private width = 0;

  constructor(private readonly gl: WebGL2RenderingContext) {
    this.framebuffer = gl.createFramebuffer();
    this.texture = gl.createTexture();
  }

  /** Let `draw` draw a picture of `height` x `width` device pixels into the texture. */
  render(height: number, width: number, draw: () => void): void {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.framebuffer);
    if (height !== this.height || width !== this.width) {
      gl.bindTexture(gl.TEXTURE_2D, this.texture);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, width, height, 0, gl.RGBA, gl.UNSIGNED_BYTE, null);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.texture, 0);
      this.height = height;
      this.width = width;
    }
    draw();
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  /** Copy a rectangle (device pixels, origin at the lower left) to the canvas. */
  copy(x0: number, y0: number, x1: number, y1: number): void {
    const { gl } = this;
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, this.framebuffer);
    gl.blitFramebuffer(x0, y0, x1, y1, x0, y0, x1, y1, gl.COLOR_BUFFER_BIT, gl.NEAREST);
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, null);
  }
}
