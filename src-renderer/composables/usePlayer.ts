/**
 * @file A video element under frame control. Every move names a frame of the PTS table; the element is sent to the
 * middle of that frame's interval and what it then shows is confirmed through `requestVideoFrameCallback`.
 */
import { computed, onScopeDispose, ref, watch, type ComputedRef, type Ref } from 'vue';
import type { PtsTable } from '../../src-main/contract/schemas.ts';
import { clampFrame, frameAt, neighbourMark, seekTimeFor, startOf } from './frames.ts';

export const RATES = [0.1, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4] as const;
export type Playing = 'no' | 'forward' | 'backward' | 'model';
/** Frames of the model's eye shown per second at rate 1. */
const MODEL_FRAMES_PER_SECOND = 2;
/** A paused element need not repaint for the frame it already shows; then no callback comes. Milliseconds. */
const PRESENT_TIMEOUT = 120;

export interface Player {
  readonly frame: Readonly<Ref<number>>;
  /** Has the element itself said that this frame is on screen? */
  readonly confirmed: Readonly<Ref<boolean>>;
  readonly time: ComputedRef<number>;
  readonly playing: Readonly<Ref<Playing>>;
  readonly rate: Ref<number>;
  readonly muted: Ref<boolean>;
  readonly loop: Ref<boolean>;
  readonly inFrame: Ref<number | null>;
  readonly outFrame: Ref<number | null>;
  /** Step and play only through the frames that the model is given. */
  readonly modelOnly: Ref<boolean>;
  seek: (frame: number) => void;
  step: (frames: number) => void;
  play: () => void;
  playBackward: () => void;
  pause: () => void;
  toggle: () => void;
  changeRate: (direction: 1 | -1 | 0) => void;
  setIn: () => void;
  setOut: () => void;
}

