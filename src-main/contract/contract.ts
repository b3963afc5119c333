/**
 * @file The contract: every call the window can make, with its input, output and errors. The services implement it,
 * the window's client is typed by it, and both validate against it. Nothing else crosses the border, except media:
 * files, pictures and frame tables go over `media/...` URLs (see `services/media-route.ts`).
 */
import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import * as e from './endpoint.ts';
import { NamedRecipe, RecipeDraft } from './recipe.ts';
import * as s from './schemas.ts';

/** The one typed error: a person can cause it and mend it. */
export const UserErrorData = z.object({ code: z.string(), message: z.string(), hint: z.string() });
const call = oc.errors({ USER_ERROR: { status: 422, data: UserErrorData } });

const Page = z.object({ offset: z.number().int().nonnegative(), limit: z.number().int().min(1).max(500) });
const None = z.void();
const ImportInput = z.object({
  path: z.string(),
  format: s.ImportFormat.optional(),
  videoRoot: z.string().optional(),
  mapping: s.ImportMapping.optional(),
});

export const contract = {
  app: {
    info: call.output(
      z.object({
        version: z.string(),
        /** Which door this window came through; decides whether native dialogs exist. */
        door: z.enum(['electron', 'serve']),
        platform: z.string(),
        home: z.string(),
      }),
    ),
    /** Folder listing for the path picker where there is no native dialog. Directories first, hidden files left out. */
    listFolder: call.input(z.object({ path: z.string() })).output(s.FolderListing),
    /** The person's own keys, the same through every door; null before any was chosen. */
    keys: call.output(s.KeyBindings.nullable()),
    setKeys: call.input(s.KeyBindings).output(None),
    /** The person's own look, likewise. */
    theme: call.output(s.ThemeChoice.nullable()),
    setTheme: call.input(s.ThemeChoice).output(None),
    /** Live until the caller aborts; begins with nothing, so read state first and then listen. */
    events: call.output(eventIterator(s.AppEvent)),
  },
  project: {
    current: call.output(s.ProjectInfo.nullable()),
    recent: call.output(z.array(s.RecentProject)),
    create: call.input(z.object({ path: z.string(), name: z.string().min(1) })).output(s.ProjectInfo),
    open: call.input(z.object({ path: z.string() })).output(s.ProjectInfo),
    /** Opens the sample project, unpacking it into the user's data folder at the first time. */
    openSample: call.output(s.ProjectInfo),
    close: call.output(None),
    setModel: call.input(z.object({ modelDir: z.string() })).output(s.ProjectInfo),
    setReviewer: call.input(z.object({ reviewer: z.string().min(1).max(80) })).output(s.ProjectInfo),
    /** Words that mean the same when answers are judged: groups, each read as its first. */
    synonyms: call.output(s.Synonyms),
    setSynonyms: call.input(z.object({ synonyms: s.Synonyms })).output(s.Synonyms),
    setIndependent: call.input(z.object({ independent: z.boolean() })).output(s.ProjectInfo),
  },
  library: {
    videos: call.output(z.array(s.Video)),
    video: call.input(z.object({ videoId: s.Id })).output(s.Video),
    /** Adds files or folders (scanned) by reference; each is probed in the background. */
    addVideos: call.input(z.object({ paths: z.array(z.string()).min(1) })).output(
      z.object({
        added: z.number().int(),
        duplicates: z.number().int(),
        /** Missing videos whose file was found again. */
        found: z.number().int(),
        job: s.Job.nullable(),
      }),
    ),
    /** Copies files or folders into the project and adds the copies; the job's result is `{added, duplicates, found}`. */
    copyVideos: call.input(z.object({ paths: z.array(z.string()).min(1) })).output(s.Job),
    /** Looks into videos again: broken ones, and those whose probe was cancelled. Null when they are in line already. */
    retryVideos: call.input(z.object({ videoIds: z.array(s.Id).min(1) })).output(s.Job.nullable()),
    /** Gives a video its file. CONFLICT when the content is another, unless `replace`: then it is looked into anew. */
    locateVideo: call
      .input(z.object({ videoId: s.Id, path: z.string(), replace: z.boolean().default(false) }))
      .output(s.Video),
    /** Takes a video without questions off the list; its file is left alone. CONFLICT while it has questions or is being read. */
    removeVideo: call.input(z.object({ videoId: s.Id })).output(None),
    /** Looks for missing videos in a folder, by content; the job's result is `{found, missing}`. */
    searchMissing: call.input(z.object({ folder: z.string() })).output(s.Job),
    samples: call
      .input(Page.extend({ filter: s.SampleFilter, sort: s.SampleSort.optional() }))
      .output(z.object({ total: z.number().int(), rows: z.array(s.Sample) })),
    /** The first rows as they would be imported. */
    previewImport: call.input(ImportInput).output(s.ImportPreview),
    /**
     * The job's result is an ImportReport. Goes on where an import of the same file with the same settings was stopped, unless
     * `startOver` says otherwise.
     */
    runImport: call.input(ImportInput.extend({ startOver: z.boolean().optional() })).output(s.Job),
    /** Copies a report's `errorsFile` to a place of the person's choice. */
    saveImportErrors: call
      .input(z.object({ errorsFile: z.string(), path: z.string() }))
      .output(z.object({ path: z.string() })),
    /** Frame indices the project's model is given for this video. */
    modelFrames: call
      .input(z.object({ videoId: s.Id, frames: z.number().int().positive().optional() }))
      .output(z.array(z.number().int())),
  },
  pairs: {
    list: call
      .input(Page.extend({ filter: s.PairFilter }))
      .output(z.object({ total: z.number().int(), rows: z.array(s.PairSummary) })),
    counts: call.output(z.record(s.PairStatus, z.number().int())),
    /** What the filters can be set to in one queue (or all), and how many pairs each leaves. */
    facets: call.input(z.object({ status: s.PairStatus.optional() })).output(s.PairFacets),
    /** How fast this reviewer decides; `dayStart` is midnight where the person is. */
    pace: call.input(z.object({ dayStart: s.Timestamp })).output(s.Pace),
    get: call.input(z.object({ pairId: s.Id })).output(s.Pair),
    /** Saves texts and marks; durable when it returns. CONFLICT when `baseVersion` is not the stored one. */
    save: call
      .input(
        z.object({
          pairId: s.Id,
          baseVersion: z.number().int(),
          chosen: z.string(),
          rejected: z.string(),
          phrases: z.array(s.Phrase),
          /** The person chose this over a newer version: the history says so. */
          over: z.boolean().optional(),
        }),
      )
      .output(s.Pair),
    setStatus: call
      .input(z.object({ pairIds: z.array(s.Id).min(1), status: s.PairStatus }))
      .output(z.array(s.PairSummary)),
    /** Changes many pairs at once, in steps that let other work through; the result is a BulkReport. */
    bulk: call.input(z.object({ selection: s.PairSelection, action: s.BulkAction })).output(s.Job),
    /** Takes a bulk change back, except on pairs that were changed since; the result is a BulkUndoReport. */
    undoBulk: call.input(z.object({ bulkId: s.Id })).output(s.Job),
    /** The latest bulk change, while it can be undone. */
    lastBulk: call.output(s.Bulk.nullable()),
    undo: call.input(z.object({ pairId: s.Id })).output(s.Pair),
    redo: call.input(z.object({ pairId: s.Id })).output(s.Pair),
    history: call.input(z.object({ pairId: s.Id })).output(z.array(s.HistoryEntry)),
    /** What each reviewer made of the pair, and how far their marks agree. */
    reviews: call.input(z.object({ pairId: s.Id })).output(s.PairReviews),
    /** Agreement on marks over the project, counted as a job of kind `agreement` that ends with the call. */
    agreement: call.output(s.Agreement),
    /** Writes the agreement, as JSON or CSV by the name's ending; a job likewise. */
    exportAgreement: call
      .input(z.object({ path: z.string() }))
      .output(z.object({ path: z.string(), count: z.number().int() })),
    /** Word-aligned differences as proposed phrases for the given texts. */
    propose: call.input(z.object({ chosen: z.string(), rejected: z.string() })).output(z.array(s.Phrase)),
    tokens: call
      .input(z.object({ chosen: z.string(), rejected: z.string(), phrases: z.array(s.Phrase) }))
      .output(s.TokenTruth),
    create: call.input(z.object({ sampleId: s.Id, rejected: z.string() })).output(s.Pair),
    /** Takes a pair away that nobody has touched since it was made. CONFLICT when somebody has. */
    withdraw: call.input(z.object({ pairId: s.Id })).output(None),
    /** Model, run, adapter and evaluation behind the non-preferred answer; null when no model gave it. */
    lineage: call.input(z.object({ pairId: s.Id })).output(s.Lineage.nullable()),
  },
  negatives: {
    /** Named recipes: the workbench's own, the default first, then the newest versions of the project's by name. */
    recipes: call.output(z.array(NamedRecipe)),
    /** Saves a recipe. CONFLICT when another one has the name; unchanged steps make no new version. */
    saveRecipe: call.input(RecipeDraft).output(NamedRecipe),
    /** Takes a saved recipe out of the lists. What was made with it keeps its steps. */
    deleteRecipe: call.input(z.object({ id: z.string() })).output(None),
    /** Takes that back: the recipe is in the lists again, with all its versions. */
    restoreRecipe: call.input(z.object({ id: z.string() })).output(NamedRecipe),
    /** Every version of a saved recipe, newest first. */
    recipeVersions: call.input(z.object({ id: z.string() })).output(z.array(NamedRecipe)),
    /** What the project's model is given of a video before any recipe; under one, frame by frame, at `givenAddress`. */
    eye: call.input(z.object({ videoId: s.Id })).output(s.ModelEye),
    /** What the model is given under a recipe. `frames`: the video's frames before it; by default those the project's model is given. */
    perturbed: call
      .input(
        z.object({
          videoId: s.Id,
          recipe: z.unknown(),
          seed: z.number().int(),
          frames: z.array(z.number().int().nonnegative()).min(1).max(1024).optional(),
        }),
      )
      .output(s.PerturbedClip),
    /** Asks the project's model about perturbed videos; wrong answers become pending pairs. Result: counts by verdict. */
    generate: call.input(s.GenerateRequest).output(s.Job),
    /** Samples that a generation (the id of its job) left out, and why, in the order of the samples. */
    skipped: call
      .input(Page.extend({ jobId: s.Id }))
      .output(z.object({ total: z.number().int(), rows: z.array(s.SkippedSample) })),
    /** Generated answers with their verdicts, newest first. */
    answers: call
      .input(Page.extend({ filter: s.JudgedFilter }))
      .output(z.object({ total: z.number().int(), rows: z.array(s.JudgedAnswer) })),
    /**
     * A person confirms or overrules a verdict, or takes that back (null). Wrong: the answer becomes a pair. Right or unparseable: its pair
     * is rejected if nobody has decided about it.
     */
    rule: call
      .input(z.object({ sampleId: s.Id, conditions: z.string(), ruling: s.Verdict.nullable() }))
      .output(s.JudgedAnswer),
    /** What each recipe and each family of errors came to, up to Review. */
    yield: call.output(s.YieldReport),
    /** What appears together in the training answers, of those that have been read; a few new ones are read at once. */
    concepts: call.output(s.ConceptTable),
    /** Reads the answers that have not been read. */
    readConcepts: call.output(s.Job),
    /** Swaps concepts of preferred answers for ones that often appear with the rest; the result is a SwapReport. */
    swap: call.input(s.SwapRequest).output(s.Job),
    /** Of the verdicts that a person ruled on, the share that stands, for each judge there was: the rules of this program first. */
    judges: call.output(z.array(e.JudgePrecision)),
    /** How many open-ended answers the endpoint would judge, and about what that costs. */
    judgePlan: call.output(e.EndpointPlan),
    /** What rewriting would send, and about what it would cost; by the rules here nothing is sent. */
    rewritePlan: call.input(e.RewriteRequest).output(e.EndpointPlan),
    /**
     * Rewrites preferred answers with the model's mistakes, as the non-preferred ones of their pairs, so that both stay parallel. The result
     * is a RewriteReport. Each pair's history has it, and undoes it.
     */
    rewrite: call.input(e.RewriteRequest).output(s.Job),
    /** Has the endpoint judge them again: those nobody has ruled on and it has not judged yet. The result is a JudgeReport. */
    judge: call.output(s.Job),
  },
  endpoint: {
    state: call.output(e.EndpointState),
    save: call.input(e.EndpointSettings).output(e.EndpointState),
    /** Stores the key of the address that is set, or forgets it (null). It is never given back. */
    setKey: call.input(z.object({ key: z.string().max(8192).nullable() })).output(e.EndpointState),
    /** One tiny request, and in words what came. */
    test: call.output(e.EndpointTest),
    resetUsage: call.output(e.EndpointState),
  },
  train: {
    devices: call.output(z.array(s.DeviceReport)),
    presets: call.output(z.array(s.TrainPreset)),
    /** How many accepted pairs a run would take, and which are left out and why. */
    readiness: call.output(
      z.object({
        accepted: z.number().int(),
        usable: z.number().int(),
        excluded: z.array(z.object({ pairId: s.Id, reason: z.string() })),
      }),
    ),
    estimate: call.input(z.object({ config: s.TrainConfig })).output(s.Estimate),
    /** Idempotent by `requestId`: a double click starts one run. */
    start: call
      .input(z.object({ requestId: z.string(), name: z.string(), config: s.TrainConfig }))
      .output(s.Run),
    stop: call.input(z.object({ runId: s.Id, save: z.boolean() })).output(s.Run),
    resume: call.input(z.object({ runId: s.Id })).output(s.Run),
    runs: call.output(z.array(s.Run)),
    run: call.input(z.object({ runId: s.Id })).output(s.Run),
    metrics: call.input(z.object({ runId: s.Id })).output(z.array(s.MetricRow)),
    log: call.input(z.object({ runId: s.Id })).output(z.string()),
  },
  compare: {
    evaluations: call.output(z.array(s.Evaluation)),
    /** Answers the samples of one split with the base model (runId null) or a run's adapter; the result is an Evaluation. */
    evaluate: call
      .input(z.object({ runId: s.Id.nullable(), split: s.Split.default('heldout') }))
      .output(s.Job),
    rows: call
      .input(
        z.object({
          baseId: s.Id,
          tunedId: s.Id,
          only: z.enum(['all', 'disagreements', 'fixed', 'broken']).default('all'),
        }),
      )
      .output(z.array(s.ComparisonRow)),
    /** Flips both ways and the difference in accuracy over the questions both were asked. */
    difference: call.input(z.object({ baseId: s.Id, tunedId: s.Id })).output(s.PairedComparison),
    /**
     * Makes an answer of an evaluation a candidate for review, with its lineage. `isNew` is false when the sample had a pair with this
     * answer. `split` is the video's: pairs of held-out ones are never trained on.
     */
    makeCandidate: call
      .input(z.object({ evaluationId: s.Id, sampleId: s.Id }))
      .output(z.object({ pairId: s.Id, isNew: z.boolean(), split: s.Split })),
    /** One question to base and tuned model, now. */
    ask: call
      .input(z.object({ videoId: s.Id, question: z.string().min(1), runId: s.Id.nullable() }))
      .output(z.object({ text: z.string(), seconds: z.number() })),
  },
  exchange: {
    exportPairs: call
      .input(z.object({ path: z.string(), format: s.ImportFormat, status: s.PairStatus.optional() }))
      .output(z.object({ path: z.string(), count: z.number().int() })),
    exportAdapter: call
      .input(z.object({ runId: s.Id, path: z.string() }))
      .output(z.object({ path: z.string() })),
    /** Writes the run's model with its adapter merged in, as a checkpoint of its own; the result is `{ path, bytes }`. */
    exportMerged: call.input(z.object({ runId: s.Id, path: z.string() })).output(s.Job),
  },
  jobs: {
    list: call.output(z.array(s.Job)),
    cancel: call.input(z.object({ jobId: s.Id })).output(None),
    /** Lets others go first; only a job that says `pausable`. Does nothing to one that is paused or has ended. */
    pause: call.input(z.object({ jobId: s.Id })).output(None),
    resume: call.input(z.object({ jobId: s.Id })).output(None),
  },
};

export type Contract = typeof contract;
