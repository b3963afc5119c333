/**
 * @file What the workers can do, as types: services call them through `Workers`, `src-main/workers/*.ts` implement them. Everything
 * here crosses a process border by structured clone.
 */
import type { z } from 'zod';
import type { Recipe } from '../contract/recipe.ts';
import type { Device, DeviceReport, Estimate, Finding, MetricRow, Objective } from '../contract/schemas.ts';

// ------------------------------------------------------------------------------------------------ media

/** What one look at a file finds: `media/probe.ts` ProbeReport, with the PTS table as bytes. */
export type MediaProbe = {
  /** Lower-case hex. */
  sha256: string;
  bytes: number;
  container: string;
  codec: string;
  /** Pixels as shown, after rotation. */
  width: number;
  height: number;
  /** Clockwise degrees. */
  rotation: number;
  /** Seconds from the first frame to the end of the last. */
  duration: number;
  frameCount: number;
  frameRate: 'constant' | 'variable';
  audioCodec: string | null;
  /** Whether Chromium is expected to play the file itself, and why. */
  playable: { value: boolean; reason: string };
  findings: Finding[];
  /** `PtsTable.toBytes()`. */
  pts: Uint8Array;
  /** `media/look.ts`: to find near-duplicates by. */
  look: Uint8Array;
};

/** A clip as a model is to be given it. */
export type ClipRequest = {
  video: EngineVideo;
  modelDir: string;
  /** `ModelDescription.hash`: part of the name of its features. */
  modelHash: string;
  /** Folder of cached video features. */
  cacheDir: string;
  frames: FrameCount;
  recipe: unknown;
  seed: number;
};

/** Decoding, without any model. `event`: the fraction done, 0..1. */
export type MediaApi = {
  /** Reads a file once: hash, streams, rotation and the presentation time of every frame. */
  probe: { input: { path: string }; output: MediaProbe; event: number };
  /** The look of a video that was probed before looks were kept. */
  look: { input: { path: string; pts: Uint8Array }; output: Uint8Array; event: never };
  /** Writes one strip of the timeline's pictures, numbered as `contract/filmstrip.ts` says. */
  strip: {
    input: { path: string; pts: Uint8Array; stride: number; strip: number; output: string };
    output: null;
    event: never;
  };
  /** Writes what a model is given under a recipe, frame k of it to `<folder>/<k>.jpg`, and tells each k. `indices`: the frames before the recipe. */
  perturbed: {
    input: { path: string; pts: Uint8Array; indices: number[]; recipe: Recipe; seed: number; folder: string };
    output: null;
    event: number;
  };
  /**
   * Decodes ahead for the engine: writes what a model is given of a clip to a file in `cacheDir` and returns its path, or null when
   * the clip's features are cached (or the model reads text only), so that nothing has to be decoded.
   */
  pixels: {
    input: ClipRequest;
    output: string | null;
    event: never;
  };
  /** Which frames a model is given of a video, and in which size; its configuration is read anew. */
  eye: {
    input: { video: EngineVideo; modelDir: string };
    output: { frames: number[]; width: number; height: number };
    event: never;
  };
  /**
   * One frame of what a model is given under a recipe, RGB bytes [height, width, 3], or null when it is given fewer. Decoded frames are
   * kept for the next call.
   */
  given: {
    input: { video: EngineVideo; modelDir: string; recipe: Recipe; seed: number; place: number };
    output: Uint8Array | null;
    event: never;
  };
  /** Writes a file that Chromium plays, with the same frame identities. */
  proxy: {
    input: { path: string; pts: Uint8Array; output: string };
    output: { path: string; frames: number };
    event: number;
  };
};

// ------------------------------------------------------------------------------------------------ engine

/** A video as the engine is given it. */
export type EngineVideo = {
  path: string;
  /** Lower-case hex of the file's bytes: names its features in the cache. */
  sha256: string;
  /** `PtsTable.toBytes()` of its table: frames are found by it, and SmolVLM2's prompt states times. */
  pts: Uint8Array;
};

/** Which model, with which adapter, on which device. */
export type EngineModel = {
  /** Checkpoint folder in Hugging Face layout. */
  modelDir: string;
  /** PEFT adapter folder, or null for the base model. */
  adapterDir: string | null;
  device: z.infer<typeof Device>;
  /** Folder of cached video features. */
  cacheDir: string;
};

/** How many frames of a video the model is given; null: as many as its processor's configuration says. */
export type FrameCount = number | null;

/** How answers are drawn. Temperature 0 is greedy. */
export type Decoding = { temperature: number; seed: number; maxNewTokens: number };

