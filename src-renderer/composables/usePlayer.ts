/**
 * @file A video element under frame control. What is called the frame is always the picture that is on the screen; where a move is
 * heading is kept apart. Every move names a frame of the PTS table, and the element is sent to the middle of its interval.
 */
import { computed, onScopeDispose, ref, watch, type ComputedRef, type Ref } from 'vue';
import type { FrameTimes } from '../../src-main/contract/pts-bytes.ts';
import {
  clampFrame,
  clockOffset,
  endOf,
  frameAt,
  neighbourMark,
  seekTimeFor,
  startOf,
  stepFrom,
} from './frames.ts';
import { paint } from './paint.ts';

export const RATES = [0.1, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4] as const;
export type Playing = 'no' | 'forward' | 'backward' | 'model';
/** Frames of the model's eye shown per second at rate 1. */
const MODEL_FRAMES_PER_SECOND = 2;
/** How long after a seek its picture may still come, in milliseconds: the element tells both, in either order. */
const PICTURE_TIMEOUT = 120;

export interface Player {
  /** The frame on screen. */
  readonly frame: Readonly<Ref<number>>;
  /** Where a seek under way is heading; the frame on screen at rest. */
  readonly goal: ComputedRef<number>;
  /** When the frame on screen begins, in seconds from the first. */
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
  /** Shows the element's pictures; the element itself is not looked at. */
  screen: Readonly<Ref<HTMLCanvasElement | null | undefined>>,
  table: Readonly<Ref<FrameTimes | undefined>>,
  modelFrames: Readonly<Ref<readonly number[]>>,
): Player {
  const frame = ref(0);
  const wanted = ref<number | null>(null);
  const playing = ref<Playing>('no');
  const rate = ref(1);
  const muted = ref(false);
  const loop = ref(false);
  const inFrame = ref<number | null>(null);
  const outFrame = ref<number | null>(null);
  const modelOnly = ref(false);
  const goal = computed(() => wanted.value ?? frame.value);

  /** Media time of the first frame minus its PTS; null until the element has shown it. */
  let offset: number | null = null;
  /** Called with each frame that comes on screen. */
  let onShown: ((shown: number) => void) | null = null;
  let pumping = false;
  /** Grows with every new element or table: a seek of the one before is then abandoned. */
  let generation = 0;
  let timer = 0;

  const lastFrame = (): number => Math.max(0, (table.value?.seconds.length ?? 1) - 1);
  const from = (): number => inFrame.value ?? 0;
  const until = (): number => outFrame.value ?? lastFrame();

  /** Sends the element to a frame and waits until that is on screen, or until the seek has ended with another picture. */
  function goTo(video: HTMLVideoElement, time: number, target: number): Promise<void> {
    return new Promise((resolve) => {
      let arrived = false;
      let giveUp = 0;
      const done = (): void => {
        clearTimeout(giveUp);
        video.removeEventListener('seeked', seeked);
        video.removeEventListener('emptied', done);
        onShown = null;
        resolve();
      };
      const seeked = (): void => {
        arrived = true;
        giveUp = window.setTimeout(done, PICTURE_TIMEOUT);
        if (frame.value === target) done();
      };
      onShown = (shown) => {
        // While it plays the element may be past the target before anybody looks.
        if (arrived && (shown === target || playing.value === 'forward')) done();
      };
      video.addEventListener('seeked', seeked);
      video.addEventListener('emptied', done);
      video.currentTime = time;
    });
  }

  /** Carries out the newest wish until there is none; wishes that come meanwhile replace each other. */
  async function pump(): Promise<void> {
    if (pumping) return;
    pumping = true;
    const mine = generation;
    while (wanted.value !== null) {
      const video = element.value;
      const pts = table.value;
      // Not loaded yet: the first frame will call again.
      if (!video || !pts || offset === null) break;
      const target = wanted.value;
      await goTo(video, seekTimeFor(pts, target) + offset, target);
      if (mine !== generation) return;
      if (wanted.value === target) wanted.value = null;
    }
    pumping = false;
  }

  function seek(index: number): void {
    if (!table.value) return;
    wanted.value = clampFrame(table.value, index);
    void pump();
  }

  function halt(): void {
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
    halt();
    if (frame.value !== end) seek(end);
    return false;
  }

  function step(frames: number): void {
    halt();
    if (!table.value) return;
    if (modelOnly.value) {
      const next = neighbourMark(modelFrames.value, goal.value, frames > 0 ? 1 : -1);
      if (next !== undefined) seek(next);
    } else seek(stepFrom(table.value, goal.value, frames));
  }

  function start(video: HTMLVideoElement): void {
    video.playbackRate = rate.value;
    video.play().catch(() => {
      // Refused or interrupted by a pause: the element is not playing, so do not say so.
      if (playing.value === 'forward' && video.paused) playing.value = 'no';
    });
  }

  function play(): void {
    const video = element.value;
    if (!video || !table.value) return;
    clearTimeout(timer);
    if (goal.value >= until() || goal.value < from()) seek(from());
    if (modelOnly.value && modelFrames.value.length > 0) return playModelFrames();
    playing.value = 'forward';
    start(video);
  }

  function playModelFrames(): void {
    element.value?.pause();
    playing.value = 'model';
    const pause = (): number => 1000 / (MODEL_FRAMES_PER_SECOND * rate.value);
    const tick = (): void => {
      if (playing.value !== 'model') return;
      const next = neighbourMark(modelFrames.value, goal.value, 1);
      const first = modelFrames.value.find((mark) => mark >= from()) ?? from();
      if (next !== undefined && next <= until()) seek(next);
      else if (!wrap(first, goal.value)) return;
      timer = window.setTimeout(tick, pause());
    };
    timer = window.setTimeout(tick, pause());
  }

  function playBackward(): void {
    if (!table.value) return;
    halt();
    playing.value = 'backward';
    let before = performance.now();
    let position = startOf(table.value, goal.value) as number;
    const tick = (now: number): void => {
      const pts = table.value;
      if (playing.value !== 'backward' || !pts) return;
      position -= ((now - before) / 1000) * rate.value;
      before = now;
      if (position <= startOf(pts, from())) {
        if (!loop.value) return void wrap(from(), from());
        position = startOf(pts, until());
      }
      const target = frameAt(pts, position);
      if (target !== goal.value && !pumping) seek(target);
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  /**
   * While playing up to an out point: is this frame still to be seen? The out point itself is held for its own time, what is
   * behind it is not shown. (The end of the clip is told by 'ended'.)
   */
  function withinRange(video: HTMLVideoElement, pts: FrameTimes, shown: number): boolean {
    const end = until();
    if (playing.value !== 'forward' || wanted.value !== null || shown < end || end === lastFrame())
      return true;
    if (!video.paused) {
      video.pause();
      const left = shown > end ? 0 : (endOf(pts, shown) - startOf(pts, shown)) / rate.value;
      timer = window.setTimeout(() => {
        if (playing.value === 'forward' && wrap(from(), end)) start(video);
      }, left * 1000);
    }
    return shown === end;
  }

  /** Shows the pictures of one element as they come: whatever is shown is the frame. */
  function follow(video: HTMLVideoElement, canvas: HTMLCanvasElement, pts: FrameTimes): () => void {
    let handle = 0;
    const show = (): void => {
      let shown = -1;
      paint(canvas, video, (time) => {
        offset ??= clockOffset(pts, time);
        const index = frameAt(pts, time - offset);
        if (!withinRange(video, pts, index)) return false;
        shown = index;
        return true;
      });
      if (shown < 0) return;
      frame.value = shown;
      onShown?.(shown);
      // A wish that came before the first picture.
      if (wanted.value !== null) void pump();
    };
    const onFrame = (): void => {
      handle = video.requestVideoFrameCallback(onFrame);
      show();
    };
    const onEnded = (): void => {
      if (playing.value === 'forward' && wrap(from(), until())) start(video);
    };
    onFrame();
    video.addEventListener('ended', onEnded);
    // A paused element gives its picture only after it has told of it.
    for (const event of ['loadeddata', 'seeked']) video.addEventListener(event, show);
    return () => {
      video.cancelVideoFrameCallback(handle);
      video.removeEventListener('ended', onEnded);
      for (const event of ['loadeddata', 'seeked']) video.removeEventListener(event, show);
    };
  }

  watch(
    [element, screen, table],
    ([video, canvas, pts], [oldVideo, , oldTable], onCleanup) => {
      halt();
      oldVideo?.pause();
      generation++;
      pumping = false;
      onShown = null;
      // A table that was read anew is about the same clock.
      if (video !== oldVideo) offset = null;
      wanted.value = null;
      frame.value = 0;
      if (pts !== oldTable) {
        inFrame.value = null;
        outFrame.value = null;
      }
      if (video && canvas && pts) onCleanup(follow(video, canvas, pts));
    },
    { immediate: true },
  );
  watch([rate, element], ([value, video]) => {
    if (video) video.playbackRate = value;
  });
  watch(
    [muted, element],
    ([value, video]) => {
      if (video) video.muted = value;
    },
    { immediate: true },
  );
  watch(modelOnly, (only) => {
    if (!only) return;
    const was = playing.value !== 'no';
    halt();
    const marks = modelFrames.value;
    if (marks.length > 0 && !marks.includes(goal.value))
      seek(neighbourMark(marks, goal.value + 1, -1) ?? marks[0]);
    if (was) play();
  });
  onScopeDispose(halt);

  return {
    frame,
    goal,
    time: computed(() => (table.value ? startOf(table.value, frame.value) - startOf(table.value, 0) : 0)),
    playing,
    rate,
    muted,
    loop,
    inFrame,
    outFrame,
    modelOnly,
    seek(index) {
      if (playing.value !== 'forward') halt();
      seek(index);
    },
    step,
    play,
    playBackward,
    pause() {
      const moved = playing.value === 'forward';
      halt();
      // Stop on a whole frame, the one that is seen.
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
      inFrame.value = inFrame.value === goal.value ? null : goal.value;
      if (inFrame.value !== null && outFrame.value !== null && outFrame.value <= inFrame.value)
        outFrame.value = null;
    },
    setOut() {
      outFrame.value = outFrame.value === goal.value ? null : goal.value;
      if (inFrame.value !== null && outFrame.value !== null && inFrame.value >= outFrame.value)
        inFrame.value = null;
    },
  };
}
