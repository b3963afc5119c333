/**
 * @file Making wrong answers: the project's model is asked about perturbed clips; wrong answers become pending pairs with proposed
 * phrases and full provenance, right ones are set aside, unreadable ones are flagged. A generation that is paused, cancelled or killed
 * goes on where it was: every answer is stored when it comes, with the pair it becomes.
 */
import { GenerateRequest } from '../contract/schemas.ts';
import type { Provenance, Sample } from '../contract/schemas.ts';
import type { Decoding, EngineModel, GeneratedAnswer } from '../jobs/apis.ts';
import type { JobContext, JobHandle, JobSpec } from '../jobs/queue.ts';
import { SampleLibrary } from '../library/samples.ts';
import { addAttempt, attemptedSamples, conditionsKey, countAttempts } from '../negatives/attempts.ts';
import type { AttemptCounts } from '../negatives/attempts.ts';
import { loadReader } from '../negatives/concepts.ts';
import {
  addGeneration,
  addSkipped,
  beganWith,
  clearSkipped,
  countPair,
  pairsOf,
  setGenerationState,
  skippedReasons,
  unfinishedGenerations,
} from '../negatives/generations.ts';
import type { Source } from '../negatives/generations.ts';
import { judge } from '../negatives/judge.ts';
import type { Judgement } from '../negatives/judge.ts';
import { pinnedRecipe, projectRecipe } from '../negatives/recipe-store.ts';
import { recipeKey, recipeWords } from '../negatives/recipes.ts';
import type { Resolved } from '../negatives/recipes.ts';
import { PairService } from '../pairs/pairs.ts';
import { UserError } from '../platform/errors.ts';
import { log } from '../platform/log.ts';
import type { OpenProject } from '../project/project.ts';
import { chooseAdapter, describeModel } from './adapters.ts';
import type { ChosenAdapter } from './adapters.ts';
import { answerSamples, clipsOf, speedText } from './answering.ts';
import type { AskedClip, Asking } from './answering.ts';
import { engineModel } from './engine-requests.ts';
import type { AskedSample } from './engine-requests.ts';
import { judgeDrawn } from './judging.ts';
import { suggestions } from './swapping.ts';
import type { Suggestion } from './swapping.ts';
import type { Workbench } from './workbench.ts';

/** What came of it. The first three count all samples ever asked under these conditions, also by earlier jobs. */
export type GenerateReport = AttemptCounts & {
  /** New pending pairs of this job. */
  pairs: number;
  /** Samples without a usable video, and why. */
  skipped: number;
  skippedWhy: { reason: string; samples: number }[];
  recipe: string;
  /** The job in which the endpoint judges the open answers, where that was asked for. */
  judging: string | null;
};

/** Temperature of later tries where the first was greedy: a second greedy answer would be the first again. */
const RETRY_TEMPERATURE = 0.8;

/** How each try at a question is drawn, first to last: the first as asked for, the others sampled with the seeds that follow. */
export function schedule({ temperature, seed, maxNewTokens, tries }: GenerateRequest): Decoding[] {
  return Array.from({ length: tries }, (_, k) => ({
    temperature: k > 0 && temperature === 0 ? RETRY_TEMPERATURE : temperature,
    seed: seed + k,
    maxNewTokens,
  }));
}

const titleOf = (recipe: Resolved, adapter?: string): string =>
  `Generating negatives (${recipeWords(recipeKey(recipe)).name}${adapter === undefined ? '' : `, ${adapter}`})`;

/**
 * Puts a generation in line. Held-out samples are left out: what is trained on must not come from them. A generation of an earlier
 * process that asked for the same and did not end is continued.
 */
export async function generate(
  workbench: Workbench,
  asked: GenerateRequest,
): Promise<JobHandle<GenerateReport>> {
  const { db } = workbench.requireProject();
  const request = { ...asked, recipe: pinnedRecipe(db, asked.recipe) };
  // What cannot work is refused at once, not when its turn comes.
  if (request.judge === true) await workbench.endpoint.client();
  const what = await plan(workbench, request);
  const same = unfinishedGenerations(db).find(
    (earlier) => !underWay(workbench, earlier.id) && sameRequest(earlier.request, request),
  );
  return enqueue(
    workbench,
    request,
    titleOf(what, what.adapter?.name),
    same && { id: same.id, paused: false },
  );
}

/** Whether a generation's job is in line, running or paused in this process. */
function underWay(workbench: Workbench, id: string): boolean {
  const job = workbench.jobs.get(id);
  return job?.state === 'queued' || job?.state === 'running' || job?.state === 'paused';
}

