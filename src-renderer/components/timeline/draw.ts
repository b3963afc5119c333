/**
 * @file Draws the timeline: ruler, filmstrip, in and out points, the model's eye, what the model was given, playhead. Only what is in view
 * is touched, so that a clip of hours costs what a short one does.
 */
import { strideWithin } from '../../../src-main/contract/filmstrip.ts';
import type { FrameTimes } from '../../../src-main/contract/pts-bytes.ts';
import { clock } from '../../composables/format.ts';
import { endOf, frameAt, startOf } from '../../composables/frames.ts';
import type { Given } from '../../composables/usePerturbed.ts';
import type { Strips } from './strips.ts';
import { placeAt, ticksOf, type Tick, type TimeView } from './view.ts';

/** Everything a drawing depends on. */
export interface Scene {
  readonly table: FrameTimes;
  readonly view: TimeView;
  /** CSS pixels. */
  readonly width: number;
  /** Width of a picture over its height. */
  readonly aspect: number;
  readonly frame: number;
  readonly modelFrames: readonly number[];
  readonly inFrame: number | null;
  readonly outFrame: number | null;
  /** What the model was given of each of its frames; empty when nothing is shown beside. */
  readonly given: readonly Given[];
  readonly hover: number | null;
  readonly strips: Strips;
  /** A colour of theme.ts by name. */
  readonly colour: (name: string) => string;
}

/** Rows from the top, in CSS pixels. */
const RULER = { top: 0, height: 16 };
export const STRIP = { top: 17, height: 36 };
const EYE = { top: 54, height: 9 };
const LINKS = { top: 63, height: 16 };
const GIVEN = { top: 79, height: 28 };
const BAR = 3;

/** Height of the whole, in CSS pixels. */
export const heightOf = (withGiven: boolean): number =>
  (withGiven ? GIVEN.top + GIVEN.height + 2 : EYE.top + EYE.height) + BAR + 2;

/** Where the overview bar is; it shows which part of the clip is in view. */
export const barTop = (withGiven: boolean): number => heightOf(withGiven) - BAR;

/** Draws the scene; the context is scaled to CSS pixels. */
export function drawTimeline(context: CanvasRenderingContext2D, scene: Scene): void {
  const height = heightOf(scene.given.length > 0);
  context.clearRect(0, 0, scene.width, height);
  context.textBaseline = 'alphabetic';
  scene.strips.begin();
  drawRuler(context, scene);
  drawStrip(context, scene);
  scene.strips.end();
  drawRange(context, scene);
  if (scene.given.length > 0) drawGiven(context, scene);
  drawEye(context, scene);
  drawPlayhead(context, scene, height);
  drawBar(context, scene);
}

/** Pixels from the left of a time. */
const place = ({ view, width }: Scene, time: number): number => ((time - view.start) / view.length) * width;

/** Short clock time for a step of the ruler: no more decimals than the step has. */
function label(seconds: number, apart: number): string {
  const full = clock(seconds);
  if (apart >= 1) return full.slice(0, -4);
  return apart >= 0.1 ? full.slice(0, -2) : full;
}

function drawRuler(context: CanvasRenderingContext2D, scene: Scene): void {
  const { table, view, width, colour } = scene;
  const apart = (view.length / width) * 108;
  const zero = startOf(table, 0);
  const ticks: Tick[] = ticksOf(table, view, apart);
  context.font = '10.5px Inter Variable, sans-serif';
  const minor = ticks.length > 1 ? (ticks[1].time - ticks[0].time) / 5 : 0;
  context.fillStyle = colour('line-strong');
  for (const { time } of ticks)
    for (let k = 0; k < (minor > 0 ? 5 : 1); k++)
      context.fillRect(
        Math.round(place(scene, time + k * minor)),
        k === 0 ? 2 : 12,
        1,
        RULER.height - (k === 0 ? 2 : 12),
      );
  for (const { time, frame } of ticks) {
    // Clear of the play head's flag where both stand at the very beginning.
    const x = Math.max(Math.round(place(scene, time)) + 4, 9);
    const said = label(time - zero, apart);
    context.fillStyle = colour('text-2');
    context.fillText(said, x, 11);
    context.fillStyle = colour('text-3');
    context.fillText(`#${frame}`, x + context.measureText(said).width + 5, 11);
  }
}