/** What a checkpoint is; read from its files without loading weights. */
export type ModelDescription = {
  family: string;
  /** Names the weights and configuration; part of every record. */
  hash: string;
  /** Frames it is given when nobody says otherwise. */
  frames: number;
  /** `align/adapter.ts` adapterHash; null without an adapter. */
  adapterHash: string | null;
};

/** Questions about one video; the video is decoded and encoded once for all of them. */
export type AnswerTask = {
  video: EngineVideo;
  /** Seed of the recipe's random choices for this video. */
  seed: number;
  /** File of its pixels, from `MediaApi.pixels`; null: its features are in the cache, or the engine decodes it. */
  pixels: string | null;
  questions: { id: string; text: string; decoding: Decoding }[];
};

/** One answer as it comes, or a clip that could not be read: its questions are skipped. */
export type AnswerEvent =
  ({ type: 'answer' } & GeneratedAnswer) | { type: 'skipped'; ids: string[]; reason: string };

/** An answer and what it was given. */
export type GeneratedAnswer = {
  id: string;
  text: string;
  /** Tokens generated, without the end token; `finished` is false when the limit cut the answer off. */
  tokens: number;
  finished: boolean;
  /** Frames the model was given, as indices into the PTS table, before the recipe changed their order or content. */
  frameIndices: number[];
  /** Seed of the recipe's random choices. */
  seed: number;
};

/** A pair to be trained on: texts, and marked spans in code points. */
export type TrainPair = {
  id: string;
  version: number;
  question: string;
  chosen: string;
  rejected: string;
  chosenSpans: { start: number; end: number }[];
  rejectedSpans: { start: number; end: number }[];
  video: EngineVideo;
};

export type TrainRequest = {
  modelDir: string;
  cacheDir: string;
  runDir: string;
  /** Any subset of `align/config.ts` TrainingConfig; checked and completed there. */
  config: { objective: z.infer<typeof Objective> } & Record<string, unknown>;
  pairs: TrainPair[];
  /** Continue from the newest checkpoint in `runDir`; false begins anew and refuses a folder that holds a run. */
  resume: boolean;
};

export type TrainEvent =
  | {
      type: 'start';
      step: number;
      totalSteps: number;
      excluded: { id: string; reason: string }[];
      /** Checkpoint folders newer than the one that a resumed run goes on from, and what is wrong with each. */
      damaged: { dir: string; reason: string }[];
    }
  | { type: 'metrics'; row: MetricRow }
  | { type: 'phase'; text: string; fraction: number | null };

/** How a run ended. `adapterDir` holds the PEFT adapter, null when it was stopped without saving before any checkpoint. */
export type TrainResult = {
  state: 'done' | 'stopped';
  step: number;
  totalSteps: number;
  adapterDir: string | null;
};

/** Models: answers, divergence, training. Only answers may overlap; the job queue's engine lane sees to it. */
export type EngineApi = {
  /** Which devices there are, and why or why not. Trying a device can end the worker: use one of its own. */
  devices: { input: { only: 'cpu' | null }; output: DeviceReport[]; event: never };
  describe: {
    input: Pick<EngineModel, 'modelDir' | 'adapterDir'>;
    output: ModelDescription;
    event: never;
  };
  /** Whether a clip's features are in the cache (or the model reads text only), so that nothing has to be decoded. */
  cached: { input: ClipRequest; output: boolean; event: never };
  /**
   * Answers questions; each answer is an event, so that what is done is kept when the job is cancelled. Calls with the same model and
   * adapter may overlap: their questions share a batch.
   */
  answer: {
    input: {
      model: EngineModel;
      task: AnswerTask;
      frames: FrameCount;
      /** What is done to the frames first, `contract/recipe.ts`; null for the clean video. */
      recipe: unknown;
    };
    output: { answered: number };
    event: AnswerEvent;
  };
  /** Sum over each preferred answer (and its end token) of KL(base || base with adapter), in nats; one event per item. */
  divergence: {
    input: {
      model: EngineModel;
      frames: FrameCount;
      items: { id: string; video: EngineVideo; question: string; answer: string }[];
    };
    output: { kl: { id: string; kl: number }[]; skipped: { id: string; reason: string }[] };
    /** Items done so far. */
    event: number;
  };
  /** Trains until done or aborted; the abort reason 'save' writes a checkpoint first, 'discard' does not. */
  train: { input: TrainRequest; output: TrainResult; event: TrainEvent };
  /** Writes the model with the adapter merged in, `exchange/adapter-export.ts`; events are the fraction done. */
  merge: {
    input: { modelDir: string; adapterDir: string; target: string };
    output: { path: string; bytes: number };
    event: number;
  };
  /** One measured training step on the longest of the given pairs. */
  estimate: { input: Omit<TrainRequest, 'runDir' | 'resume'>; output: Estimate; event: never };
};
