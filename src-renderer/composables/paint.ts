/**
 * @file Puts what a video element holds on a canvas and says which picture that is. The element itself paints on its own clock,
 * a refresh or more ahead of the page, so that a readout beside it would sometimes be late; a canvas changes together with it.
 */

/**
 * Draws the current picture of `video`, which gives `canvas` its size, unless `wanted` says no to its media time in seconds.
 * While the element loads or seeks it has no picture to give, and nothing happens.
 */
export function paint(
  canvas: HTMLCanvasElement,
  video: HTMLVideoElement,
  wanted: (time: number) => boolean,
): void {
  if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
  let picture: VideoFrame;
  try {
    picture = new VideoFrame(video);
  } catch (error) {
    // Between one picture and the next, as while its source is taken away, it may have none in spite of its state.
    if (error instanceof DOMException && error.name === 'InvalidStateError') return;
    throw error;
  }
  try {
    if (!wanted(picture.timestamp / 1e6)) return;
    const { displayWidth, displayHeight } = picture;
    if (canvas.width !== displayWidth || canvas.height !== displayHeight) {
      canvas.width = displayWidth;
      canvas.height = displayHeight;
    }
    canvas.getContext('2d', { alpha: false })!.drawImage(picture, 0, 0, displayWidth, displayHeight);
  } finally {
    picture.close();
  }
}