export function usePlayer(
  element: Readonly<Ref<HTMLVideoElement | null | undefined>>,
  table: Readonly<Ref<PtsTable | undefined>>,
  modelFrames: Readonly<Ref<readonly number[]>>,
): Player {
  const frame = ref(0);
  const confirmed = ref(false);
  const playing = ref<Playing>('no');
  const rate = ref(1);
  const muted = ref(false);
  const loop = ref(false);
  const inFrame = ref<number | null>(null);
  const outFrame = ref<number | null>(null);
  const modelOnly = ref(false);

  /** Media time of the first frame minus its PTS: not 0 where a container's clock starts elsewhere. */
  let clockOffset = 0;
  let wanted: number | null = null;
  let seeking = false;
  let timer = 0;

  const lastFrame = (): number => Math.max(0, (table.value?.seconds.length ?? 1) - 1);
  const from = (): number => inFrame.value ?? 0;
  const until = (): number => outFrame.value ?? lastFrame();

  /** Waits until the element has shown the frame of its new position, and says which one it was. */
  function presented(video: HTMLVideoElement): Promise<number | null> {
    return new Promise((resolve) => {
      const handle = video.requestVideoFrameCallback((_now, metadata) => {
        clearTimeout(giveUp);
        resolve(table.value ? frameAt(table.value, metadata.mediaTime - clockOffset) : null);
      });
      let giveUp = 0;
      video.addEventListener(
        'seeked',
        () => {
          giveUp = window.setTimeout(() => {
            video.cancelVideoFrameCallback(handle);
            resolve(null);
          }, PRESENT_TIMEOUT);
        },
        { once: true },
      );
    });
  }

  async function pump(): Promise<void> {
    if (seeking) return;
    seeking = true;
    try {
      while (wanted !== null) {
        const video = element.value;
        const target: number = wanted;
        wanted = null;
        if (!video || !table.value || video.readyState === 0) return;
        const shown = presented(video);
        video.currentTime = seekTimeFor(table.value, target) + clockOffset;
        const seen = await shown;
        // No callback means nothing had to be repainted: the position then tells the frame.
        const actual = seen ?? frameAt(table.value, video.currentTime - clockOffset);
        if (wanted === null && playing.value !== 'forward') {
          confirmed.value = actual === target;
          if (playing.value === 'no') frame.value = actual;
        }
      }
    } finally {
      seeking = false;
    }
  }

  function seek(index: number): void {
    if (!table.value) return;
    const target = clampFrame(table.value, index);
    frame.value = target;
    confirmed.value = false;
    wanted = target;
    void pump();
  }

  function pause(): void {
    playing.value = 'no';
    clearTimeout(timer);
    element.value?.pause();
  }

  /** What to do at the end of the range: begin again when looping, else stop there. */
  function wrap(start: number, end: number): boolean {
    if (loop.value) {
      seek(start);
      return true;
    }
    pause();
    seek(end);
    return false;
  }

  function step(frames: number): void {
    const direction = frames > 0 ? 1 : -1;
    pause();
    if (modelOnly.value) {
      const next = neighbourMark(modelFrames.value, frame.value, direction);
      if (next !== undefined) seek(next);
    } else seek(frame.value + frames);
  }

  function play(): void {
    const video = element.value;
    if (!video || !table.value) return;
    clearTimeout(timer);
    if (frame.value >= until() || frame.value < from()) seek(from());
    if (modelOnly.value && modelFrames.value.length > 0) {
      playing.value = 'model';
      const tick = (): void => {
        if (playing.value !== 'model') return;
        const next = neighbourMark(modelFrames.value, frame.value, 1);
        const first = modelFrames.value.find((mark) => mark >= from()) ?? from();
        if (next !== undefined && next <= until()) seek(next);
        else if (!wrap(first, frame.value)) return;
        timer = window.setTimeout(tick, 1000 / (MODEL_FRAMES_PER_SECOND * rate.value));
      };
      timer = window.setTimeout(tick, 1000 / (MODEL_FRAMES_PER_SECOND * rate.value));
      return;
    }
    playing.value = 'forward';
    confirmed.value = true;
    video.playbackRate = rate.value;
    video.play().catch(() => {
      // Refused or interrupted by a pause: the element is not playing, so do not say so.
      if (playing.value === 'forward') playing.value = 'no';
    });
  }

  function playBackward(): void {
    if (!table.value) return;
    pause();
    playing.value = 'backward';
    let before = performance.now();
    let position = startOf(table.value, frame.value) as number;
    const tick = (now: number): void => {
      if (playing.value !== 'backward' || !table.value) return;
      position -= ((now - before) / 1000) * rate.value;
      before = now;
      if (position <= startOf(table.value, from())) {
        if (!loop.value) return void wrap(from(), from());
        position = startOf(table.value, until());
      }
      const target = frameAt(table.value, position);
      if (target !== frame.value && !seeking) seek(target);
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  /** Follows the frames of one element: while it plays they drive the readout. */
  function follow(video: HTMLVideoElement): () => void {
    let handle = 0;
    let first = true;
    const onFrame: VideoFrameRequestCallback = (_now, metadata) => {
      handle = video.requestVideoFrameCallback(onFrame);
      const pts = table.value;
      if (!pts) return;
      if (first && video.currentTime === 0) {
        const known = pts.seconds.some((second) => Math.abs(second - metadata.mediaTime) < 0.0015);
        clockOffset = known ? 0 : metadata.mediaTime - (pts.seconds[0] ?? 0);
        confirmed.value = frame.value === 0;
      }
      first = false;
      if (playing.value !== 'forward') return;
      const shown = frameAt(pts, metadata.mediaTime - clockOffset);
      if (shown > until()) return void wrap(from(), until());
      frame.value = shown;
      if (shown === until() && (loop.value || outFrame.value !== null)) wrap(from(), until());
    };
    handle = video.requestVideoFrameCallback(onFrame);
    const onEnded = (): void => {
      if (playing.value !== 'forward') return;
      if (wrap(from(), until())) void video.play();
    };
    const onLoaded = (): void => {
      first = true;
      if (wanted !== null || frame.value > 0) seek(frame.value);
    };
    video.addEventListener('ended', onEnded);
    video.addEventListener('loadeddata', onLoaded);
    return () => {
      video.cancelVideoFrameCallback(handle);
      video.removeEventListener('ended', onEnded);
      video.removeEventListener('loadeddata', onLoaded);
    };
  }

  watch(
    element,
    (video, _old, onCleanup) => {
      if (video) onCleanup(follow(video));
    },
    { immediate: true },
  );
  watch(table, () => {
    pause();
    clockOffset = 0;
    wanted = null;
    frame.value = 0;
    confirmed.value = false;
    inFrame.value = null;
    outFrame.value = null;
  });
  watch([rate, element], ([value, video]) => {
    if (video) video.playbackRate = value;
  });
  watch([muted, element], ([value, video]) => {
    if (video) video.muted = value;
  });
  watch(modelOnly, (only) => {
    if (!only) return;
    const was = playing.value !== 'no';
    pause();
    const marks = modelFrames.value;
    if (marks.length > 0 && !marks.includes(frame.value))
      seek(neighbourMark(marks, frame.value + 1, -1) ?? marks[0]);
    if (was) play();
  });
  onScopeDispose(pause);

  return {
    frame,
    confirmed,
    time: computed(() => (table.value ? startOf(table.value, frame.value) : 0)),
    playing,
    rate,
    muted,
    loop,
    inFrame,
    outFrame,
    modelOnly,
    seek(index) {
      if (playing.value !== 'forward') pause();
      seek(index);
    },
    step,
    play,
    playBackward,
    pause() {
      const moved = playing.value === 'forward';
      pause();
      // Stop on a whole frame, and confirm it.
      if (moved) seek(frame.value);
    },
    toggle() {
      if (playing.value === 'no') play();
      else this.pause();
    },
    changeRate(direction) {
      if (direction === 0) return void (rate.value = 1);
      const at = RATES.findIndex((value) => value >= rate.value);
      rate.value = RATES[Math.max(0, Math.min(RATES.length - 1, at + direction))];
    },
    setIn() {
      inFrame.value = inFrame.value === frame.value ? null : frame.value;
      if (inFrame.value !== null && outFrame.value !== null && outFrame.value <= inFrame.value)
        outFrame.value = null;
    },
    setOut() {
      outFrame.value = outFrame.value === frame.value ? null : frame.value;
      if (inFrame.value !== null && outFrame.value !== null && inFrame.value >= outFrame.value)
        inFrame.value = null;
    },
  };
}