function drawStrip(context: CanvasRenderingContext2D, scene: Scene): void {
  const { table, view, width, aspect, strips, colour } = scene;
  const slotWidth = Math.max(18, Math.min(128, STRIP.height * aspect));
  context.save();
  context.beginPath();
  context.roundRect(0, STRIP.top, width, STRIP.height, 5);
  context.clip();
  context.fillStyle = colour('line');
  context.fillRect(0, STRIP.top, width, STRIP.height);
  const end = view.start + view.length;
  const slot = (view.length * slotWidth) / width;
  const [first, last] = [frameAt(table, view.start), frameAt(table, end)];
  const put = (stride: number, cell: number, from: number, until: number): void => {
    const picture = strips.cell(stride, cell);
    if (!picture) return;
    const w = Math.min(slotWidth, until - from);
    context.drawImage(
      picture.image,
      picture.x,
      0,
      (picture.width * w) / slotWidth,
      picture.height,
      from,
      STRIP.top,
      w,
      STRIP.height,
    );
  };
  if (last - first + 1 <= (width / slotWidth) * 1.5) {
    // Each frame has room: its picture from where it begins, repeated while it lasts.
    for (let frame = first; frame <= last; frame++) {
      const until = place(scene, endOf(table, frame));
      for (let x = place(scene, startOf(table, frame)); x < until; x += slotWidth)
        if (x + slotWidth > 0 && x < width) put(1, frame, x, until);
    }
    context.fillStyle = colour('page');
    for (let frame = first + 1; frame <= last; frame++)
      context.fillRect(Math.round(place(scene, startOf(table, frame))), STRIP.top, 1, STRIP.height);
  } else {
    // A picture of the frames in each stretch; stretches are counted from the clip's beginning, so that they do not swim.
    const zero = startOf(table, 0);
    for (let k = Math.floor((view.start - zero) / slot); zero + k * slot < end; k++) {
      const from = frameAt(table, zero + k * slot);
      const stride = strideWithin(frameAt(table, zero + (k + 1) * slot) - from);
      const x = place(scene, zero + k * slot);
      put(stride, Math.ceil(from / stride), x, x + slotWidth);
    }
  }
  context.restore();
}

function drawRange(context: CanvasRenderingContext2D, scene: Scene): void {
  const { table, inFrame, outFrame, width, colour } = scene;
  const left = inFrame === null ? 0 : place(scene, startOf(table, inFrame));
  const right = outFrame === null ? width : place(scene, endOf(table, outFrame));
  context.fillStyle = colour('page');
  context.globalAlpha = 0.74;
  if (left > 0) context.fillRect(0, STRIP.top, Math.min(left, width), STRIP.height);
  if (right < width) context.fillRect(Math.max(0, right), STRIP.top, width, STRIP.height);
  context.globalAlpha = 1;
  context.fillStyle = colour('accent');
  for (const [at, open, inner] of [
    [left, inFrame !== null, 1],
    [right, outFrame !== null, -1],
  ] as const)
    if (open) {
      // A bracket that opens towards what is played.
      context.fillRect(at - 1, STRIP.top, 2, STRIP.height);
      for (const y of [STRIP.top, STRIP.top + STRIP.height - 2])
        context.fillRect(inner > 0 ? at : at - 5, y, 5, 2);
    }
}

/** Where a frame's marks stand: in its middle, not beyond a few pixels from its beginning. */
const middle = (scene: Scene, frame: number): number => {
  const from = place(scene, startOf(scene.table, frame));
  return from + Math.min(8, (place(scene, endOf(scene.table, frame)) - from) / 2);
};

function drawEye(context: CanvasRenderingContext2D, scene: Scene): void {
  const { modelFrames, given, frame, width, colour } = scene;
  const marks = given.length > 0 ? given.map(({ at }) => at) : modelFrames;
  context.fillStyle = colour('accent');
  for (const mark of marks) {
    const x = middle(scene, mark);
    if (x < -6 || x > width + 6) continue;
    const size = mark === frame ? 5.5 : 3.5;
    context.globalAlpha = mark === frame ? 1 : 0.75;
    context.beginPath();
    context.moveTo(x, EYE.top);
    context.lineTo(x + size, EYE.top + size * 1.6);
    context.lineTo(x - size, EYE.top + size * 1.6);
    context.fill();
  }
  context.globalAlpha = 1;
}

