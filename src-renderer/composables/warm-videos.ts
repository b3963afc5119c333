/**
 * @file Video elements that wait, loaded and with their first frame decoded, for the clip that comes next: the player takes
 * the element itself, so that the picture is there at once.
 */

/** Loaded elements by address, the oldest first. */
const waiting = new Map<string, HTMLVideoElement>();
const MOST = 2;

function makeVideo(url: string): HTMLVideoElement {
  const video = document.createElement('video');
  video.preload = 'auto';
  video.playsInline = true;
  video.disablePictureInPicture = true;
  video.src = url;
  return video;
}

/** Begins to load a clip for later. */
export function warmVideo(url: string): void {
  if (waiting.has(url)) return;
  if (waiting.size >= MOST) {
    const [oldest, video] = waiting.entries().next().value!;
    waiting.delete(oldest);
    releaseVideo(video);
  }
  waiting.set(url, makeVideo(url));
}

/** The element of a clip: the one that waits for it, or a new one. The caller owns it. */
export function takeVideo(url: string): HTMLVideoElement {
  const ready = waiting.get(url);
  waiting.delete(url);
  // One that failed meanwhile is tried again.
  return ready && !ready.error ? ready : makeVideo(url);
}

/** Frees an element's decoder and connection; without this a page runs out of both. */
export function releaseVideo(video: HTMLVideoElement): void {
  video.pause();
  video.removeAttribute('src');
  video.load();
}