const sameRequest = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Puts the generations in line that an earlier process left; those that were paused stay so. Called when a window opens the project. */
export function resumeGenerations(workbench: Workbench): void {
  const { db } = workbench.requireProject();
  for (const { id, request, paused } of unfinishedGenerations(db))
    try {
      if (underWay(workbench, id)) continue; // the project was open already
      const asked = GenerateRequest.parse(request);
      enqueue(workbench, asked, titleOf(projectRecipe(db, asked.recipe)), { id, paused });
    } catch (error) {
      // A request of another version of this program; everything else, a model's folder that is gone, say, fails the job in words.
      log.warn(`generation ${id} does not go on`, error);
      setGenerationState(db, id, 'failed');
    }
}

function enqueue(
  workbench: Workbench,
  request: GenerateRequest,
  title: string,
  restored: JobSpec<GenerateReport>['restored'],
): JobHandle<GenerateReport> {
  const project = workbench.requireProject();
  let id = restored?.id;
  const handle = workbench.jobs.enqueue({
    kind: 'generate',
    title,
    lane: 'engine',
    pausable: true,
    restored,
    onState: (state, why) => {
      // What the closing of the project ends goes on when it is opened again.
      if (id !== undefined && why !== 'close') setGenerationState(project.db, id, state);
    },
    run: async (context) => new Generation(workbench, await plan(workbench, request), context).run(),
    result: (report) => report,
  });
  if (id === undefined) {
    id = handle.job.id;
    addGeneration(project.db, id, request);
    setGenerationState(project.db, id, handle.job.state);
  }
  return handle;
}

type Generating = Resolved & {
  request: GenerateRequest;
  model: EngineModel;
  adapter: ChosenAdapter | null;
};

/** What a request means now. @throws UserError for a recipe, an adapter or samples that cannot be used */
async function plan(workbench: Workbench, request: GenerateRequest): Promise<Generating> {
  if (request.filter.split === 'heldout')
    throw new UserError(
      'BAD_INPUT',
      'generation: expected samples of the training split, got the held-out ones',
      'Negatives of held-out clips would leak into training; choose the training split.',
    );
  const project = workbench.requireProject();
  const adapter = await chooseAdapter(workbench, request.adapter);
  const model = engineModel(project, adapter?.dir ?? null);
  const resolved = withPrompt(projectRecipe(project.db, request.recipe), request.prompt);
  return { request, model, adapter, ...resolved };
}

/** A generation that goes on must go on with what it began with: its answers are counted together. */
function expectSame(began: Source, now: Source): void {
  const [what, was, is] =
    began.modelHash === now.modelHash
      ? ['adapter', began.adapterHash, now.adapterHash]
      : ['model', began.modelHash, now.modelHash];
  if (was !== is)
    throw new UserError(
      'CONFLICT',
      `generation: expected the ${what} it began with, ${String(was).slice(0, 12)}, got ${String(is).slice(0, 12)}`,
      'What it has is kept. Generate again: that begins anew with what is there now.',
    );
}

/** A recipe with a way to suggest concepts asks about these, whatever it does to the clip. */
function withPrompt(resolved: Resolved, prompt: string | undefined): Resolved {
  return prompt === undefined ? resolved : { ...resolved, prompt, family: 'co-occurrence' };
}

/** Samples change in number while it runs, so lists elsewhere are told at most so often, in milliseconds. */
const TELL_EVERY_MS = 1000;

/** Share of the time that looking for concepts to suggest takes, about: hundreds of questions a second, where the model answers a few. */
const SUGGESTING = 0.05;

/** One run of a generation, from the first unanswered question to the last. */
class Generation {
  readonly #workbench: Workbench;
  readonly #project: OpenProject;
  readonly #what: Generating;
  readonly #context: JobContext;
  readonly #pairs: PairService;
  readonly #tries: Decoding[];
  /** Conditions of each try, `attempts.ts`. */
  #keys: string[] = [];
  #source: Source = { modelHash: '', adapterHash: null };
  #frames = 0;
  #told = performance.now();
  /** Answers so far by sample, of this run and earlier ones. */
  readonly #answers = new Map<string, number>();
  /** Samples that are asked about with a suggestion, as they are without it. */
  readonly #suggested = new Map<string, Suggestion & { sample: AskedSample }>();