/** The lower lane: each picture that was given, in its place, with a line from where it was taken. */
function drawGiven(context: CanvasRenderingContext2D, scene: Scene): void {
  const { table, given, frame, width, aspect, colour } = scene;
  const now = placeAt(given, frame);
  const edge = (k: number): number =>
    place(scene, k < given.length ? startOf(table, given[k].at) : table.end);
  context.save();
  context.beginPath();
  context.rect(0, LINKS.top, width, LINKS.height + GIVEN.height + 2);
  context.clip();
  for (const [k, { source, masks, thumbnail }] of given.entries()) {
    const [left, right] = [edge(k), edge(k + 1)];
    if (right < 0 || left > width || right <= left) continue;
    const full = GIVEN.height * aspect;
    const w = Math.min(full, right - left - 1);
    const share = w / full;
    if (thumbnail)
      context.drawImage(
        thumbnail,
        0,
        0,
        thumbnail.width * share,
        thumbnail.height,
        left,
        GIVEN.top,
        w,
        GIVEN.height,
      );
    else {
      context.fillStyle = colour('line');
      context.fillRect(left, GIVEN.top, w, GIVEN.height);
    }
    // What is covered: hatched, so that a grey block is not taken for a grey picture.
    context.strokeStyle = colour('bad');
    for (const mask of masks) {
      const [x, mw] = [left + mask.x * full, Math.min(mask.width * full, w - mask.x * full)];
      if (mw > 1) hatch(context, x, GIVEN.top + mask.y * GIVEN.height, mw, mask.height * GIVEN.height);
    }
    if (right - left > full + 24) {
      context.fillStyle = colour(k === now ? 'text' : 'text-3');
      context.font = `${k === now ? 600 : 400} 10.5px Inter Variable, sans-serif`;
      context.fillText(`#${source}`, left + w + 4, GIVEN.top + GIVEN.height / 2 + 4);
    }
    if (k === now) {
      context.strokeStyle = colour('accent');
      context.lineWidth = 2;
      context.strokeRect(left + 1, GIVEN.top + 1, Math.max(2, w - 2), GIVEN.height - 2);
    }
    const [from, to] = [middle(scene, source), left + Math.min(w, right - left) / 2];
    context.strokeStyle = colour(k === now ? 'accent' : 'line-strong');
    context.lineWidth = k === now ? 2 : 1;
    context.beginPath();
    context.moveTo(from, LINKS.top);
    context.bezierCurveTo(from, LINKS.top + 9, to, LINKS.top + 7, to, GIVEN.top);
    context.stroke();
  }
  context.restore();
}

function hatch(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number): void {
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.globalAlpha = 0.7;
  context.lineWidth = 1;
  context.beginPath();
  for (let d = 0; d < width + height; d += 4) {
    context.moveTo(x + d, y);
    context.lineTo(x + d - height, y + height);
  }
  context.stroke();
  context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
  context.restore();
}

function drawPlayhead(context: CanvasRenderingContext2D, scene: Scene, height: number): void {
  const { table, frame, hover, colour } = scene;
  const x = place(scene, startOf(table, frame));
  const wide = place(scene, endOf(table, frame)) - x;
  context.fillStyle = colour('accent');
  context.globalAlpha = 0.28;
  if (wide > 3) context.fillRect(x, STRIP.top, wide, STRIP.height);
  context.globalAlpha = 1;
  context.fillRect(Math.round(x) - 1, 2, 2, height - BAR - 5);
  context.beginPath();
  context.moveTo(x - 5, 2);
  context.lineTo(x + 5, 2);
  context.lineTo(x, 9);
  context.fill();
  if (hover !== null) {
    context.fillStyle = colour('text');
    context.globalAlpha = 0.55;
    context.fillRect(Math.round(place(scene, startOf(table, hover))), STRIP.top, 1, STRIP.height);
    context.globalAlpha = 1;
  }
}

function drawBar(context: CanvasRenderingContext2D, scene: Scene): void {
  const { table, view, width, given, colour } = scene;
  const zero = startOf(table, 0);
  const whole = Math.max(1e-6, table.end - zero);
  if (view.length >= whole * 0.9999) return;
  const top = barTop(given.length > 0);
  context.fillStyle = colour('line');
  context.fillRect(0, top, width, BAR);
  context.fillStyle = colour('line-strong');
  const wide = Math.max(12, (view.length / whole) * width);
  context.fillRect(Math.min(width - wide, ((view.start - zero) / whole) * width), top, wide, BAR);
}