  constructor(workbench: Workbench, what: Generating, context: JobContext) {
    this.#workbench = workbench;
    this.#project = workbench.requireProject();
    this.#what = what;
    this.#context = context;
    this.#tries = schedule(what.request);
    this.#pairs = new PairService(this.#project, (pairId, version) =>
      workbench.hub.emit({ type: 'pair', pairId, version }),
    );
  }

  async run(): Promise<GenerateReport> {
    const { request, model, adapter, name, recipe, prompt } = this.#what;
    const { id, signal, continuing, progress } = this.#context;
    const { db } = this.#project;
    const described = await describeModel(this.#workbench, model, adapter?.runId ?? null, signal);
    const { hash, adapterHash } = described;
    const frames = adapter?.frames ?? described.frames;
    this.#source = { modelHash: hash, adapterHash };
    this.#frames = frames;
    expectSame(beganWith(db, id, this.#source), this.#source);
    const same = { modelHash: hash, adapter: adapterHash, recipe, seed: request.seed, frames, prompt };
    this.#keys = this.#tries.map((decoding) => conditionsKey({ ...same, decoding }));
    const { total, pending, byVideo } = await this.#toAsk(signal);
    const before = total - pending;
    /** All of the generation that is done when this share of what was left has been done. */
    const at = (share: number): number => (total === 0 ? 1 : (before + share * pending) / total);
    continuing(at(0));
    clearSkipped(db, id);
    await loadReader();
    const asked =
      prompt === undefined
        ? { clips: this.#clips(byVideo), total: pending }
        : await this.#suggest(byVideo, prompt, (share, detail) => progress(at(share * SUGGESTING), detail));
    const without = pending - asked.total;
    const asking = prompt === undefined ? 0 : SUGGESTING;
    // The time left is told by how fast the model answers, which is another speed.
    continuing(at(asking));
    const skipped = await answerSamples(this.#workbench, {
      ...asked,
      model,
      modelHash: hash,
      recipe,
      seed: request.seed,
      decoding: (sample) => this.#tries[this.#answers.get(sample.id) ?? 0],
      frames,
      signal,
      onAnswer: (sample, answer) => this.#take(sample, answer),
      onSkipped: (samples, reason) =>
        db.transaction(() => {
          for (const sample of samples) addSkipped(db, id, sample.id, reason);
        }),
      onProgress: (now) =>
        progress(
          at(asking + ((1 - asking) * now.done) / now.total),
          `${before + without + now.done} of ${total} questions, ${pairsOf(db, id)} new pairs${speedText(now)}`,
        ),
    });
    const counts = countAttempts(db, this.#keys);
    if (skipped.length > 0 && counts.wrong + counts.right + counts.unparseable === 0)
      throw new UserError(
        'BAD_INPUT',
        `generation: expected at least one usable video, got none: ${skipped[0].reason}`,
        'See the findings in the Library.',
      );
    this.#workbench.hub.emit({ type: 'library' });
    const skippedWhy = skippedReasons(db, id);
    const judging = request.judge === true ? judgeDrawn(this.#workbench, this.#keys).id : null;
    const pairs = pairsOf(db, id);
    return { ...counts, pairs, skipped: skipped.length + without, skippedWhy, recipe: name, judging };
  }

  /** The samples for which a concept can be suggested, with the question that does so; the others are left out. */
  async #suggest(
    byVideo: ReadonlyMap<string, number[]>,
    prompt: string,
    onProgress: (share: number, detail: string) => void,
  ): Promise<Pick<Asking, 'clips' | 'total'>> {
    const { id, signal } = this.#context;
    const { db } = this.#project;
    const samples = [...this.#clips(byVideo)].flatMap((clip) => clip.samples);
    const found = await suggestions(this.#project, samples, prompt, {
      signal,
      progress: (share, detail) => onProgress(share, `looking for concepts to suggest: ${detail}`),
    });
    const asked: AskedSample[] = [];
    db.transaction(() => {
      for (const sample of samples) {
        const suggestion = found.get(sample.id);
        if (suggestion === undefined)
          addSkipped(db, id, sample.id, 'no concept often appears with what its answer names');
        else {
          this.#suggested.set(sample.id, { ...suggestion, sample });
          asked.push({ ...sample, question: suggestion.question });
        }
      }
    });
    return { clips: clipsOf(asked), total: asked.length };
  }

  /** How many samples there are, how many of them are to be asked, and where those stand, by their videos. Texts are read later. */
  async #toAsk(
    signal: AbortSignal,
  ): Promise<{ total: number; pending: number; byVideo: Map<string, number[]> }> {
    const byVideo = new Map<string, number[]>();
    let total = 0;
    let pending = 0;
    const filter = { ...this.#what.request.filter, split: 'train' as const };
    for await (const keys of new SampleLibrary(this.#project).keys(filter)) {
      signal.throwIfAborted();
      total += keys.length;
      const ids = keys.map((key) => key.id);
      const done = attemptedSamples(this.#project.db, this.#keys, ids);
      for (const { id, seq, videoId } of keys) {
        const { answers, wrong } = done.get(id) ?? { answers: 0, wrong: false };
        if (wrong || answers >= this.#tries.length) continue;
        if (answers > 0) this.#answers.set(id, answers);
        const own = byVideo.get(videoId);
        if (own === undefined) byVideo.set(videoId, [seq]);
        else own.push(seq);
        pending++;
      }
    }
    return { total, pending, byVideo };
  }

  /** The clips to ask about, each with its questions as it comes near. */
  *#clips(byVideo: ReadonlyMap<string, number[]>): Generator<AskedClip> {
    const library = new SampleLibrary(this.#project);
    for (const [videoId, seqs] of byVideo) yield { videoId, samples: library.at(seqs) };
  }

  /** Judges and stores an answer; gives the next try's decoding when it is not wrong and there is one. */
  #take(
    sample: Pick<Sample, 'id' | 'type' | 'question' | 'chosen'>,
    answer: GeneratedAnswer,
  ): Decoding | undefined {
    const { db } = this.#project;
    const asked = this.#answers.get(sample.id) ?? 0;
    const suggestion = this.#suggested.get(sample.id);
    // It is judged by the question itself: the suggestion is no part of it.
    const { type, question, chosen: reference } = suggestion?.sample ?? sample;
    const { verdict, reason } = judge(
      { type, question, reference, answer: answer.text, cut: !answer.finished },
      this.#project.synonyms,
    );
    // The answer and the pair it becomes are stored together or not at all.
    db.transaction(() => {
      const provenance = {
        ...this.#provenance(answer, this.#tries[asked]),
        ...(suggestion && { question: suggestion.question, swap: suggestion.why }),
      };
      const pair = verdict === 'wrong' ? this.#addPair(sample.id, provenance) : null;
      const told = this.#reason({ verdict, reason }, answer);
      addAttempt(db, this.#keys[asked], {
        sampleId: sample.id,
        answer: answer.text,
        verdict,
        reason: told,
        pairId: pair?.id ?? null,
        made: pair?.isNew ?? false,
        provenance,
        recipe: recipeKey(this.#what),
      });
    });
    this.#answers.set(sample.id, asked + 1);
    if (performance.now() - this.#told > TELL_EVERY_MS) {
      this.#told = performance.now();
      this.#workbench.hub.emit({ type: 'library' });
    }
    return verdict === 'wrong' ? undefined : this.#tries[asked + 1];
  }

  #reason({ reason }: Judgement, { finished, tokens }: GeneratedAnswer): string {
    return finished ? reason : `${reason}; the answer was cut off after ${tokens} tokens`;
  }

  #provenance({ text, seed, frameIndices }: GeneratedAnswer, decoding: Decoding): Provenance {
    const { model, adapter } = this.#what;
    const { modelHash, adapterHash } = this.#source;
    return {
      kind: 'generated',
      model: this.#project.portablePath(model.modelDir),
      modelHash,
      ...(adapter === null || adapterHash === null
        ? {}
        : { adapter: this.#project.portablePath(adapter.dir), adapterHash }),
      ...(adapter?.runId ? { runId: adapter.runId } : {}),
      recipe: this.#what.recipe,
      ...this.#named(),
      ...(this.#what.family === null ? {} : { family: this.#what.family }),
      seed,
      frames: this.#frames,
      frameIndices,
      decoding,
      original: text,
      createdAt: Date.now(),
    };
  }

  /** Which of the named recipes it is. */
  #named(): Pick<Provenance, 'recipeId' | 'recipeVersion' | 'recipeName'> {
    const { id, version, name } = this.#what;
    if (id === undefined) return {};
    return version === undefined
      ? { recipeId: id }
      : { recipeId: id, recipeVersion: version, recipeName: name };
  }

  #addPair(sampleId: string, provenance: Provenance): { id: string; isNew: boolean } {
    const made = this.#pairs.addCandidate({ sampleId, rejected: provenance.original.trim(), provenance });
    if (made.isNew) countPair(this.#project.db, this.#context.id);
    return made;
  }
}
